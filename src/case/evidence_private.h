/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_EVIDENCE_PRIVATE_H
#define CASE_EVIDENCE_PRIVATE_H
/* What writer and checker of evidence share. */
#include <jansson.h>

#include "case/evidence.h"
#include "mp4/clear.h"

extern const uint8_t evidence_uuid[16];
#define EVIDENCE_INDEX_MAX ((size_t)256 << 20)
#define EVIDENCE_STATEMENT_MAX 65536

/* The statement: what the session's key signs. */
struct evidence_statement {
    char case_id[CASE_ID];
    char node[64], camera[64];
    int64_t from_us, to_us, made_us;
    uint8_t order[32]; /* hash of the order's text */
    uint8_t head[32], index[32];
    uint64_t head_bytes, index_bytes;
    long fragments;
};
int evidence_statement_build(const struct evidence_statement *s, struct buf *out);
int evidence_statement_parse(const char *text, size_t len, struct evidence_statement *ret);
/* Collect a problem or a remark. */
void evidence_problem(struct evidence_report *r, const char *what, int64_t at_us, const char *fmt,
                      ...) __attribute__((format(printf, 4, 5)));
void evidence_note(struct evidence_report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* pread and pwrite of all bytes; E_TRUNCATED. */
int evidence_read(int fd, void *out, size_t len, uint64_t at);
int evidence_write(int fd, const void *data, size_t len, uint64_t at);
/* Shift of decode times from a recording's origin to the evidence's, ticks of @rate. */
int64_t evidence_shift(int64_t start_us, int64_t base_us, uint32_t rate);
#endif
