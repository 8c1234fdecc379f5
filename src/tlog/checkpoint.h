/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_CHECKPOINT_H
#define TLOG_CHECKPOINT_H
/*
 * What a log signs: its origin, how many entries it has, and the root hash over them.
 *
 *   origin LF · size, decimal LF · base64( root hash ) LF · extension lines, passed over
 *
 * Source: C2SP tlog-checkpoint v1.0.0. Reentrant.
 */
#include "tlog/merkle.h"
#include "tlog/note.h"

#define TLOG_CHECKPOINT_BYTES 65536 /* longest checkpoint with its signatures that is read */

struct tlog_checkpoint {
    char origin[TLOG_NAME_BYTES];
    uint64_t size; /* at most 2^63 - 1 */
    struct tlog_hash root;
};

/* The text of a note. E_SYNTAX. */
int tlog_checkpoint_parse(const char *text, size_t len, struct tlog_checkpoint *ret,
                          struct err *reterr);
/* Append the text of a note. */
int tlog_checkpoint_format(const struct tlog_checkpoint *c, struct buf *out);

/*
 * A checkpoint with its signatures, signed by at least one of the keys of a log; its origin is that key's name.
 * @ret_note may be NULL; points into @data.
 * Errors: those of tlog_note_parse(), tlog_note_verify(); E_MISMATCH when the origin is not the key's name.
 */
int tlog_checkpoint_open(const void *data, size_t len, const struct tlog_vkey *keys, size_t keys_n,
                         struct tlog_checkpoint *ret, struct tlog_note *ret_note,
                         struct err *reterr);

/* A decimal number without leading zeroes, at most 2^63 - 1. E_SYNTAX. */
int tlog_decimal_parse(const char *text, size_t len, uint64_t *ret);
/* One hash in Base64. E_SYNTAX. */
int tlog_hash_parse(const char *text, size_t len, struct tlog_hash *ret);
/* Append a hash in Base64 and a newline. */
int tlog_hash_append(struct buf *b, const struct tlog_hash *h);

/* The next line without its newline, from @at on, which moves behind it. False when no whole line is left. */
bool tlog_line(const char *text, size_t len, size_t *at, const char **ret_line, size_t *ret_len);
#endif
