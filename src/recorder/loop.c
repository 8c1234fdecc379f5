/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/loop.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "recorder/camera.h"

struct loop_message {
    struct loop_message *next;
    void (*fn)(struct loop *l, void *arg);
    void *arg;
};

static void end_if_empty(struct loop *l)
{
    if (!l->stopping || !list_empty(&l->cameras) || uv_is_closing((uv_handle_t *)&l->wake))
        return;
    uv_close((uv_handle_t *)&l->tick, NULL);
    uv_close((uv_handle_t *)&l->wake, NULL);
    rtsp_hub_close(l->hub, NULL, NULL);
}

static void on_wake(uv_async_t *a)
{
    struct loop *l = a->data;
    uv_mutex_lock(&l->lock);
    struct loop_message *m = l->first;
    l->first = NULL;
    l->last = &l->first;
    uv_mutex_unlock(&l->lock);
    while (m) {
        struct loop_message *next = m->next;
        m->fn(l, m->arg);
        free(m);
        m = next;
    }
    end_if_empty(l);
}

/* Each camera gets its turn once a second, a quarter of them per tick. */
static void on_tick(uv_timer_t *t)
{
    struct loop *l = t->data;
    struct camera *c, *next;
    int64_t now = clock_wall_us(l->clock);
    unsigned turn = 0;
    l->ticks++;
    list_foreach_safe (c, next, &l->cameras, link)
        camera_tick(c, now, turn++ % 4 == l->ticks % 4);
    end_if_empty(l);
}

static void run(void *arg)
{
    struct loop *l = arg;
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

int loop_start(struct loop *l, const struct clock *clock)
{
    *l = (struct loop){.clock = clock};
    list_init(&l->cameras);
    l->last = &l->first;
    struct rtsp_hub_config hub = {.clock = clock};
    int r;
    if ((r = uv_mutex_init(&l->lock)) < 0 || (r = uv_loop_init(&l->uv)) < 0 ||
        (r = uv_async_init(&l->uv, &l->wake, on_wake)) < 0 ||
        (r = uv_timer_init(&l->uv, &l->tick)) < 0)
        return r;
    l->wake.data = l->tick.data = l;
    uv_timer_start(&l->tick, on_tick, LOOP_TICK_MS, LOOP_TICK_MS);
    if ((r = rtsp_hub_new(&l->uv, &hub, &l->hub)) < 0)
        return r;
    return uv_thread_create(&l->thread, run, l);
}

int loop_post(struct loop *l, void (*fn)(struct loop *l, void *arg), void *arg)
{
    struct loop_message *m = malloc(sizeof(*m));
    if (!m)
        return -ENOMEM;
    *m = (struct loop_message){NULL, fn, arg};
    uv_mutex_lock(&l->lock);
    *l->last = m;
    l->last = &m->next;
    uv_mutex_unlock(&l->lock);
    uv_async_send(&l->wake);
    return 0;
}

static void stop(struct loop *l, void *arg)
{
    (void)arg;
    l->stopping = true;
}

void loop_join(struct loop *l)
{
    while (loop_post(l, stop, NULL) < 0)
        uv_sleep(10); /* out of memory: the files are closed already, only the thread remains */
    uv_thread_join(&l->thread);
    uv_loop_close(&l->uv);
    uv_mutex_destroy(&l->lock);
}
