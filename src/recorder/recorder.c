/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/recorder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "recorder/control.h"
#include "recorder/fleet.h"
#include "recorder/leaves.h"
#include "recorder/node_clock.h"
#include "recorder/status.h"
#include "recorder/thin.h"
#include "recorder/view.h"

#define MAIN_TICK_MS 100
#define MASKING_GRACE_S 60
#define KEYS_MAX 16384 /* two per camera, and room for changes */

struct recorder {
    const struct recorder_options *o;
    struct config config;
    struct node_clock clock;
    struct seal_policy policy;
    struct store *store;
    struct keys *keys;
    struct pool *pool;
    struct view *view;
    struct index *index; /* the main thread's own handle: cameras and gaps */
    struct camera_context ctx;
    struct fleet fleet;
    struct status status;
    struct control *control;
    struct leaves *_Atomic leaves; /* the store's threads look at it from the beginning */
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t sigterm, sigint;
    unsigned ticks;
    unsigned unmasked_s; /* so long already, not all maskers are there */
    bool masking_failed; /* and the log was told */
    bool stopping;
};

static void on_store_alarm(void *user, const struct index_event *e)
{
    struct recorder *r = user;
    status_alarm(&r->status, e);
    if (!strcmp(e->kind, "retention-shortfall"))
        leaves_note_shortfall(r->leaves);
}

static void alarm_now(struct recorder *r, const char *kind, const char *text)
{
    struct index_event e = {.at_us = clock_wall_us(&r->clock.clock)};
    snprintf(e.kind, sizeof(e.kind), "%s", kind);
    snprintf(e.text, sizeof(e.text), "%s", text);
    status_alarm(&r->status, &e);
    store_note_event(r->store, &e);
}

static void watch_clock(struct recorder *r)
{
    int64_t step = node_clock_discipline(&r->clock);
    if (!step)
        return;
    char text[256];
    snprintf(text, sizeof(text),
             "the wall clock was set %s by %lld s; files were ended and begun anew in the new "
             "time; check the time service",
             step > 0 ? "forward" : "back", (long long)((step > 0 ? step : -step) / SECOND_US));
    alarm_now(r, "clock-stepped", text);
}

/* A masker that dies is back within seconds; the log is told when masked views are missing for longer. */
static void watch_masking(struct recorder *r)
{
    if (!r->view)
        return;
    bool complete = view_maskers(r->view) >= config_mask_workers(&r->config);
    r->unmasked_s = complete ? 0 : r->unmasked_s + 1;
    bool failed = r->unmasked_s > MASKING_GRACE_S;
    if (failed != r->masking_failed && leaves_note_masking(r->leaves, NULL, !failed) >= 0)
        r->masking_failed = failed;
}

static void heartbeat(const struct recorder *r)
{
    if (r->o->heartbeat_fd >= 0 && write(r->o->heartbeat_fd, "\n", 1) < 0 && errno != EAGAIN)
        log_debug("recorder", "heartbeat could not be written");
}

static void on_tick(uv_timer_t *t)
{
    struct recorder *r = t->data;
    fleet_tick(&r->fleet);
    if (r->ticks++ % (1000 / MAIN_TICK_MS) != 0)
        return;
    watch_clock(r);
    watch_masking(r);
    heartbeat(r);
}

static void on_signal(uv_signal_t *s, int number)
{
    struct recorder *r = s->data;
    if (r->stopping)
        return;
    r->stopping = true;
    log_info("recorder", "%s received, closing %zu cameras",
             number == SIGTERM ? "SIGTERM" : "SIGINT", fleet_count(&r->fleet));
    uv_stop(&r->loop);
}

static int64_t on_thin(void *user, const char *path,
                       bool (*keep)(void *, const char *, int64_t, int64_t), void *ctx,
                       struct err *reterr)
{
    const struct recorder *r = user;
    return thin_shares(r->o->data_dir, path, keep, ctx, reterr);
}

static int open_store(struct recorder *r, struct err *reterr)
{
    struct store_config cfg = {.data_dir = r->o->data_dir,
                               .clock = &r->clock.clock,
                               .index_ops = &index_sqlite,
                               .reserve_bytes = r->config.disk.reserve_bytes,
                               .full_oldest_first = r->config.disk.when_full == CONFIG_OLDEST_FIRST,
                               .retention_days = r->config.retention_days,
                               .thin_shares = on_thin,
                               .alarm = on_store_alarm,
                               .user = r};
    int code = store_open(&cfg, &r->store, reterr);
    if (code < 0)
        return code;
    char path[512];
    snprintf(path, sizeof(path), "%s/lethe.db", r->o->data_dir);
    return index_sqlite.open(path, false, &r->index, reterr);
}

static int open_keys(struct recorder *r, struct err *reterr)
{
    struct keys_config cfg = {.store = r->store,
                              .policy = &r->policy,
                              .node = r->config.node,
                              .epoch_length_us = r->config.epoch_minutes * MINUTE_US,
                              .max_keys = KEYS_MAX};
    return keys_start(&cfg, &r->keys, reterr);
}

