/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The sockets to the maskers. A masker connects, says which one it is, and is given its cameras: those whose hash falls
 * on its number. Nothing that it sends is believed beyond what mask_wire_parse() and the camera's flow let through.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "recorder/view_private.h"

#define READ_BYTES ((size_t)256 << 10)
#define PEERS_MAX (2 * MASK_WIRE_WORKERS) /* old ones that are going, and new ones */
#define QUEUE_CEILING ((size_t)64 << 20)  /* bytes that wait for one masker */
#define HELLO_PATIENCE_US (5 * SECOND_US)
#define BACKLOG 16

struct mask_peer {
    struct list link;
    struct view *view;
    uv_pipe_t pipe;
    struct buf in;
    int number; /* -1: has not introduced itself */
    int64_t since_us;
};

struct outgoing {
    uv_write_t write;
    struct buf bytes;
};

int mask_peer_number(const struct mask_peer *p)
{
    return p->number;
}

static unsigned hash(const char *id)
{
    uint32_t h = 2166136261u;
    for (; *id; id++)
        h = (h ^ (uint8_t)*id) * 16777619u;
    return h ^ h >> 16;
}

struct mask_peer *mask_link_of(struct view *v, const char *camera)
{
    return v->worker[hash(camera) % (unsigned)v->cfg.workers];
}

static void on_closed(uv_handle_t *h)
{
    struct mask_peer *p = h->data;
    buf_release(&p->in);
    free(p);
}

/* Cameras first: they end their files with a reason while the peer is still there to be compared with. */
static void hang_up(struct mask_peer *p, const char *why)
{
    struct view *v = p->view;
    struct camera_mask *c;
    if (uv_is_closing((uv_handle_t *)&p->pipe))
        return;
    if (p->number >= 0 && v->worker[p->number] == p) {
        v->worker[p->number] = NULL;
        atomic_fetch_sub(&v->maskers, 1);
        log_warn("mask", "masker %d: %s; its cameras have no masked view until it is back",
                 p->number, why);
    }
    list_foreach (c, &v->cameras, link)
        if (c->peer == p)
            camera_mask_detach(c, why);
    list_remove(&p->link);
    uv_close((uv_handle_t *)&p->pipe, on_closed);
}

bool mask_peer_has_room(const struct mask_peer *p)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&p->pipe) < QUEUE_CEILING;
}

static void on_sent(uv_write_t *w, int code)
{
    struct outgoing *o = w->data;
    struct mask_peer *p = w->handle->data;
    buf_release(&o->bytes);
    free(o);
    if (code < 0 && code != UV_ECANCELED)
        hang_up(p, "does not take what is sent to it");
}

int mask_peer_send(struct mask_peer *p, const struct mask_wire *m)
{
    struct outgoing *o = calloc(1, sizeof(*o));
    if (!o)
        return -ENOMEM;
    buf_init(&o->bytes, 2 * MASK_WIRE_MAX);
    int r = mask_wire_build(m, &o->bytes);
    if (r >= 0) {
        uv_buf_t b = uv_buf_init((char *)o->bytes.data, (unsigned)o->bytes.len);
        o->write.data = o;
        r = uv_write(&o->write, (uv_stream_t *)&p->pipe, &b, 1, on_sent);
    }
    if (r < 0) {
        buf_release(&o->bytes);
        free(o);
    }
    return r;
}

static int on_hello(struct mask_peer *p, const struct mask_wire *m)
{
    struct view *v = p->view;
    struct camera_mask *c;
    int number = (int)m->hello.number;
    if (p->number >= 0 || m->hello.version != MASK_WIRE_VERSION || number >= v->cfg.workers)
        return E_PROTOCOL;
    if (v->worker[number])
        hang_up(v->worker[number], "another one has taken its place");
    p->number = number;
    v->worker[number] = p;
    atomic_fetch_add(&v->maskers, 1);
    log_info("mask", "masker %d is here, detectors: %s%s%s%s", number,
             m->hello.person ? "person " : "", m->hello.face ? "face " : "",
             m->hello.vehicle ? "vehicle " : "",
             m->hello.person || m->hello.face || m->hello.vehicle ? "" : "none");
    list_foreach (c, &v->cameras, link)
        if (mask_link_of(v, c->id) == p)
            camera_mask_attach(c, p);
    return 0;
}

