/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_RULES_H
#define CASE_RULES_H
/* What a node accepts as an order: limits of `cases:` in lethe.yaml, and the code list. Reentrant. */
#include "case/codes.h"
#include "case/order.h"

struct case_rules {
    int64_t camera_us; /* most camera time of one order; default 48 h */
    int64_t valid_us;  /* longest time from `made` to `not-after`; default 7 d */
    int64_t urgent_us; /* an urgent order has to be confirmed within; default 48 h */
    const struct case_codes *codes;
};
void case_rules_default(struct case_rules *r);
/*
 * Errors: E_DENIED with a sentence that names limit and value; E_NOTFOUND (no such code). @now_us: orders that are
 * older than an hour or made in the future are not accepted.
 */
int case_rules_check(const struct case_rules *r, const struct case_order *o, int64_t now_us,
                     struct err *reterr);
#endif
