/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The roles of the public log: `logger` writes it, `cosigner` asks the witnesses. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cli/serve.h"
#include "tlog/cosigner.h"
#include "tlog/durable.h"
#include "tlog/logger.h"

/* What both start with. */
struct log_role {
    struct config config;
    struct tlog_policy policy;
    const char *data;
    long parent, heartbeat;
    char origin[256];
};

static int load_policy(struct log_role *role, struct err *reterr)
{
    struct buf b;
    const char *path = role->config.public_log.witnesses;
    if (!path[0])
        return 0;
    buf_init(&b, TLOG_POLICY_BYTES);
    int r = durable_read(path, &b, reterr);
    if (r >= 0) {
        r = tlog_policy_parse(b.data, b.len, &role->policy, reterr);
        if (r < 0)
            err_prefix(reterr, "%s: ", path);
    }
    buf_release(&b);
    return r;
}

/* 2: the command line is wrong, and that was said. */
static int begin(const struct cli_args *a, const char *name, struct log_role *role,
                 struct err *reterr)
{
    char path[PATH_MAX];
    role->data = cli_data_dir(a);
    if (cli_int(a, "parent", 0, INT_MAX, 0, &role->parent) < 0 ||
        cli_int(a, "heartbeat-fd", 0, INT_MAX, 0, &role->heartbeat) < 0)
        return 2;
    log_set_process(name);
    int r = serve_load_config(a, role->data, &role->config, path, reterr);
    if (r < 0)
        return r;
    log_set_level((enum log_level)role->config.log_level);
    if (sodium_init() < 0)
        return err_set(reterr, E_BUG, "libsodium does not start");
    return load_policy(role, reterr);
}

/* The sandbox's rules hold on to directories that are there. */
static int make_dirs(const char *data, struct err *reterr)
{
    static const struct {
        const char *name;
        mode_t mode;
    } dirs[] = {{"log", 0755}, {"log-key", 0700}, {"run", 0700}};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
        snprintf(path, sizeof(path), "%s/%s", data, dirs[i].name);
        if (mkdir(path, dirs[i].mode) < 0 && errno != EEXIST)
            return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    }
    return 0;
}

/*
 * What the log is called when it is made: as configured, else after the node. One that is there keeps its name, and only
 * a configured one that differs is an error.
 */
static const char *choose_origin(struct log_role *role)
{
    char path[PATH_MAX];
    struct stat st;
    snprintf(role->origin, sizeof(role->origin), "%s", role->config.public_log.origin);
    snprintf(path, sizeof(path), "%s/log-key/key", role->data);
    if (!role->origin[0] && stat(path, &st) < 0)
        snprintf(role->origin, sizeof(role->origin), "%s/log", role->config.node);
    return role->origin;
}

static int run_logger(const struct cli_args *a)
{
    static struct log_role role;
    struct err e = {0};
    int r = begin(a, "logger", &role, &e);
    if (r == 2)
        return 2;
    if (r >= 0)
        r = make_dirs(role.data, &e);
    if (r >= 0) {
        const struct logger_options o = {
            .data_dir = role.data,
            .origin = choose_origin(&role),
            .policy = role.config.public_log.witnesses[0] ? &role.policy : NULL,
            .heartbeat_fd = role.heartbeat ? (int)role.heartbeat : -1,
            .clock = &clock_system};
        r = serve_enter_role(SANDBOX_LOGGER, role.parent, role.data, NULL, &e);
        if (r >= 0)
            r = logger_run(&o, &e);
    }
    config_free(&role.config);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

static int run_cosigner(const struct cli_args *a)
{
    static struct log_role role;
    struct err e = {0};
    int r = begin(a, "cosigner", &role, &e);
    if (r == 2)
        return 2;
    if (r >= 0 && !role.config.public_log.witnesses[0])
        r = err_set(&e, E_NOTFOUND, "no witnesses are configured (public_log.witnesses)");
    if (r >= 0)
        r = make_dirs(role.data, &e);
    if (r >= 0)
        r = serve_enter_role(SANDBOX_COSIGNER, role.parent, role.data, NULL, &e);
    if (r >= 0) {
        const struct cosigner_options o = {.data_dir = role.data,
                                           .policy = &role.policy,
                                           .heartbeat_fd =
                                               role.heartbeat ? (int)role.heartbeat : -1};
        r = cosigner_run(&o, &e);
    }
    config_free(&role.config);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

static const struct cli_option role_options[] = {
    OPTION_DATA, OPTION_CONFIG, OPTION_PARENT, OPTION_HEARTBEAT, {0},
};
const struct cli_command cli_logger = {
    .name = "logger",
    .summary = "the process that writes the public log (started by serve)",
    .options = role_options,
    .hidden = true,
    .run = run_logger,
};
const struct cli_command cli_cosigner = {
    .name = "cosigner",
    .summary = "the process that asks witnesses to cosign (started by serve)",
    .options = role_options,
    .hidden = true,
    .run = run_cosigner,
};
