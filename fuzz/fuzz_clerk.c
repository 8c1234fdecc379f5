/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests to the clerk: whatever comes is answered by one object that says ok or why not. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "case/clerk.h"

/* A log that takes nothing: nothing may then be done. */
static int append(void *user, const char *text, size_t len, uint64_t *ret_index, struct err *reterr)
{
    (void)user, (void)text, (void)len, (void)ret_index;
    return err_set(reterr, E_BUSY, "no log");
}

static int prove(void *user, uint64_t index, struct buf *out, struct err *reterr)
{
    (void)user, (void)index, (void)out;
    return err_set(reterr, E_BUSY, "no log");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct seal_policy policy;
    static struct case_rules rules;
    static const struct case_log log = {append, prove, NULL};
    case_rules_default(&rules);
    rules.codes = case_codes_default();
    const struct clerk_options o = {.data_dir = "/nonexistent",
                                    .node = "hall-1",
                                    .policy = &policy,
                                    .rules = &rules,
                                    .log = &log,
                                    .heartbeat_fd = -1,
                                    .clock = &clock_system};
    json_t *answer = clerk_answer(&o, (const char *)data, size);
    assert(json_is_object(answer));
    const json_t *ok = json_object_get(answer, "ok");
    assert(json_is_boolean(ok));
    assert(json_is_true(ok) || strlen(json_string_value(json_object_get(answer, "error"))) > 0);
    json_decref(answer);
    return 0;
}
