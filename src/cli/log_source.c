/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "cli/log_source.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tlog/durable.h"

int log_source_files(const struct cli_args *a, const char *source, struct log_source *s,
                     struct err *reterr)
{
    char probe[PATH_MAX + 32];
    memset(s, 0, sizeof(*s));
    buf_init(&s->note, TLOG_CHECKPOINT_BYTES);
    if (sodium_init() < 0)
        return err_set(reterr, E_BUG, "libsodium does not start");
    const char *where = source ? source : cli_data_dir(a);
    if (!where)
        where = ".";
    snprintf(s->where, sizeof(s->where), "%s", where);
    if (strstr(s->where, "://")) {
        int r = tlog_http_open(s->where, &s->http, reterr);
        if (r >= 0)
            s->files = tlog_files_http(s->http);
        return r;
    }
    snprintf(probe, sizeof(probe), "%s/log/checkpoint", where);
    size_t len = strlen(s->where);
    if (access(probe, F_OK) == 0 && len + 5 < sizeof(s->where))
        memcpy(s->where + len, "/log", 5);
    s->files = tlog_files_dir(s->where);
    return 0;
}

static int parse_policy(struct log_source *s, const char *file, struct err *reterr)
{
    struct buf b;
    buf_init(&b, TLOG_POLICY_BYTES);
    int r = durable_read(file, &b, reterr);
    if (r >= 0) {
        r = tlog_policy_parse(b.data, b.len, &s->policy, reterr);
        if (r < 0)
            err_prefix(reterr, "%s: ", file);
    }
    buf_release(&b);
    return r;
}

/* The list that the log publishes beside itself. */
static int own_keys(struct log_source *s, struct err *reterr)
{
    struct buf b;
    const char *line;
    size_t at = 0, n;
    buf_init(&b, 16384);
    s->own_word = true;
    int r = s->files.get(s->files.user, "keys", &b, reterr);
    while (r >= 0 && s->policy.logs_n < TLOG_POLICY_LOGS &&
           tlog_line((const char *)b.data, b.len, &at, &line, &n))
        if ((r = tlog_vkey_parse(line, n, &s->policy.logs[s->policy.logs_n], reterr)) >= 0)
            s->policy.logs_n++;
    buf_release(&b);
    return r;
}

int log_source_policy(const struct cli_args *a, struct log_source *s, struct err *reterr)
{
    const char *file = cli_value(a, "policy", NULL), *key;
    s->policy.quorum = -1;
    int r = file ? parse_policy(s, file, reterr) : 0;
    for (size_t i = 0; r >= 0 && (key = cli_nth(a, "key", i)); i++) {
        if (s->policy.logs_n == TLOG_POLICY_LOGS)
            return err_set(reterr, E_LIMIT, "more than %d keys", TLOG_POLICY_LOGS);
        r = tlog_vkey_parse(key, strlen(key), &s->policy.logs[s->policy.logs_n], reterr);
        s->policy.logs_n += r >= 0;
    }
    if (r >= 0 && s->policy.logs_n == 0)
        r = own_keys(s, reterr);
    return r;
}

int log_source_checkpoint(struct log_source *s, struct err *reterr)
{
    int r = s->files.get(s->files.user, "checkpoint", &s->note, reterr);
    if (r >= 0)
        r = tlog_policy_open(&s->policy, s->note.data, s->note.len, &s->head, &s->report, reterr);
    return r;
}

int log_source_open(const struct cli_args *a, const char *source, struct log_source *s,
                    struct err *reterr)
{
    int r = log_source_files(a, source, s, reterr);
    if (r >= 0)
        r = log_source_policy(a, s, reterr);
    if (r >= 0)
        r = log_source_checkpoint(s, reterr);
    if (r >= 0)
        r = tlog_reader_open(s->files, s->head.size, &s->reader);
    return r;
}

void log_source_close(struct log_source *s)
{
    tlog_reader_close(s->reader);
    tlog_http_close(s->http);
    buf_release(&s->note);
    s->reader = NULL;
    s->http = NULL;
}

int log_source_entry(struct log_source *s, uint64_t index, struct buf *ret, struct err *reterr)
{
    struct tlog_subtrees t = tlog_reader_subtrees(s->reader);
    struct tlog_path p;
    struct tlog_hash leaf;
    int r = tlog_reader_entry(s->reader, index, ret, reterr);
    if (r >= 0)
        r = tlog_tree_inclusion(&t, index, s->head.size, &p, reterr);
    if (r < 0)
        return r;
    tlog_leaf_hash(ret->data, ret->len, &leaf);
    r = tlog_inclusion_check(&leaf, index, s->head.size, &s->head.root, &p);
    return r < 0 ? err_set(reterr, E_CORRUPT,
                           "entry %llu of %.200s is not the one that was signed: it was altered",
                           (unsigned long long)index, s->where)
                 : 0;
}
