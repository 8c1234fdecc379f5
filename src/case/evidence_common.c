/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "case/evidence_private.h"

const uint8_t evidence_uuid[16] = {0x6b, 0x0d, 0x53, 0x1a, 0x8e, 0x42, 0x4f, 0x0c,
                                   0x9d, 0x27, 0xa1, 0x5c, 0x33, 0xe8, 0x70, 0xb4};

int evidence_statement_build(const struct evidence_statement *s, struct buf *out)
{
    int r = buf_appendf(out, "lethe-evidence/v1\ncase %s\nnode %s\ncamera %s\n", s->case_id,
                        s->node, s->camera);
    if (r >= 0)
        r = case_put_time(out, "from", s->from_us);
    if (r >= 0)
        r = case_put_time(out, "to", s->to_us);
    if (r >= 0)
        r = case_put_time(out, "made", s->made_us);
    if (r >= 0)
        r = case_put_hash(out, "order", s->order);
    if (r >= 0)
        r = buf_appendf(out, "fragments %ld\nhead-bytes %llu\n", s->fragments,
                        (unsigned long long)s->head_bytes);
    if (r >= 0)
        r = case_put_hash(out, "head", s->head);
    if (r >= 0)
        r = buf_appendf(out, "index-bytes %llu\n", (unsigned long long)s->index_bytes);
    return r < 0 ? r : case_put_hash(out, "index", s->index);
}

int evidence_statement_parse(const char *text, size_t len, struct evidence_statement *ret)
{
    struct evidence_statement s = {0};
    struct case_lines l = case_lines(text, len);
    struct buf again;
    long head = 0, index = 0;
    bool ok = case_line_is(&l, "lethe-evidence/v1") &&
              case_line(&l, "case", s.case_id, sizeof(s.case_id)) &&
              case_line(&l, "node", s.node, sizeof(s.node)) &&
              case_line(&l, "camera", s.camera, sizeof(s.camera)) &&
              case_line_time(&l, "from", &s.from_us) && case_line_time(&l, "to", &s.to_us) &&
              case_line_time(&l, "made", &s.made_us) && case_line_hash(&l, "order", s.order) &&
              case_line_number(&l, "fragments", 1, 100000000, &s.fragments) &&
              case_line_number(&l, "head-bytes", 1, 100000000, &head) &&
              case_line_hash(&l, "head", s.head) &&
              case_line_number(&l, "index-bytes", 1, EVIDENCE_INDEX_MAX, &index) &&
              case_line_hash(&l, "index", s.index) && case_lines_end(&l);
    if (!ok)
        return E_SYNTAX;
    s.head_bytes = (uint64_t)head;
    s.index_bytes = (uint64_t)index;
    buf_init(&again, EVIDENCE_STATEMENT_MAX);
    int r = evidence_statement_build(&s, &again);
    if (r >= 0 && (again.len != len || memcmp(again.data, text, len) != 0))
        r = E_SYNTAX;
    buf_release(&again);
    if (r >= 0)
        *ret = s;
    return r;
}

void evidence_problem(struct evidence_report *r, const char *what, int64_t at_us, const char *fmt,
                      ...)
{
    if (r->problems < EVIDENCE_PROBLEMS) {
        struct evidence_problem *p = &r->problem[r->problems];
        va_list ap;
        va_start(ap, fmt);
        p->what = what;
        p->at_us = at_us;
        vsnprintf(p->text, sizeof(p->text), fmt, ap);
        va_end(ap);
    }
    r->problems++;
}

void evidence_note(struct evidence_report *r, const char *fmt, ...)
{
    if (r->notes == sizeof(r->note) / sizeof(r->note[0]))
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->note[r->notes++], sizeof(r->note[0]), fmt, ap);
    va_end(ap);
}

int evidence_read(int fd, void *out, size_t len, uint64_t at)
{
    uint8_t *p = out;
    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : E_TRUNCATED;
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int evidence_write(int fd, const void *data, size_t len, uint64_t at)
{
    const uint8_t *p = data;
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int64_t evidence_shift(int64_t start_us, int64_t base_us, uint32_t rate)
{
    return (int64_t)((__int128)(start_us - base_us) * rate / SECOND_US);
}
