/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_ANSWER_PRIVATE_H
#define CASE_ANSWER_PRIVATE_H
/* What answer.c and shares.c share; also for the fuzz target. */
#include "case/answer.h"

int case_answer_build(const struct case_answer *a, struct buf *out);
int case_answer_parse(const char *text, size_t len, struct case_answer *ret, struct err *reterr);
int case_answer_begin(const struct case_order *o, const uint8_t order_hash[32],
                      const struct seal_policy *p, const struct seal_identity *id, int64_t now_us,
                      struct case_answer *ret, struct err *reterr);
int case_answer_sign(const struct case_answer *a, const struct tlog_skey *key, struct buf *out);
/* The payload in clear; secret. Appends to @c; E_SYNTAX, E_MISMATCH (another order), -ENOMEM. */
int case_payload_parse(struct case_shares *c, const struct case_answer *a, const char *text,
                       size_t len);
#endif
