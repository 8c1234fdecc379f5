/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Writing: each fragment is read, held against its manifest, decrypted in place and written, in one pass. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "base/clock.h"
#include "base/hex.h"
#include "case/evidence_private.h"
#include "mp4/box.h"
#include "mp4/head.h"
#include "tlog/base64.h"

#define SECONDS_1904_TO_1970 UINT64_C(2082844800)
#define TICKS_1601_TO_1970 UINT64_C(116444736000000000)

struct evidence_writer {
    int fd;
    struct evidence_about about;
    struct mp4_info first; /* of the first recording: base of time, parameter sets */
    struct media_params params;
    bool begun;
    uint64_t at, head_bytes, frames;
    long fragments;
    uint8_t *data;
    size_t cap;
    json_t *sources, *gaps;
    EVP_MD_CTX *sha; /* over the whole file */
    uint8_t head[32];
};

int evidence_create(int fd, const struct evidence_about *about, struct evidence_writer **ret,
                    struct err *reterr)
{
    struct evidence_writer *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->fd = fd;
    w->about = *about;
    w->sources = json_array();
    w->gaps = json_array();
    w->sha = EVP_MD_CTX_new();
    if (!w->sources || !w->gaps || !w->sha || EVP_DigestInit_ex(w->sha, EVP_sha256(), NULL) != 1) {
        evidence_abort(w);
        return err_set(reterr, -ENOMEM, "out of memory");
    }
    *ret = w;
    return 0;
}

void evidence_abort(struct evidence_writer *w)
{
    if (!w)
        return;
    free(w->data);
    json_decref(w->sources);
    json_decref(w->gaps);
    EVP_MD_CTX_free(w->sha);
    free(w);
}

static int put(struct evidence_writer *w, const void *data, size_t len)
{
    int r = evidence_write(w->fd, data, len, w->at);
    w->at += len;
    return r >= 0 && EVP_DigestUpdate(w->sha, data, len) != 1 ? E_BUG : r;
}

static void text(struct boxes *b, const char *s)
{
    box_bytes(b, s, strlen(s) + 1);
}

/* Who exported what, and when the pictures were taken. */
static void export_boxes(struct boxes *b, const struct evidence_writer *w)
{
    size_t meta = box_open_full(b, "meta", 0, 0);
    size_t box = box_open_full(b, "hdlr", 0, 0);
    box_u32(b, 0);
    box_bytes(b, "null", 4);
    box_zero(b, 13);
    box_close(b, box);
    box = box_open_full(b, "suep", 1, 0);
    text(b, w->about.order->node);
    text(b, "");
    text(b, "");
    box_u64(b, (uint64_t)(w->about.now_us / SECOND_US) + SECONDS_1904_TO_1970);
    text(b, w->about.order->id); /* the operator is known by the case */
    box_u32(b, (uint32_t)w->first.tracks);
    for (int i = 0; i < w->first.tracks; i++) {
        box_u16(b, (unsigned)i + 1);
        text(b, w->about.camera);
        text(b, "");
        text(b, "");
        text(b, "");
    }
    box_close(b, box);
    box = box_open(b, "cstb");
    box_u32(b, (uint32_t)w->first.tracks);
    for (int i = 0; i < w->first.tracks; i++) {
        box_u32(b, (uint32_t)i + 1);
        box_u64(b, (uint64_t)w->first.start_us * 10 + TICKS_1601_TO_1970);
    }
    box_close(b, box);
    box_close(b, meta);
}

/* ftyp · meta · moov. */
static int write_head(struct evidence_writer *w, struct err *reterr)
{
    struct buf init, head;
    struct mp4_info info = w->first;
    struct boxes b = {.out = &head};
    buf_init(&init, 1 << 20);
    buf_init(&head, 1 << 20);
    info.encrypted = false;
    int r = mp4_init_build(&info, &init, reterr);
    if (r >= 0) {
        size_t ftyp = rd32(init.data);
        box_bytes(&b, init.data, ftyp);
        export_boxes(&b, w);
        box_bytes(&b, init.data + ftyp, init.len - ftyp);
        r = b.err;
    }
    if (r >= 0) {
        case_hash(head.data, head.len, w->head);
        w->head_bytes = head.len;
        r = put(w, head.data, head.len);
    }
    buf_release(&init);
    buf_release(&head);
    return r;
}

