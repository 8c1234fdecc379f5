/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Socket, loop and group commit of the logger. */
#include "tlog/logger.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/list.h"
#include "base/log.h"

#define READ_BYTES 65536
#define UNREAD_BYTES ((size_t)16 << 20) /* answers that a client does not read: it is dropped */
#define BATCH_REQUESTS 256
#define BACKLOG 512
#define BATCH_ENTRIES 16384

struct logger {
    uv_loop_t loop;
    uv_pipe_t server;
    uv_check_t check;
    uv_idle_t idle; /* runs while requests wait, so that the loop does not sleep on them */
    uv_timer_t beat;
    uv_signal_t term, interrupt;
    struct list clients, waiting; /* waiting: clients with an append to commit, oldest first */
    size_t clients_n;
    struct logger_requests *requests;
    int heartbeat_fd;
    bool stopping;
};

struct client {
    struct list link, wait;
    struct logger *l;
    uv_pipe_t pipe;
    struct buf in;
    char chunk[READ_BYTES];
    struct logger_request request; /* an append that waits; entries NULL: none */
    bool closing;
};

static void on_closed(uv_handle_t *h)
{
    struct client *c = h->data;
    buf_release(&c->in);
    logger_request_release(&c->request);
    free(c);
}

static void drop(struct client *c)
{
    if (c->closing)
        return;
    c->closing = true;
    list_remove(&c->link);
    list_remove(&c->wait);
    c->l->clients_n--;
    uv_close((uv_handle_t *)&c->pipe, on_closed);
}

struct answer {
    uv_write_t req;
    struct buf text;
};

static void on_written(uv_write_t *req, int status)
{
    struct answer *a = req->data;
    buf_release(&a->text);
    free(a);
}

static void send_answer(struct client *c, struct logger_request *r)
{
    struct answer *a = calloc(1, sizeof(*a));
    if (!a) {
        drop(c);
        return;
    }
    a->req.data = a;
    buf_init(&a->text, 0);
    int code = logger_answer(c->l->requests, r, &a->text);
    uv_buf_t b = {.base = (char *)a->text.data, .len = a->text.len};
    if (code >= 0)
        code = uv_write(&a->req, (uv_stream_t *)&c->pipe, &b, 1, on_written);
    if (code < 0) {
        buf_release(&a->text);
        free(a);
    }
    if (code < 0 || uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > UNREAD_BYTES)
        drop(c);
}

static void on_idle(uv_idle_t *h)
{
}

/* Lines up to the first append; that one waits, and what stands behind it too. */
static void take_lines(struct client *c)
{
    char *end;
    while (!c->closing && !c->request.entries && c->in.len &&
           (end = memchr(c->in.data, '\n', c->in.len))) {
        size_t len = (size_t)(end - (char *)c->in.data);
        struct logger_request r;
        if (logger_request_parse((const char *)c->in.data, len, &r) > 0) {
            c->request = r;
            list_append(&c->l->waiting, &c->wait);
            uv_idle_start(&c->l->idle, on_idle);
        } else {
            send_answer(c, &r);
            logger_request_release(&r);
        }
        buf_consume(&c->in, len + 1);
    }
    if (c->in.len >= LOGGER_LINE_BYTES) {
        log_warn("logger", "a request of more than %zu bytes; hanging up", LOGGER_LINE_BYTES);
        drop(c);
    }
}

/* All appends that arrived in this turn of the loop, in one go. */
static void on_check(uv_check_t *h)
{
    struct logger *l = h->data;
    struct client *clients[BATCH_REQUESTS], *c;
    struct logger_request *requests[BATCH_REQUESTS];
    size_t n = 0, entries = 0;
    list_foreach (c, &l->waiting, wait) {
        if (n == BATCH_REQUESTS || (n > 0 && entries + c->request.entries_n > BATCH_ENTRIES))
            break;
        entries += c->request.entries_n;
        clients[n] = c;
        requests[n++] = &c->request;
    }
    if (n)
        logger_commit(l->requests, requests, n);
    for (size_t i = 0; i < n; i++) {
        c = clients[i];
        list_remove(&c->wait);
        send_answer(c, &c->request);
        logger_request_release(&c->request);
        if (!c->closing)
            take_lines(c);
    }
    if (list_empty(&l->waiting))
        uv_idle_stop(&l->idle);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct client *c = h->data;
    *buf = uv_buf_init(c->chunk, sizeof(c->chunk));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = s->data;
    if (n < 0 || buf_append(&c->in, buf->base, (size_t)n) < 0) {
        drop(c);
        return;
    }
    take_lines(c);
}

