/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/answer.h"
#include "http/listen.h"
#include "http/source.h"

/* Limits of one listening socket. A browser opens up to six connections. */
#define CONNECTIONS 64
#define THREADS 2
#define IDLE_SECONDS 20
#define CONNECTION_BYTES 32768 /* request line and headers, and the headers of the answer */
#define URL_BYTES 2048

struct http_server {
    struct MHD_Daemon *daemons[HTTP_LISTENERS];
    int daemon_count;
    struct http_source *source;
    const struct clock *clock;
};

static void add_headers(struct MHD_Response *r, const struct http_answer *a)
{
    static const char *const always[][2] = {
        {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "
                                    "img-src 'self'; connect-src 'self'; base-uri 'none'; "
                                    "form-action 'self'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), microphone=(), geolocation=()"},
    };
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        MHD_add_response_header(r, always[i][0], always[i][1]);
    MHD_add_response_header(r, "Content-Type", a->type);
    MHD_add_response_header(r, "Cache-Control", a->lasting ? "max-age=300" : "no-store");
    if (a->allow)
        MHD_add_response_header(r, "Allow", a->allow);
}

/* Gives the bytes of @a to the library. */
static enum MHD_Result send_answer(struct MHD_Connection *c, struct http_answer *a)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_MUST_FREE);
    if (!r) {
        buf_release(&a->body);
        return MHD_NO;
    }
    add_headers(r, a);
    enum MHD_Result result = MHD_queue_response(c, a->code, r);
    MHD_destroy_response(r);
    return result;
}

/* A name that was pointed at this machine from outside must not reach a page that trusts its network (DNS rebinding). */
static bool host_is_local(struct MHD_Connection *c)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
    if (!host)
        return true; /* HTTP/1.0; no browser */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t n = strlen(names[i]);
        if (strncasecmp(host, names[i], n) == 0 && (host[n] == 0 || host[n] == ':'))
            return true;
    }
    return false;
}

static void route(struct http_server *s, struct MHD_Connection *c, const char *url,
                  const char *method, struct http_answer *a)
{
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (strlen(url) > URL_BYTES)
        http_answer_error(a, 414, "The address is longer than this server reads.");
    else if (!host_is_local(c))
        http_answer_error(a, 421,
                          "This server answers to localhost only; a proxy in front of it must send "
                          "that as Host.");
    else if (!http_answer_find(url))
        http_answer_error(a, 404, "There is nothing at this address; the status page is at /.");
    else if (!reads) {
        http_answer_error(a, 405, "This address can be read only, with GET or HEAD.");
        a->allow = "GET, HEAD";
    } else {
        const struct http_query q = {
            .page = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "page"),
            .filter = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "q"),
            .show = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "show"),
        };
        http_answer(a, url, &q, s->source, s->clock);
    }
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_len, void **per_request)
{
    static int seen;
    (void)version, (void)body;
    if (!*per_request) { /* headers only so far */
        *per_request = &seen;
        return MHD_YES;
    }
    if (*body_len) { /* nothing here takes a body: read it away, within the library's limits, then answer */
        *body_len = 0;
        return MHD_YES;
    }
    struct http_answer a;
    http_answer_init(&a);
    route(user, c, url, method, &a);
    return send_answer(c, &a);
}

__attribute__((format(printf, 2, 0))) static void on_library_log(void *user, const char *fmt,
                                                                 va_list ap)
{
    char text[300];
    vsnprintf(text, sizeof(text), fmt, ap);
    log_debug("http", "%s", text); /* broken requests of strangers: not worth a line each */
}

static struct MHD_Daemon *start_one(struct http_server *s, int fd)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, s,
        MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
}

int http_server_start(const struct http_server_options *o, struct http_server **ret,
                      struct err *reterr)
{
    if (o->fd_count > HTTP_LISTENERS)
        return err_set(reterr, E_LIMIT, "more listening sockets than the web server takes");
    struct http_server *s = calloc(1, sizeof(*s));
    int r = s ? http_source_new(o->run_dir, o->clock, &s->source) : -ENOMEM;
    if (r >= 0)
        s->clock = o->clock;
    for (int i = 0; i < o->fd_count && r >= 0; i++) {
        s->daemons[s->daemon_count] = start_one(s, o->fds[i]);
        if (s->daemons[s->daemon_count])
            s->daemon_count++;
        else
            r = err_set(reterr, -EIO, "the web server does not start on descriptor %d", o->fds[i]);
    }
    if (r < 0) {
        http_server_stop(s);
        return r;
    }
    *ret = s;
    return 0;
}

void http_server_stop(struct http_server *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->daemon_count; i++)
        MHD_stop_daemon(s->daemons[i]);
    http_source_free(s->source);
    free(s);
}
