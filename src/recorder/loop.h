/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_LOOP_H
#define RECORDER_LOOP_H
/* A loop thread: one libuv loop, one RTSP hub, the cameras bound to it. Others talk to it by
 * messages only. */
#include <stdatomic.h>
#include <uv.h>

#include "base/clock.h"
#include "base/list.h"
#include "rtsp/session.h"

#define LOOP_TICK_MS 250

struct loop {
    uv_loop_t uv;
    uv_thread_t thread;
    uv_async_t wake;
    uv_timer_t tick;
    struct rtsp_hub *hub;
    const struct clock *clock;
    struct list cameras;      /* struct camera, thread-bound */
    _Atomic int camera_count; /* as assigned by the main thread */
    unsigned ticks;
    bool stopping;

    uv_mutex_t lock;
    struct loop_message *first, **last; /* guarded by lock */
};

/* Start the thread. Returns when it runs. */
int loop_start(struct loop *l, const struct clock *clock);
/*
 * Run @fn(@arg) on the loop's thread, soon, in order of posting.
 * Errors: -ENOMEM; nothing will run then. Thread-safe.
 */
int loop_post(struct loop *l, void (*fn)(struct loop *l, void *arg), void *arg);
/* Ask the thread to end once its cameras list is empty, and join it. */
void loop_join(struct loop *l);
#endif
