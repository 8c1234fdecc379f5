/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_CLIENT_PRIVATE_H
#define TLOG_CLIENT_PRIVATE_H
/* Shared by client.c and client_async.c. */
#include "tlog/client.h"

/* NULL: not UTF-8, or no memory. */
json_t *tlog_client_append_request(const struct tlog_entry *entries, size_t n);
/* One answer line: 0 and the object, or the error that the logger named. */
int tlog_client_answer(const char *line, size_t len, json_t **ret, struct err *reterr);
int tlog_client_indexes(const json_t *answer, uint64_t *ret, size_t n);
#endif
