/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_CONN_H
#define RTSP_CONN_H
/*
 * One TCP connection to a camera, with TLS for rtsps. libuv resolves, connects and writes; reading is done by the
 * owner with conn_read(), when its turn comes. Thread-bound.
 */
#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

#include "rtsp/session.h"
#include "rtsp/url.h"

#define CONN_WRITE_MAX                                                                             \
    (64u << 10) /* bytes waiting to be sent; a camera that takes less is given up */

struct conn;
struct tls;

/* @code 0: connected (TLS included). @why borrowed. Called once, from the loop or from conn_read(). */
typedef void (*conn_ready)(void *owner, int code, const char *why);

struct conn {
    struct rtsp_hub *hub;
    void *owner; /* NULL once the owner has let go */
    conn_ready ready;
    uv_tcp_t tcp;
    uv_getaddrinfo_t dns;
    uv_connect_t connect;
    bool dns_pending, closing, closed, open, broken; /* broken: reading failed, writing would too */
    int fd;
    struct tls *tls;
    char host[256], service[8];
    struct sockaddr_storage peer;
    socklen_t peer_len;
};

/* Starts at once; @cfg is used for TLS only and borrowed until ready. -ENOMEM, negative libuv codes. */
int conn_open(struct rtsp_hub *h, const struct rtsp_url *url, const struct rtsp_config *cfg,
              void *owner, conn_ready ready, struct conn **ret);
/* Bytes read, 0 when there are none now; E_CLOSED, E_CRYPTO, -errno. */
ssize_t conn_read(struct conn *c, uint8_t *out, size_t cap);
/* Queue bytes; they are copied. E_FULL, E_CLOSED, -ENOMEM. */
int conn_write(struct conn *c, const void *data, size_t len);
/* Ask the kernel for a receive buffer that takes what arrives between two turns. */
void conn_large_buffer(struct conn *c);
/* Let go: no callback comes any more, the memory is freed when libuv is done with it. NULL is fine. */
void conn_close(struct conn *c);

/* tls.c */
int tls_new(const struct rtsp_url *url, const struct rtsp_config *cfg, struct tls **ret);
void tls_free(struct tls *t);
/* Feed what came from the socket. */
int tls_feed(struct tls *t, const uint8_t *p, size_t n);
/* Drive the handshake: 1 done, 0 under way, E_CRYPTO with tls_why(). */
int tls_handshake(struct tls *t);
const char *tls_why(const struct tls *t);
/* Clear text: bytes, 0 for none now, E_CLOSED, E_CRYPTO. */
ssize_t tls_read(struct tls *t, uint8_t *out, size_t cap);
int tls_write(struct tls *t, const void *p, size_t n);
/* What has to go to the socket: bytes, 0 for none. */
size_t tls_drain(struct tls *t, uint8_t *out, size_t cap);
#endif