static bool same_parameters(const struct mp4_info *a, const struct mp4_info *b)
{
    if (a->tracks != b->tracks || a->track[0].codec != b->track[0].codec ||
        a->track[0].params->count != b->track[0].params->count)
        return false;
    for (int i = 0; i < a->track[0].params->count; i++) {
        const struct media_param_set *x = &a->track[0].params->set[i],
                                     *y = &b->track[0].params->set[i];
        if (x->len != y->len || memcmp(x->data, y->data, x->len) != 0)
            return false;
    }
    return a->tracks < 2 || (a->track[1].codec == b->track[1].codec &&
                             a->track[1].clock_rate == b->track[1].clock_rate);
}

static int begin(struct evidence_writer *w, const struct mp4_info *info, struct err *reterr)
{
    if (w->begun)
        return same_parameters(&w->first, info)
                   ? 0
                   : err_set(reterr, E_UNSUPPORTED,
                             "the camera changed its parameters (size or codec): export the two "
                             "parts of the span one by one");
    w->first = *info;
    w->params = *info->track[0].params;
    w->first.track[0].params = &w->params;
    w->begun = true;
    return write_head(w, reterr);
}

static int64_t utc_of(const struct mp4_info *info, int64_t ticks)
{
    uint32_t rate = info->track[0].clock_rate ? info->track[0].clock_rate : 1;
    return info->start_us + (int64_t)((__int128)ticks * SECOND_US / rate);
}

/* First and last fragment that are wanted; false: none. */
static bool choose(const struct evidence_writer *w, const struct mp4_reader *r, size_t *ret_first,
                   size_t *ret_count)
{
    const struct mp4_info *info = mp4_reader_info(r);
    size_t n = mp4_reader_fragments(r), first = 0, end = 0;
    for (size_t i = 0; i < n; i++) {
        const struct mp4_entry *e = mp4_reader_entry(r, i);
        if (e->key && utc_of(info, e->dts_ticks) <= w->about.from_us)
            first = i;
        if (utc_of(info, e->dts_ticks) < w->about.to_us)
            end = i + 1;
    }
    const struct mp4_entry *last = end ? mp4_reader_entry(r, end - 1) : NULL;
    if (!last || end <= first ||
        utc_of(info, last->dts_ticks + last->duration_ticks) <= w->about.from_us)
        return false;
    *ret_first = first;
    *ret_count = end - first;
    return true;
}

static int need(struct evidence_writer *w, size_t len)
{
    if (len <= w->cap)
        return 0;
    uint8_t *more = realloc(w->data, len);
    if (!more)
        return -ENOMEM;
    w->data = more;
    w->cap = len;
    return 0;
}

static int copy_fragment(struct evidence_writer *w, struct mp4_clearing *c, int fd,
                         const struct mp4_entry *e, const int64_t shift[MP4_TRACKS])
{
    uint8_t hash[32];
    int r = need(w, e->length);
    if (r >= 0)
        r = evidence_read(fd, w->data, e->length, e->offset);
    if (r < 0)
        return r;
    case_hash(w->data, e->length, hash);
    if (memcmp(hash, e->sha256, sizeof(hash)) != 0)
        return E_CORRUPT;
    r = mp4_clearing_open(c, w->data, e->length, e->moof_offset, shift);
    if (r < 0)
        return r;
    w->frames += e->samples;
    w->fragments++;
    return put(w, w->data, e->length);
}

static int copy_fragments(struct evidence_writer *w, const struct mp4_reader *r, int fd,
                          const uint8_t *key, size_t first, size_t count,
                          const int64_t shift[MP4_TRACKS], struct err *reterr)
{
    struct mp4_clearing c;
    char t[TIME_TEXT];
    int rc = mp4_clearing_init(&c, key);
    for (size_t i = first; i < first + count && rc >= 0; i++) {
        const struct mp4_entry *e = mp4_reader_entry(r, i);
        rc = copy_fragment(w, &c, fd, e, shift);
        if (rc < 0)
            err_set(reterr, rc, "the fragment of %s is not what its manifest says (%s)",
                    time_format(utc_of(mp4_reader_info(r), e->dts_ticks), t), err_text(rc));
    }
    mp4_clearing_release(&c);
    return rc;
}

