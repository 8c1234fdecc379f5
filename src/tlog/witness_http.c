/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The witness over HTTP: libmicrohttpd with one thread, so requests are answered one after the other. */
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/config.h"
#include "base/log.h"
#include "tlog/witness.h"

#define CONNECTIONS 128u
#define PER_ADDRESS 16u
#define TIMEOUT_SECONDS 10u /* without a byte */

struct upload {
    struct buf body;
    bool too_long;
};

static enum MHD_Result reply(struct MHD_Connection *c, int status, const char *type,
                             const void *body, size_t len)
{
    union {
        const void *in;
        void *out;
    } u = {.in = body}; /* copied */
    struct MHD_Response *r = MHD_create_response_from_buffer(len, u.out, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, "Content-Type", type);
    MHD_add_response_header(r, "Cache-Control", "no-store");
    enum MHD_Result done = MHD_queue_response(c, (unsigned)status, r);
    MHD_destroy_response(r);
    return done;
}

static enum MHD_Result reply_text(struct MHD_Connection *c, int status, const char *text)
{
    return reply(c, status, "text/plain; charset=utf-8", text, strlen(text));
}

static enum MHD_Result finish(struct MHD_Connection *c, const char *what, struct witness_answer *a)
{
    if (a->why.text[0])
        log_warn("witness", "%s: %d: %s", what, a->status, a->why.text);
    enum MHD_Result r = reply(c, a->status, a->type, a->body.data, a->body.len);
    buf_release(&a->body);
    return r;
}

static enum MHD_Result get(struct witness *w, struct MHD_Connection *c, const char *url)
{
    struct witness_answer a;
    char hex[65];
    size_t len = strlen(url);
    if (len == 76 && memcmp(url + 65, "/checkpoint", 11) == 0) {
        memcpy(hex, url + 1, 64);
        hex[64] = 0;
        witness_get_checkpoint(w, hex, &a);
        return finish(c, "monitor", &a);
    }
    char vkey[TLOG_VKEY_TEXT + 1];
    if (strcmp(url, "/vkey") == 0) {
        len = strlen(tlog_vkey_format(witness_vkey(w), vkey));
        vkey[len++] = '\n';
        return reply(c, 200, "text/plain; charset=utf-8", vkey, len);
    }
    return reply_text(c, 404, "POST /add-checkpoint, GET /HEX/checkpoint, GET /vkey\n");
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **state)
{
    struct witness *w = user;
    struct upload *u = *state;
    if (!u) {
        u = *state = calloc(1, sizeof(*u));
        if (u)
            buf_init(&u->body, WITNESS_BODY_BYTES);
        return u ? MHD_YES : MHD_NO;
    }
    if (*data_len > 0) {
        u->too_long = u->too_long || buf_append(&u->body, data, *data_len) < 0;
        *data_len = 0;
        return u->too_long ? MHD_NO : MHD_YES; /* hang up rather than read on */
    }
    if (strcmp(method, "GET") == 0)
        return get(w, c, url);
    if (strcmp(method, "POST") != 0 || strcmp(url, "/add-checkpoint") != 0)
        return reply_text(c, strcmp(method, "POST") == 0 ? 404 : 405,
                          "POST /add-checkpoint, GET /HEX/checkpoint, GET /vkey\n");
    struct witness_answer a;
    witness_add_checkpoint(w, u->body.data, u->body.len, (int64_t)time(NULL), &a);
    return finish(c, "add-checkpoint", &a);
}

static void on_done(void *user, struct MHD_Connection *c, void **state,
                    enum MHD_RequestTerminationCode why)
{
    struct upload *u = *state;
    if (u)
        buf_release(&u->body);
    free(u);
    *state = NULL;
}

static int resolve(const char *listen, struct addrinfo **ret, struct err *reterr)
{
    char host[64], service[16];
    int port;
    if (config_listen_split(listen, host, &port) < 0)
        return err_set(reterr, E_SYNTAX, "%s is not ADDRESS:PORT", listen);
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST,
                             .ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM};
    snprintf(service, sizeof(service), "%d", port);
    int r = getaddrinfo(host[0] ? host : NULL, service, &hints, ret);
    return r ? err_set(reterr, E_SYNTAX, "%s: %s", listen, gai_strerror(r)) : 0;
}

static void wait_for_signal(void)
{
    sigset_t set;
    int sig;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    while (sigwait(&set, &sig) == EINTR)
        ;
}

int witness_serve(struct witness *w, const char *listen, void (*listening)(int port),
                  struct err *reterr)
{
    struct addrinfo *a = NULL;
    sigset_t set;
    int r = resolve(listen, &a, reterr);
    if (r < 0)
        return r;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL); /* before the server's thread is there */
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
                     (a->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    errno = 0;
    struct MHD_Daemon *d = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, w, MHD_OPTION_SOCK_ADDR, a->ai_addr,
        MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT, PER_ADDRESS,
        MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_SECONDS, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL,
        MHD_OPTION_END);
    freeaddrinfo(a);
    if (!d)
        return err_set(reterr, errno ? -errno : E_BUG, "cannot listen on %s: %s", listen,
                       err_text(errno ? -errno : E_BUG));
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);
    if (listening)
        listening(info ? info->port : 0);
    wait_for_signal();
    MHD_stop_daemon(d);
    return 0;
}
