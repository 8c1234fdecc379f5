/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/state.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"

static const char *const names[] = {
#define X(id, name) name,
    CASE_STATES(X)
#undef X
};
#define STATES (sizeof(names) / sizeof(names[0]))
#define BIT(s) (1U << (s))
#define ENDS (BIT(CASE_EXPIRED) | BIT(CASE_WITHDRAWN))

static const unsigned next[STATES] = {
    [CASE_REQUESTED] = BIT(CASE_LOGGED) | ENDS,
    [CASE_LOGGED] = BIT(CASE_APPROVED) | BIT(CASE_REFUSED) | ENDS,
    [CASE_APPROVED] = BIT(CASE_OPEN) | ENDS,
    [CASE_OPEN] = BIT(CASE_CLOSED) | BIT(CASE_EXPIRED),
};

const char *case_state_name(enum case_state s)
{
    return names[s];
}

int case_state_parse(const char *name, enum case_state *ret)
{
    for (size_t i = 0; i < STATES; i++)
        if (!strcmp(name, names[i])) {
            *ret = (enum case_state)i;
            return 0;
        }
    return E_SYNTAX;
}

bool case_state_may(enum case_state from, enum case_state to)
{
    return (next[from] & BIT(to)) != 0;
}

bool case_state_final(enum case_state s)
{
    return next[s] == 0;
}