/* The manifest box as it lies in the recording. */
static json_t *manifest_of(const struct mp4_reader *r, int fd)
{
    uint64_t at = mp4_reader_valid_end(r), size = mp4_reader_file_size(r);
    size_t n = MP4_MANIFEST_FIXED + 16 + mp4_reader_fragments(r) * MP4_MANIFEST_ENTRY + 4096;
    json_t *out = NULL;
    uint8_t *tail = size > at && size - at < EVIDENCE_INDEX_MAX ? malloc(size - at) : NULL;
    if (tail && n && evidence_read(fd, tail, size - at, at) >= 0) {
        uint8_t *box = memmem(tail, size - at, mp4_uuid_manifest, 16);
        size_t len = box && box - tail >= 8 ? rd32(box - 8) : 0;
        if (len > 24 && len <= size - at - (uint64_t)(box - 8 - tail)) {
            char *b64 = malloc(TLOG_BASE64_TEXT(len));
            if (b64)
                out = json_string(tlog_base64(box - 8, len, b64));
            free(b64);
        }
    }
    free(tail);
    return out;
}

static json_t *source_of(const struct evidence_writer *w, const struct mp4_reader *r, int fd,
                         const char *name, const uint8_t *key, const char *key_record, size_t first,
                         size_t count, const int64_t shift[MP4_TRACKS])
{
    const struct mp4_info *info = mp4_reader_info(r);
    char kid[33], hex[33] = "";
    json_t *o = json_pack("{ss ss ss sI sI sI ss sI sI sI s[II] so*}", "recording", name, "camera",
                          info->camera, "node", info->node, "start_us", (json_int_t)info->start_us,
                          "epoch_us", (json_int_t)info->epoch_us, "epoch_length_us",
                          (json_int_t)info->epoch_length_us, "kid", hex_encode(info->kid, 16, kid),
                          "first", (json_int_t)first, "count", (json_int_t)count, "offset",
                          (json_int_t)w->at, "shift", (json_int_t)shift[0], (json_int_t)shift[1],
                          "manifest", manifest_of(r, fd));
    if (o && key) {
        json_object_set_new(o, "key", json_string(hex_encode(key, 16, hex)));
        json_object_set_new(o, "key_record", json_string(key_record));
    }
    return o;
}

static int add_recording(struct evidence_writer *w, const struct mp4_reader *r, int fd,
                         const char *name, const uint8_t *key, const char *key_record,
                         struct err *reterr)
{
    const struct mp4_info *info = mp4_reader_info(r);
    size_t first, count;
    int64_t shift[MP4_TRACKS] = {0};
    if (!mp4_reader_closed(r))
        return err_set(
            reterr, E_BUSY,
            "this recording has no manifest yet: it is still being written, or a crash ended "
            "it; wait for the end of its epoch, or run 'lethe fsck'");
    if (!choose(w, r, &first, &count))
        return err_set(reterr, E_NOTFOUND, "nothing of the span is in it");
    int rc = begin(w, info, reterr);
    if (rc < 0)
        return rc;
    for (int i = 0; i < info->tracks; i++)
        shift[i] = evidence_shift(info->start_us, w->first.start_us, info->track[i].clock_rate);
    json_t *source = source_of(w, r, fd, name, key, key_record, first, count, shift);
    if (!source || json_array_append_new(w->sources, source) < 0)
        return -ENOMEM;
    return copy_fragments(w, r, fd, key, first, count, shift, reterr);
}

int evidence_add(struct evidence_writer *w, int in_fd, const char *name, const uint8_t *key,
                 const char *key_record, struct err *reterr)
{
    struct mp4_reader *r = NULL;
    int rc = mp4_reader_open(in_fd, &r, reterr);
    if (rc >= 0)
        rc = add_recording(w, r, in_fd, name, key, key_record, reterr);
    mp4_reader_close(r);
    if (rc < 0 && rc != E_NOTFOUND)
        err_prefix(reterr, "%s: ", name);
    return rc;
}

int evidence_gap(struct evidence_writer *w, int64_t from_us, int64_t to_us, const char *reason,
                 const char *detail)
{
    char a[TIME_TEXT], b[TIME_TEXT];
    json_t *g = json_pack("{ss ss ss ss}", "from", time_format(from_us, a), "to",
                          time_format(to_us, b), "reason", reason, "detail", detail);
    return g && json_array_append_new(w->gaps, g) >= 0 ? 0 : -ENOMEM;
}

