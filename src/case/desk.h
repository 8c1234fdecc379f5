/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_DESK_H
#define CASE_DESK_H
/*
 * What a node does with orders and answers. Every step is checked, then logged, then counted; what is refused because
 * it does not hold is logged too. The same for the command line and the API. Blocks on files and on the log.
 */
#include "case/entry.h"
#include "case/folder.h"
#include "case/rules.h"

struct case_desk {
    const char *data_dir, *node;
    const struct seal_policy
        *policy; /* of the node now; a case goes on with the one it began with */
    const struct case_rules *rules;
    const struct case_log *log;
    int64_t now_us;
};

/*
 * Take an order: check, collect the shares, log, keep the proof. Custodians may answer when this returns.
 * Errors: those of case_order_open(), case_rules_check() and case_bundle_collect(), E_EXISTS (replayed), the log's.
 *         An order that was kept but not logged (the log was away) is handed in again with the same id.
 */
int case_desk_request(const struct case_desk *d, const void *note, size_t len,
                      struct case_folder *ret, struct err *reterr);
/*
 * Take a custodian's answer. Returns 0; the case's state follows from all answers. @ret_answer may be NULL.
 * Errors: those of case_answer_open(), E_EXISTS (answered before), E_DENIED (run out, or over).
 */
int case_desk_answer(const struct case_desk *d, const char *id, const void *file, size_t len,
                     struct case_answer *ret_answer, struct err *reterr);
/* The session is about to open it: quorum and state are checked, and the opening is logged. @f is locked. */
int case_desk_opening(const struct case_desk *d, struct case_folder *f,
                      const struct case_answers *a, struct err *reterr);
/* Close (open cases), withdraw (others), or, when its time is over, expire. */
int case_desk_end(const struct case_desk *d, struct case_folder *f, enum case_state to,
                  struct err *reterr);
/*
 * When it ends by itself: not-after, or for an urgent order that is not confirmed, its deadline. It is confirmed when one
 * custodian more than the threshold has approved.
 */
int64_t case_desk_ends_us(const struct case_folder *f);
/* Does it have to expire now? */
bool case_desk_overdue(const struct case_folder *f, int64_t now_us);
#endif
