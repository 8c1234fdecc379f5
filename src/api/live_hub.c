/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "api/live_private.h"
#include "base/log.h"

#define TICK_MS 1000
#define RETRY_US SECOND_US
#define GATHER_NS 8000000 /* 8 ms: what arrives together is sent on together */
#define HLS_IDLE_US (60 * SECOND_US)

/* ---- packets ---- */

void live_packet_unref(struct live_packet *p)
{
    if (p && __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(p);
}

static struct live_packet *packet_new(const struct live_message *m)
{
    struct buf b;
    buf_init(&b, LIVE_MESSAGE_MAX + 64);
    struct live_packet *p = NULL;
    if (live_wire_build(m, &b) >= 0 && (p = malloc(sizeof(*p) + b.len))) {
        *p = (struct live_packet){.refs = 1,
                                  .type = m->type,
                                  .key = m->key,
                                  .utc_us = m->utc_us,
                                  .len = (uint32_t)b.len,
                                  .boxes = (uint32_t)(b.len - m->size)};
        memcpy(p->data, b.data, b.len);
    }
    buf_release(&b);
    return p;
}

/* ---- cameras ---- */

static size_t place(const struct live_hub *h, const char *id)
{
    size_t low = 0, high = h->cameras;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(h->camera[middle]->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct live_camera *live_camera_find_locked(const struct live_hub *h, const char *id)
{
    size_t i = place(h, id);
    return i < h->cameras && strcmp(h->camera[i]->id, id) == 0 ? h->camera[i] : NULL;
}

struct live_camera *live_camera_get_locked(struct live_hub *h, const char *id)
{
    struct live_camera *c = live_camera_find_locked(h, id);
    if (c)
        return c;
    if (h->cameras == h->camera_cap) {
        size_t cap = h->camera_cap ? 2 * h->camera_cap : 64;
        struct live_camera **more = reallocarray(h->camera, cap, sizeof(struct live_camera *));
        if (!more)
            return NULL;
        h->camera = more;
        h->camera_cap = cap;
    }
    c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    size_t i = place(h, id);
    snprintf(c->id, sizeof(c->id), "%s", id);
    list_init(&c->subscribers);
    memmove(h->camera + i + 1, h->camera + i, (h->cameras - i) * sizeof(struct live_camera *));
    h->camera[i] = c;
    h->cameras++;
    return c;
}

static void drop_fragments(struct live_camera *c)
{
    for (size_t i = 0; i < c->fragments; i++)
        live_packet_unref(c->fragment[i]);
    c->fragments = 0;
}

static void camera_free(struct live_camera *c)
{
    drop_fragments(c);
    live_packet_unref(c->state);
    live_packet_unref(c->init);
    live_hls_free(c->hls);
    free(c);
}

static bool wanted(const struct live_camera *c)
{
    return !list_empty(&c->subscribers) || c->hls;
}

/* Forget the cameras that nobody wants. Returns true if there was one. */
static bool sweep_locked(struct live_hub *h)
{
    size_t kept = 0;
    int64_t now = clock_mono_us(h->clock);
    for (size_t i = 0; i < h->cameras; i++) {
        struct live_camera *c = h->camera[i];
        if (c->hls && now - c->hls->asked_us > HLS_IDLE_US) {
            live_hls_free(c->hls);
            c->hls = NULL;
        }
        if (wanted(c))
            h->camera[kept++] = c;
        else
            camera_free(c);
    }
    bool changed = kept != h->cameras;
    h->cameras = kept;
    return changed;
}

void live_hub_poke(struct live_hub *h)
{
    uint64_t one = 1;
    ssize_t n = write(h->wake_fd, &one, sizeof(one));
    (void)n; /* full means that it is awake already */
}

/* ---- messages ---- */

static void keep_locked(struct live_camera *c, struct live_packet *p)
{
    if (p->type == LIVE_STATE) {
        live_packet_unref(c->state);
        c->state = p;
        return;
    }
    if (p->type == LIVE_INIT) {
        drop_fragments(c);
        live_packet_unref(c->init);
        c->init = p;
        return;
    }
    if (p->key) {
        drop_fragments(c);
        c->broken = false;
    }
    if (c->broken || c->fragments == LIVE_GOP || (!c->fragments && !p->key)) {
        drop_fragments(c);
        c->broken = true;
        live_packet_unref(p);
        return;
    }
    c->fragment[c->fragments++] = p;
}

static void take_locked(struct live_hub *h, const struct live_message *m)
{
    struct live_camera *c = live_camera_find_locked(h, m->camera);
    struct live_packet *p = c && m->type != LIVE_SUBSCRIBE ? packet_new(m) : NULL;
    if (!p)
        return;
    live_viewers_push_locked(c, p, clock_mono_us(h->clock));
    if (c->hls)
        live_hls_packet_locked(h, c, p);
    keep_locked(c, p);
}

/* The recorder went away, or is not there: say so to everybody, and forget its pictures. */
static void lost_locked(struct live_hub *h)
{
    static const char gone[] =
        "{\"state\":\"none\",\"reason\":\"The recorder does not answer.\",\"at\":null}";
    h->connected = false;
    for (size_t i = 0; i < h->cameras; i++) {
        struct live_camera *c = h->camera[i];
        struct live_message m = {
            .type = LIVE_STATE, .data = (const uint8_t *)gone, .size = sizeof(gone) - 1};
        drop_fragments(c);
        live_packet_unref(c->init);
        c->init = NULL;
        c->broken = true;
        snprintf(m.camera, sizeof(m.camera), "%s", c->id);
        bool said = c->state && c->state->len == c->state->boxes + sizeof(gone) - 1 &&
                    memcmp(c->state->data + c->state->boxes, gone, sizeof(gone) - 1) == 0;
        if (!said)
            take_locked(h, &m);
    }
}

/* ---- the thread ---- */

static int subscribe(struct live_hub *h, struct live_client *client)
{
    pthread_mutex_lock(&h->lock);
    sweep_locked(h);
    h->changed = false;
    size_t n = h->cameras;
    char(*id)[LIVE_CAMERA] = calloc(n + 1, sizeof(*id));
    const char **names = calloc(n + 1, sizeof(*names));
    for (size_t i = 0; id && names && i < n; i++) {
        memcpy(id[i], h->camera[i]->id, LIVE_CAMERA);
        names[i] = id[i];
    }
    pthread_mutex_unlock(&h->lock);
    int r = id && names ? live_client_subscribe(client, names, n) : -ENOMEM;
    free(id);
    free(names);
    return r;
}

static int read_messages(struct live_hub *h, struct live_client *client)
{
    struct live_message m;
    int r = live_client_read(client);
    if (r <= 0)
        return r;
    pthread_mutex_lock(&h->lock);
    while ((r = live_client_next(client, &m)) > 0)
        take_locked(h, &m);
    pthread_mutex_unlock(&h->lock);
    return r;
}

static void wait_for_work(struct live_hub *h, const struct live_client *client)
{
    const struct timespec gather = {0, GATHER_NS};
    struct pollfd p[2] = {{.fd = h->wake_fd, .events = POLLIN},
                          {.fd = client->fd, .events = POLLIN}};
    if (poll(p, client->fd >= 0 ? 2 : 1, TICK_MS) > 0 && p[1].revents)
        nanosleep(&gather, NULL);
    uint64_t n;
    if (p[0].revents && read(h->wake_fd, &n, sizeof(n)) < 0)
        return;
}

struct connection {
    struct live_client client;
    int64_t tried_us;
};

static bool has_cameras(struct live_hub *h, bool *ret_changed)
{
    pthread_mutex_lock(&h->lock);
    bool any = h->cameras > 0;
    *ret_changed = h->changed;
    pthread_mutex_unlock(&h->lock);
    return any;
}

static void lose(struct live_hub *h, struct connection *x)
{
    live_client_close(&x->client);
    pthread_mutex_lock(&h->lock);
    lost_locked(h);
    pthread_mutex_unlock(&h->lock);
}

/* Be connected while somebody watches, with the right subscriptions. */
static void keep_connected(struct live_hub *h, struct connection *x)
{
    bool changed;
    int64_t now = clock_mono_us(h->clock);
    int r = 0;
    if (!has_cameras(h, &changed) && x->client.fd < 0)
        return;
    if (x->client.fd < 0) {
        if (now - x->tried_us < RETRY_US)
            return;
        x->tried_us = now;
        r = live_client_open(&x->client, h->run_dir, NULL);
        pthread_mutex_lock(&h->lock);
        h->connected = r >= 0;
        pthread_mutex_unlock(&h->lock);
        changed = true;
    }
    if (r >= 0 && changed)
        r = subscribe(h, &x->client);
    if (r < 0)
        lose(h, x);
}

static void *run(void *user)
{
    struct live_hub *h = user;
    struct connection x = {.client = {.fd = -1}, .tried_us = INT64_MIN / 2};
    for (;;) {
        pthread_mutex_lock(&h->lock);
        bool stopping = h->stopping;
        pthread_mutex_unlock(&h->lock);
        if (stopping)
            break;
        keep_connected(h, &x);
        wait_for_work(h, &x.client);
        int r = x.client.fd >= 0 ? read_messages(h, &x.client) : 0;
        if (r < 0)
            lose(h, &x);
        pthread_mutex_lock(&h->lock);
        live_viewers_tick_locked(h, clock_mono_us(h->clock));
        h->changed |= sweep_locked(h);
        pthread_mutex_unlock(&h->lock);
        if (clock_mono_us(h->clock) - h->checked_us >= LIVE_CHECK_US) {
            h->checked_us = clock_mono_us(h->clock);
            live_viewers_check(h);
        }
        live_viewers_wake(h);
    }
    live_client_close(&x.client);
    return NULL;
}

int live_hub_new(const char *run_dir, const struct clock *clock, struct live_hub **ret,
                 struct err *reterr)
{
    struct live_hub *h = calloc(1, sizeof(*h));
    if (!h)
        return -ENOMEM;
    snprintf(h->run_dir, sizeof(h->run_dir), "%s", run_dir);
    h->clock = clock;
    pthread_mutex_init(&h->lock, NULL);
    pthread_mutex_init(&h->wake_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&h->segment_done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    list_init(&h->viewers);
    h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = h->wake_fd < 0 ? -errno : -pthread_create(&h->thread, NULL, run, h);
    h->started = r == 0;
    if (r < 0) {
        live_hub_free(h);
        return err_set(reterr, r, "live pictures: %s", err_text(r));
    }
    *ret = h;
    return 0;
}

void live_hub_free(struct live_hub *h)
{
    if (!h)
        return;
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_mutex_unlock(&h->lock);
    if (h->started) {
        live_hub_poke(h);
        pthread_join(h->thread, NULL);
    }
    for (size_t i = 0; i < h->cameras; i++)
        camera_free(h->camera[i]);
    free(h->camera);
    if (h->wake_fd >= 0)
        close(h->wake_fd);
    pthread_cond_destroy(&h->segment_done);
    pthread_mutex_destroy(&h->lock);
    pthread_mutex_destroy(&h->wake_lock);
    free(h);
}

bool live_state(struct live_hub *h, const char *camera, char ret_state[24], char ret_reason[200])
{
    bool known = false;
    pthread_mutex_lock(&h->lock);
    const struct live_camera *c = live_camera_find_locked(h, camera);
    const struct live_packet *p = c ? c->state : NULL;
    json_t *o = p ? json_loadb((const char *)p->data + p->boxes, p->len - p->boxes, 0, NULL) : NULL;
    pthread_mutex_unlock(&h->lock);
    const char *state = json_string_value(json_object_get(o, "state"));
    const char *reason = json_string_value(json_object_get(o, "reason"));
    known = state && reason && strlen(state) < 24;
    if (known) {
        snprintf(ret_state, 24, "%s", state);
        snprintf(ret_reason, 200, "%.199s", reason);
    }
    json_decref(o);
    return known;
}
