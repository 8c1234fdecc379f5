/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_ENTRY_PRIVATE_H
#define TLOG_ENTRY_PRIVATE_H
/* What builder and reader of entries share. */
#include "tlog/entry.h"

/* Is it a value of that kind, in its one spelling? */
bool tlog_value_valid(enum tlog_value kind, const char *value, size_t len);
#endif
