/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

/* Idle fragments beyond this many are freed. */
#define POOL_IDLE_MAX 512

struct pool {
    uv_mutex_t lock;
    struct pool_slot *idle; /* guarded by lock */
    unsigned idle_count;    /* guarded by lock */
};

int pool_new(struct pool **ret)
{
    struct pool *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    int r = uv_mutex_init(&p->lock);
    if (r < 0) {
        free(p);
        return r;
    }
    *ret = p;
    return 0;
}

static void slot_free(struct pool_slot *s)
{
    mp4_fragment_free(s->fragment);
    free(s);
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    while (p->idle) {
        struct pool_slot *s = p->idle;
        p->idle = s->next;
        slot_free(s);
    }
    uv_mutex_destroy(&p->lock);
    free(p);
}

struct pool_slot *pool_take(struct pool *p)
{
    uv_mutex_lock(&p->lock);
    struct pool_slot *s = p->idle;
    if (s) {
        p->idle = s->next;
        p->idle_count--;
    }
    uv_mutex_unlock(&p->lock);
    if (s)
        return s;
    s = calloc(1, sizeof(*s));
    if (s && mp4_fragment_new(&s->fragment) < 0) {
        free(s);
        return NULL;
    }
    return s;
}

void pool_give(struct pool *p, struct pool_slot *s)
{
    if (mp4_fragment_payload(s->fragment) > POOL_KEEP_BYTES) {
        slot_free(s);
        return;
    }
    s->recording = NULL;
    uv_mutex_lock(&p->lock);
    bool keep = p->idle_count < POOL_IDLE_MAX;
    if (keep) {
        s->next = p->idle;
        p->idle = s;
        p->idle_count++;
    }
    uv_mutex_unlock(&p->lock);
    if (!keep)
        slot_free(s);
}
