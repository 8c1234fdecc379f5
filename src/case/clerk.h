/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_CLERK_H
#define CASE_CLERK_H
/*
 * The process that keeps cases: takes orders and answers, has them logged, ends cases when their time is over. Answers
 * on DATA/run/cases.sock, one line of JSON for one line (docs/api/cases.md). Holds no key. Single-threaded.
 */
#include <jansson.h>

#include "base/clock.h"
#include "case/desk.h"

struct clerk_options {
    const char *data_dir, *node;
    const struct seal_policy *policy;
    const struct case_rules *rules;
    const struct case_log *log;
    int heartbeat_fd; /* -1: none */
    const struct clock *clock;
};
/* Until SIGTERM. Errors: errno values of the socket. */
int clerk_run(const struct clerk_options *o, struct err *reterr);

/* The answer to one request; NULL when out of memory. */
json_t *clerk_answer(const struct clerk_options *o, const char *line, size_t len);
/* Cases that are over for good: they are not read again. */
struct clerk_over {
    char (*id)[CASE_ID];
    size_t count;
};
/* End what is overdue. A folder that cannot be read is left as it is. The caller frees @known->id. */
void clerk_end_overdue(const struct clerk_options *o, struct clerk_over *known);
#endif
