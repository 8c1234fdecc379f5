/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Checking: statement, index, head, order and its proof, approvals, then the pictures. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "case/evidence_sources.h"
#include "case/answer_private.h"
#include "case/proof.h"
#include "mp4/parse.h"
#include "mp4/box.h"

#define SCAN_BYTES ((size_t)4 << 20)

struct checking {
    int fd;
    uint64_t size, box; /* where uuid/evidence begins */
    const struct tlog_policy *trust;
    struct evidence_report *r;
    struct evidence_statement statement;
    struct case_order order;
    uint8_t order_hash[32];
    bool have_order;
    char *note; /* NUL behind it */
    size_t note_len;
    json_t *index;
};

/* Search for the box from the end on: what stands in front of it may be damaged. */
static int find_box(struct checking *c)
{
    uint8_t *chunk = malloc(SCAN_BYTES);
    uint64_t end = c->size;
    int r = chunk ? E_NOTFOUND : -ENOMEM;
    while (r == E_NOTFOUND && end > 24) {
        uint64_t from = end > SCAN_BYTES ? end - SCAN_BYTES : 0;
        int rc = evidence_read(c->fd, chunk, end - from, from);
        if (rc < 0) {
            r = rc;
            break;
        }
        for (size_t i = end - from - 23; i-- > 0;)
            if (!memcmp(chunk + i + 4, "uuid", 4) && !memcmp(chunk + i + 8, evidence_uuid, 16)) {
                c->box = from + i;
                r = 0;
                break;
            }
        end = from ? from + 24 : 0;
    }
    free(chunk);
    return r;
}

/* Note and index out of the box. */
static int load_box(struct checking *c)
{
    uint64_t len = c->size - c->box;
    uint8_t head[32];
    if (len < 33 || len > EVIDENCE_INDEX_MAX)
        return E_CORRUPT;
    int r = evidence_read(c->fd, head, sizeof(head), c->box);
    if (r < 0)
        return r;
    c->note_len = rd32(head + 28);
    if (rd32(head) != len || c->note_len > EVIDENCE_STATEMENT_MAX || c->note_len > len - 32)
        return E_CORRUPT;
    size_t index_len = len - 32 - c->note_len;
    c->note = malloc(c->note_len + 1);
    char *text = malloc(index_len + 1);
    r = c->note && text ? evidence_read(c->fd, c->note, c->note_len, c->box + 32) : -ENOMEM;
    if (r >= 0)
        r = evidence_read(c->fd, text, index_len, c->box + 32 + c->note_len);
    if (r >= 0) {
        uint8_t hash[32];
        struct tlog_note note;
        c->note[c->note_len] = 0;
        case_hash(text, index_len, hash);
        if (tlog_note_parse(c->note, c->note_len, &note, NULL) < 0 ||
            evidence_statement_parse(note.text, note.text_len, &c->statement) < 0)
            evidence_problem(c->r, "statement", 0, "the statement is damaged");
        else if (index_len != c->statement.index_bytes || memcmp(hash, c->statement.index, 32) != 0)
            evidence_problem(c->r, "index", 0, "the index is not the one that was signed");
        c->index = json_loadb(text, index_len, JSON_REJECT_DUPLICATES, NULL);
        if (!c->index)
            r = E_CORRUPT;
    }
    free(text);
    return r;
}

static void check_head(struct checking *c)
{
    uint64_t n = c->statement.head_bytes;
    uint8_t hash[32], *head = n && n < c->box ? malloc(n) : NULL;
    if (!head || evidence_read(c->fd, head, n, 0) < 0)
        evidence_problem(c->r, "head", 0, "the head of the file is missing");
    else {
        case_hash(head, n, hash);
        if (memcmp(hash, c->statement.head, 32) != 0)
            evidence_problem(c->r, "head", 0,
                             "the head of the file (ftyp, meta, moov) was changed");
    }
    free(head);
}

