/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Viewers of live.sock: who wants which camera, and how much waits for whom. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "recorder/view_private.h"

#define READ_BYTES ((size_t)16 << 10)
#define BACKLOG 16
#define HARD_FACTOR 4 /* so many times LIVE_QUEUE_BYTES: not even states fit any more */
#define WANTED_MAX 100000

struct live_blob {
    int refs;
    size_t size;
    uint8_t bytes[];
};

struct live_viewer {
    struct list link;
    struct live *live;
    uv_pipe_t pipe;
    struct buf in;
    struct list subs; /* struct live_sub */
    bool doomed;      /* to be hung up on with the next tick */
    bool all;
    char (*wanted)[LIVE_CAMERA]; /* sorted */
    size_t wanted_count;
    int64_t progress_us; /* monotonic: when something was taken last, or nothing was waiting */
    uint64_t written;    /* completed writes */
    uint64_t written_before;
};

/* A viewer's interest in a camera that exists. */
struct live_sub {
    struct list of_camera, of_viewer;
    struct live_viewer *viewer;
    struct camera_mask *camera;
    bool await_key;
};

struct delivery {
    uv_write_t write;
    struct live_blob *blob;
};

struct live_blob *live_blob_new(const struct live_message *m)
{
    struct buf out;
    buf_init(&out, LIVE_MESSAGE_MAX + 256);
    struct live_blob *b = NULL;
    if (live_wire_build(m, &out) >= 0 && (b = malloc(sizeof(*b) + out.len))) {
        b->refs = 1;
        b->size = out.len;
        memcpy(b->bytes, out.data, out.len);
    }
    buf_release(&out);
    return b;
}

void live_blob_unref(struct live_blob *b)
{
    if (b && --b->refs == 0)
        free(b);
}

static size_t waiting(const struct live_viewer *w)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&w->pipe);
}

/* ---- subscriptions ---- */

static void sub_free(struct live_sub *s)
{
    list_remove(&s->of_camera);
    list_remove(&s->of_viewer);
    free(s);
}

static void on_closed(uv_handle_t *h)
{
    struct live_viewer *w = h->data;
    buf_release(&w->in);
    free(w->wanted);
    free(w);
}

static void hang_up(struct live_viewer *w)
{
    struct live_sub *s, *next;
    if (uv_is_closing((uv_handle_t *)&w->pipe))
        return;
    list_foreach_safe (s, next, &w->subs, of_viewer)
        sub_free(s);
    list_remove(&w->link);
    w->live->client_count--;
    uv_close((uv_handle_t *)&w->pipe, on_closed);
}

static void on_delivered(uv_write_t *req, int code)
{
    struct delivery *d = req->data;
    struct live_viewer *w = req->handle->data;
    live_blob_unref(d->blob);
    free(d);
    w->written++;
    if (code < 0 && code != UV_ECANCELED)
        hang_up(w);
}

static bool deliver(struct live_viewer *w, struct live_blob *b)
{
    struct delivery *d = calloc(1, sizeof(*d));
    if (!d)
        return false;
    uv_buf_t bytes = uv_buf_init((char *)b->bytes, (unsigned)b->size);
    d->blob = b;
    d->write.data = d;
    if (uv_write(&d->write, (uv_stream_t *)&w->pipe, &bytes, 1, on_delivered) < 0) {
        free(d);
        return false;
    }
    b->refs++; /* on_delivered() is never called from inside uv_write() */
    return true;
}

static void deliver_fragment(struct live_sub *s, struct live_blob *b, bool key)
{
    size_t queued = waiting(s->viewer);
    if (s->await_key && key && queued < LIVE_QUEUE_BYTES / 2)
        s->await_key = false;
    if (s->await_key)
        return;
    if (queued > LIVE_QUEUE_BYTES || !deliver(s->viewer, b))
        s->await_key = true;
}

