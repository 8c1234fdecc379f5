/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/probe.h"

#include <netdb.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/hex.h"
#include "media/params.h"

enum { CONNECT_MS = 15000, LOOK_MS = 250 };

struct run {
    struct probe *p;
    uv_loop_t loop;
    uv_timer_t timer, look;
    const atomic_bool *stop;
    struct rtsp_hub *hub;
    struct rtsp_session *session;
    bool ending;
};

static void on_hub_closed(void *user)
{
    (void)user;
}

static void on_session_closed(void *user)
{
    struct run *r = user;
    rtsp_hub_close(r->hub, on_hub_closed, r);
}

/* Take the description while the session lives, then let everything go. */
static void end(struct run *r)
{
    struct buf text;
    if (r->ending)
        return;
    r->ending = true;
    buf_init(&text, 1 << 16);
    if (rtsp_session_describe(r->session, &text) >= 0 && buf_cstr(&text))
        probe_take_description(r->p, (char *)text.data);
    buf_release(&text);
    uv_close((uv_handle_t *)&r->timer, NULL);
    uv_close((uv_handle_t *)&r->look, NULL);
    rtsp_session_close(r->session, on_session_closed, r);
}

static void on_timer(uv_timer_t *t)
{
    struct run *r = t->data;
    if (!r->p->track[0].seen)
        snprintf(r->p->failure, sizeof(r->p->failure),
                 "no answer that leads to a stream within %d s", CONNECT_MS / 1000);
    end(r);
}

static void on_state(void *user, enum rtsp_state s, int code, const char *why)
{
    struct run *r = user;
    if (s == RTSP_STATE_PLAYING) {
        uv_timer_start(&r->timer, on_timer, (uint64_t)r->p->seconds * 1000, 0);
    } else if (s == RTSP_STATE_CLOSED || s == RTSP_STATE_WAITING) {
        if (!r->ending)
            snprintf(r->p->failure, sizeof(r->p->failure), "%s",
                     why && *why ? why : err_text(code));
        end(r);
    }
}

static void on_track(void *user, int index, const struct media_track *t)
{
    struct run *r = user;
    if (index >= PROBE_TRACKS)
        return;
    struct probe_track *k = &r->p->track[index];
    if (!k->seen && t->params)
        k->params_in_sdp = media_params_complete(t->params, t->codec);
    k->seen = true;
    k->track = *t;
    k->track.params = NULL;
}

static void note_key(struct probe_track *t, int64_t at_us)
{
    if (t->keys++ && at_us - t->last_key_us > t->longest_key_us)
        t->longest_key_us = at_us - t->last_key_us;
    t->last_key_us = at_us;
}

static void on_au(void *user, int index, const struct media_au *au)
{
    struct run *r = user;
    if (index >= PROBE_TRACKS)
        return;
    struct probe_track *t = &r->p->track[index];
    if (!t->frames++) {
        t->first_us = t->last_us = au->arrival_us;
        t->first_pts = t->last_pts = t->min_pts = t->max_pts = au->pts_ticks;
    } else {
        t->bytes += au->size; /* the first one only starts the watch */
    }
    if (au->arrival_us - t->last_us > t->worst_wait_us)
        t->worst_wait_us = au->arrival_us - t->last_us;
    t->reordered = t->reordered || au->pts_ticks < t->last_pts;
    t->last_us = au->arrival_us;
    t->last_pts = au->pts_ticks;
    t->min_pts = au->pts_ticks < t->min_pts ? au->pts_ticks : t->min_pts;
    t->max_pts = au->pts_ticks > t->max_pts ? au->pts_ticks : t->max_pts;
    if (au->key)
        note_key(t, t->track.clock_rate ? au->pts_ticks * SECOND_US / t->track.clock_rate
                                        : au->arrival_us);
}

static void on_lost(void *user, int index, uint32_t packets)
{
    struct run *r = user;
    if (index < PROBE_TRACKS)
        r->p->track[index].lost += packets;
}

static void on_report(void *user, int index, int64_t camera_us, int64_t pts_ticks,
                      int64_t arrival_us)
{
    struct run *r = user;
    (void)pts_ticks;
    if (index >= PROBE_TRACKS)
        return;
    r->p->track[index].reports = true;
    r->p->track[index].clock_offset_us = camera_us - arrival_us;
}

/* Looked at a few times a second. */
static void on_look(uv_timer_t *t)
{
    struct run *r = t->data;
    if (r->stop && atomic_load(r->stop)) {
        snprintf(r->p->failure, sizeof(r->p->failure), "the recorder is stopping");
        end(r);
    }
}

int probe_watch(struct probe *p, const struct rtsp_config *cfg, const atomic_bool *stop,
                struct err *reterr)
{
    static const struct rtsp_events events = {on_state, on_track, on_au, on_lost, on_report};
    struct rtsp_hub_config hub = {.clock = &clock_system};
    struct run r = {.p = p, .stop = stop};
    int e = uv_loop_init(&r.loop);
    if (e < 0)
        return e;
    e = rtsp_hub_new(&r.loop, &hub, &r.hub);
    if (e >= 0) {
        uv_timer_init(&r.loop, &r.timer);
        uv_timer_init(&r.loop, &r.look);
        r.timer.data = r.look.data = &r;
        e = rtsp_session_open(r.hub, cfg, &events, &r, &r.session, reterr);
        if (e >= 0) {
            uv_timer_start(&r.timer, on_timer, CONNECT_MS, 0);
            uv_timer_start(&r.look, on_look, LOOK_MS, LOOK_MS);
        } else {
            uv_close((uv_handle_t *)&r.timer, NULL);
            uv_close((uv_handle_t *)&r.look, NULL);
            rtsp_hub_close(r.hub, on_hub_closed, &r);
        }
        uv_run(&r.loop, UV_RUN_DEFAULT);
    }
    uv_loop_close(&r.loop);
    return e;
}

static int dial(const char *host, int port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    struct timeval patience = {.tv_sec = 5};
    char service[8];
    int fd = -1;
    snprintf(service, sizeof(service), "%d", port);
    if (getaddrinfo(host, service, &hints, &list))
        return -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        if (connect(fd, a->ai_addr, a->ai_addrlen)) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

bool probe_certificate(const char *host, int port, char ret[65])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    int fd = dial(host, port);
    SSL_CTX *ctx = fd < 0 ? NULL : SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    X509 *cert = NULL;
    char name[NI_MAXHOST]; /* the macro of OpenSSL takes it as not constant */
    snprintf(name, sizeof(name), "%s", host);
    if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1 &&
        SSL_connect(ssl) == 1)
        cert = SSL_get1_peer_certificate(ssl);
    if (cert && X509_digest(cert, EVP_sha256(), digest, &n) == 1 && n == 32)
        hex_encode(digest, n, ret);
    X509_free(cert);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    if (fd >= 0)
        close(fd);
    return n == 32;
}
