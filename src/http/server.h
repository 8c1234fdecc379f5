/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H
/*
 * Carries requests between libmicrohttpd and a table of routes: limits, hosts and origins, static files, security headers.
 * Two threads for each listening socket do the network; handlers run on HTTP_WORKERS threads, so that a slow one holds up
 * no stream. docs/design/web.md.
 */
#include "base/clock.h"
#include "base/err.h"
#include "http/files.h"
#include "http/message.h"

#define HTTP_WORKERS 4

struct http_server;

struct http_server_options {
    const int *fds; /* listening sockets; closed by http_server_stop() */
    int fd_count;
    const char *tls_key,
        *tls_cert;   /* PEM text, NULL: plain; may be wiped when start has returned */
    bool tls_public; /* the certificate is not self-made: tell browsers to insist on TLS */
    const char *url; /* what a proxy in front is called, "https://cameras.example"; NULL: none */
    const struct clock *clock;
    const struct http_files *files;         /* the application; may be empty; borrowed */
    const struct http_route *const *tables; /* ends with NULL */
    /* May the asker? Sets rq->who; runs before the body is read. Refuse with http_refuse() or an error. Any thread. */
    int (*guard)(struct http_request *rq, struct http_reply *rp);
    void (*release)(void *who);
    void *app; /* rq->app */
};

/* Start answering on threads of its own. @o->fds and strings but for the key are borrowed until stop.
 * Errors: E_LIMIT (more sockets than HTTP_LISTENERS), -EIO (TLS key and certificate, or the library), -ENOMEM. */
int http_server_start(const struct http_server_options *o, struct http_server **ret,
                      struct err *reterr);
/* Ends open connections and joins the threads. NULL is fine. */
void http_server_stop(struct http_server *s);
#endif