/* What the operating system knows of its clock. */
static json_t *clock_state(void)
{
    struct timex t = {0};
    int state = adjtimex(&t);
    double unit = t.status & STA_NANO ? 1e-3 : 1;
    return json_pack("{sb si si sf}", "synchronised", state >= 0 && !(t.status & STA_UNSYNC),
                     "max_error_us", (int)t.maxerror, "estimated_error_us", (int)t.esterror,
                     "offset_us", (double)t.offset * unit);
}

static json_t *index_of(struct evidence_writer *w)
{
    json_t *answers = json_array(), *custodians = json_array();
    char vkey[TLOG_VKEY_TEXT];
    for (size_t i = 0; w->about.answers[i]; i++)
        json_array_append_new(answers, json_string(w->about.answers[i]));
    for (int i = 0; i < w->about.policy->count; i++) {
        const struct seal_custodian *c = &w->about.policy->custodian[i];
        json_array_append_new(
            custodians,
            json_pack("{ss ss ss ss}", "name", c->name, "recipient", c->recipient, "signer",
                      c->signs ? tlog_vkey_format(&c->signer, vkey) : "", "role", c->role));
    }
    return json_pack("{ss ss ss ss% ss% so sO sO so si so}", "format", "lethe-evidence/v1", "tool",
                     "lethe " LETHE_VERSION, "log_keys", w->about.log_keys, "order",
                     (const char *)w->about.note->data, w->about.note->len, "proof",
                     (const char *)w->about.proof->data, w->about.proof->len, "answers", answers,
                     "sources", w->sources, "gaps", w->gaps, "custodians", custodians, "threshold",
                     w->about.policy->threshold, "clock", clock_state());
}

static int sign_statement(struct evidence_writer *w, const char *index, size_t index_len,
                          struct buf *out)
{
    struct buf text;
    struct evidence_statement s = {.from_us = w->about.from_us,
                                   .to_us = w->about.to_us,
                                   .made_us = w->about.now_us - w->about.now_us % 1000,
                                   .fragments = w->fragments,
                                   .head_bytes = w->head_bytes,
                                   .index_bytes = index_len};
    struct buf order;
    memcpy(s.head, w->head, 32);
    case_hash(index, index_len, s.index);
    snprintf(s.case_id, sizeof(s.case_id), "%s", w->about.order->id);
    snprintf(s.node, sizeof(s.node), "%s", w->about.order->node);
    snprintf(s.camera, sizeof(s.camera), "%s", w->about.camera);
    buf_init(&order, CASE_ORDER_BYTES);
    buf_init(&text, EVIDENCE_STATEMENT_MAX);
    int r = case_order_build(w->about.order, &order);
    if (r >= 0) {
        case_hash(order.data, order.len, s.order);
        r = evidence_statement_build(&s, &text);
    }
    if (r >= 0)
        r = tlog_note_sign(w->about.signer, (const char *)text.data, text.len, out);
    buf_release(&order);
    buf_release(&text);
    return r;
}

static int write_tail(struct evidence_writer *w, struct err *reterr)
{
    struct buf note, box;
    struct boxes b = {.out = &box};
    json_t *json = index_of(w);
    char *index = json ? json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
    json_decref(json);
    if (!index)
        return -ENOMEM;
    buf_init(&note, EVIDENCE_STATEMENT_MAX);
    buf_init(&box, EVIDENCE_INDEX_MAX);
    int r = sign_statement(w, index, strlen(index), &note);
    if (r >= 0) {
        size_t token = box_open_uuid(&b, evidence_uuid, 1);
        box_u32(&b, (uint32_t)note.len);
        box_bytes(&b, note.data, note.len);
        box_bytes(&b, index, strlen(index));
        box_close(&b, token);
        r = b.err < 0 ? b.err : put(w, box.data, box.len);
    }
    buf_release(&note);
    buf_release(&box);
    free(index);
    return r < 0 ? err_set(reterr, r, "writing the statement: %s", err_text(r)) : 0;
}

int evidence_finish(struct evidence_writer *w, uint64_t *ret_bytes, uint64_t *ret_frames,
                    uint8_t ret_sha256[32], struct err *reterr)
{
    unsigned n = 32;
    int r = w->fragments ? write_tail(w, reterr)
                         : err_set(reterr, E_NOTFOUND, "nothing of the span could be exported");
    if (r >= 0 && EVP_DigestFinal_ex(w->sha, ret_sha256, &n) != 1)
        r = E_BUG;
    if (r >= 0) {
        *ret_bytes = w->at;
        *ret_frames = w->frames;
    }
    evidence_abort(w);
    return r;
}
