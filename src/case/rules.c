/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/rules.h"

#include "base/clock.h"

void case_rules_default(struct case_rules *r)
{
    *r = (struct case_rules){.camera_us = 48 * HOUR_US,
                             .valid_us = 7 * DAY_US,
                             .urgent_us = 48 * HOUR_US,
                             .codes = case_codes_default()};
}

int case_rules_check(const struct case_rules *r, const struct case_order *o, int64_t now_us,
                     struct err *reterr)
{
    int code = case_order_valid_at(o, now_us, reterr);
    if (code < 0)
        return code;
    if (o->made_us < now_us - HOUR_US)
        return err_set(reterr, E_DENIED,
                       "the order was made more than an hour ago: make a new one");
    if (case_order_camera_us(o) > r->camera_us)
        return err_set(reterr, E_DENIED,
                       "%d camera%s for %.1f h are %.1f camera hours; one order may ask for %.1f",
                       o->cameras, o->cameras == 1 ? "" : "s",
                       (double)(o->to_us - o->from_us) / (double)HOUR_US,
                       (double)case_order_camera_us(o) / (double)HOUR_US,
                       (double)r->camera_us / (double)HOUR_US);
    if (o->not_after_us - o->made_us > r->valid_us)
        return err_set(reterr, E_DENIED, "an order is valid for at most %.1f hours here, not %.1f",
                       (double)r->valid_us / (double)HOUR_US,
                       (double)(o->not_after_us - o->made_us) / (double)HOUR_US);
    if (o->urgent_us && (o->urgent_us <= o->made_us || o->urgent_us - o->made_us > r->urgent_us))
        return err_set(reterr, E_DENIED,
                       "an urgent order has to be confirmed within %.0f hours of being made",
                       (double)r->urgent_us / (double)HOUR_US);
    if (!case_codes_find(r->codes, CASE_PURPOSE, o->purpose))
        return err_set(reterr, E_NOTFOUND,
                       "'%s' is no purpose of the code list; 'lethe case codes' shows it",
                       o->purpose);
    if (!case_codes_find(r->codes, CASE_BASIS, o->basis))
        return err_set(reterr, E_NOTFOUND,
                       "'%s' is no legal basis of the code list; 'lethe case codes' shows it",
                       o->basis);
    return 0;
}
