/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Bodies that are made while they are sent. One that has nothing to say now suspends its connection; the waker resumes it.
 *
 * Order of locks: waker.lock, then whatever the body's read() takes. Who wakes holds none of the body's locks that read()
 * takes. Suspending happens under waker.lock, so a wake either comes before read() (which then finds something) or after.
 */
#include <errno.h>
#include <stdlib.h>

#include "http/server_private.h"

#define BLOCK_BYTES 65536

struct http_waker {
    pthread_mutex_t lock;
    bool asleep; /* guarded by lock: the connection is suspended */
    struct MHD_Connection *connection;
    struct http_server *server;
    struct list link;
};

struct carrier {
    struct http_waker waker;
    const struct http_body_ops *ops;
    void *self;
    uint64_t offset;
};

void http_waker_wake(struct http_waker *w)
{
    pthread_mutex_lock(&w->lock);
    if (w->asleep) {
        w->asleep = false;
        MHD_resume_connection(w->connection);
    }
    pthread_mutex_unlock(&w->lock);
}

static ssize_t carry(void *user, uint64_t at, char *to, size_t max)
{
    struct carrier *k = user;
    struct http_waker *w = &k->waker;
    if (__atomic_load_n(&w->server->stopping, __ATOMIC_RELAXED))
        return MHD_CONTENT_READER_END_OF_STREAM;
    pthread_mutex_lock(&w->lock);
    ssize_t n = k->ops->read(k->self, k->offset + at, to, max);
    if (n == E_BUSY) {
        w->asleep = true;
        MHD_suspend_connection(w->connection);
    }
    pthread_mutex_unlock(&w->lock);
    return n > 0         ? n
           : n == E_BUSY ? 0
           : n == 0      ? MHD_CONTENT_READER_END_OF_STREAM
                         : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void carrier_free(void *user)
{
    struct carrier *k = user;
    k->ops->free(k->self); /* from here on nobody wakes it */
    pthread_mutex_lock(&k->waker.server->lock);
    list_remove(&k->waker.link);
    pthread_mutex_unlock(&k->waker.server->lock);
    pthread_mutex_destroy(&k->waker.lock);
    free(k);
}

struct MHD_Response *carrier_response(struct http_server *s, struct MHD_Connection *c,
                                      struct http_reply *rp)
{
    struct carrier *k = calloc(1, sizeof(*k));
    if (!k) {
        rp->ops->free(rp->self);
        rp->self = NULL;
        return NULL;
    }
    *k = (struct carrier){.ops = rp->ops, .self = rp->self, .offset = rp->offset};
    k->waker.connection = c;
    k->waker.server = s;
    pthread_mutex_init(&k->waker.lock, NULL);
    pthread_mutex_lock(&s->lock);
    list_append(&s->wakers, &k->waker.link);
    pthread_mutex_unlock(&s->lock);
    rp->self = NULL;
    if (k->ops->attach)
        k->ops->attach(k->self, &k->waker);
    struct MHD_Response *r =
        MHD_create_response_from_callback(rp->length == UINT64_MAX ? MHD_SIZE_UNKNOWN : rp->length,
                                          BLOCK_BYTES, carry, k, carrier_free);
    if (!r)
        carrier_free(k);
    return r;
}

void carrier_stop(struct http_server *s)
{
    struct list *at;
    pthread_mutex_lock(&s->lock);
    for (at = s->wakers.next; at != &s->wakers; at = at->next)
        http_waker_wake(list_entry(at, struct http_waker, link));
    pthread_mutex_unlock(&s->lock);
}
