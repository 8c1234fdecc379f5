/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_ENTRY_H
#define TLOG_ENTRY_H
/*
 * What stands in the log: texts of lines. One table says which kinds there are and which lines each
 * has, in which order; builder and reader both follow it, so that an entry has one spelling.
 * docs/format/log-entries.md is the same table for people. Reentrant.
 *
 *     lethe-log/v1 KIND
 *     id ID
 *     key value          … as the table says, every line ends with a newline
 *
 * No personal data: names of cameras, UTC times, numbers, codes, hashes and commitments. There is no
 * kind of value that could hold a sentence.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define TLOG_ENTRY_MAGIC "lethe-log/v1"
#define TLOG_ENTRY_LINES 160 /* most values in one entry */
#define TLOG_ENTRY_ID 32     /* characters of tlog_entry_new_id() and its NUL */

enum tlog_value {
    TLOG_TOKEN,      /* 1 to 160 of A-Z a-z 0-9 . _ : @ + - */
    TLOG_NAME,       /* of a camera, node or group: config_id_valid() */
    TLOG_TIME,       /* as time_format() writes it, UTC; milliseconds unless they are 0 */
    TLOG_TIME_OR_NO, /* the same, or "no" */
    TLOG_NUMBER,     /* decimal, without leading zeros, below 2^63 */
    TLOG_HASH,       /* 64 lower-case hexadecimal digits */
    TLOG_SET,        /* 32 of them: id of a custodian set */
    TLOG_CODE,       /* 1 to 47 of a-z 0-9 . - or an error's name (E_…) */
    TLOG_YES         /* "yes" or "no" */
};

struct tlog_field {
    const char *key;
    enum tlog_value value;
    unsigned min, max; /* how often */
};

#define TLOG_KIND_FIELDS 16
struct tlog_kind {
    const char *name;
    bool statement;                            /* a signed statement follows the fields, as it is */
    struct tlog_field field[TLOG_KIND_FIELDS]; /* ended by a NULL key */
};
/* Ended by a NULL name. */
extern const struct tlog_kind tlog_kinds[];
const struct tlog_kind *tlog_kind_find(const char *name, size_t len);

/* ---- building ---- */

struct tlog_entry_writer {
    struct buf *out;
    const struct tlog_kind *kind;
    size_t start;          /* of the entry in @out */
    unsigned field, count; /* field in work, and how often it was written */
    int error;
};
/*
 * Begin an entry of @kind behind what @out holds. Values come in the order of the table; a mistake is
 * remembered and told by tlog_entry_end() (E_BUG: not this key now; E_SYNTAX, E_RANGE: not this value;
 * E_LIMIT, -ENOMEM).
 */
void tlog_entry_begin(struct tlog_entry_writer *w, const char *kind, const char *id,
                      struct buf *out);
void tlog_entry_text(struct tlog_entry_writer *w, const char *key, const char *value);
void tlog_entry_number(struct tlog_entry_writer *w, const char *key, int64_t value);
void tlog_entry_time(struct tlog_entry_writer *w, const char *key, int64_t us);
void tlog_entry_hex(struct tlog_entry_writer *w, const char *key, const uint8_t *data, size_t len);
void tlog_entry_yes(struct tlog_entry_writer *w, const char *key, bool value);
/* 0, or the first error; @out is cut back to what it held then. */
int tlog_entry_end(struct tlog_entry_writer *w);
/* An id that no other entry has: @prefix, "-", 16 random digits. @prefix has at most 14 characters. */
char *tlog_entry_new_id(const char *prefix, char out[TLOG_ENTRY_ID]);

/* ---- reading ---- */

struct tlog_parsed {
    const struct tlog_kind *kind;
    const char *id;
    size_t id_len;
    unsigned lines;
    struct {
        const struct tlog_field *field;
        const char *value; /* in the text that was parsed, without NUL */
        size_t len;
    } line[TLOG_ENTRY_LINES];
    const char *statement; /* what follows the fields; NULL if the kind has none */
    size_t statement_len;
};
/* Errors: E_SYNTAX with line and reason, E_UNSUPPORTED (a kind that this program does not know), E_LIMIT. */
int tlog_entry_parse(const char *text, size_t len, struct tlog_parsed *ret, struct err *reterr);
/* The @i-th value of @key, as text with NUL; NULL: there is none, or it does not fit. */
const char *tlog_parsed_text(const struct tlog_parsed *p, const char *key, unsigned i, char *ret,
                             size_t cap);
/* E_NOTFOUND. TIME_OR_NO with "no" gives 0. */
int tlog_parsed_number(const struct tlog_parsed *p, const char *key, int64_t *ret);
int tlog_parsed_time(const struct tlog_parsed *p, const char *key, int64_t *ret_us);
#endif
