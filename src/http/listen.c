/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/config.h"

#define BACKLOG 128

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool is_loopback(const char *host, int port, union address *ret, socklen_t *ret_len)
{
    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons((uint16_t)port);
        *ret_len = sizeof(ret->v4);
        return ntohl(ret->v4.sin_addr.s_addr) >> 24 == 127;
    }
    if (inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1) {
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons((uint16_t)port);
        *ret_len = sizeof(ret->v6);
        return IN6_IS_ADDR_LOOPBACK(&ret->v6.sin6_addr);
    }
    return false;
}

static int bind_one(const union address *a, socklen_t len, int *ret_fd)
{
    int one = 1, code;
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (a->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, &a->any, len) == 0 && listen(fd, BACKLOG) == 0) {
        *ret_fd = fd;
        return 0;
    }
    code = -errno;
    close(fd);
    return code;
}

static int add(struct http_listeners *l, const char *host, int port, struct err *reterr)
{
    union address a;
    socklen_t len;
    if (!is_loopback(host, port, &a, &len))
        return err_set(
            reterr, E_DENIED,
            "the status page is plain HTTP and therefore listens on this machine only (127.0.0.1, "
            "[::1] or "
            "localhost), not on \"%s\"; put a proxy with TLS and passwords in front of it",
            host);
    int r = bind_one(&a, len, &l->fd[l->count]);
    if (r < 0)
        return err_set(reterr, r, "cannot listen on %s port %d: %s%s", host, port, err_text(r),
                       r == -EADDRINUSE ? "; choose another port with --listen" : "");
    l->count++;
    return 0;
}

int http_listen(const char *text, struct http_listeners *ret, struct err *reterr)
{
    char host[64];
    int port;
    *ret = (struct http_listeners){0};
    if (config_listen_split(text, host, &port) < 0)
        return err_set(reterr, E_SYNTAX,
                       "\"%s\" is not an address to listen on; it looks like 127.0.0.1:8080", text);
    bool both = strcmp(host, "localhost") == 0;
    int r = add(ret, both ? "127.0.0.1" : host, port, reterr);
    if (r < 0)
        return r;
    if (both)
        add(ret, "::1", port, NULL); /* a machine without IPv6 has one address less */
    snprintf(ret->url, sizeof(ret->url), strchr(host, ':') ? "http://[%s]:%d/" : "http://%s:%d/",
             host, port);
    return 0;
}

void http_listeners_close(struct http_listeners *l)
{
    while (l->count > 0)
        close(l->fd[--l->count]);
}
