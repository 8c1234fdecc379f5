/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe case evidence`: the span as one file that a court's expert checks without us, and its cover sheet. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "case/armour.h"
#include "case/evidence.h"
#include "cli/case_opening.h"
#include "cli/output.h"
#include "seal/shares.h"

struct making {
    struct cli_opening o;
    struct buf notes[SEAL_CUSTODIANS], log_keys;
    const char *answers[SEAL_CUSTODIANS + 1];
    int answers_n;
    uint8_t sha256[32];
    uint64_t bytes, frames;
};

/* Approvals without the shares that were for this session. */
static int load_answers(struct making *m, struct err *reterr)
{
    for (int i = 0; i < m->o.answers.count; i++) {
        const struct case_answer *x = &m->o.answers.answer[i];
        struct buf *b = &m->notes[m->answers_n];
        char path[4200];
        if (!x->approves)
            continue;
        snprintf(path, sizeof(path), "%s/approvals/%d", m->o.f.dir, x->custodian);
        int r = cli_case_read(path, CASE_ANSWER_BYTES, b, reterr);
        char *text = r < 0 ? NULL : buf_cstr(b),
             *armour = text ? strstr(text, CASE_ARMOUR_BEGIN) : NULL;
        if (!armour)
            return r < 0 ? r : err_set(reterr, E_CORRUPT, "%s cannot be read", path);
        *armour = 0;
        m->answers[m->answers_n++] = text;
    }
    return 0;
}

/* Text of the key record, in a buffer of its own for the time of the call. */
static char *record_of(const struct seal_shares *records, const uint8_t kid[SEAL_KID])
{
    size_t len;
    const struct seal_entry *e = seal_shares_entry(records, kid);
    const char *text = e ? seal_entry_text(e, &len) : NULL;
    return text ? strndup(text, len) : NULL;
}

static int add_sources(struct making *m, struct evidence_writer *w, int dir, struct err *reterr)
{
    struct open_job *j = &m->o.job;
    int r = 0;
    for (size_t i = 0; i < j->sources && r >= 0; i++) {
        const struct open_source *s = &j->source[i];
        if (!s->readable)
            continue;
        int fd = openat(dir, s->path, O_RDONLY | O_CLOEXEC);
        char *record = s->encrypted ? record_of(m->o.records, s->kid) : NULL;
        r = fd < 0 ? err_set(reterr, -errno, "%s: %s", s->path, err_text(-errno))
                   : evidence_add(w, fd, s->path, s->encrypted ? j->keys + i * SEAL_KEY : NULL,
                                  record, reterr);
        if (r == E_NOTFOUND)
            r = 0;
        free(record);
        if (fd >= 0)
            close(fd);
    }
    if (r >= 0)
        r = open_gaps(j, reterr);
    for (size_t i = 0; i < j->gaps && r >= 0; i++)
        r = evidence_gap(w, j->gap[i].from_us, j->gap[i].to_us, j->gap[i].reason, j->gap[i].detail);
    return r;
}

static int write_evidence(struct making *m, int fd, struct err *reterr)
{
    const char *keys = m->log_keys.len ? buf_cstr(&m->log_keys) : "";
    struct evidence_about about = {.camera = m->o.job.camera,
                                   .from_us = m->o.job.from_us,
                                   .to_us = m->o.job.to_us,
                                   .now_us = m->o.c.desk.now_us,
                                   .signer = &m->o.session->signer,
                                   .order = &m->o.f.order,
                                   .note = &m->o.f.note,
                                   .proof = &m->o.f.proof,
                                   .policy = &m->o.f.policy,
                                   .answers = m->answers,
                                   .log_keys = keys ? keys : ""};
    struct evidence_writer *w = NULL;
    int r = evidence_create(fd, &about, &w, reterr);
    int dir = open(m->o.c.data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r >= 0 && dir < 0)
        r = err_set(reterr, -errno, "%s: %s", m->o.c.data_dir, err_text(-errno));
    if (r >= 0)
        r = add_sources(m, w, dir, reterr);
    if (dir >= 0)
        close(dir);
    if (r < 0) {
        evidence_abort(w);
        return r;
    }
    r = evidence_finish(w, &m->bytes, &m->frames, m->sha256, reterr);
    if (r >= 0 && fsync(fd) < 0)
        r = err_set(reterr, -errno, "writing: %s", err_text(-errno));
    return r;
}

/* An export is a leaf: which case, and the hash of the file. */
static int log_export(struct making *m, struct err *reterr)
{
    struct buf entry;
    char detail[128], hex[65], suffix[20];
    uint64_t index;
    hex_encode(m->sha256, 32, hex);
    snprintf(detail, sizeof(detail), "file %s\n", hex);
    snprintf(suffix, sizeof(suffix), "-%.16s", hex);
    buf_init(&entry, 65536);
    int r = case_entry_event(&m->o.f.order, m->o.f.hash, "export", suffix, detail,
                             m->o.c.desk.now_us, &entry);
    if (r >= 0)
        r = m->o.c.log.append(m->o.c.log.user, (const char *)entry.data, entry.len, &index, reterr);
    buf_release(&entry);
    return r;
}

static int make(const struct cli_args *a, struct making *m, struct err *reterr)
{
    const char *out = cli_value(a, "output", "");
    char path[4200];
    int r = cli_opening_begin(a, &m->o, reterr);
    if (r >= 0)
        r = load_answers(m, reterr);
    snprintf(path, sizeof(path), "%s/log/keys", m->o.c.data_dir);
    if (r >= 0)
        r = cli_case_read(path, 65536, &m->log_keys, reterr);
    if (r < 0)
        return r;
    int fd = open(
        out, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (cli_flag(a, "force") ? O_TRUNC : O_EXCL),
        0600);
    if (fd < 0)
        return err_set(reterr, errno == EEXIST ? E_EXISTS : -errno, "%s: %s%s", out,
                       err_text(-errno), errno == EEXIST ? "; --force replaces it" : "");
    r = write_evidence(m, fd, reterr);
    if (r >= 0)
        r = log_export(m, reterr);
    if (r < 0)
        unlink(out);
    if (r >= 0) {
        struct evidence_sheet s = {.file = out,
                                   .opening = &m->o,
                                   .bytes = m->bytes,
                                   .frames = m->frames,
                                   .made_us = m->o.c.desk.now_us};
        memcpy(s.sha256, m->sha256, 32);
        r = cli_evidence_sheets(&s, reterr);
    }
    close(fd);
    return r;
}

static int tell(const struct cli_args *a, const struct making *m)
{
    char hex[65], size[32];
    const char *out = cli_value(a, "output", "");
    hex_encode(m->sha256, 32, hex);
    if (cli_flag(a, "json"))
        return cli_json_print(json_pack("{ss ss sI sI ss sI}", "case", m->o.f.order.id, "camera",
                                        m->o.job.camera, "frames", (json_int_t)m->frames, "bytes",
                                        (json_int_t)m->bytes, "sha256", hex, "gaps",
                                        (json_int_t)m->o.job.gaps));
    printf("%s: %llu frames, %s, %zu gap%s\nsha256 %s\ncover sheet: %s.txt, %s.html\n", out,
           (unsigned long long)m->frames, cli_bytes((double)m->bytes, size), m->o.job.gaps,
           m->o.job.gaps == 1 ? "" : "s", hex, out, out);
    return 0;
}

static int run(const struct cli_args *a)
{
    struct making *m = calloc(1, sizeof(*m));
    struct err e = {0};
    prctl(PR_SET_DUMPABLE, 0);
    if (!m)
        return cli_fail(a, &e, -ENOMEM);
    int r = sodium_init() < 0 ? E_BUG : make(a, m, &e);
    int code = r < 0 ? cli_fail(a, &e, r) : tell(a, m);
    for (int i = 0; i < SEAL_CUSTODIANS; i++)
        buf_release(&m->notes[i]);
    buf_release(&m->log_keys);
    cli_opening_release(&m->o);
    free(m);
    return code;
}

static const struct cli_option options[] = {
    {"session", "FILE", "the session's key, as 'lethe case request' wrote it", .required = true},
    {"output", "FILE", "the MP4 to write; FILE.txt and FILE.html become its cover sheet",
     .required = true},
    {"camera", "ID", "which one, when the order names several"},
    {"from", "T", "begin, inside the order's span (default: all of it)"},
    {"to", "T", "end, inside the order's span"},
    {"force", NULL, "replace FILE if it exists"},
    CLI_CASE_DATA,
    CLI_CASE_CONFIG,
    {"json", NULL, "print {case, camera, frames, bytes, sha256, gaps}"},
    {0},
};

const struct cli_command cli_case_evidence = {
    .name = "case evidence",
    .summary = "export what was opened as evidence that anybody can check",
    .arguments = "CASE",
    .details =
        "One MP4 with the camera's own bitstream, playable anywhere, and inside it: order, proof "
        "of "
        "the public log, approvals, keys of the epochs, hash of every fragment, gaps and the state "
        "of "
        "the clock. 'lethe verify' checks it without a network; the cover sheet has the commands "
        "to "
        "check it with stock tools.\n\n"
        "The keys of the epochs are inside, or nobody could check that these are the sealed "
        "pictures: whoever has this file and the sealed recordings could open those epochs whole. "
        "The export is put into the public log with the hash of the file.",
    .options = options,
    .examples = "# the whole span of a case with one camera\n"
                "lethe case evidence 3f9c2ab01d77e645 --session session.txt -o exhibit-1.mp4",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
