/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BASE_CSV_H
#define BASE_CSV_H
/*
 * Strict CSV. Comma, double quotes, LF or CRLF; a byte order mark is skipped, empty lines are too. Refused with line
 * and column: a quote inside an unquoted field, text behind a closing quote, an open quote at the end, a lone CR,
 * control characters, bytes that are not UTF-8, more than CSV_FIELDS fields. Reentrant.
 *
 * Source: RFC 4180 §2.
 */
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define CSV_FIELDS 32
#define CSV_FIELD_BYTES 4096

struct csv_field {
    const char *text; /* with NUL; valid until the next csv_next() */
    unsigned line, column;
};
struct csv_record {
    unsigned line;
    int count;
    struct csv_field field[CSV_FIELDS];
};

struct csv_reader {
    const char *file;          /* name for sentences, borrowed */
    const unsigned char *data; /* borrowed */
    size_t len, at;
    unsigned line, column; /* of data[at], from 1; columns count characters */
    struct buf text;
};

void csv_init(struct csv_reader *r, const char *file, const void *data, size_t len);
void csv_release(struct csv_reader *r);
/* 1: a record; 0: the end; E_SYNTAX or E_LIMIT with a sentence, -ENOMEM: reading is over. */
int csv_next(struct csv_reader *r, struct csv_record *ret, struct err *reterr);

/* Append one field, quoted where it must be, with a comma before it unless @first. */
int csv_put(struct buf *out, const char *text, int first);
#endif