void live_send(struct live *l, struct camera_mask *c, struct live_blob *b, bool fragment, bool key)
{
    struct live_sub *s;
    (void)l;
    list_foreach (s, &c->live.subs, of_camera) {
        if (fragment)
            deliver_fragment(s, b, key);
        else if (waiting(s->viewer) > HARD_FACTOR * LIVE_QUEUE_BYTES || !deliver(s->viewer, b))
            s->viewer->doomed = true;
    }
}

static void greet(struct live_sub *s)
{
    const struct live_camera *lc = &s->camera->live;
    if (lc->state)
        deliver(s->viewer, lc->state);
    if (lc->init)
        deliver(s->viewer, lc->init);
    s->await_key = lc->backlog_count == 0;
    for (int i = 0; i < lc->backlog_count && !s->await_key; i++)
        deliver_fragment(s, lc->backlog[i], i == 0);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool wants(const struct live_viewer *w, const char *id)
{
    return w->all || (w->wanted_count &&
                      bsearch(id, w->wanted, w->wanted_count, sizeof(w->wanted[0]), by_id));
}

static struct live_sub *find(const struct live_viewer *w, const struct camera_mask *c)
{
    struct live_sub *s;
    list_foreach (s, &c->live.subs, of_camera)
        if (s->viewer == w)
            return s;
    return NULL;
}

static void subscribe(struct live_viewer *w, struct camera_mask *c)
{
    struct live_sub *s = calloc(1, sizeof(*s));
    if (!s) {
        w->doomed = true;
        return;
    }
    s->viewer = w;
    s->camera = c;
    list_append(&c->live.subs, &s->of_camera);
    list_append(&w->subs, &s->of_viewer);
    greet(s);
}

static void follow_wishes(struct live_viewer *w)
{
    struct live_sub *s, *next;
    struct camera_mask *c;
    list_foreach_safe (s, next, &w->subs, of_viewer)
        if (!wants(w, s->camera->id))
            sub_free(s);
    list_foreach (c, &w->live->view->cameras, link)
        if (!c->closing && wants(w, c->id) && !find(w, c))
            subscribe(w, c);
}

void live_clients_camera_opened(struct live *l, struct camera_mask *c)
{
    struct live_viewer *w;
    list_foreach (w, &l->clients, link)
        if (wants(w, c->id))
            subscribe(w, c);
}

void live_clients_camera_closed(struct live *l, struct camera_mask *c)
{
    struct live_sub *s, *next;
    (void)l;
    list_foreach_safe (s, next, &c->live.subs, of_camera)
        sub_free(s);
}

/* ---- what viewers say ---- */

static int take_wishes(struct live_viewer *w, const json_t *list)
{
    size_t n = json_array_size(list), kept = 0;
    if (!json_is_array(list) || n > WANTED_MAX)
        return E_SYNTAX;
    char(*ids)[LIVE_CAMERA] = calloc(n ? n : 1, sizeof(*ids));
    if (!ids)
        return -ENOMEM;
    bool all = false;
    for (size_t i = 0; i < n; i++) {
        const char *id = json_string_value(json_array_get(list, i));
        all = all || (id && strcmp(id, "*") == 0);
        if (id && config_id_valid(id))
            snprintf(ids[kept++], sizeof(ids[0]), "%s", id);
    }
    if (kept)
        qsort(ids, kept, sizeof(*ids), by_id);
    free(w->wanted);
    w->wanted = ids;
    w->wanted_count = kept;
    w->all = all;
    follow_wishes(w);
    return 0;
}

static int on_message(struct live_viewer *w, const struct live_message *m)
{
    if (m->type != LIVE_SUBSCRIBE)
        return E_PROTOCOL;
    json_t *o = json_loadb((const char *)m->data, m->size, 0, NULL);
    int r = o ? take_wishes(w, json_object_get(o, "cameras")) : E_SYNTAX;
    json_decref(o);
    return r;
}

static int take_messages(struct live_viewer *w)
{
    struct live_message m;
    size_t at = 0;
    int n;
    while ((n = live_wire_parse(w->in.data + at, w->in.len - at, LIVE_SUBSCRIBE_MAX, &m)) > 0) {
        int r = on_message(w, &m);
        if (r < 0)
            return r;
        at += (size_t)n;
    }
    if (at)
        buf_consume(&w->in, at);
    return n;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct live_viewer *w = h->data;
    (void)suggested;
    *buf = buf_reserve(&w->in, READ_BYTES) < 0
               ? uv_buf_init(NULL, 0)
               : uv_buf_init((char *)w->in.data + w->in.len, (unsigned)READ_BYTES);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct live_viewer *w = s->data;
    (void)buf;
    if (n < 0) {
        hang_up(w);
        return;
    }
    w->in.len += (size_t)n;
    int r = n > 0 ? take_messages(w) : 0;
    if (r < 0) {
        log_warn("live", "a viewer sent what is no message of live.sock (%s)", err_text(r));
        hang_up(w);
    }
}

static bool same_user(const uv_pipe_t *pipe)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    uv_os_fd_t fd;
    return uv_fileno((const uv_handle_t *)pipe, &fd) >= 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

static void on_connection(uv_stream_t *server, int code)
{
    struct live *l = server->data;
    struct live_viewer *w = code < 0 ? NULL : calloc(1, sizeof(*w));
    if (!w)
        return;
    w->live = l;
    list_init(&w->link);
    list_init(&w->subs);
    buf_init(&w->in, 2 * (LIVE_SUBSCRIBE_MAX + READ_BYTES));
    uv_pipe_init(&l->view->uv, &w->pipe, 0);
    w->pipe.data = w;
    w->progress_us = view_mono_us(l->view);
    if (uv_accept(server, (uv_stream_t *)&w->pipe) < 0 || !same_user(&w->pipe) ||
        l->client_count >= LIVE_CLIENTS ||
        uv_read_start((uv_stream_t *)&w->pipe, on_alloc, on_read) < 0) {
        uv_close((uv_handle_t *)&w->pipe, on_closed);
        return;
    }
    list_append(&l->clients, &w->link);
    l->client_count++;
}

void live_clients_tick(struct live *l, int64_t mono_us)
{
    struct live_viewer *w, *next;
    list_foreach_safe (w, next, &l->clients, link) {
        if (w->written != w->written_before || waiting(w) == 0)
            w->progress_us = mono_us;
        w->written_before = w->written;
        if (w->doomed || mono_us - w->progress_us > LIVE_PATIENCE_US)
            hang_up(w);
    }
}

int live_listen(struct live *l, struct err *reterr)
{
    int n = snprintf(l->path, sizeof(l->path), "%s/run/live.sock", l->view->cfg.data_dir);
    uv_pipe_init(&l->view->uv, &l->server, 0);
    l->server.data = l;
    if (n < 0 || (size_t)n >= sizeof(l->path)) {
        l->path[0] = 0;
        return err_set(
            reterr, E_LIMIT,
            "the path %s is too long for a socket; use a data directory with a shorter name",
            l->view->cfg.data_dir);
    }
    unlink(l->path);
    mode_t before = umask(0077);
    int r = uv_pipe_bind(&l->server, l->path);
    umask(before);
    if (r >= 0)
        r = uv_listen((uv_stream_t *)&l->server, BACKLOG, on_connection);
    return r < 0 ? err_set(reterr, r, "the live socket %s: %s", l->path, err_text(r)) : 0;
}

void live_clients_close(struct live *l)
{
    struct live_viewer *w, *next;
    list_foreach_safe (w, next, &l->clients, link)
        hang_up(w);
    if (l->server.data && !uv_is_closing((uv_handle_t *)&l->server))
        uv_close((uv_handle_t *)&l->server, NULL);
    if (l->path[0])
        unlink(l->path);
}
