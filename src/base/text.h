/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
/* Text that came from elsewhere. Reentrant. */
#include <stdbool.h>
#include <stddef.h>

/*
 * Replace by '?' what could steer a terminal (C0, DEL, C1 and direction controls) and what is not UTF-8. Returns @text.
 */
char *text_clean(char *text);
/* Length of the UTF-8 sequence at @p, 1 to 4; 0 if there is none within @n bytes. Source: RFC 3629 §4. */
size_t text_utf8(const char *p, size_t n);
#endif
