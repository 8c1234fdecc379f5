/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_BASE64_H
#define TLOG_BASE64_H
/* Standard Base64 with padding, one spelling for each value. Reentrant. Source: RFC 4648 §4, §3.5. */
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define TLOG_BASE64_TEXT(bytes)                                                                    \
    (((bytes) + 2) / 3 * 4 + 1) /* characters for so many bytes, and a NUL */

/* @out takes TLOG_BASE64_TEXT(@len) characters. Returns @out. */
char *tlog_base64(const void *data, size_t len, char *out);
int tlog_base64_append(struct buf *b, const void *data, size_t len);
/* All of @text. E_SYNTAX (spare bits, padding, other characters), E_LIMIT (more than @cap bytes). */
int tlog_base64_decode(const char *text, size_t len, uint8_t *out, size_t cap, size_t *ret_len);
#endif
