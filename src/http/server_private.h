/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_SERVER_PRIVATE_H
#define HTTP_SERVER_PRIVATE_H
/* What server.c (threads), exchange.c (one request's life) and carrier.c (bodies that are made while sent) share. */
#include <microhttpd.h>
#include <pthread.h>

#include "base/list.h"
#include "http/listen.h"
#include "http/server.h"

struct exchange {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_request rq;
    struct http_reply rp;
    size_t max_body, read_away;
    bool refused; /* the reply stands already; what comes of the body is read away */
    bool done;
    struct list link; /* in server.queue */
};

struct http_server {
    struct http_server_options o;
    struct MHD_Daemon *daemons[HTTP_LISTENERS];
    int daemon_count;
    pthread_t workers[HTTP_WORKERS];
    int worker_count;

    pthread_mutex_t lock;
    pthread_cond_t work;
    struct list queue;  /* of exchanges; guarded by lock */
    struct list wakers; /* guarded by lock */
    bool stopping;      /* guarded by lock for writing; read without by bodies */
};

/* MHD's callbacks. */
enum MHD_Result exchange_on_request(void *server, struct MHD_Connection *c, const char *url,
                                    const char *method, const char *version, const char *body,
                                    size_t *body_len, void **per_request);
void exchange_on_completed(void *server, struct MHD_Connection *c, void **per_request,
                           enum MHD_RequestTerminationCode how);
/* On a worker: run the handler, then let the connection go on. */
void exchange_run(struct exchange *x);

/* A response that reads from rp->ops; takes rp->self, also when NULL is returned. */
struct MHD_Response *carrier_response(struct http_server *s, struct MHD_Connection *c,
                                      struct http_reply *rp);
/* Wake all bodies that wait, for the end. */
void carrier_stop(struct http_server *s);
#endif
