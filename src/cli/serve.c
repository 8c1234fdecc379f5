/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe serve`: prepares, then supervises the processes whose roles are in roles.c. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/account.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/serve.h"
#include "http/listen.h"
#include "index/index.h"
#include "seal/seal.h"
#include "serve/datadir.h"
#include "serve/report.h"
#include "serve/sandbox.h"
#include "serve/supervisor.h"
#include "store/store.h"

#define TAKEOVER_US                                                                                \
    (30 * SECOND_US) /* a recorder whose supervisor was killed closes its files in that time */
#define RECORDER_STOP_MS 20000
#define WEB_STOP_MS 5000
#define MASKER_STOP_MS 5000
#define LOGGER_STOP_MS 5000
#define MASKERS CONFIG_MASK_WORKERS
#define MASKER_ARGS 12
#define NUMBER_TEXT 16

int serve_load_config(const struct cli_args *a, const char *data, struct config *ret,
                      char ret_path[PATH_MAX], struct err *reterr)
{
    const char *file = cli_value(a, "config", NULL);
    ret_path[0] = 0;
    config_default(ret);
    if (file) {
        snprintf(ret_path, PATH_MAX, "%s", file);
    } else if (data) {
        snprintf(ret_path, PATH_MAX, "%s/lethe.yaml", data);
        if (access(ret_path, F_OK) < 0)
            ret_path[0] = 0;
    }
    return ret_path[0] ? config_load(ret_path, ret, reterr) : 0;
}

static const char *choose_data(const struct cli_args *a, const struct config *c)
{
    return cli_value(a, "data", NULL) || !c->data_dir[0] ? cli_data_dir(a) : c->data_dir;
}

const char *serve_listen(const struct cli_args *a, const struct config *c, char buf[80])
{
    const char *given = cli_value(a, "listen", NULL);
    char host[64];
    int port;
    if (given || config_listen_split(c->listen, host, &port) < 0 || strcmp(host, "127.0.0.1") != 0)
        return given ? given : c->listen;
    snprintf(buf, 80, "localhost:%d", port);
    return buf;
}

static bool has_tls(const struct config *c)
{
    return c->tls.cert[0] || c->tls.self_signed;
}

struct masker_text {
    char label[24], number[NUMBER_TEXT];
    const char *args[MASKER_ARGS];
};

/* Everything that `serve` has in hand while it runs. */
struct serve {
    struct config config;
    char config_path[PATH_MAX], data[PATH_MAX], listen[80];
    struct http_listeners listeners;
    int lock_fd;
    struct masker_text maskers[MASKERS];
    struct supervisor_role roles[SUPERVISOR_ROLES];
};

static int become_user(uid_t uid, gid_t gid, int found, struct err *reterr)
{
    if (found > 0)
        return privileges_drop(uid, gid, reterr);
    if (geteuid() == 0)
        log_warn("serve",
                 "running as root, because there is no user \"lethe\" to become; make one with "
                 "useradd --system lethe");
    return 0;
}

/* What has to be done as the user that called, then the way down. */
static int prepare(struct serve *s, const struct cli_args *a, struct err *reterr)
{
    uid_t uid = (uid_t)-1;
    gid_t gid = (gid_t)-1;
    const char *given = cli_value(a, "data", NULL);
    int r =
        serve_load_config(a, given ? given : cli_data_dir(a), &s->config, s->config_path, reterr);
    if (r < 0)
        return r;
    log_set_level((enum log_level)s->config.log_level);
    int found = privileges_find(NULL, &uid, &gid, reterr);
    if (found < 0)
        return found;
    const char *data = choose_data(a, &s->config);
    r = datadir_prepare(data, uid, gid, NULL, reterr);
    if (r < 0)
        return r;
    if (!realpath(data, s->data))
        return err_set(reterr, -errno, "%s: %s", data, err_text(-errno));
    r = http_listen(serve_listen(a, &s->config, s->listen), has_tls(&s->config), &s->listeners,
                    reterr);
    if (r < 0)
        return r;
    r = become_user(uid, gid, found, reterr);
    if (r < 0)
        return r;
    privileges_limits();
    return datadir_lock(s->data, TAKEOVER_US, &s->lock_fd, reterr);
}

/* Fails here, once and in words, rather than in a recorder that is started over and over. */
static int check_custodians(const struct serve *s, struct err *reterr)
{
    static struct seal_policy policy;
    int r =
        seal_policy_find(s->data, s->config.custodians, s->config.threshold, true, &policy, reterr);
    if (r >= 0 && policy.practice)
        log_warn("serve",
                 "no custodians are named: practising with three whose keys lie in %s/practice; "
                 "whoever can "
                 "read that folder can open every recording",
                 s->data);
    return r;
}

/*
 * Index, volume's name and folders exist before the first child starts: web may only read the index, and the rules of
 * both need files to hold on to. What is wrong with an index is said by the recorder, again and again, while the page stays up.
 */
static void make_index(const struct serve *s)
{
    struct index *ix = NULL;
    struct err e = {0};
    int r = index_sqlite.open(s->data, false, &ix, &e);
    if (r < 0)
        log_warn("serve", "the index could not be opened: %s", err_str(&e, r));
    else if ((r = store_name_volume(s->data, ix, &e)) < 0)
        log_warn("serve", "the volume could not be named: %s", err_str(&e, r));
    if (ix)
        ix->ops->close(ix);
}

/*
 * The folders that children may read or write: their rules need them to be there. While there is no user, the link by which the
 * first one is made.
 */
static void make_folders(const struct serve *s)
{
    static const char *const folders[] = {"recordings", "keys", "log", "manifests", "cases"};
    char path[PATH_MAX + 16], token[ACCOUNT_SECRET];
    struct account *accounts = NULL;
    struct err e = {0};
    bool needed = false;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", s->data, folders[i]);
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            log_warn("serve", "%s: %s", path, err_text(-errno));
    }
    int r = account_open(s->data, &clock_system, &accounts, &e);
    if (r >= 0)
        r = account_setup_needed(accounts, &needed);
    if (r >= 0 && needed)
        r = account_setup_token(accounts, token, &e);
    if (r < 0)
        log_warn("serve", "%s", err_str(&e, r));
    else if (needed)
        log_info("serve", "there is no user yet; make the first administrator at %s#/setup/%s",
                 s->config.url[0] ? s->config.url : s->listeners.url, token);
    account_close(accounts);
}

static struct supervisor_role masker_role(struct serve *s, int i, const char *parent)
{
    struct masker_text *m = &s->maskers[i];
    snprintf(m->label, sizeof(m->label), "masker-%d", i);
    snprintf(m->number, sizeof(m->number), "%d", i);
    const char *const args[MASKER_ARGS] = {"--data",
                                           s->data,
                                           "--parent",
                                           parent,
                                           "--heartbeat-fd",
                                           "3",
                                           "--number",
                                           m->number,
                                           s->config_path[0] ? "--config" : NULL,
                                           s->config_path,
                                           NULL};
    memcpy(m->args, args, sizeof(args));
    return (struct supervisor_role){
        .name = "masker", .label = m->label, .args = m->args, .stop_ms = MASKER_STOP_MS};
}

static int supervise(struct serve *s, struct err *reterr)
{
    char parent[NUMBER_TEXT];
    snprintf(parent, sizeof(parent), "%d", (int)getpid());
    /* The configuration stands last, so that it can be left out. */
    const char *config = s->config_path[0] ? "--config" : NULL;
    const char *const recorder_args[] = {"--data",
                                         s->data,
                                         "--parent",
                                         parent,
                                         "--heartbeat-fd",
                                         "3",
                                         "--lock-fd",
                                         "4",
                                         s->config_path[0] ? "--config" : NULL,
                                         s->config_path,
                                         NULL};
    const char *const web_args[] = {"--data",
                                    s->data,
                                    "--parent",
                                    parent,
                                    "--heartbeat-fd",
                                    "3",
                                    "--listen-fd",
                                    "4",
                                    s->listeners.count > 1 ? "--listen-fd" : config,
                                    s->listeners.count > 1 ? "5" : s->config_path,
                                    config && s->listeners.count > 1 ? config : NULL,
                                    s->config_path,
                                    NULL};
    const char *const log_args[] = {"--data",
                                    s->data,
                                    "--parent",
                                    parent,
                                    "--heartbeat-fd",
                                    "3",
                                    s->config_path[0] ? "--config" : NULL,
                                    s->config_path,
                                    NULL};
    int count = s->config.mask.enabled ? config_mask_workers(&s->config) : 0;
    for (int i = 0; i < count; i++)
        s->roles[i] = masker_role(s, i, parent);
    /*
     * They stop in the opposite order: the maskers last, when the recorder has hung up on them, and the logger before
     * them, when the recorder has handed in its last entries.
     */
    s->roles[count++] =
        (struct supervisor_role){.name = "logger", .args = log_args, .stop_ms = LOGGER_STOP_MS};
    s->roles[count++] = (struct supervisor_role){.name = "recorder",
                                                 .args = recorder_args,
                                                 .fds = {s->lock_fd},
                                                 .fd_count = 1,
                                                 .essential = true,
                                                 .stop_ms = RECORDER_STOP_MS};
    if (s->config.public_log.witnesses[0])
        s->roles[count++] = (struct supervisor_role){
            .name = "cosigner", .args = log_args, .stop_ms = LOGGER_STOP_MS};
    s->roles[count++] =
        (struct supervisor_role){.name = "clerk", .args = log_args, .stop_ms = LOGGER_STOP_MS};
    s->roles[count++] = (struct supervisor_role){.name = "web",
                                                 .args = web_args,
                                                 .fds = {s->listeners.fd[0], s->listeners.fd[1]},
                                                 .fd_count = s->listeners.count,
                                                 .stop_ms = WEB_STOP_MS};
    struct report report = {s->data, s->listeners.url, clock_wall_us(&clock_system), false};
    const struct supervisor_options o = {
        .roles = s->roles, .role_count = count, .changed = report_changed, .user = &report};
    return supervisor_run(&o, reterr);
}

static int run_serve(const struct cli_args *a)
{
    static struct serve s; /* lives as long as the process */
    struct err e = {0};
    log_set_process("serve");
    s.lock_fd = -1;
    int r = prepare(&s, a, &e);
    if (r >= 0)
        r = check_custodians(&s, &e);
    if (r >= 0) {
        make_index(&s);
        make_folders(&s);
        r = supervise(&s, &e);
    }
    http_listeners_close(&s.listeners);
    if (s.lock_fd >= 0)
        close(s.lock_fd);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

static const struct cli_option serve_options[] = {
    OPTION_DATA,
    OPTION_CONFIG,
    {.name = "listen",
     .value = "ADDR:PORT",
     .help =
         "where the web server answers (default 127.0.0.1:8080 and [::1]:8080); addresses other "
         "than loopback need TLS"},
    {0},
};
const struct cli_command cli_serve = {
    .name = "serve",
    .summary = "record all cameras and serve the masked view",
    .details =
        "Starts the recorder, a masker per core, the public log and the web server as processes of "
        "their own, "
        "each with no more "
        "rights than it "
        "needs, and starts them again when they die. The first run makes the data directory and, "
        "when no "
        "custodians are configured, three custodians to practise with. As long as there is no user "
        "it prints a link at which the first administrator is made.\n\n"
        "SIGTERM or Ctrl-C stops: the recorder closes its files first, for which it has 20 "
        "seconds. A second "
        "signal kills. Started as root, it continues as the user \"lethe\" where that user exists.",
    .options = serve_options,
    .examples =
        "# Record into ./data, to be seen at http://localhost:8080/\nlethe serve --data data\n"
        "# With settings, on another port\n"
        "lethe serve --config /etc/lethe/lethe.yaml --listen localhost:9000",
    .run = run_serve,
};
