/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections: accept, read, send shared blocks, keep what did not fit. */
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/request.h"
#include "sim/server.h"

#define READ_CHUNK ((size_t)4096)

static int conn_new(struct sim_server *s, int fd, bool tls)
{
    struct sim_conn *c = calloc(1, sizeof(*c));
    int one = 1;
    if (!c)
        return -ENOMEM;
    c->server = s;
    c->fd = fd;
    list_init(&c->link);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (tls) {
        c->ssl = SSL_new(s->tls);
        if (!c->ssl || !SSL_set_fd(c->ssl, fd)) {
            SSL_free(c->ssl);
            free(c);
            return -ENOMEM;
        }
        SSL_set_accept_state(c->ssl);
        c->handshaking = true;
    }
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
        int r = -errno;
        SSL_free(c->ssl);
        free(c);
        return r;
    }
    list_append(&s->conns, &c->link);
    return 0;
}

int sim_conn_accept(struct sim_server *s, int listener, bool tls)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0)
            return errno == EAGAIN ? 0 : -errno;
        int r = conn_new(s, fd, tls);
        if (r < 0) {
            close(fd);
            return r;
        }
    }
}

/* Bytes taken by the kernel or TLS, 0 when it takes none now, < 0 on errors. */
static ssize_t put(struct sim_conn *c, const uint8_t *d, size_t len)
{
    if (!c->ssl) {
        ssize_t n = send(c->fd, d, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    size_t done = 0, n;
    while (done < len && SSL_write_ex(c->ssl, d + done, len - done, &n))
        done += n;
    if (done == len)
        return (ssize_t)done;
    int e = SSL_get_error(c->ssl, 0);
    ERR_clear_error();
    return e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ ? (ssize_t)done : -EPIPE;
}

static void told(struct sim_server *s, const struct sim_note *n)
{
    if (!n->player)
        return;
    if (s->framelog)
        sim_framelog_write(s->framelog, n, s->wall_us);
    if (s->truth && n->player->session->leader)
        sim_truth_write(s, n);
}

static void drop_slow(struct sim_conn *c)
{
    struct sim_session *ss = c->session;
    if (c->server->stats.slow_dropped++ < SIM_TOLD)
        log_warn("sim", "camera %d: its reader is more than 2 s behind, session dropped",
                 ss ? ss->camera->id : -1);
    sim_conn_close(c, true, NULL);
}

static int grow_queue(struct sim_conn *c)
{
    uint32_t cap = c->cap ? c->cap * 2 : 16;
    struct sim_pending *q = malloc(cap * sizeof(*q));
    if (!q)
        return -ENOMEM;
    for (uint32_t i = 0; i < c->count; i++)
        q[i] = c->queue[(c->head + i) % c->cap];
    free(c->queue);
    c->queue = q;
    c->cap = cap;
    c->head = 0;
    return 0;
}

static void enqueue(struct sim_conn *c, struct sim_block *b, uint32_t offset,
                    const struct sim_note *note)
{
    bool slow =
        c->count && c->session && c->server->now_us - c->queue[c->head].since_us > SIM_SLOW_US;
    if (slow || c->count >= SIM_QUEUE_MAX || (c->count == c->cap && grow_queue(c) < 0)) {
        sim_block_unref(b);
        drop_slow(c);
        return;
    }
    struct sim_pending *p = &c->queue[(c->head + c->count++) % c->cap];
    *p = (struct sim_pending){.block = b, .offset = offset, .since_us = c->server->now_us};
    if (note)
        p->note = *note;
}

void sim_conn_send(struct sim_conn *c, struct sim_block *b, const struct sim_note *note)
{
    if (!b)
        return;
    if (c->closing || c->after_flush_close) {
        sim_block_unref(b);
        return;
    }
    ssize_t n = 0;
    if (!c->count && !c->handshaking) {
        n = put(c, b->data, b->len);
        if (n == (ssize_t)b->len) {
            c->server->stats.bytes += b->len;
            if (note)
                told(c->server, note);
            sim_block_unref(b);
            return;
        }
        if (n < 0) {
            sim_block_unref(b);
            sim_conn_close(c, false, "connection lost");
            return;
        }
        c->server->stats.short_sends++;
    }
    enqueue(c, b, (uint32_t)n, note);
}

void sim_conn_text(struct sim_conn *c, const char *text, size_t len)
{
    sim_conn_send(c, sim_block_copy(text, len), NULL);
}

void sim_conn_flush(struct sim_conn *c)
{
    while (c->count && !c->closing && !c->handshaking) {
        struct sim_pending *p = &c->queue[c->head];
        ssize_t n = put(c, p->block->data + p->offset, p->block->len - p->offset);
        if (n < 0) {
            sim_conn_close(c, false, "connection lost");
            return;
        }
        p->offset += (uint32_t)n;
        if (p->offset < p->block->len)
            return;
        c->server->stats.bytes += p->block->len;
        told(c->server, &p->note);
        sim_block_unref(p->block);
        c->head = (c->head + 1) % c->cap;
        c->count--;
    }
    if (c->after_flush_close && !c->count)
        sim_conn_close(c, false, NULL);
}

void sim_conn_finish(struct sim_conn *c)
{
    c->after_flush_close = true;
    if (!c->count)
        sim_conn_close(c, false, NULL);
}

void sim_conn_close(struct sim_conn *c, bool reset, const char *why)
{
    if (c->closing)
        return;
    c->closing = true;
    for (; c->count; c->count--, c->head = (c->head + 1) % c->cap)
        sim_block_unref(c->queue[c->head].block);
    struct sim_session *ss = c->session;
    if (why && ss)
        log_debug("sim", "camera %d: %s", ss->camera->id, why);
    if (ss) {
        bool tcp = !ss->player[0].udp || !ss->player[0].set_up;
        ss->conn = NULL;
        if (tcp)
            sim_session_free(ss);
        c->session = NULL;
    }
    if (c->late) {
        sim_block_unref(c->late);
        c->late = NULL;
        c->server->held--;
    }
    if (reset) {
        struct linger l = {.l_onoff = 1, .l_linger = 0};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    } else if (c->ssl && !c->handshaking) {
        SSL_shutdown(c->ssl);
    }
    SSL_free(c->ssl);
    c->ssl = NULL;
    ERR_clear_error();
    close(c->fd);
    list_remove(&c->link);
    list_append(&c->server->dead, &c->link);
}

void sim_conn_reap(struct sim_server *s)
{
    while (!list_empty(&s->dead)) {
        struct sim_conn *c = list_entry(s->dead.next, struct sim_conn, link);
        list_remove(&c->link);
        free(c->queue);
        free(c->in);
        free(c);
    }
}

/* One interleaved packet or request at the front. Bytes taken, 0: more are needed, < 0: nonsense. */
static long parse_one(struct sim_conn *c)
{
    char *d = (char *)c->in;
    if (d[0] == '\r' || d[0] == '\n')
        return 1;
    if (d[0] == '$') {
        size_t n = c->in_len < SIM_FRAMING ? 0 : SIM_FRAMING + (size_t)rd16(c->in + 2);
        if (!n || c->in_len < n)
            return 0;
        if (c->session)
            c->session->heard_us = c->server->now_us;
        return (long)n;
    }
    struct sim_request r;
    long n = sim_request_parse(d, c->in_len, &r);
    if (n > 0 && !r.response)
        sim_reply(c, &r);
    else if (n > 0 && c->session)
        c->session->heard_us = c->server->now_us;
    return n;
}

void sim_conn_parse(struct sim_conn *c)
{
    while (c->in_len && !c->closing && !c->late) {
        long n = parse_one(c);
        if (c->closing || !n)
            break;
        if (n < 0) {
            log_debug("sim", "a client sent what is no RTSP, closed");
            sim_conn_close(c, false, NULL);
            return;
        }
        c->in_len -= (size_t)n;
        memmove(c->in, c->in + n, c->in_len);
    }
    if (!c->in_len) {
        free(c->in);
        c->in = NULL;
        c->in_cap = 0;
    }
}

/* Bytes read, 0 when there are none now, < 0 at the end. */
static ssize_t get(struct sim_conn *c, uint8_t *d, size_t len)
{
    if (!c->ssl) {
        ssize_t n = recv(c->fd, d, len, MSG_DONTWAIT);
        return n > 0 ? n : n == 0 ? -ECONNRESET : errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    size_t n;
    if (SSL_read_ex(c->ssl, d, len, &n))
        return (ssize_t)n;
    int e = SSL_get_error(c->ssl, 0);
    ERR_clear_error();
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -ECONNRESET;
}

static void receive(struct sim_conn *c)
{
    while (!c->closing) {
        if (c->in_cap - c->in_len < READ_CHUNK) {
            size_t cap = c->in_len + READ_CHUNK;
            uint8_t *in = cap > 2 * SIM_REQUEST_BYTES ? NULL : realloc(c->in, cap);
            if (!in) {
                sim_conn_close(c, false, "request too long");
                return;
            }
            c->in = in;
            c->in_cap = cap;
        }
        ssize_t n = get(c, c->in + c->in_len, c->in_cap - c->in_len);
        if (n < 0) {
            sim_conn_close(c, false, "closed by the reader");
            return;
        }
        if (n == 0)
            break;
        c->in_len += (size_t)n;
        sim_conn_parse(c);
    }
    if (!c->closing && !c->in_len)
        sim_conn_parse(c);
}

static void shake_hands(struct sim_conn *c)
{
    int r = SSL_do_handshake(c->ssl);
    if (r == 1) {
        c->handshaking = false;
        return;
    }
    int e = SSL_get_error(c->ssl, r);
    ERR_clear_error();
    if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
        sim_conn_close(c, false, "TLS handshake failed");
}

void sim_conn_event(struct sim_conn *c, uint32_t events)
{
    if (!c->closing && c->handshaking)
        shake_hands(c);
    if (c->closing || c->handshaking)
        return;
    if ((events & EPOLLOUT) || c->ssl)
        sim_conn_flush(c);
    if (!c->closing && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        receive(c);
}

void sim_conn_release_held(struct sim_server *s)
{
    struct sim_conn *c, *tmp;
    list_foreach_safe (c, tmp, &s->conns, link) {
        if (!c->late || c->held_until_us > s->now_us)
            continue;
        struct sim_block *b = c->late;
        c->late = NULL;
        s->held--;
        sim_conn_send(c, b, NULL);
        if (!c->closing)
            sim_conn_parse(c);
    }
}
