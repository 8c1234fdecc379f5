/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_STATE_H
#define CASE_STATE_H
/* States of a case and which may follow which. Reentrant. */
#include <stdbool.h>

/* name */
#define CASE_STATES(X)                                                                             \
    X(CASE_REQUESTED, "requested") /* the order lies in its folder */                              \
    X(CASE_LOGGED, "logged")       /* it is in the log, custodians may answer */                   \
    X(CASE_APPROVED, "approved")   /* enough of them approved */                                   \
    X(CASE_OPEN, "open")           /* the session has opened it at least once */                   \
    X(CASE_REFUSED, "refused")     /* so many refused that enough can no longer approve */         \
    X(CASE_EXPIRED, "expired")                                                                     \
    X(CASE_WITHDRAWN, "withdrawn")                                                                 \
    X(CASE_CLOSED, "closed")

enum case_state {
#define X(id, name) id,
    CASE_STATES(X)
#undef X
};
const char *case_state_name(enum case_state s);
int case_state_parse(const char *name, enum case_state *ret); /* E_SYNTAX */
bool case_state_may(enum case_state from, enum case_state to);
/* Nothing can happen any more. */
bool case_state_final(enum case_state s);
#endif