/* Messages about a camera that is not this masker's, or not any more, are dropped: the camera may just have left. */
static int on_message(struct mask_peer *p, const struct mask_wire *m)
{
    if (m->type == MASK_WIRE_HELLO)
        return on_hello(p, m);
    if (p->number < 0)
        return E_PROTOCOL;
    struct camera_mask *c = view_find(p->view, m->camera);
    return c && c->peer == p ? camera_mask_on_message(c, m) : 0;
}

static int take_messages(struct mask_peer *p)
{
    size_t at = 0;
    int n;
    while ((n = mask_wire_parse(p->in.data + at, p->in.len - at, MASK_WIRE_FROM_MASKER,
                                &p->view->wire)) > 0) {
        int r = on_message(p, &p->view->wire);
        if (r < 0)
            return r;
        at += (size_t)n;
    }
    if (at)
        buf_consume(&p->in, at);
    return n;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct mask_peer *p = h->data;
    (void)suggested;
    *buf = buf_reserve(&p->in, READ_BYTES) < 0
               ? uv_buf_init(NULL, 0)
               : uv_buf_init((char *)p->in.data + p->in.len, (unsigned)READ_BYTES);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct mask_peer *p = s->data;
    (void)buf;
    if (n < 0) {
        hang_up(p, n == UV_EOF ? "is gone" : uv_strerror((int)n));
        return;
    }
    p->in.len += (size_t)n;
    if (n > 0 && take_messages(p) < 0)
        hang_up(p, "sent what is no answer of a masker");
}

/* DATA/run is 0700 already; this holds when somebody opened it up. */
static bool same_user(const uv_pipe_t *pipe)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    uv_os_fd_t fd;
    return uv_fileno((const uv_handle_t *)pipe, &fd) >= 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

static bool crowded(const struct view *v)
{
    int n = 0;
    for (const struct list *l = v->peers.next; l != &v->peers; l = l->next)
        n++;
    return n >= PEERS_MAX;
}

static void on_connection(uv_stream_t *server, int code)
{
    struct view *v = server->data;
    struct mask_peer *p = code < 0 ? NULL : calloc(1, sizeof(*p));
    if (!p)
        return;
    p->view = v;
    p->number = -1;
    p->since_us = view_mono_us(v);
    list_init(&p->link);
    buf_init(&p->in, 2 * (MASK_WIRE_MAX + READ_BYTES));
    uv_pipe_init(&v->uv, &p->pipe, 0);
    p->pipe.data = p;
    if (uv_accept(server, (uv_stream_t *)&p->pipe) < 0 || !same_user(&p->pipe) || crowded(v) ||
        uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read) < 0) {
        uv_close((uv_handle_t *)&p->pipe, on_closed);
        return;
    }
    list_append(&v->peers, &p->link);
}

void mask_link_tick(struct view *v, int64_t mono_us)
{
    struct mask_peer *p, *next;
    list_foreach_safe (p, next, &v->peers, link)
        if (p->number < 0 && mono_us - p->since_us > HELLO_PATIENCE_US)
            hang_up(p, "does not say who it is");
}

int mask_link_open(struct view *v, struct err *reterr)
{
    int n = snprintf(v->mask_path, sizeof(v->mask_path), "%s/run/masker.sock", v->cfg.data_dir);
    uv_pipe_init(&v->uv, &v->mask_server, 0);
    v->mask_server.data = v;
    if (n < 0 || (size_t)n >= sizeof(v->mask_path)) {
        v->mask_path[0] = 0;
        return err_set(
            reterr, E_LIMIT,
            "the path %s is too long for a socket; use a data directory with a shorter name",
            v->cfg.data_dir);
    }
    unlink(v->mask_path);
    mode_t before = umask(0077);
    int r = uv_pipe_bind(&v->mask_server, v->mask_path);
    umask(before);
    if (r >= 0)
        r = uv_listen((uv_stream_t *)&v->mask_server, BACKLOG, on_connection);
    return r < 0 ? err_set(reterr, r, "the maskers' socket %s: %s", v->mask_path, err_text(r)) : 0;
}

void mask_link_close(struct view *v)
{
    struct mask_peer *p, *next;
    list_foreach_safe (p, next, &v->peers, link) {
        p->number = -1; /* no loss to be told: the node stops */
        hang_up(p, "the recorder stops");
    }
    memset(v->worker, 0, sizeof(v->worker));
    if (v->mask_server.data && !uv_is_closing((uv_handle_t *)&v->mask_server))
        uv_close((uv_handle_t *)&v->mask_server, NULL);
    if (v->mask_path[0])
        unlink(v->mask_path);
}
