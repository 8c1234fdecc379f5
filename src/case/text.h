/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_TEXT_H
#define CASE_TEXT_H
/*
 * The texts of this folder are lines "key value" in a fixed order. They have one spelling: a parser takes the lines
 * apart, builds the text anew and refuses what is not the same. Reentrant.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct case_lines {
    const char *at, *end;
};
static inline struct case_lines case_lines(const char *text, size_t len)
{
    return (struct case_lines){.at = text, .end = text + len};
}
/* Is the next line this one, as a whole? Goes past it. */
bool case_line_is(struct case_lines *l, const char *line);
/*
 * Value of the next line if its key is @key, with NUL in @out of @cap bytes; goes past it. False, with the line still
 * there, if it is another, not ended by LF, or too long.
 */
bool case_line(struct case_lines *l, const char *key, char *out, size_t cap);
bool case_line_time(struct case_lines *l, const char *key, int64_t *ret_us);
bool case_line_hash(struct case_lines *l, const char *key, uint8_t ret[32]);
bool case_line_number(struct case_lines *l, const char *key, long min, long max, long *ret);
/* All of the text is used up. */
bool case_lines_end(const struct case_lines *l);

int case_put_time(struct buf *b, const char *key, int64_t us);
int case_put_hash(struct buf *b, const char *key, const uint8_t hash[32]);
/* A code: a-z, 0-9, '.' and '-', at most CASE_CODE - 1 bytes. */
#define CASE_CODE 48
bool case_code_valid(const char *code);
void case_hash(const void *data, size_t len, uint8_t ret[32]); /* SHA-256 */
#endif
