/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The role `clerk`: keeps cases. */
#include <sodium.h>

#include "base/log.h"
#include "case/clerk.h"
#include "cli/case.h"
#include "cli/serve.h"
#include "tlog/client.h"

/* The logger's socket, opened for each use: the logger may be started again at any time. */
static int append(void *user, const char *text, size_t len, uint64_t *ret_index, struct err *reterr)
{
    struct tlog_client *c;
    struct tlog_entry entry = {text, len};
    int r = tlog_client_open(user, TLOG_CLIENT_TIMEOUT_MS, &c, reterr);
    if (r < 0)
        return err_set(reterr, E_BUSY,
                       "the public log takes nothing now, so nothing is done; try again");
    r = tlog_client_append(c, &entry, 1, ret_index, reterr);
    tlog_client_close(c);
    return r;
}

static int prove(void *user, uint64_t index, struct buf *out, struct err *reterr)
{
    struct tlog_client *c;
    int r = tlog_client_open(user, TLOG_CLIENT_TIMEOUT_MS, &c, reterr);
    if (r < 0)
        return err_set(reterr, E_BUSY, "the public log proves nothing now; try again");
    r = tlog_client_proof(c, index, false, out, reterr);
    tlog_client_close(c);
    return r;
}

static int run_clerk(const struct cli_args *a)
{
    static struct cli_case c;
    struct err e = {0};
    long parent, heartbeat;
    if (serve_number(a, "parent", 0, &parent) < 0 ||
        serve_number(a, "heartbeat-fd", 0, &heartbeat) < 0)
        return 2;
    log_set_process("clerk");
    int r = cli_case_begin(a, &c, &e);
    if (r >= 0) {
        const char *data = cli_data_dir(a);
        const struct case_log log = {append, prove, (void *)(uintptr_t)data};
        const struct clerk_options o = {.data_dir = data,
                                        .node = c.config.node,
                                        .policy = &c.policy,
                                        .rules = &c.rules,
                                        .log = &log,
                                        .heartbeat_fd = heartbeat ? (int)heartbeat : -1,
                                        .clock = &clock_system};
        log_set_level((enum log_level)c.config.log_level);
        if (sodium_init() < 0)
            r = err_set(&e, E_BUG, "libsodium does not start");
        if (r >= 0)
            r = serve_enter_role(SANDBOX_CLERK, parent, data, NULL, &e);
        if (r >= 0)
            r = clerk_run(&o, &e);
    }
    cli_case_release(&c);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

static const struct cli_option options[] = {
    OPTION_DATA, OPTION_CONFIG, OPTION_PARENT, OPTION_HEARTBEAT, {0},
};
const struct cli_command cli_clerk = {
    .name = "clerk",
    .summary = "the process that keeps cases (started by serve)",
    .options = options,
    .hidden = true,
    .run = run_clerk,
};
