/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "serve/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define ARGS_MAX 32
#define CHECK_MS 500

extern char **environ;

/* One process from birth to death; freed when both handles are closed. */
struct child_run {
    uv_process_t process;
    uv_pipe_t heartbeat;
    struct child *child; /* NULL: the child has forgotten this run */
    int handles;         /* initialised and not yet closed */
    char bytes[64];
};

static const char *signal_name(int sig, char buf[32])
{
    const char *name = sigabbrev_np(sig);
    if (name)
        snprintf(buf, 32, "SIG%s", name);
    else
        snprintf(buf, 32, "signal %d", sig);
    return buf;
}

static void set_phase(struct child *c, enum supervisor_phase phase)
{
    c->state.phase = phase;
    c->state.since_us = clock_wall_us(&clock_system);
    c->changed(c);
}

static void run_closed(uv_handle_t *h)
{
    struct child_run *run = h->data;
    if (--run->handles == 0)
        free(run);
}

/* The child may be started anew at once; the old handles close by themselves. */
static void run_forget(struct child_run *run)
{
    run->child = NULL;
    if (run->handles == 2)
        uv_close((uv_handle_t *)&run->process, run_closed);
    uv_close((uv_handle_t *)&run->heartbeat, run_closed);
}

static void send_signal(struct child *c, int sig)
{
    if (c->run)
        uv_process_kill(&c->run->process, sig);
}

static void on_pause_over(uv_timer_t *t)
{
    child_start(t->data);
}

static void die_for_good(struct child *c)
{
    uv_timer_stop(&c->timer);
    set_phase(c, SUPERVISOR_DONE);
}

/* @c->state.death says what happened; say it and what comes next. */
static void die_and_pause(struct child *c)
{
    bool lasted =
        c->started_ms && uv_now(c->loop) - c->started_ms >= (uint64_t)c->times->backoff_reset;
    int next = c->pause_ms * 2 > c->times->backoff_max ? c->times->backoff_max : c->pause_ms * 2;
    c->pause_ms = lasted || !c->pause_ms ? c->times->backoff_min : next;
    c->state.pause_ms = c->pause_ms;
    c->state.death_us = clock_wall_us(&clock_system);
    log_error("serve", "%s %s; starting it again in %d.%d s", c->state.name, c->state.death,
              c->pause_ms / 1000, c->pause_ms % 1000 / 100);
    uv_timer_start(&c->timer, on_pause_over, (uint64_t)c->pause_ms, 0);
    set_phase(c, SUPERVISOR_PAUSING);
}

static void describe_death(struct child *c, int64_t status, int sig)
{
    char name[32], *text = c->state.death;
    size_t cap = sizeof(c->state.death);
    if (c->aborted)
        snprintf(text, cap, "gave no sign of life for %d s and was aborted (%s)",
                 (c->beat_ms ? c->times->heartbeat : c->times->start) / 1000,
                 sig ? signal_name(sig, name) : "ended");
    else if (sig)
        snprintf(text, cap, "was killed by %s", signal_name(sig, name));
    else
        snprintf(text, cap, "ended with exit code %lld", (long long)status);
}

static void on_process_exit(uv_process_t *p, int64_t status, int sig)
{
    struct child_run *run = p->data;
    struct child *c = run->child;
    if (!c)
        return;
    c->run = NULL;
    c->state.pid = 0;
    run_forget(run);
    describe_death(c, status, sig);
    if (c->state.phase != SUPERVISOR_STOPPING && !c->ending) {
        die_and_pause(c);
        return;
    }
    if (sig || status)
        log_warn("serve", "%s %s while stopping", c->state.name, c->state.death);
    else
        log_info("serve", "%s has stopped", c->state.name);
    die_for_good(c);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct child_run *run = h->data;
    *buf = uv_buf_init(run->bytes, sizeof(run->bytes));
}

static void on_beat(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct child_run *run = s->data;
    struct child *c = run->child;
    if (n < 0)
        uv_read_stop(
            s); /* the pipe ends with the process, or the process closed it: the check below tells */
    if (n <= 0 || !c)
        return;
    c->beat_ms = uv_now(c->loop);
    if (c->state.phase == SUPERVISOR_STARTING) {
        log_info("serve", "%s is up (process %d)", c->state.name, (int)c->state.pid);
        set_phase(c, SUPERVISOR_UP);
    }
}

static void on_patience_over(uv_timer_t *t)
{
    struct child *c = t->data;
    if (c->state.phase == SUPERVISOR_STOPPING) {
        log_error("serve",
                  "%s has not stopped after %d s and is killed; files it had open are repaired at "
                  "the next start",
                  c->state.name, c->role->stop_ms / 1000);
        c->failed = true;
    }
    send_signal(c, SIGKILL);
}

static void on_check(uv_timer_t *t)
{
    struct child *c = t->data;
    uint64_t since = c->beat_ms ? c->beat_ms : c->started_ms;
    int limit = c->beat_ms ? c->times->heartbeat : c->times->start;
    if (uv_now(c->loop) - since < (uint64_t)limit)
        return;
    log_error("serve", "alarm: %s has given no sign of life for %d s; aborting it", c->state.name,
              limit / 1000);
    c->aborted = true;
    send_signal(c, SIGABRT);
    send_signal(c, SIGCONT); /* a stopped process dies of nothing but SIGKILL otherwise */
    uv_timer_start(&c->timer, on_patience_over, (uint64_t)c->times->abort, 0);
}

