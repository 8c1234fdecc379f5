/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/server_private.h"

/* Limits of one listening socket. A browser opens up to six connections. */
#define CONNECTIONS 512
#define THREADS 2
#define IDLE_SECONDS 20
#define CONNECTION_BYTES 32768 /* request line and headers, and the headers of the answer */

static void *work(void *user)
{
    struct http_server *s = user;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (list_empty(&s->queue) && !s->stopping)
            pthread_cond_wait(&s->work, &s->lock);
        if (list_empty(&s->queue))
            break;
        struct exchange *x = list_entry(s->queue.next, struct exchange, link);
        list_remove(&x->link);
        pthread_mutex_unlock(&s->lock);
        exchange_run(x);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

__attribute__((format(printf, 2, 0))) static void on_library_log(void *user, const char *fmt,
                                                                 va_list ap)
{
    char text[300];
    (void)user;
    vsnprintf(text, sizeof(text), fmt, ap);
    log_debug("http", "%s", text); /* broken requests of strangers: not worth a line each */
}

/* A NUL inside an address would end it early; it becomes a character that no address holds. */
static size_t unescape(void *user, struct MHD_Connection *c, char *text)
{
    (void)user, (void)c;
    size_t n = MHD_http_unescape(text);
    for (size_t i = 0; i < n; i++)
        if (!text[i])
            text[i] = 1;
    return n;
}

static struct MHD_Daemon *start_one(struct http_server *s, int fd)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME;
    static const char priorities[] = "SECURE192:SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)priorities},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)s->o.tls_cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)s->o.tls_key},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        flags | (s->o.tls_key ? MHD_USE_TLS : 0), 0, NULL, NULL, exchange_on_request, s,
        MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        exchange_on_completed, s, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_ARRAY, s->o.tls_key ? tls : none, MHD_OPTION_END);
}

static int start_threads(struct http_server *s, struct err *reterr)
{
    for (int i = 0; i < HTTP_WORKERS; i++) {
        int r = pthread_create(&s->workers[i], NULL, work, s);
        if (r)
            return err_set(reterr, -r, "the web server cannot start its threads: %s", err_text(-r));
        s->worker_count++;
    }
    for (int i = 0; i < s->o.fd_count; i++) {
        s->daemons[i] = start_one(s, s->o.fds[i]);
        if (!s->daemons[i])
            return err_set(reterr, -EIO, "the web server does not start on descriptor %d%s",
                           s->o.fds[i],
                           s->o.tls_key ? "; do key and certificate (tls) belong together?" : "");
        s->daemon_count++;
    }
    return 0;
}

int http_server_start(const struct http_server_options *o, struct http_server **ret,
                      struct err *reterr)
{
    if (o->fd_count > HTTP_LISTENERS)
        return err_set(reterr, E_LIMIT, "more listening sockets than the web server takes");
    struct http_server *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->o = *o;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    list_init(&s->queue);
    list_init(&s->wakers);
    int r = start_threads(s, reterr);
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
    pthread_mutex_lock(&s->lock);
    __atomic_store_n(&s->stopping, true, __ATOMIC_RELAXED);
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->worker_count; i++)
        pthread_join(s->workers[i], NULL);
    carrier_stop(s);
    for (int i = 0; i < s->daemon_count; i++)
        MHD_stop_daemon(s->daemons[i]);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
