/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "serve/supervisor.h"

#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "serve/child.h"
#include "serve/sd_notify.h"

#define SIGNALS 3
#define SAME_SIGNAL_MS 1000 /* Ctrl-C under make arrives twice; that is one wish */
static const int watched_signals[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

struct supervisor {
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    uv_timer_t watchdog;
    struct supervisor_options options;
    struct supervisor_times times;
    struct child children[SUPERVISOR_ROLES];
    int count;
    uint64_t asked_ms; /* when the first signal came */
    bool ready, stopping, over;
};

const char *supervisor_phase_name(enum supervisor_phase p)
{
    static const char *const names[] = {"starting", "up", "pausing", "stopping", "done"};
    return names[p];
}

static struct supervisor_times with_defaults(struct supervisor_times t)
{
    const struct supervisor_times standard = {200, 10000, 60000, 120000, 15000, 5000};
    return (struct supervisor_times){
        .backoff_min = t.backoff_min ? t.backoff_min : standard.backoff_min,
        .backoff_max = t.backoff_max ? t.backoff_max : standard.backoff_max,
        .backoff_reset = t.backoff_reset ? t.backoff_reset : standard.backoff_reset,
        .start = t.start ? t.start : standard.start,
        .heartbeat = t.heartbeat ? t.heartbeat : standard.heartbeat,
        .abort = t.abort ? t.abort : standard.abort,
    };
}

static bool all_essential_up(const struct supervisor *s)
{
    for (int i = 0; i < s->count; i++)
        if (s->children[i].role->essential && s->children[i].state.phase != SUPERVISOR_UP)
            return false;
    return true;
}

static void finish(struct supervisor *s)
{
    s->over = true;
    uv_stop(&s->loop);
}

/* The last one that still runs gets its signal; the others wait for their turn. */
static void stop_next(struct supervisor *s)
{
    for (int i = s->count - 1; i >= 0; i--) {
        enum supervisor_phase phase = s->children[i].state.phase;
        if (phase == SUPERVISOR_STOPPING)
            return;
        if (phase != SUPERVISOR_DONE) {
            child_stop(&s->children[i]); /* comes back here through on_changed() */
            return;
        }
    }
    finish(s);
}

static void on_changed(struct child *c)
{
    struct supervisor *s = c->user;
    struct supervisor_state states[SUPERVISOR_ROLES];
    s->ready = s->ready || all_essential_up(s);
    for (int i = 0; i < s->count; i++)
        states[i] = s->children[i].state;
    if (s->options.changed)
        s->options.changed(s->options.user, states, s->count, s->ready, s->stopping);
    if (s->stopping && c->state.phase == SUPERVISOR_DONE)
        stop_next(s);
}

static void on_signal(uv_signal_t *h, int sig)
{
    struct supervisor *s = h->data;
    char name[16];
    snprintf(name, sizeof(name), "SIG%s", sigabbrev_np(sig));
    if (!s->stopping) {
        s->stopping = true;
        s->asked_ms = uv_now(&s->loop);
        log_info("serve", "%s: stopping; the recorder closes its files, a second signal kills it",
                 name);
        for (int i = 0; i < s->count; i++)
            s->children[i].ending = true;
        stop_next(s);
        return;
    }
    if (uv_now(&s->loop) - s->asked_ms < SAME_SIGNAL_MS)
        return;
    log_warn("serve", "%s again: killing what still runs", name);
    for (int i = s->count - 1; i >= 0; i--)
        child_kill(&s->children[i]);
}

static void on_watchdog(uv_timer_t *t)
{
    sd_notify_send("WATCHDOG=1");
}

static bool is_ignored(int sig)
{
    struct sigaction old;
    return sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_IGN;
}

/* Whatever our own parent left open is none of the children's business. */
static void close_on_exec(void)
{
    close_range(STDERR_FILENO + 1, ~0U,
                CLOSE_RANGE_CLOEXEC); /* a kernel before 5.11 does without */
}

static int init(struct supervisor *s, const struct supervisor_options *o)
{
    int r = uv_loop_init(&s->loop);
    for (int i = 0; i < SIGNALS && r >= 0; i++) {
        r = uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        if (r >= 0 && !(watched_signals[i] == SIGHUP && is_ignored(SIGHUP)))
            r = uv_signal_start(&s->signals[i], on_signal, watched_signals[i]);
    }
    if (r >= 0)
        r = uv_timer_init(&s->loop, &s->watchdog);
    uint64_t every_ms = (uint64_t)sd_notify_watchdog_us() / 2000;
    if (r >= 0 && every_ms)
        r = uv_timer_start(&s->watchdog, on_watchdog, 0, every_ms);
    for (int i = 0; i < o->role_count && r >= 0; i++, s->count++) {
        const char *program = o->program ? o->program : "/proc/self/exe";
        r = child_init(&s->children[i], &s->loop, program, &o->roles[i], &s->times);
        s->children[i].changed = on_changed;
        s->children[i].user = s;
    }
    return r;
}

static void close_handle(uv_handle_t *h, void *arg)
{
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

int supervisor_run(const struct supervisor_options *o, struct err *reterr)
{
    static struct supervisor s; /* one per process: it owns the process's signals */
    memset(&s, 0, sizeof(s));
    s.options = *o;
    s.times = with_defaults(o->times);
    if (o->role_count > SUPERVISOR_ROLES)
        return err_set(reterr, E_LIMIT, "more roles than the supervisor has room for");
    close_on_exec();
    int r = init(&s, o);
    if (r < 0)
        return err_set(reterr, r, "cannot set up the supervisor: %s", uv_strerror(r));
    for (int i = 0; i < s.count; i++)
        child_start(&s.children[i]);
    while (!s.over)
        uv_run(&s.loop, UV_RUN_DEFAULT);
    bool forced = false;
    for (int i = 0; i < s.count; i++)
        forced = forced || s.children[i].failed;
    uv_walk(&s.loop, close_handle, NULL);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    uv_loop_close(&s.loop);
    return forced ? err_set(reterr, E_TIMEOUT, "a process had to be killed while stopping") : 0;
}
