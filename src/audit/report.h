/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef AUDIT_REPORT_H
#define AUDIT_REPORT_H
/*
 * The yearly report: a pure function of the first entries of a log and of the public register, so that anybody who has
 * both gets the same bytes. docs/format/report.md. Blocking, thread-bound.
 */
#include "base/buf.h"
#include "tlog/checkpoint.h"
#include "tlog/reader.h"

struct report_options {
    int year;                           /* 1970..9999 */
    struct tlog_files log;              /* its files */
    const struct tlog_checkpoint *head; /* verified */
    uint64_t size;                      /* how many entries count, at most head->size; 0: all */
    const char
        *register_text; /* public entries of all cameras, one empty line between two; NULL: none */
    size_t register_len;
};

/* Append the report. Errors: E_RANGE, E_CORRUPT (the log is not as signed), E_SYNTAX (register), -ENOMEM. */
int report_write(const struct report_options *o, struct buf *out, struct err *reterr);
#endif
