/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_ARMOUR_H
#define CASE_ARMOUR_H
/* ASCII armour of age files, strict. Reentrant. Source: C2SP age.md, "ASCII armor"; RFC 7468 §3. */
#include "base/buf.h"
#include "base/err.h"

#define CASE_ARMOUR_BEGIN "-----BEGIN AGE ENCRYPTED FILE-----\n"
int case_armour_append(const void *data, size_t len, struct buf *out);
/* @text begins with the BEGIN line and ends with the END line and LF. E_SYNTAX, E_LIMIT, -ENOMEM. */
int case_armour_decode(const char *text, size_t len, struct buf *out);
#endif
