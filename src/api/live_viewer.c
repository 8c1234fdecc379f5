/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Viewers and their queues: bounded, thinned camera by camera when a viewer is slow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/live_private.h"

#define BEAT_US (5 * SECOND_US) /* H when nothing else was sent for so long */
#define DRY_US (30 * SECOND_US) /* a file without new pictures ends */
#define PACKETS_MAX 20000       /* of one viewer; more is nobody who reads */

struct queued {
    struct queued *next;
    struct live_packet *packet;
    struct live_camera *camera; /* NULL: heartbeat. Only compared. */
};

struct live_viewer {
    struct list link; /* in hub.viewers */
    struct live_hub *hub;
    enum live_kind kind;
    struct http_waker *waker; /* NULL before attach() */
    struct live_right right;
    struct live_subscription *subscription;
    size_t subscriptions;
    /* all below guarded by hub.lock */
    struct queued *first, **last;
    size_t bytes, packets, sent; /* sent: of the first packet */
    int64_t pushed_us;
    bool news, ended,
        begun; /* ended: after the queue; begun: kind MP4 has had its initialisation segment */
};

static struct live_packet *heartbeat(void)
{
    static const uint8_t beat[5] = {0, 0, 0, 1, 'H'};
    struct live_packet *p = malloc(sizeof(*p) + sizeof(beat));
    if (!p)
        return NULL;
    *p = (struct live_packet){.refs = 1, .len = sizeof(beat)};
    memcpy(p->data, beat, sizeof(beat));
    return p;
}

static void queue_locked(struct live_viewer *v, struct live_camera *c, struct live_packet *p)
{
    struct queued *q = v->packets < PACKETS_MAX ? malloc(sizeof(*q)) : NULL;
    if (!q) {
        v->ended = v->news = true;
        return;
    }
    __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
    *q = (struct queued){NULL, p, c};
    *v->last = q;
    v->last = &q->next;
    v->bytes += p->len;
    v->packets++;
    v->news = true;
}

static void unqueue(struct live_viewer *v, struct queued **at)
{
    struct queued *q = *at;
    *at = q->next;
    if (v->last == &q->next)
        v->last = at;
    v->bytes -= q->packet->len;
    v->packets--;
    live_packet_unref(q->packet);
    free(q);
}

/* What waits of this camera is older than the key frame that comes now. The packet that is half sent stays. */
static void forget_fragments_locked(struct live_viewer *v, const struct live_camera *c)
{
    struct queued **at = v->sent && v->first ? &v->first->next : &v->first;
    while (*at)
        if ((*at)->camera == c && (*at)->packet->type == LIVE_FRAGMENT)
            unqueue(v, at);
        else
            at = &(*at)->next;
}

static void push_fragment_locked(struct live_subscription *s, struct live_packet *p)
{
    struct live_viewer *v = s->viewer;
    if (v->kind == LIVE_MP4 && !v->begun)
        return;
    bool full = v->bytes + p->len > LIVE_QUEUE_BYTES;
    if (full && p->key)
        forget_fragments_locked(v, s->camera);
    /* Half as much again is for the key frames of a viewer that is slow with many cameras. */
    if ((s->wait_key && !p->key) || (full && !p->key) ||
        v->bytes + p->len > LIVE_QUEUE_BYTES + LIVE_QUEUE_BYTES / 2) {
        s->wait_key = true;
        return;
    }
    s->wait_key = false;
    queue_locked(v, s->camera, p);
}

static void push_locked(struct live_subscription *s, struct live_packet *p, int64_t now_us)
{
    struct live_viewer *v = s->viewer;
    if (v->ended)
        return;
    if (p->type == LIVE_FRAGMENT) {
        push_fragment_locked(s, p);
    } else if (p->type == LIVE_INIT) {
        if (v->kind == LIVE_MP4 && v->begun) /* a file has one moov */
            v->ended = v->news = true;
        else
            queue_locked(v, s->camera, p);
        v->begun = true;
        s->wait_key = true;
    } else if (v->kind == LIVE_MESSAGES) {
        queue_locked(v, s->camera, p);
    } else {
        return;
    }
    v->pushed_us = now_us;
}

void live_viewers_push_locked(struct live_camera *c, struct live_packet *p, int64_t now_us)
{
    struct live_subscription *s;
    list_foreach (s, &c->subscribers, link)
        push_locked(s, p, now_us);
}

void live_viewers_tick_locked(struct live_hub *h, int64_t now_us)
{
    struct live_viewer *v;
    list_foreach (v, &h->viewers, link) {
        int64_t quiet = now_us - v->pushed_us;
        if (v->kind == LIVE_MESSAGES && quiet >= BEAT_US) {
            struct live_packet *p = heartbeat();
            if (p)
                queue_locked(v, NULL, p);
            live_packet_unref(p);
            v->pushed_us = now_us;
        } else if (v->kind == LIVE_MP4 && quiet >= DRY_US) {
            v->ended = v->news = true;
        }
    }
}

