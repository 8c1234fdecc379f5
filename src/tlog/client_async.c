/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The client for event loops: one request on its way at a time, the others wait in a queue. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/list.h"
#include "tlog/client_private.h"
#include "tlog/logger.h"

#define CHUNK_BYTES 16384
#define RECONNECT_MS 1000
#define ANSWER_MS 60000 /* a disk that takes longer is as good as none */

enum state { IDLE, CONNECTING, READY, RESTING };

struct request {
    struct list link;
    char *text; /* with the newline */
    size_t entries_n;
    tlog_async_fn done;
    void *user;
};

struct tlog_async {
    uv_loop_t *loop;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    enum state state;
    bool sent, closing; /* sent: the first of queue is on its way */
    struct list queue;
    size_t queue_n;
    struct link *link; /* NULL: no connection */
    uv_timer_t timer;  /* RESTING: when to try again. READY: until when an answer must come */
    void (*closed)(void *);
    void *closed_user;
};

/* A connection has memory of its own, which lives until libuv has closed it. */
struct link {
    struct tlog_async *a; /* NULL: given up */
    uv_pipe_t pipe;
    uv_connect_t connect;
    uv_write_t write;
    struct buf in;
    char chunk[CHUNK_BYTES];
};

static void pump(struct tlog_async *a);

static void on_link_closed(uv_handle_t *h)
{
    struct link *l = h->data;
    buf_release(&l->in);
    free(l);
}

static void finish(struct tlog_async *a, struct request *q, int code, const struct err *e,
                   const uint64_t *indexes)
{
    list_remove(&q->link);
    a->queue_n--;
    q->done(q->user, code, e, indexes, q->entries_n);
    free(q->text);
    free(q);
}

/* Everybody who waits hears of it; they hand in again when they see fit. */
static void fail_all(struct tlog_async *a, int code, const char *why)
{
    struct err e = {0};
    struct list waiting;
    err_set(&e, code, "%s", why);
    list_init(&waiting);
    while (!list_empty(&a->queue)) { /* a callback may append again */
        struct list *first = a->queue.next;
        list_remove(first);
        list_append(&waiting, first);
    }
    a->sent = false;
    while (!list_empty(&waiting))
        finish(a, list_entry(waiting.next, struct request, link), code, &e, NULL);
}

static void on_rested(uv_timer_t *t)
{
    struct tlog_async *a = t->data;
    a->state = IDLE;
    pump(a);
}

static void hang_up(struct tlog_async *a, int code, const char *why)
{
    struct link *l = a->link;
    if (l) {
        l->a = NULL;
        a->link = NULL;
        uv_close((uv_handle_t *)&l->pipe, on_link_closed);
    }
    a->state = RESTING;
    if (!a->closing)
        uv_timer_start(&a->timer, on_rested, RECONNECT_MS, 0);
    fail_all(a, code, why);
}

static void on_late(uv_timer_t *t)
{
    hang_up(t->data, E_TIMEOUT, "the logger does not answer");
}

/* One answer belongs to the first of the queue. */
static int take_answer(struct tlog_async *a, const char *line, size_t len)
{
    struct request *q = list_entry(a->queue.next, struct request, link);
    json_t *answer = NULL;
    struct err e = {0};
    if (!a->sent || list_empty(&a->queue))
        return E_PROTOCOL;
    uint64_t *indexes = calloc(q->entries_n, sizeof(*indexes));
    int r = indexes ? tlog_client_answer(line, len, &answer, &e) : -ENOMEM;
    if (r >= 0)
        r = tlog_client_indexes(answer, indexes, q->entries_n);
    a->sent = false;
    uv_timer_stop(&a->timer);
    finish(a, q, r, &e, r < 0 ? NULL : indexes);
    free(indexes);
    json_decref(answer);
    return 0;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct link *l = h->data;
    *buf = uv_buf_init(l->chunk, sizeof(l->chunk));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct link *l = s->data;
    struct tlog_async *a = l->a;
    char *end;
    if (!a)
        return;
    if (n < 0 || buf_append(&l->in, buf->base, (size_t)n) < 0) {
        hang_up(a, E_CLOSED, "the logger hung up");
        return;
    }
    while (a->link == l && l->in.len && (end = memchr(l->in.data, '\n', l->in.len))) {
        size_t len = (size_t)(end - (char *)l->in.data);
        int r = take_answer(a, (const char *)l->in.data, len);
        if (r < 0) {
            hang_up(a, r, "the logger answers what nobody asked");
            return;
        }
        buf_consume(&l->in, len + 1);
    }
    if (a->link == l)
        pump(a);
}

