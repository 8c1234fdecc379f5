/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/view.h"

#include <errno.h>
#include <stdlib.h>

#include "recorder/view_private.h"

struct camera_mask *view_find(struct view *v, uint32_t number)
{
    struct camera_mask *c;
    list_foreach (c, &v->bucket[number % VIEW_BUCKETS], in_bucket)
        if (c->number == number)
            return c;
    return NULL;
}

int view_maskers(const struct view *v)
{
    return v ? atomic_load(&v->maskers) : 0;
}

void view_post(struct view *v, struct view_message *m)
{
    m->next = NULL;
    uv_mutex_lock(&v->lock);
    *v->last = m;
    v->last = &m->next;
    uv_mutex_unlock(&v->lock);
    uv_async_send(&v->wake);
}

static void end_if_asked(struct view *v, bool asked)
{
    if (!asked || uv_is_closing((uv_handle_t *)&v->wake))
        return;
    uv_close((uv_handle_t *)&v->tick, NULL);
    uv_close((uv_handle_t *)&v->wake, NULL);
    mask_link_close(v);
    live_close(&v->live);
}

static void on_wake(uv_async_t *a)
{
    struct view *v = a->data;
    uv_mutex_lock(&v->lock);
    struct view_message *m = v->first;
    bool stopping = v->stopping;
    v->first = NULL;
    v->last = &v->first;
    uv_mutex_unlock(&v->lock);
    while (m) {
        struct view_message *next = m->next;
        m->run(v, m);
        free(m);
        m = next;
    }
    end_if_asked(v, stopping);
}

/* Everything is looked at in each tick; a quarter of the cameras has its turn for what is done once a second. */
static void on_tick(uv_timer_t *t)
{
    struct view *v = t->data;
    struct camera_mask *c, *next;
    int64_t now = view_mono_us(v);
    unsigned turn = 0;
    v->ticks++;
    mask_link_tick(v, now);
    live_tick(&v->live, now);
    list_foreach_safe (c, next, &v->cameras, link)
        camera_mask_tick(c, now, turn++ % 4 == v->ticks % 4);
}

static void run(void *arg)
{
    struct view *v = arg;
    uv_run(&v->uv, UV_RUN_DEFAULT);
}

static int init(struct view *v, const struct view_config *cfg)
{
    int r;
    v->cfg = *cfg;
    v->last = &v->first;
    list_init(&v->cameras);
    list_init(&v->peers);
    for (int i = 0; i < VIEW_BUCKETS; i++)
        list_init(&v->bucket[i]);
    if ((r = uv_mutex_init(&v->lock)) < 0)
        return r;
    if ((r = uv_loop_init(&v->uv)) < 0) {
        uv_mutex_destroy(&v->lock);
        return r;
    }
    uv_async_init(&v->uv, &v->wake, on_wake);
    uv_timer_init(&v->uv, &v->tick);
    v->wake.data = v->tick.data = v;
    uv_timer_start(&v->tick, on_tick, VIEW_TICK_MS, VIEW_TICK_MS);
    return 0;
}

static void release(struct view *v)
{
    uv_loop_close(&v->uv);
    uv_mutex_destroy(&v->lock);
    free(v);
}

int view_start(const struct view_config *cfg, struct view **ret, struct err *reterr)
{
    struct view *v = calloc(1, sizeof(*v));
    if (!v)
        return -ENOMEM;
    int r = init(v, cfg);
    if (r < 0) {
        free(v);
        return r;
    }
    r = mask_link_open(v, reterr);
    if (r >= 0)
        r = live_open(&v->live, v, reterr);
    if (r >= 0)
        r = uv_thread_create(&v->thread, run, v);
    if (r < 0) {
        end_if_asked(v, true);
        uv_run(&v->uv, UV_RUN_DEFAULT);
        release(v);
        return r;
    }
    *ret = v;
    return 0;
}

void view_stop(struct view *v)
{
    if (!v)
        return;
    uv_mutex_lock(&v->lock);
    v->stopping = true;
    uv_mutex_unlock(&v->lock);
    uv_async_send(&v->wake);
    uv_thread_join(&v->thread);
    release(v);
}