static int open_control(struct recorder *r, struct err *reterr)
{
    struct control_config cfg = {.data_dir = r->o->data_dir,
                                 .transport = r->config.cameras.transport,
                                 .audio = r->config.cameras.audio,
                                 .clock = r->o->clock};
    return control_open(&cfg, &r->control, reterr);
}

static int start_leaves(struct recorder *r, struct err *reterr)
{
    struct leaves_config cfg = {.data_dir = r->o->data_dir,
                                .config = &r->config,
                                .policy = &r->policy,
                                .version = LETHE_VERSION,
                                .clock = &r->clock.clock,
                                .store = r->store};
    struct leaves *l = NULL;
    int code = leaves_start(&cfg, &l, reterr);
    r->leaves = l;
    return code;
}

static int thread_count(const struct recorder *r)
{
    return r->config.threads > 0 ? r->config.threads : (int)uv_available_parallelism();
}

static int open_view(struct recorder *r, struct err *reterr)
{
    const struct config *c = &r->config;
    struct view_config cfg = {.clock = &r->clock.clock,
                              .store = r->store,
                              .pool = r->pool,
                              .node = c->node,
                              .data_dir = r->o->data_dir,
                              .epoch_length_us = c->epoch_minutes * MINUTE_US,
                              .retention_days = c->retention_days,
                              .workers = config_mask_workers(c),
                              .width = c->mask.width,
                              .fps = c->mask.fps,
                              .learn_us = c->mask.learn_us};
    return c->mask.enabled ? view_start(&cfg, &r->view, reterr) : 0;
}

static int start_all(struct recorder *r, struct err *reterr)
{
    int code = seal_policy_find(r->o->data_dir, r->config.custodians, r->config.threshold, true,
                                &r->policy, reterr);
    if (code < 0)
        return code;
    if ((code = open_store(r, reterr)) < 0 || (code = open_keys(r, reterr)) < 0 ||
        (code = pool_new(&r->pool)) < 0 || (code = open_view(r, reterr)) < 0)
        return code;
    r->ctx = (struct camera_context){.store = r->store,
                                     .keys = r->keys,
                                     .pool = r->pool,
                                     .clock = &r->clock,
                                     .view = r->view,
                                     .node = r->config.node,
                                     .retention_days = r->config.retention_days};
    if ((code = fleet_open(&r->fleet, r->index, &r->ctx, thread_count(r), reterr)) < 0)
        return code;
    r->status.fleet = &r->fleet;
    r->status.store = r->store;
    r->status.clock = &r->clock;
    r->status.node = r->config.node;
    r->status.version = LETHE_VERSION;
    r->status.practice = r->policy.practice;
    r->status.started_us = clock_wall_us(&r->clock.clock);
    if ((code = status_open(&r->status, &r->loop, r->o->data_dir, reterr)) < 0)
        return code;
    if ((code = open_control(r, reterr)) < 0)
        return code;
    return start_leaves(r, reterr);
}

static void watch(struct recorder *r)
{
    uv_timer_init(&r->loop, &r->tick);
    uv_signal_init(&r->loop, &r->sigterm);
    uv_signal_init(&r->loop, &r->sigint);
    r->tick.data = r->sigterm.data = r->sigint.data = r;
    uv_timer_start(&r->tick, on_tick, 0, MAIN_TICK_MS);
    uv_signal_start(&r->sigterm, on_signal, SIGTERM);
    uv_signal_start(&r->sigint, on_signal, SIGINT);
}

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

/* In this order: nobody asks for anything any more, cameras end their files, then keys go, then the store writes out what it has. */
static void stop_all(struct recorder *r)
{
    control_close(r->control);
    status_close(&r->status);
    fleet_close(&r->fleet, "shutdown");
    view_stop(r->view);
    keys_stop(r->keys);
    leaves_stop(r->leaves);
    if (r->store)
        store_close(r->store);
    leaves_free(r->leaves);
    pool_free(r->pool);
    if (r->index)
        r->index->ops->close(r->index);
    uv_walk(&r->loop, close_handle, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_loop_close(&r->loop);
    uv_mutex_destroy(&r->status.lock);
}

int recorder_run(const struct recorder_options *o, struct err *reterr)
{
    struct recorder *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->o = o;
    r->config = *o->config;
    node_clock_init(&r->clock, o->clock);
    uv_mutex_init(&r->status.lock);
    uv_loop_init(&r->loop);
    signal(SIGPIPE, SIG_IGN);
    int code = start_all(r, reterr);
    if (code >= 0) {
        watch(r);
        log_info("recorder", "node %s, %d loop threads, epochs of %d min, %d days", r->config.node,
                 thread_count(r), r->config.epoch_minutes, r->config.retention_days);
        uv_run(&r->loop, UV_RUN_DEFAULT);
    }
    stop_all(r);
    free(r);
    return code;
}