static const char *string(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static void check_order(struct checking *c)
{
    const char *text = string(c->index, "order");
    struct err e = {0};
    struct tlog_note note;
    if (case_order_open(text, strlen(text), &c->order, c->order_hash, &e) < 0) {
        evidence_problem(c->r, "order", 0, "%s", e.text);
        return;
    }
    c->have_order = true;
    if (memcmp(c->order_hash, c->statement.order, 32) != 0 ||
        strcmp(c->order.id, c->statement.case_id) != 0)
        evidence_problem(c->r, "order", 0, "the order is not the one of the statement");
    if (c->statement.from_us < c->order.from_us || c->statement.to_us > c->order.to_us)
        evidence_problem(c->r, "order", 0, "the span is not inside that of the order");
    if (tlog_note_parse(c->note, c->note_len, &note, NULL) < 0 ||
        tlog_note_verify(&note, &c->order.requester, 1, NULL, &e) < 0)
        evidence_problem(c->r, "statement", 0,
                         "the statement is not signed by the session of the order");
}

/* Verifier keys out of the file, one a line: then the proof shows order, but not whose log it is. */
static struct tlog_policy *keys_of_file(const struct checking *c)
{
    struct tlog_policy *p = calloc(1, sizeof(*p));
    const char *at = string(c->index, "log_keys");
    while (p && *at && p->logs_n < TLOG_POLICY_LOGS) {
        size_t n = strcspn(at, "\n");
        if (tlog_vkey_parse(at, n, &p->logs[p->logs_n], NULL) >= 0)
            p->logs_n++;
        at += n + (at[n] != 0);
    }
    if (p)
        p->quorum = -1;
    return p;
}

static void check_proof(struct checking *c)
{
    const char *proof = string(c->index, "proof");
    struct tlog_policy *own = c->trust ? NULL : keys_of_file(c);
    struct err e = {0};
    uint64_t index;
    c->r->log_pinned = c->trust != NULL;
    if (case_proof_check(proof, strlen(proof), &c->order, c->order_hash, c->trust ? c->trust : own,
                         &index, &e) < 0)
        evidence_problem(c->r, "proof", 0, "%s", e.text);
    else
        c->r->order_logged = true;
    if (!c->trust)
        evidence_note(c->r, "the log's key was taken from the file itself: give the one that the "
                            "operator published with --trust");
    free(own);
}

static int load_policy(const struct checking *c, struct seal_policy *p)
{
    const json_t *list = json_object_get(c->index, "custodians"), *o;
    size_t i;
    *p = (struct seal_policy){.threshold =
                                  (int)json_integer_value(json_object_get(c->index, "threshold"))};
    json_array_foreach(list, i, o)
    {
        if (p->count == SEAL_CUSTODIANS)
            return E_LIMIT;
        struct seal_custodian *k = &p->custodian[p->count++];
        const char *signer = string(o, "signer");
        snprintf(k->name, sizeof(k->name), "%s", string(o, "name"));
        snprintf(k->recipient, sizeof(k->recipient), "%s", string(o, "recipient"));
        snprintf(k->role, sizeof(k->role), "%s", string(o, "role"));
        k->signs = *signer && tlog_vkey_parse(signer, strlen(signer), &k->signer, NULL) >= 0;
    }
    return seal_policy_check(p, NULL);
}

/* Approvals: the notes without their payloads, which were for the session alone. */
static void check_answers(struct checking *c)
{
    struct seal_policy p;
    const json_t *o;
    size_t i;
    uint8_t set[SEAL_SET];
    uint64_t approved = 0;
    struct err e = {0};
    if (load_policy(c, &p) < 0) {
        evidence_problem(c->r, "approval", 0, "the custodian set cannot be read");
        return;
    }
    seal_policy_id(&p, set);
    json_array_foreach(json_object_get(c->index, "answers"), i, o)
    {
        const char *text = json_string_value(o);
        struct tlog_note note;
        struct case_answer a;
        if (!text || tlog_note_parse(text, strlen(text), &note, NULL) < 0 ||
            case_answer_parse(note.text, note.text_len, &a, NULL) < 0 || a.custodian > p.count ||
            !p.custodian[a.custodian - 1].signs ||
            tlog_note_verify(&note, &p.custodian[a.custodian - 1].signer, 1, NULL, NULL) < 0)
            evidence_problem(c->r, "approval", 0, "approval %zu is not signed by a custodian",
                             i + 1);
        else if (memcmp(a.order, c->order_hash, 32) != 0 || memcmp(a.set, set, SEAL_SET) != 0)
            evidence_problem(c->r, "approval", 0, "approval %zu is of another order or set", i + 1);
        else if (a.approves)
            approved |= UINT64_C(1) << a.custodian;
    }
    c->r->approvals = __builtin_popcountll(approved);
    if (case_quorum(&p, approved, &e) < 0)
        evidence_problem(c->r, "approval", 0, "%s", e.text);
}

static enum media_codec codec_of(const struct checking *c)
{
    uint64_t n = c->statement.head_bytes;
    uint8_t *head = n && n < c->box && n < (1 << 24) ? malloc(n) : NULL;
    enum media_codec codec = MEDIA_NONE;
    if (head && evidence_read(c->fd, head, n, 0) >= 0)
        codec = memmem(head, n, "hvc1", 4)   ? MEDIA_H265
                : memmem(head, n, "avc1", 4) ? MEDIA_H264
                                             : MEDIA_NONE;
    free(head);
    return codec;
}

static int check_pictures(struct checking *c)
{
    struct evidence_check k = {
        .fd = c->fd, .at = c->statement.head_bytes, .end = c->box, .report = c->r};
    const json_t *sources = json_object_get(c->index, "sources"), *o;
    size_t i;
    int r = 0;
    signing_new(codec_of(c), NULL, &k.signing);
    json_array_foreach(sources, i, o)
    {
        if (r >= 0)
            r = evidence_check_source(&k, o);
    }
    if (r >= 0 && k.at != c->box)
        evidence_problem(c->r, "fragment", 0,
                         k.at < c->box ? "%lld bytes stand behind the last fragment that "
                                         "the index knows"
                                       : "the file is %lld bytes too short",
                         (long long)(k.at < c->box ? c->box - k.at : k.at - c->box));
    if (k.signing)
        signing_report(k.signing, &c->r->camera_signature);
    signing_free(k.signing);
    return r;
}

static int check_evidence(struct checking *c, struct err *reterr)
{
    int r = load_box(c);
    if (r == E_CORRUPT) {
        evidence_problem(c->r, "statement", 0,
                         "the statement at the end of the file is damaged or cut off");
        return 0;
    }
    if (r < 0)
        return err_set(reterr, r, "reading the statement: %s", err_text(r));
    struct evidence_report *rep = c->r;
    snprintf(rep->camera, sizeof(rep->camera), "%s", c->statement.camera);
    snprintf(rep->node, sizeof(rep->node), "%s", c->statement.node);
    snprintf(rep->case_id, sizeof(rep->case_id), "%s", c->statement.case_id);
    rep->from_us = c->statement.from_us;
    rep->to_us = c->statement.to_us;
    rep->made_us = c->statement.made_us;
    check_head(c);
    check_order(c);
    if (c->have_order) {
        check_proof(c);
        check_answers(c);
    }
    r = check_pictures(c);
    return r < 0 ? err_set(reterr, r, "reading the pictures: %s", err_text(r)) : 0;
}

/* A recording of ours, sealed or masked: its own manifest. */
static int check_recording(int fd, struct evidence_report *rep, struct err *reterr)
{
    struct mp4_reader *m = NULL;
    int r = mp4_reader_open(fd, &m, reterr);
    if (r < 0)
        return r;
    const struct mp4_info *info = mp4_reader_info(m);
    rep->recordings = 1;
    rep->fragments = mp4_reader_fragments(m);
    snprintf(rep->camera, sizeof(rep->camera), "%s", info->camera);
    snprintf(rep->node, sizeof(rep->node), "%s", info->node);
    rep->from_us = info->start_us;
    if (!mp4_reader_closed(m))
        evidence_problem(rep, "manifest", 0,
                         "the recording has no manifest: it was never closed, or is cut off");
    for (size_t i = 0; mp4_reader_closed(m) && i < rep->fragments; i++) {
        const struct mp4_entry *e = mp4_reader_entry(m, i);
        uint32_t rate = info->track[0].clock_rate ? info->track[0].clock_rate : 1;
        int64_t at = info->start_us + (int64_t)((__int128)e->dts_ticks * SECOND_US / rate);
        char t[TIME_TEXT];
        rep->to_us = at + (int64_t)e->duration_ticks * SECOND_US / rate;
        rep->frames += e->samples;
        if (mp4_reader_verify(m, i, NULL) < 0)
            evidence_problem(rep, "fragment", at,
                             "the pictures of %s are not those that were recorded",
                             time_format(at, t));
        else
            rep->fragments_right++;
    }
    evidence_note(rep,
                  "this is a recording, not evidence: it was held against its own manifest only");
    mp4_reader_close(m);
    return 0;
}

/* Evidence has `suep` near its beginning, also when the end was cut off. */
static bool looks_like_evidence(int fd)
{
    uint8_t head[4096];
    struct stat st;
    size_t n =
        fstat(fd, &st) == 0 && st.st_size < (off_t)sizeof(head) ? (size_t)st.st_size : sizeof(head);
    return evidence_read(fd, head, n, 0) >= 0 && memmem(head, n, "suep", 4);
}

int evidence_verify(int fd, const struct tlog_policy *trust, struct evidence_report *ret,
                    struct err *reterr)
{
    struct stat st;
    *ret = (struct evidence_report){0};
    if (fstat(fd, &st) < 0)
        return err_set(reterr, -errno, "%s", err_text(-errno));
    struct checking c = {.fd = fd, .size = (uint64_t)st.st_size, .trust = trust, .r = ret};
    ret->bytes = c.size;
    int r = find_box(&c);
    ret->evidence = r == 0 || looks_like_evidence(fd);
    if (r == 0)
        r = check_evidence(&c, reterr);
    else if (r == E_NOTFOUND && ret->evidence) {
        evidence_problem(ret, "statement", 0,
                         "the statement at the end of the file is damaged or cut off");
        r = 0;
    } else if (r == E_NOTFOUND)
        r = check_recording(fd, ret, reterr);
    free(c.note);
    json_decref(c.index);
    return r;
}
