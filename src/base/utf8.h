/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H
/* UTF-8 of strangers. Reentrant. Source: RFC 3629 §3, §4. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The character at the start of @len bytes: its length 1..4 and, in @ret, its number. E_SYNTAX for bytes that begin no
 * character, overlong forms, surrogates, numbers above U+10FFFF and characters cut short.
 */
int utf8_next(const char *text, size_t len, uint32_t *ret);
/* All of it well formed? */
bool utf8_valid(const char *text, size_t len);
/* White space as Unicode has it (property White_Space). */
bool utf8_is_space(uint32_t character);
#endif
