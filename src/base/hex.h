/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BASE_HEX_H
#define BASE_HEX_H
/* Hexadecimal text. Not constant-time: for hashes and ids, not for secrets. Reentrant. */
#include <stddef.h>
#include <stdint.h>

/* Writes 2*len+1 characters, lower case, NUL at the end. Returns @out. */
char *hex_encode(const uint8_t *data, size_t len, char *out);
/* Colons and spaces between bytes are skipped. E_SYNTAX, E_LIMIT (longer than @cap). */
int hex_decode(const char *text, uint8_t *out, size_t cap, size_t *ret_len);
#endif