static void on_connected(uv_connect_t *c, int status)
{
    struct link *l = c->data;
    struct tlog_async *a = l->a;
    if (!a)
        return;
    if (status >= 0)
        status = uv_read_start((uv_stream_t *)&l->pipe, on_alloc, on_read);
    if (status < 0) {
        hang_up(a, E_NOTFOUND, "no logger runs");
        return;
    }
    a->state = READY;
    pump(a);
}

static void start_connecting(struct tlog_async *a)
{
    struct link *l = calloc(1, sizeof(*l));
    if (!l) {
        hang_up(a, -ENOMEM, "no memory for a connection");
        return;
    }
    l->a = a;
    l->pipe.data = l->connect.data = l;
    buf_init(&l->in, LOGGER_LINE_BYTES);
    uv_pipe_init(a->loop, &l->pipe, 0);
    a->link = l;
    a->state = CONNECTING;
    uv_pipe_connect(&l->connect, &l->pipe, a->path, on_connected);
}

static void pump(struct tlog_async *a)
{
    if (a->closing || list_empty(&a->queue))
        return;
    if (a->state == IDLE)
        start_connecting(a);
    if (a->state != READY || a->sent || list_empty(&a->queue))
        return;
    struct request *q = list_entry(a->queue.next, struct request, link);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyser does not see finish() unlink what it frees */
    uv_buf_t b = uv_buf_init(q->text, (unsigned)strlen(q->text));
    a->sent = true;
    uv_timer_start(&a->timer, on_late, ANSWER_MS, 0);
    if (uv_write(&a->link->write, (uv_stream_t *)&a->link->pipe, &b, 1, NULL) < 0)
        hang_up(a, E_CLOSED, "the logger hung up");
}

int tlog_async_open(uv_loop_t *loop, const char *data_dir, struct tlog_async **ret)
{
    struct tlog_async *a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    int n = snprintf(a->path, sizeof(a->path), "%s/" LOGGER_SOCKET, data_dir);
    if (n < 0 || (size_t)n >= sizeof(a->path)) {
        free(a);
        return E_LIMIT;
    }
    a->loop = loop;
    list_init(&a->queue);
    uv_timer_init(loop, &a->timer);
    a->timer.data = a;
    *ret = a;
    return 0;
}

static void on_closed(uv_handle_t *h)
{
    struct tlog_async *a = h->data;
    void (*closed)(void *) = a->closed;
    void *user = a->closed_user;
    free(a);
    if (closed)
        closed(user);
}

void tlog_async_close(struct tlog_async *a, void (*closed)(void *user), void *user)
{
    a->closing = true;
    a->closed = closed;
    a->closed_user = user;
    hang_up(a, E_CLOSED, "the client is closed");
    uv_close((uv_handle_t *)&a->timer, on_closed);
}

int tlog_async_append(struct tlog_async *a, const struct tlog_entry *entries, size_t n,
                      tlog_async_fn done, void *user)
{
    if (a->closing || a->queue_n >= TLOG_CLIENT_QUEUE)
        return a->closing ? E_CLOSED : E_FULL;
    json_t *json = tlog_client_append_request(entries, n);
    struct request *q = calloc(1, sizeof(*q));
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;
    json_decref(json);
    char *line = q && text ? malloc(len + 2) : NULL;
    if (line)
        memcpy(line, text, len);
    free(text);
    if (!line || len >= LOGGER_LINE_BYTES) {
        free(line);
        free(q);
        return len >= LOGGER_LINE_BYTES ? E_LIMIT : -ENOMEM;
    }
    memcpy(line + len, "\n", 2);
    q->text = line;
    q->entries_n = n;
    q->done = done;
    q->user = user;
    list_append(&a->queue, &q->link);
    a->queue_n++;
    pump(a);
    return 0;
}
