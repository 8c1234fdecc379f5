/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Entries go to the logger. When none runs, into the log itself: its lock keeps two writers apart. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/case.h"
#include "tlog/client.h"
#include "tlog/log.h"

struct log_way {
    struct tlog_client *client;
    struct tlog_log *log;
};

/* The same name that `lethe logger` gives a new log. */
static int open_log(struct cli_case *c, struct tlog_log **ret, struct err *reterr)
{
    char dir[4096], keys[4096], origin[256];
    snprintf(dir, sizeof(dir), "%s/log", c->data_dir);
    snprintf(keys, sizeof(keys), "%s/log-key", c->data_dir);
    if (c->config.public_log.origin[0])
        snprintf(origin, sizeof(origin), "%s", c->config.public_log.origin);
    else
        snprintf(origin, sizeof(origin), "%s/log", c->config.node);
    struct tlog_log_options o = {.dir = dir, .key_dir = keys};
    o.create = access(dir, F_OK) < 0 && access(keys, F_OK) < 0; /* never over what is left of one */
    o.origin = o.create ? origin : NULL;
    return tlog_log_open(&o, ret, reterr);
}

static int open_way(struct cli_case *c, struct log_way **ret, struct err *reterr)
{
    struct log_way *w = c->log_state;
    if (w) {
        *ret = w;
        return 0;
    }
    if (!(w = calloc(1, sizeof(*w))))
        return -ENOMEM;
    int r = tlog_client_open(c->data_dir, TLOG_CLIENT_TIMEOUT_MS, &w->client, reterr);
    if (r == E_NOTFOUND)
        r = open_log(c, &w->log, reterr);
    if (r < 0) {
        free(w);
        err_prefix(reterr, "the log cannot take an entry, so nothing is done: ");
        return r;
    }
    c->log_state = *ret = w;
    return 0;
}

static int append(void *user, const char *text, size_t len, uint64_t *ret_index, struct err *reterr)
{
    struct log_way *w;
    struct tlog_entry entry = {text, len};
    int r = open_way(user, &w, reterr);
    if (r < 0)
        return r;
    return w->client ? tlog_client_append(w->client, &entry, 1, ret_index, reterr)
                     : tlog_log_append(w->log, &entry, 1, ret_index, reterr);
}

static int prove(void *user, uint64_t index, struct buf *out, struct err *reterr)
{
    struct log_way *w;
    int r = open_way(user, &w, reterr);
    if (r < 0)
        return r;
    return w->client ? tlog_client_proof(w->client, index, false, out, reterr)
                     : tlog_log_prove(w->log, index, out, reterr);
}

void cli_case_log_init(struct cli_case *c)
{
    c->log = (struct case_log){append, prove, c};
}

void cli_case_log_release(struct cli_case *c)
{
    struct log_way *w = c->log_state;
    if (w && w->client)
        tlog_client_close(w->client);
    if (w && w->log)
        tlog_log_close(w->log);
    free(w);
    c->log_state = NULL;
}
