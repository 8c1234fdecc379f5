/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Entries go into DATA/log. The log's own lock keeps two writers apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/case.h"
#include "tlog/log.h"

static int open_log(struct cli_case *c, struct err *reterr)
{
    char dir[4096], keys[4096], origin[128];
    if (c->log_state)
        return 0;
    snprintf(dir, sizeof(dir), "%s/log", c->data_dir);
    snprintf(keys, sizeof(keys), "%s/log-key", c->data_dir);
    snprintf(origin, sizeof(origin), "lethe/%s", c->config.node);
    struct tlog_log_options o = {.dir = dir, .key_dir = keys};
    struct tlog_log *l = NULL;
    o.create = access(dir, F_OK) < 0 && access(keys, F_OK) < 0; /* never over what is left of one */
    o.origin = o.create ? origin : NULL;
    int r = tlog_log_open(&o, &l, reterr);
    if (r < 0)
        return err_prefix(reterr, "the log cannot take an entry, so nothing is done: "), r;
    c->log_state = l;
    return 0;
}

static int append(void *user, const char *text, size_t len, uint64_t *ret_index, struct err *reterr)
{
    struct cli_case *c = user;
    struct tlog_entry entry = {text, len};
    int r = open_log(c, reterr);
    return r < 0 ? r : tlog_log_append(c->log_state, &entry, 1, ret_index, reterr);
}

static int prove(void *user, uint64_t index, struct buf *out, struct err *reterr)
{
    struct cli_case *c = user;
    int r = open_log(c, reterr);
    return r < 0 ? r : tlog_log_prove(c->log_state, index, out, reterr);
}

void cli_case_log_init(struct cli_case *c)
{
    c->log = (struct case_log){append, prove, c};
}

void cli_case_log_release(struct cli_case *c)
{
    if (c->log_state)
        tlog_log_close(c->log_state);
    c->log_state = NULL;
}
