/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe serve` and the two roles that it starts: `lethe recorder` and `lethe web`. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "cli/command.h"
#include "http/listen.h"
#include "http/server.h"
#include "index/index.h"
#include "recorder/recorder.h"
#include "seal/seal.h"
#include "serve/datadir.h"
#include "serve/report.h"
#include "serve/sandbox.h"
#include "serve/supervisor.h"

#define TAKEOVER_US                                                                                \
    (30 * SECOND_US) /* a recorder whose supervisor was killed closes its files in that time */
#define RECORDER_STOP_MS 20000
#define WEB_STOP_MS 5000
#define NUMBER_TEXT 16

/* --config, else DATA/lethe.yaml where there is one. @ret_path: which one was read, "" for none. */
static int load_config(const struct cli_args *a, const char *data, struct config *ret,
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

/* Where the status page listens: the option, else the configuration, whose loopback address means both families. */
static const char *choose_listen(const struct cli_args *a, const struct config *c, char buf[80])
{
    const char *given = cli_value(a, "listen", NULL);
    char host[64];
    int port;
    if (given || config_listen_split(c->listen, host, &port) < 0 || strcmp(host, "127.0.0.1") != 0)
        return given ? given : c->listen;
    snprintf(buf, 80, "localhost:%d", port);
    return buf;
}

/* Everything that `serve` has in hand while it runs. */
struct serve {
    struct config config;
    char config_path[PATH_MAX], data[PATH_MAX], listen[80];
    struct http_listeners listeners;
    int lock_fd;
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
    int r = load_config(a, given ? given : cli_data_dir(a), &s->config, s->config_path, reterr);
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
    r = http_listen(choose_listen(a, &s->config, s->listen), &s->listeners, reterr);
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
 * The index exists and is up to date before the first child starts: web may only read it, and its rules need files to
 * hold on to. What is wrong with an index is said by the recorder, again and again, while the page stays up.
 */
static void make_index(const struct serve *s)
{
    struct index *ix = NULL;
    struct err e = {0};
    int r = index_sqlite.open(s->data, false, &ix, &e);
    if (r < 0)
        log_warn("serve", "the index could not be opened: %s", err_str(&e, r));
    else
        ix->ops->close(ix);
}

static int supervise(struct serve *s, struct err *reterr)
{
    char parent[NUMBER_TEXT];
    snprintf(parent, sizeof(parent), "%d", (int)getpid());
    /* The configuration stands last, so that it can be left out. */
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
                                    s->listeners.count > 1 ? "--listen-fd" : NULL,
                                    "5",
                                    NULL};
    const struct supervisor_role roles[] = {
        {"recorder", recorder_args, {s->lock_fd}, 1, true, RECORDER_STOP_MS},
        {"web",
         web_args,
         {s->listeners.fd[0], s->listeners.fd[1]},
         s->listeners.count,
         false,
         WEB_STOP_MS},
    };
    struct report report = {s->data, s->listeners.url, clock_wall_us(&clock_system), false};
    const struct supervisor_options o = {
        .roles = roles, .role_count = 2, .changed = report_changed, .user = &report};
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
        r = supervise(&s, &e);
    }
    http_listeners_close(&s.listeners);
    if (s.lock_fd >= 0)
        close(s.lock_fd);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

/* Numbers that `serve` passes; a missing one is @fallback. */
static int number(const struct cli_args *a, const char *name, long fallback, long *ret)
{
    return cli_int(a, name, 0, INT_MAX, fallback, ret);
}

/* The way from a fresh process to one that may do its role's work only. */
static int enter_role(enum sandbox_role role, long parent, const char *data, const char *also_read,
                      struct err *reterr)
{
    struct sandbox_report report;
    signal(SIGPIPE, SIG_IGN);
    umask(0077);
    int r = privileges_follow_parent((pid_t)parent, SIGTERM, reterr);
    if (r >= 0)
        r = sandbox_enter(role, data, also_read, &report, reterr);
    if (r < 0)
        return r;
    if (report.landlock_abi)
        log_info("serve", "restricted: system calls, files (Landlock %d); %ld open files",
                 report.landlock_abi, report.files);
    else
        log_warn("serve",
                 "restricted: system calls; this kernel has no Landlock, so files are guarded by "
                 "their owner "
                 "only; %ld open files",
                 report.files);
    return 0;
}

static int run_recorder(const struct cli_args *a)
{
    static struct config config;
    char path[PATH_MAX], tmp[PATH_MAX];
    struct err e = {0};
    long parent, heartbeat, lock;
    int lock_fd = -1;
    const char *data = cli_data_dir(a);
    if (number(a, "parent", 0, &parent) < 0 || number(a, "heartbeat-fd", 0, &heartbeat) < 0 ||
        number(a, "lock-fd", 0, &lock) < 0)
        return 2;
    log_set_process("recorder");
    int r = load_config(a, data, &config, path, &e);
    if (r >= 0 && !lock) /* started by hand */
        r = datadir_prepare(data, (uid_t)-1, (gid_t)-1, NULL, &e);
    if (r >= 0 && !lock)
        r = datadir_lock(data, 0, &lock_fd, &e);
    if (r >= 0) {
        log_set_level((enum log_level)config.log_level);
        snprintf(tmp, sizeof(tmp), "%s/run", data);
        setenv("SQLITE_TMPDIR", tmp, 1); /* /tmp is out of reach */
        r = enter_role(SANDBOX_RECORDER, parent, data, config.custodians, &e);
    }
    if (r >= 0) {
        const struct recorder_options o = {&config, data, heartbeat ? (int)heartbeat : -1,
                                           &clock_system};
        r = recorder_run(&o, &e);
    }
    config_free(&config);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

/* Beat once a second until a signal asks to stop, or until nobody listens to the beat any more. */
static void wait_for_end(const sigset_t *signals, int heartbeat)
{
    const struct timespec second = {1, 0};
    do {
        if (heartbeat > 0 && write(heartbeat, ".", 1) < 0 && errno == EPIPE)
            return;
    } while (sigtimedwait(signals, NULL, &second) < 0);
}

static int run_web(const struct cli_args *a)
{
    char run_dir[PATH_MAX];
    struct err e = {0};
    struct http_server *server = NULL;
    sigset_t signals;
    long parent, heartbeat;
    int fds[HTTP_LISTENERS], count = 0;
    const char *data = cli_data_dir(a);
    if (number(a, "parent", 0, &parent) < 0 || number(a, "heartbeat-fd", 0, &heartbeat) < 0)
        return 2;
    for (const char *fd; count < HTTP_LISTENERS && (fd = cli_nth(a, "listen-fd", (size_t)count));
         count++)
        fds[count] = (int)strtol(fd, NULL, 10);
    log_set_process("web");
    snprintf(run_dir, sizeof(run_dir), "%s/run", data);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int r = enter_role(SANDBOX_WEB, parent, data, NULL, &e);
    if (r >= 0) {
        const struct http_server_options o = {fds, count, run_dir, &clock_system};
        r = http_server_start(&o, &server, &e);
    }
    if (r >= 0)
        wait_for_end(&signals, (int)heartbeat);
    http_server_stop(server);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

#define OPTION_DATA                                                                                \
    {                                                                                              \
        .name = "data", .value = "DIR", .help = "data directory"                                   \
    }
#define OPTION_CONFIG                                                                              \
    {                                                                                              \
        .name = "config", .value = "FILE",                                                         \
        .help = "settings (default: DATA/lethe.yaml where there is one)"                           \
    }
#define OPTION_PARENT                                                                              \
    {                                                                                              \
        .name = "parent", .value = "PID", .help = "end when this process is not the parent"        \
    }
#define OPTION_HEARTBEAT                                                                           \
    {                                                                                              \
        .name = "heartbeat-fd", .value = "N", .help = "descriptor for one byte a second"           \
    }

static const struct cli_option serve_options[] = {
    OPTION_DATA,
    OPTION_CONFIG,
    {.name = "listen",
     .value = "ADDR:PORT",
     .help =
         "where the status page answers (default 127.0.0.1:8080 and [::1]:8080); loopback only"},
    {0},
};
const struct cli_command cli_serve = {
    .name = "serve",
    .summary = "record all cameras and show the status page",
    .details =
        "Starts the recorder and the status page as processes of their own, each with no more "
        "rights than it "
        "needs, and starts them again when they die. The first run makes the data directory and, "
        "when no "
        "custodians are configured, three custodians to practise with.\n\n"
        "SIGTERM or Ctrl-C stops: the recorder closes its files first, for which it has 20 "
        "seconds. A second "
        "signal kills. Started as root, it continues as the user \"lethe\" where that user exists.",
    .options = serve_options,
    .examples =
        "# Record into ./data, status page at http://localhost:8080/\nlethe serve --data data\n"
        "# With settings, and the page on another port\n"
        "lethe serve --config /etc/lethe/lethe.yaml --listen localhost:9000",
    .run = run_serve,
};

static const struct cli_option recorder_options_table[] = {
    OPTION_DATA,
    OPTION_CONFIG,
    OPTION_PARENT,
    OPTION_HEARTBEAT,
    {.name = "lock-fd", .value = "N", .help = "descriptor of the lock that the parent holds"},
    {0},
};
const struct cli_command cli_recorder = {
    .name = "recorder",
    .summary = "the recorder process (started by serve)",
    .options = recorder_options_table,
    .hidden = true,
    .run = run_recorder,
};

static const struct cli_option web_options[] = {
    OPTION_DATA,
    OPTION_PARENT,
    OPTION_HEARTBEAT,
    {.name = "listen-fd",
     .value = "N",
     .help = "listening socket",
     .repeat = true,
     .required = true},
    {0},
};
const struct cli_command cli_web = {
    .name = "web",
    .summary = "the status page process (started by serve)",
    .options = web_options,
    .hidden = true,
    .run = run_web,
};
