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

/* An address in @ret: 1 of this machine only, 0 any other, E_SYNTAX none at all. */
static int read_address(const char *host, int port, union address *ret, socklen_t *ret_len)
{
    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons((uint16_t)port);
        *ret_len = sizeof(ret->v4);
        return ntohl(ret->v4.sin_addr.s_addr) >> 24 == 127 ? 1 : 0;
    }
    if (inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1) {
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons((uint16_t)port);
        *ret_len = sizeof(ret->v6);
        return IN6_IS_ADDR_LOOPBACK(&ret->v6.sin6_addr) ? 1 : 0;
    }
    return E_SYNTAX;
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

static int add(struct http_listeners *l, const char *host, int port, bool tls, struct err *reterr)
{
    union address a;
    socklen_t len;
    int local = read_address(host, port, &a, &len);
    if (local < 0 && tls)
        return err_set(reterr, E_SYNTAX,
                       "\"%s\" is not an address of this machine to listen on; it looks like "
                       "0.0.0.0, [::] or 192.168.1.20",
                       host);
    if (local <= 0 && !tls)
        return err_set(
            reterr, E_DENIED,
            "the web server listens on this machine only (127.0.0.1, [::1] or localhost), not on "
            "\"%s\", as long as it is plain HTTP; give it a certificate (tls in lethe.yaml), or "
            "put "
            "a proxy with one in front of it (url)",
            host);
    int r = bind_one(&a, len, &l->fd[l->count]);
    if (r < 0)
        return err_set(reterr, r, "cannot listen on %s port %d: %s%s", host, port, err_text(r),
                       r == -EADDRINUSE ? "; choose another port with --listen" : "");
    l->count++;
    return 0;
}

/* What people type; for every address the name of the machine. */
static void write_url(const char *host, int port, bool tls, struct http_listeners *ret)
{
    char name[64] = "localhost";
    bool any = !*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    if (any && gethostname(name, sizeof(name) - 1) < 0)
        snprintf(name, sizeof(name), "localhost");
    const char *shown = any ? name : host;
    snprintf(ret->url, sizeof(ret->url), strchr(shown, ':') ? "%s://[%s]:%d/" : "%s://%s:%d/",
             tls ? "https" : "http", shown, port);
}

int http_listen(const char *text, bool tls, struct http_listeners *ret, struct err *reterr)
{
    char host[64];
    int port;
    *ret = (struct http_listeners){0};
    if (config_listen_split(text, host, &port) < 0)
        return err_set(reterr, E_SYNTAX,
                       "\"%s\" is not an address to listen on; it looks like 127.0.0.1:8080", text);
    bool both = strcmp(host, "localhost") == 0, all = !*host && tls;
    int r = add(ret, both ? "127.0.0.1" : all ? "0.0.0.0" : host, port, tls, reterr);
    if (r < 0)
        return r;
    if (both || all)
        add(ret, all ? "::" : "::1", port, tls, NULL); /* a machine without IPv6 has one less */
    write_url(host, port, tls, ret);
    return 0;
}

void http_listeners_close(struct http_listeners *l)
{
    while (l->count > 0)
        close(l->fd[--l->count]);
}
