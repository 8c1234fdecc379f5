/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe web`: the process that people's browsers talk to. Started by `lethe serve`. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "base/log.h"
#include "cli/serve.h"
#include "http/listen.h"
#include "http/server.h"
#include "http/tls.h"

/* Everything that `web` has in hand while it runs. */
struct web {
    struct config config;
    struct http_tls tls;
    struct http_files files;
    struct api *api;
    struct http_server *server;
    int fds[HTTP_LISTENERS], count;
};

/* Beat once a second until a signal asks to stop, or until nobody listens to the beat any more. */
static void wait_for_end(const sigset_t *signals, int heartbeat)
{
    const struct timespec second = {1, 0};
    do {
        if (heartbeat > 0 && write(heartbeat, ".", 1) < 0 && errno == EPIPE)
            return;
    } while (sigtimedwait(signals, NULL, &second) < 0);
}

/* The application: where the settings say, where it was installed, or beside a program that was built and not installed. */
static void load_files(struct web *w)
{
    char beside[PATH_MAX] = "";
    struct err e = {0};
    ssize_t n = readlink("/proc/self/exe", beside, sizeof(beside) - 8);
    beside[n > 0 ? n : 0] = 0;
    char *slash = strrchr(beside, '/');
    if (slash)
        memcpy(slash, "/web", 5);
    const char *places[] = {w->config.web, beside, LETHE_SHARE "/web"};
    for (size_t i = 0; i < 3; i++) {
        if (!places[i][0])
            continue;
        int r = http_files_load(places[i], &w->files, &e);
        if (r >= 0 || (i == 0 && w->config.web[0]))
            break;
    }
    if (w->files.count)
        log_info("web", "the application has %zu files", w->files.count);
    else
        log_warn("web", "there is no built application (%s), so / shows the status page only",
                 e.text);
}

/* What has to be read before the process gives up its right to. */
static int prepare(struct web *w, const struct cli_args *a, const char *data, struct err *reterr)
{
    char path[PATH_MAX];
    const char *dir = cli_value(a, "web-dir", NULL);
    int r = serve_load_config(a, data, &w->config, path, reterr);
    if (r < 0)
        return r;
    log_set_level((enum log_level)w->config.log_level);
    if (dir)
        snprintf(w->config.web, sizeof(w->config.web), "%s", dir);
    load_files(w);
    snprintf(path, sizeof(path), "%s/web", data);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    setenv("SQLITE_TMPDIR", path, 1); /* of large sorts; /tmp is out of reach */
    if (w->config.tls.cert[0])
        return http_tls_load(w->config.tls.cert, w->config.tls.key, &w->tls, reterr);
    return w->config.tls.self_signed ? http_tls_self_signed(data, &w->tls, reterr) : 0;
}

static int start(struct web *w, const char *data, struct err *reterr)
{
    const struct api_options api = {.data_dir = data,
                                    .node = w->config.node,
                                    .clock = &clock_system,
                                    .tls = w->tls.key != NULL,
                                    .application = w->files.count > 0,
                                    .residents = w->config.residents};
    int r = api_new(&api, &w->api, reterr);
    if (r < 0)
        return r;
    const struct http_server_options o = {.fds = w->fds,
                                          .fd_count = w->count,
                                          .tls_key = w->tls.key,
                                          .tls_cert = w->tls.cert,
                                          .tls_public = !w->tls.self_signed,
                                          .url = w->config.url[0] ? w->config.url : NULL,
                                          .clock = &clock_system,
                                          .files = &w->files,
                                          .tables = api_tables,
                                          .guard = api_guard,
                                          .release = api_release,
                                          .app = w->api};
    return http_server_start(&o, &w->server, reterr);
}

static int run_web(const struct cli_args *a)
{
    static struct web w;
    struct err e = {0};
    sigset_t signals;
    long parent, heartbeat;
    const char *data = cli_data_dir(a);
    if (serve_number(a, "parent", 0, &parent) < 0 ||
        serve_number(a, "heartbeat-fd", 0, &heartbeat) < 0)
        return 2;
    for (const char *fd;
         w.count < HTTP_LISTENERS && (fd = cli_nth(a, "listen-fd", (size_t)w.count)); w.count++)
        w.fds[w.count] = (int)strtol(fd, NULL, 10);
    log_set_process("web");
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int r = prepare(&w, a, data, &e);
    if (r >= 0)
        r = serve_enter_role(SANDBOX_WEB, parent, data, NULL, &e);
    if (r >= 0)
        r = start(&w, data, &e);
    if (r >= 0)
        wait_for_end(&signals, (int)heartbeat);
    http_server_stop(w.server);
    api_free(w.api);
    http_files_release(&w.files);
    http_tls_release(&w.tls);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

static const struct cli_option options[] = {
    OPTION_DATA,
    OPTION_CONFIG,
    OPTION_PARENT,
    OPTION_HEARTBEAT,
    {.name = "web-dir", .value = "DIR", .help = "folder of the built application"},
    {.name = "listen-fd",
     .value = "N",
     .help = "listening socket",
     .repeat = true,
     .required = true},
    {0},
};
const struct cli_command cli_web = {
    .name = "web",
    .summary = "the web process (started by serve)",
    .options = options,
    .hidden = true,
    .run = run_web,
};
