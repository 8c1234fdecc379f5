/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One request's life: head → may the asker? → body → worker → reply. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/server_private.h"

#define PATH_BYTES 2048
#define READ_AWAY_BYTES                                                                            \
    ((size_t)1 << 20) /* of the body of a refused request, so that the reply is read */

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

static const char *value(void *source, enum http_kind kind, const char *name)
{
    static const enum MHD_ValueKind kinds[] = {MHD_HEADER_KIND, MHD_GET_ARGUMENT_KIND,
                                               MHD_COOKIE_KIND};
    return MHD_lookup_connection_value(source, kinds[kind], name);
}

/* ---- who is asking, and from where ---- */

static bool read_peer(struct MHD_Connection *c, char ret[64])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = info ? info->client_addr : NULL;
    if (a && a->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, a, sizeof(v4));
        inet_ntop(AF_INET, &v4.sin_addr, ret, 64);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    if (a && a->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, a, sizeof(v6));
        inet_ntop(AF_INET6, &v6.sin6_addr, ret, 64);
        return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    snprintf(ret, 64, "unknown");
    return false;
}

/* The address that a proxy saw: the last one, which the proxy itself put there. */
static void read_forwarded(struct http_request *rq)
{
    const char *all = http_header(rq, "X-Forwarded-For");
    if (!all)
        return;
    const char *last = strrchr(all, ',');
    last = last ? last + 1 : all;
    last += strspn(last, " ");
    snprintf(rq->peer, sizeof(rq->peer), "%.45s", last);
}

static bool host_is_local(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t n = strlen(names[i]);
        if (strncasecmp(host, names[i], n) == 0 && (host[n] == 0 || host[n] == ':'))
            return true;
    }
    return false;
}

/* "https://cameras.example" → is @host "cameras.example"? */
static bool host_is_proxied(const char *url, const char *host)
{
    const char *name = url ? strstr(url, "://") : NULL;
    return name && strcasecmp(name + 3, host) == 0;
}

static enum http_origin read_origin(const struct http_request *rq, const char *host,
                                    const char *url)
{
    const char *origin = http_header(rq, "Origin");
    if (!origin)
        return HTTP_ORIGIN_ABSENT;
    if (url && strcasecmp(origin, url) == 0)
        return HTTP_ORIGIN_OWN;
    const char *scheme = rq->tls ? "https://" : "http://";
    size_t n = strlen(scheme);
    return strncasecmp(origin, scheme, n) == 0 && strcasecmp(origin + n, host) == 0
               ? HTTP_ORIGIN_OWN
               : HTTP_ORIGIN_FOREIGN;
}

/*
 * Over plain HTTP the server answers to local names only: a name on the internet that was pointed at 127.0.0.1 would let a
 * foreign page read this one (DNS rebinding). With TLS such a name fails at the certificate.
 */
static int check_host(struct exchange *x)
{
    struct http_request *rq = &x->rq;
    const char *url = x->server->o.url, *host = http_header(rq, "Host");
    bool peer_local = read_peer(x->connection, rq->peer);
    bool proxied = host_is_proxied(url, host ? host : "");
    bool host_local = !host || host_is_local(host);
    rq->tls = x->server->o.tls_key || (proxied && strncmp(url, "https:", 6) == 0);
    rq->origin = read_origin(rq, host ? host : "", url);
    rq->local = peer_local && host_local && !http_header(rq, "X-Forwarded-For");
    if (proxied && peer_local)
        read_forwarded(rq);
    if (!host_local && !proxied && !x->server->o.tls_key)
        return http_refuse(
            &x->rp, 421, "E_HOST",
            "This server answers to localhost only; a proxy in front of it has to be "
            "named in the settings (url).");
    return 0;
}

/* ---- head ---- */

static int choose_route(struct exchange *x)
{
    char allow[64] = "";
    struct http_request *rq = &x->rq;
    int r = http_route_find(x->server->o.tables, rq, allow);
    if (r >= 0 && (rq->route->flags & HTTP_LOCAL) && !rq->local)
        r = E_NOTFOUND;
    if (r == E_NOTFOUND)
        return err_set(&x->rp.err, r, "There is nothing at this address.");
    if (r < 0) {
        http_reply_header(&x->rp, "Allow", "%s", allow);
        return http_refuse(&x->rp, 405, "E_METHOD", "This address takes %s only.", allow);
    }
    x->max_body = rq->route->max_body ? rq->route->max_body : HTTP_BODY_BYTES;
    return 0;
}

static int too_large(struct exchange *x)
{
    return http_refuse(&x->rp, 413, "E_LIMIT",
                       "The body is larger than the %zu bytes that this "
                       "address takes.",
                       x->max_body);
}

static size_t announced(const struct http_request *rq)
{
    const char *text = http_header(rq, "Content-Length");
    return text ? (size_t)strtoull(text, NULL, 10) : 0;
}