void live_viewers_wake(struct live_hub *h)
{
    struct live_viewer *v;
    pthread_mutex_lock(&h->wake_lock);
    list_foreach (v, &h->viewers, link) {
        pthread_mutex_lock(&h->lock);
        bool news = v->news;
        v->news = false;
        pthread_mutex_unlock(&h->lock);
        if (news && v->waker)
            http_waker_wake(v->waker);
    }
    pthread_mutex_unlock(&h->wake_lock);
}

void live_viewers_check(struct live_hub *h)
{
    struct live_viewer *v;
    pthread_mutex_lock(&h->wake_lock);
    list_foreach (v, &h->viewers, link) {
        if (v->right.holds(v->right.user))
            continue;
        pthread_mutex_lock(&h->lock);
        while (v->first && v->first->next) /* what is half sent is sent */
            unqueue(v, &v->first->next);
        v->ended = v->news = true;
        pthread_mutex_unlock(&h->lock);
    }
    pthread_mutex_unlock(&h->wake_lock);
}

/* ---- birth and death ---- */

/* What a newcomer gets at once. */
static void greet_locked(struct live_subscription *s, int64_t now_us)
{
    struct live_camera *c = s->camera;
    if (c->state)
        push_locked(s, c->state, now_us);
    if (c->init)
        push_locked(s, c->init, now_us);
    for (size_t i = 0; i < c->fragments; i++)
        push_locked(s, c->fragment[i], now_us);
}

static int subscribe_locked(struct live_viewer *v, const char (*camera)[64], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct live_subscription *s = &v->subscription[i];
        s->camera = live_camera_get_locked(v->hub, camera[i]);
        if (!s->camera)
            return -ENOMEM;
        s->viewer = v;
        s->wait_key = true;
        v->hub->changed |= list_empty(&s->camera->subscribers) && !s->camera->hls;
        list_append(&s->camera->subscribers, &s->link);
        v->subscriptions++;
        greet_locked(s, v->pushed_us);
    }
    return 0;
}

static void viewer_free(void *self)
{
    struct live_viewer *v = self;
    struct live_hub *h = v->hub;
    pthread_mutex_lock(&h->wake_lock);
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < v->subscriptions; i++)
        list_remove(&v->subscription[i].link);
    list_remove(&v->link);
    h->viewer_count--;
    h->changed = true;
    while (v->first)
        unqueue(v, &v->first);
    pthread_mutex_unlock(&h->lock);
    pthread_mutex_unlock(&h->wake_lock);
    live_hub_poke(h);
    v->right.free(v->right.user);
    free(v->subscription);
    free(v);
}

int live_viewer_new(struct live_hub *h, enum live_kind kind, const char (*camera)[64], size_t n,
                    const struct live_right *right, struct live_viewer **ret, struct err *reterr)
{
    struct live_viewer *v = calloc(1, sizeof(*v));
    if (!v || !(v->subscription = calloc(n + 1, sizeof(*v->subscription)))) {
        right->free(right->user);
        free(v);
        return -ENOMEM;
    }
    v->hub = h;
    v->right = *right;
    v->kind = kind;
    v->last = &v->first;
    v->pushed_us = clock_mono_us(h->clock);
    list_init(&v->link);
    pthread_mutex_lock(&h->wake_lock);
    pthread_mutex_lock(&h->lock);
    bool full = h->viewer_count >= LIVE_VIEWERS;
    h->viewer_count++;
    list_append(&h->viewers, &v->link);
    int r = full ? err_set(reterr, E_FULL, "%d others are watching; that is all there is room for.",
                           LIVE_VIEWERS)
                 : subscribe_locked(v, camera, n);
    pthread_mutex_unlock(&h->lock);
    pthread_mutex_unlock(&h->wake_lock);
    if (r < 0) {
        viewer_free(v);
        return r;
    }
    live_hub_poke(h);
    *ret = v;
    return 0;
}

/* ---- the body ---- */

static ssize_t viewer_read(void *self, uint64_t at, void *to, size_t max)
{
    struct live_viewer *v = self;
    uint8_t *p = to;
    size_t n = 0;
    (void)at;
    pthread_mutex_lock(&v->hub->lock);
    while (v->first && n < max) {
        const struct live_packet *packet = v->first->packet;
        size_t from = v->sent ? v->sent : v->kind == LIVE_MP4 ? packet->boxes : 0;
        size_t part = packet->len - from < max - n ? packet->len - from : max - n;
        memcpy(p + n, packet->data + from, part);
        n += part;
        v->sent = from + part;
        if (v->sent == packet->len) {
            unqueue(v, &v->first);
            v->sent = 0;
        }
    }
    bool ended = v->ended && !v->first;
    pthread_mutex_unlock(&v->hub->lock);
    return n ? (ssize_t)n : ended ? 0 : E_BUSY;
}

static void viewer_attach(void *self, struct http_waker *waker)
{
    struct live_viewer *v = self;
    pthread_mutex_lock(&v->hub->wake_lock);
    v->waker = waker;
    pthread_mutex_unlock(&v->hub->wake_lock);
}

const struct http_body_ops live_viewer_ops = {viewer_read, viewer_attach, viewer_free};