/* The parent's environment without what is addressed to the parent alone. */
static char **child_environment(void)
{
    static const char *const ours[] = {"NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_", NULL};
    size_t n = 0;
    while (environ[n])
        n++;
    char **env = calloc(n + 1, sizeof(*env));
    for (size_t i = 0, k = 0; env && i < n; i++) {
        bool keep = true;
        for (int j = 0; ours[j]; j++)
            keep = keep && strncmp(environ[i], ours[j], strlen(ours[j])) != 0;
        if (keep)
            env[k++] = environ[i];
    }
    return env;
}

static void build_args(const struct child *c, char *args[ARGS_MAX])
{
    int n = 0;
    const char *const fixed[] = {"lethe", c->role->name, NULL};
    for (int i = 0; fixed[i]; i++)
        args[n++] =
            (char *)(uintptr_t)fixed[i]; /* libuv's array is not const, but it does not write */
    for (int i = 0; c->role->args && c->role->args[i] && n < ARGS_MAX - 1; i++)
        args[n++] = (char *)(uintptr_t)c->role->args[i];
    args[n] = NULL;
}

static int spawn(struct child *c, struct child_run *run, int heartbeat)
{
    char *args[ARGS_MAX], **env = child_environment();
    if (!env)
        return UV_ENOMEM;
    build_args(c, args);
    uv_stdio_container_t io[SUPERVISOR_FIRST_FD + SUPERVISOR_FDS] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = heartbeat},
    };
    for (int i = 0; i < c->role->fd_count; i++)
        io[SUPERVISOR_FIRST_FD + i] =
            (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = c->role->fds[i]};
    uv_process_options_t o = {
        .exit_cb = on_process_exit,
        .file = c->program,
        .args = args,
        .env = env,
        .flags =
            UV_PROCESS_DETACHED, /* own session: Ctrl-C reaches the supervisor alone, which then keeps the order */
        .stdio = io,
        .stdio_count = SUPERVISOR_FIRST_FD + c->role->fd_count,
    };
    run->handles = 2; /* uv_spawn() makes the handle one to be closed even when it fails */
    int r = uv_spawn(c->loop, &run->process, &o);
    free(env);
    return r;
}

static int start_run(struct child *c, struct child_run *run)
{
    int pipe_fds[2];
    int r = uv_pipe(pipe_fds, UV_NONBLOCK_PIPE, 0);
    if (r < 0)
        return r;
    r = uv_pipe_open(&run->heartbeat, pipe_fds[0]);
    if (r < 0)
        close(pipe_fds[0]);
    else
        r = spawn(c, run, pipe_fds[1]);
    close(pipe_fds[1]);
    if (r >= 0)
        r = uv_read_start((uv_stream_t *)&run->heartbeat, on_alloc, on_beat);
    return r;
}

void child_start(struct child *c)
{
    if (c->state.death_us)
        c->state.restarts++;
    c->started_ms = uv_now(c->loop);
    c->beat_ms = 0;
    c->aborted = false;
    struct child_run *run = calloc(1, sizeof(*run));
    int r = run ? 0 : UV_ENOMEM;
    if (run) {
        uv_pipe_init(c->loop, &run->heartbeat, 0);
        run->child = c;
        run->handles = 1;
        run->process.data = run->heartbeat.data = run;
        r = start_run(c, run);
        if (r < 0)
            run_forget(run);
    }
    if (r < 0) {
        snprintf(c->state.death, sizeof(c->state.death), "could not be started: %s",
                 uv_strerror(r));
        die_and_pause(c);
        return;
    }
    c->run = run;
    c->state.pid = run->process.pid;
    uv_timer_start(&c->timer, on_check, CHECK_MS, CHECK_MS);
    set_phase(c, SUPERVISOR_STARTING);
}

void child_stop(struct child *c)
{
    if (!c->run) {
        die_for_good(c);
        return;
    }
    set_phase(c, SUPERVISOR_STOPPING);
    send_signal(c, SIGTERM);
    send_signal(c, SIGCONT);
    uv_timer_start(&c->timer, on_patience_over, (uint64_t)c->role->stop_ms, 0);
}

void child_kill(struct child *c)
{
    if (c->state.phase == SUPERVISOR_DONE)
        return;
    if (!c->run) {
        die_for_good(c);
        return;
    }
    c->failed = true;
    c->state.phase = SUPERVISOR_STOPPING;
    send_signal(c, SIGKILL);
}

int child_init(struct child *c, uv_loop_t *loop, const char *program,
               const struct supervisor_role *role, const struct supervisor_times *times)
{
    *c = (struct child){.loop = loop, .program = program, .role = role, .times = times};
    c->state.name = role->label ? role->label : role->name;
    c->state.phase = SUPERVISOR_DONE;
    c->timer.data = c;
    return uv_timer_init(loop, &c->timer);
}

void child_release(struct child *c)
{
    uv_close((uv_handle_t *)&c->timer, NULL);
}
