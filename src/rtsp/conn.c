/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rtsp/internal.h"

#define RECEIVE_BYTES (1 << 20)

struct write_request {
    uv_write_t req;
    size_t len;
    char data[];
};

static void free_when_done(struct conn *c)
{
    if (!c->closed || c->dns_pending)
        return;
    struct rtsp_hub *h = c->hub;
    h->conns--;
    tls_free(c->tls);
    free(c);
    hub_check_done(h);
}

static void on_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    c->closed = true;
    free_when_done(c);
}

static void tell(struct conn *c, int code, const char *why)
{
    conn_ready ready = c->ready;
    c->ready = NULL;
    if (c->owner && ready)
        ready(c->owner, code, why);
}

static int flush_tls(struct conn *c);

static void step_handshake(struct conn *c)
{
    int r = tls_handshake(c->tls);
    int w = flush_tls(c);
    if (r < 0)
        tell(c, r, tls_why(c->tls));
    else if (w < 0)
        tell(c, w, "the TLS handshake could not be sent");
    else if (r > 0)
        tell(c, 0, NULL);
}

static void on_connect(uv_connect_t *req, int status)
{
    struct conn *c = req->data;
    if (c->closing)
        return;
    uv_os_fd_t fd;
    if (status == 0)
        status = uv_fileno((uv_handle_t *)&c->tcp, &fd);
    if (status < 0) {
        tell(c, status, uv_strerror(status));
        return;
    }
    c->fd = fd;
    c->open = true;
    uv_tcp_nodelay(&c->tcp, 1);
    if (c->tls)
        step_handshake(c);
    else
        tell(c, 0, NULL);
}

static int start_connect(struct conn *c, const struct sockaddr *address, socklen_t len)
{
    memcpy(&c->peer, address, len);
    c->peer_len = len;
    c->connect.data = c;
    return uv_tcp_connect(&c->connect, &c->tcp, address, on_connect);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct conn *c = req->data;
    c->dns_pending = false;
    if (!c->closing) {
        if (status >= 0)
            status = start_connect(c, list->ai_addr, list->ai_addrlen);
        if (status < 0)
            tell(c, status, uv_strerror(status));
    }
    uv_freeaddrinfo(list);
    free_when_done(c);
}

static int resolve(struct conn *c, const struct rtsp_url *url)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(url->host, url->port, &v4) == 0)
        return start_connect(c, (const struct sockaddr *)&v4, sizeof(v4));
    if (uv_ip6_addr(url->host, url->port, &v6) == 0)
        return start_connect(c, (const struct sockaddr *)&v6, sizeof(v6));
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    snprintf(c->service, sizeof(c->service), "%u", url->port);
    c->dns.data = c;
    int r = uv_getaddrinfo(c->hub->loop, &c->dns, on_resolved, url->host, c->service, &hints);
    c->dns_pending = r >= 0;
    return r;
}

int conn_open(struct rtsp_hub *h, const struct rtsp_url *url, const struct rtsp_config *cfg,
              void *owner, conn_ready ready, struct conn **ret)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    *c = (struct conn){.hub = h, .owner = owner, .ready = ready, .fd = -1};
    int r = url->tls ? tls_new(url, cfg, &c->tls) : 0;
    if (r >= 0)
        r = uv_tcp_init(h->loop, &c->tcp);
    if (r < 0) {
        tls_free(c->tls);
        free(c);
        return r;
    }
    c->tcp.data = c;
    h->conns++;
    r = resolve(c, url);
    if (r < 0) {
        conn_close(c);
        return r;
    }
    *ret = c;
    return 0;
}

static ssize_t read_socket(struct conn *c, uint8_t *out, size_t cap)
{
    for (;;) {
        ssize_t n = recv(c->fd, out, cap, MSG_DONTWAIT);
        if (n > 0)
            return n;
        if (n == 0)
            return E_CLOSED;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
}

static ssize_t read_tls(struct conn *c, uint8_t *out, size_t cap)
{
    ssize_t n = c->ready ? 0 : tls_read(c->tls, out, cap);
    if (n != 0)
        return n;
    ssize_t got = read_socket(c, c->hub->cipher, sizeof(c->hub->cipher));
    if (got <= 0)
        return got;
    int r = tls_feed(c->tls, c->hub->cipher, (size_t)got);
    if (r < 0)
        return r;
    if (c->ready) {
        step_handshake(c);
        return 0;
    }
    n = tls_read(c->tls, out, cap);
    if (n >= 0 && flush_tls(c) < 0)
        return E_CLOSED;
    return n;
}

ssize_t conn_read(struct conn *c, uint8_t *out, size_t cap)
{
    if (!c->open || c->closing)
        return 0;
    ssize_t n = c->tls ? read_tls(c, out, cap) : read_socket(c, out, cap);
    c->broken |= n < 0;
    return n;
}

static void on_written(uv_write_t *req, int status)
{
    free(req->data); /* an error shows up when reading */
}

static int write_socket(struct conn *c, const void *data, size_t len)
{
    if (uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) + len > CONN_WRITE_MAX)
        return E_FULL;
    struct write_request *w = malloc(sizeof(*w) + len);
    if (!w)
        return -ENOMEM;
    memcpy(w->data, data, len);
    w->req.data = w;
    uv_buf_t b = uv_buf_init(w->data, (unsigned)len);
    int r = uv_write(&w->req, (uv_stream_t *)&c->tcp, &b, 1, on_written); /* tries at once */
    if (r < 0)
        free(w);
    return r;
}

static int flush_tls(struct conn *c)
{
    uint8_t out[4096];
    size_t n;
    int r = 0;
    while (r >= 0 && (n = tls_drain(c->tls, out, sizeof(out))) > 0)
        r = write_socket(c, out, n);
    return r;
}

int conn_write(struct conn *c, const void *data, size_t len)
{
    if (!c->open || c->closing || c->broken)
        return E_CLOSED;
    if (!c->tls)
        return write_socket(c, data, len);
    int r = tls_write(c->tls, data, len);
    return r < 0 ? r : flush_tls(c);
}

/*
 * SO_RCVBUF stops at net.core.rmem_max (200 KiB by default), but the low-water mark raises the buffer up to
 * tcp_rmem[2] without privileges; readiness does not matter as nobody polls for it.
 */
void conn_large_buffer(struct conn *c)
{
    int half = RECEIVE_BYTES / 2;
    if (c->open)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &half, sizeof(half));
}

void conn_close(struct conn *c)
{
    if (!c || c->closing)
        return;
    c->closing = true;
    c->owner = NULL;
    if (c->dns_pending)
        uv_cancel((uv_req_t *)&c->dns);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}