static bool is_read(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static int begin(struct exchange *x)
{
    struct http_request *rq = &x->rq;
    int r = 0;
    if (strlen(rq->path) > PATH_BYTES)
        r = http_refuse(&x->rp, 414, "E_LIMIT", "The address is longer than this server reads.");
    if (r >= 0)
        r = check_host(x);
    if (r >= 0 && is_read(rq->method) && http_files_reply(x->server->o.files, rq, &x->rp) > 0) {
        x->refused = true; /* nothing is left to do but to send it */
        return 0;
    }
    if (r >= 0)
        r = choose_route(x);
    if (r >= 0)
        r = x->server->o.guard(rq, &x->rp);
    if (r >= 0 && announced(rq) > x->max_body)
        r = too_large(x);
    return r;
}

static struct exchange *exchange_new(struct http_server *s, struct MHD_Connection *c,
                                     const char *url, const char *method)
{
    struct exchange *x = calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    x->server = s;
    x->connection = c;
    list_init(&x->link);
    x->rq = (struct http_request){.method = method,
                                  .path = url,
                                  .value = value,
                                  .source = c,
                                  .clock = s->o.clock,
                                  .app = s->o.app};
    buf_init(&x->rq.body, (size_t)64 << 20);
    http_reply_init(&x->rp);
    return x;
}

static void refuse(struct exchange *x, int code)
{
    http_reply_fail(&x->rp, code);
    x->refused = true;
}

/* ---- reply ---- */

static void add_headers(const struct exchange *x, struct MHD_Response *r)
{
    static const char *const always[][2] = {
        {"Content-Security-Policy", policy},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), microphone=(), geolocation=()"},
    };
    static const char *const caches[] = {"no-store", "no-cache", "private, max-age=86400",
                                         "public, max-age=31536000, immutable"};
    const struct http_reply *rp = &x->rp;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        MHD_add_response_header(r, always[i][0], always[i][1]);
    if (x->server->o.tls_key && x->server->o.tls_public)
        MHD_add_response_header(r, "Strict-Transport-Security", "max-age=31536000");
    if (rp->status != 204 && rp->status != 304)
        MHD_add_response_header(r, "Content-Type", rp->type);
    MHD_add_response_header(r, "Cache-Control", caches[rp->cache]);
    if (rp->cache == HTTP_PRIVATE) /* not for the next one at the same browser */
        MHD_add_response_header(r, "Vary", "Cookie, Authorization");
    if (rp->etag[0])
        MHD_add_response_header(r, "ETag", rp->etag);
    for (int i = 0; i < HTTP_HEADERS && rp->header[i].name; i++)
        MHD_add_response_header(r, rp->header[i].name, rp->header[i].value);
}

static enum MHD_Result reply(struct exchange *x)
{
    struct http_reply *rp = &x->rp;
    struct MHD_Response *r;
    if (rp->ops) {
        r = carrier_response(x->server, x->connection, rp);
    } else if (rp->self) { /* bytes that live as long as the server */
        r = MHD_create_response_from_buffer(rp->length, rp->self, MHD_RESPMEM_PERSISTENT);
    } else {
        r = MHD_create_response_from_buffer(rp->body.len, rp->body.data, MHD_RESPMEM_MUST_FREE);
        if (r)
            rp->body.data = NULL;
    }
    if (!r)
        return MHD_NO;
    add_headers(x, r);
    enum MHD_Result result = MHD_queue_response(x->connection, rp->status, r);
    MHD_destroy_response(r);
    return result;
}

/* ---- the library's callbacks ---- */

static enum MHD_Result hand_over(struct exchange *x)
{
    struct http_server *s = x->server;
    pthread_mutex_lock(&s->lock);
    bool stopping = s->stopping;
    if (!stopping) {
        MHD_suspend_connection(x->connection);
        list_append(&s->queue, &x->link);
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->lock);
    return stopping ? MHD_NO : MHD_YES;
}

enum MHD_Result exchange_on_request(void *user, struct MHD_Connection *c, const char *url,
                                    const char *method, const char *version, const char *body,
                                    size_t *body_len, void **per_request)
{
    struct exchange *x = *per_request;
    (void)version;
    if (!x) {
        x = exchange_new(user, c, url, method);
        if (!x)
            return MHD_NO;
        *per_request = x;
        int r = begin(x);
        if (r < 0)
            refuse(x, r);
        if (x->refused && announced(&x->rq) > READ_AWAY_BYTES)
            return reply(x);
        return MHD_YES;
    }
    if (*body_len) {
        size_t n = *body_len;
        *body_len = 0;
        x->read_away += n;
        if (!x->refused && x->rq.body.len + n > x->max_body)
            refuse(x, too_large(x));
        if (x->refused)
            return x->read_away > READ_AWAY_BYTES ? MHD_NO : MHD_YES;
        return buf_append(&x->rq.body, body, n) < 0 ? MHD_NO : MHD_YES;
    }
    return x->refused || x->done ? reply(x) : hand_over(x);
}

void exchange_on_completed(void *user, struct MHD_Connection *c, void **per_request,
                           enum MHD_RequestTerminationCode how)
{
    struct exchange *x = *per_request;
    (void)user, (void)c, (void)how;
    if (!x)
        return;
    *per_request = NULL;
    if (x->rq.who)
        x->server->o.release(x->rq.who);
    if (x->rq.body.data) /* it may have held a password */
        explicit_bzero(x->rq.body.data, x->rq.body.len);
    buf_release(&x->rq.body);
    http_reply_release(&x->rp);
    free(x);
}

void exchange_run(struct exchange *x)
{
    int r = x->rq.route->run(&x->rq, &x->rp);
    if (r < 0) {
        http_reply_fail(&x->rp, r);
        if (x->rp.status >= 500)
            log_warn("http", "%s %s: %s", x->rq.method, x->rq.path, err_str(&x->rp.err, r));
    }
    x->done = true;
    MHD_resume_connection(x->connection);
}
