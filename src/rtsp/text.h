/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_TEXT_H
#define RTSP_TEXT_H
/* Pieces of text inside a received message: borrowed, not terminated, never trusted. Reentrant. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *p;
    size_t n;
};

struct span span_of(const char *text);
/* Without blanks, tabs, CR and LF at both ends. */
struct span span_trim(struct span s);
/* Without one pair of double quotes around it. */
struct span span_unquote(struct span s);
/* Equality and prefix, ASCII letters without regard to case. */
bool span_is(struct span s, const char *word);
bool span_starts(struct span s, const char *prefix);
/* Offset of @c, or s.n when it is not there. */
size_t span_find(struct span s, char c);
/*
 * Take the text up to @sep (outside of double quotes) off @rest, trimmed. False when nothing is left.
 */
bool span_cut(struct span *rest, char sep, struct span *ret);
/* Whole text is an unsigned number in @base (10 or 16), blanks around it allowed. E_SYNTAX, E_RANGE (> @max). */
int span_number(struct span s, int base, uint64_t max, uint64_t *ret);
/* Digits at the front, anything may follow. E_SYNTAX when there is none. */
int span_leading_number(struct span s, uint64_t max, uint64_t *ret);
/* Terminated copy; E_LIMIT (nothing copied, @out is "") when it does not fit or holds a NUL. */
int span_copy(struct span s, char *out, size_t cap);
/* Base64 without regard to blanks and missing padding. Bytes written, E_SYNTAX or E_LIMIT. */
int span_base64(struct span s, uint8_t *out, size_t cap);
/* Hexadecimal pairs. Bytes written, E_SYNTAX or E_LIMIT. */
int span_hex(struct span s, uint8_t *out, size_t cap);
#endif