/* Only processes of the same user: the folder says so too, this says it again. */
static bool peer_is_us(const uv_pipe_t *p)
{
    int fd;
    struct ucred peer;
    socklen_t len = sizeof(peer);
    return uv_fileno((const uv_handle_t *)p, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct logger *l = server->data;
    struct client *c = status < 0 ? NULL : calloc(1, sizeof(*c));
    if (!c)
        return;
    c->l = l;
    c->pipe.data = c;
    list_init(&c->wait);
    list_append(&l->clients, &c->link);
    l->clients_n++;
    buf_init(&c->in, LOGGER_LINE_BYTES + READ_BYTES);
    uv_pipe_init(&l->loop, &c->pipe, 0);
    if (uv_accept(server, (uv_stream_t *)&c->pipe) < 0 || !peer_is_us(&c->pipe) ||
        l->clients_n > LOGGER_CLIENTS ||
        uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) < 0)
        drop(c);
}

static void stop(struct logger *l)
{
    struct client *c, *next;
    if (l->stopping)
        return;
    l->stopping = true;
    list_foreach_safe (c, next, &l->clients, link)
        drop(c);
    uv_close((uv_handle_t *)&l->server, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->beat, NULL);
    uv_close((uv_handle_t *)&l->term, NULL);
    uv_close((uv_handle_t *)&l->interrupt, NULL);
}

static void on_signal(uv_signal_t *h, int sig)
{
    stop(h->data);
}

static void on_beat(uv_timer_t *h)
{
    struct logger *l = h->data;
    if (l->heartbeat_fd >= 0 && write(l->heartbeat_fd, ".", 1) < 0 && errno == EPIPE)
        stop(l);
}

static int start_loop(struct logger *l)
{
    int r = uv_loop_init(&l->loop);
    if (r < 0)
        return r;
    uv_pipe_init(&l->loop, &l->server, 0);
    uv_check_init(&l->loop, &l->check);
    uv_idle_init(&l->loop, &l->idle);
    uv_timer_init(&l->loop, &l->beat);
    uv_signal_init(&l->loop, &l->term);
    uv_signal_init(&l->loop, &l->interrupt);
    l->server.data = l->check.data = l->beat.data = l->term.data = l->interrupt.data = l;
    uv_check_start(&l->check, on_check);
    uv_timer_start(&l->beat, on_beat, 0, 1000);
    r = uv_signal_start(&l->term, on_signal, SIGTERM);
    return r < 0 ? r : uv_signal_start(&l->interrupt, on_signal, SIGINT);
}

static int listen_at(struct logger *l, const char *data_dir, char *path, size_t cap,
                     struct err *reterr)
{
    int n = snprintf(path, cap, "%s/" LOGGER_SOCKET, data_dir);
    if (n < 0 || (size_t)n >= cap)
        return err_set(reterr, E_LIMIT, "%s: the path is too long for a socket", data_dir);
    unlink(path); /* of a run that was killed; the log's lock keeps others out */
    mode_t before = umask(0177);
    int r = uv_pipe_bind(&l->server, path);
    umask(before);
    if (r >= 0)
        r = uv_listen((uv_stream_t *)&l->server, BACKLOG, on_connection);
    return r < 0 ? err_set(reterr, r, "%s: %s", path, uv_strerror(r)) : 0;
}

int logger_run(const struct logger_options *o, struct err *reterr)
{
    static struct logger l;
    char path[108] = "";
    memset(&l, 0, sizeof(l));
    signal(SIGPIPE, SIG_IGN); /* a client that hangs up is no reason to end */
    l.heartbeat_fd = o->heartbeat_fd;
    list_init(&l.clients);
    list_init(&l.waiting);
    int r = logger_requests_open(o, &l.requests, reterr);
    if (r < 0)
        return r;
    r = start_loop(&l);
    if (r < 0)
        err_set(reterr, E_BUG, "the logger's loop does not start: %s", uv_strerror(r));
    else
        r = listen_at(&l, o->data_dir, path, sizeof(path), reterr);
    if (r < 0)
        stop(&l);
    uv_run(&l.loop, UV_RUN_DEFAULT);
    uv_loop_close(&l.loop);
    if (path[0])
        unlink(path);
    logger_requests_close(l.requests);
    return r;
}
