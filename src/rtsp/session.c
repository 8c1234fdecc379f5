/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rtsp/internal.h"
#include "rtsp/udp.h"

static void tell_state(struct rtsp_session *s, enum rtsp_state state, int code, const char *why)
{
    if (!s->closing && s->ev.state)
        s->ev.state(s->user, state, code, why);
}

void session_tell_playing(struct rtsp_session *s)
{
    if (s->told_playing)
        return;
    s->told_playing = true;
    s->playing_since_us = s->now_us;
    s->last_data_us = s->last_media_us = s->now_us;
    tell_state(s, RTSP_STATE_PLAYING, 0, "playing");
}

static void drop_connection(struct rtsp_session *s)
{
    conn_close(s->conn);
    s->conn = NULL;
    for (int i = 0; i < s->tracks; i++) {
        udp_pair_free(s->track[i].udp);
        s->track[i].udp = NULL;
    }
    buf_release(&s->tail);
}

/* The caller let go of the session: it is freed at the next tick, never below a callback. */
static void finish_close(struct rtsp_session *s)
{
    drop_connection(s);
    s->step = STEP_OVER;
    list_remove(&s->node);
    list_append(&s->hub->dead, &s->node);
    list_remove(&s->young);
    s->hub->sessions--;
    hub_sessions_changed(s->hub);
}

static int64_t backoff(struct rtsp_session *s, int code)
{
    bool stable = s->told_playing && s->now_us - s->playing_since_us >= STABLE_US;
    if (stable || s->backoff_us == 0)
        s->backoff_us = BACKOFF_MIN_US;
    else
        s->backoff_us = 2 * s->backoff_us > BACKOFF_MAX_US ? BACKOFF_MAX_US : 2 * s->backoff_us;
    if (err_kind(code) == ERR_DENIED) /* cameras lock an account after a few wrong tries */
        s->backoff_us = BACKOFF_MAX_US;
    int64_t quarter = s->backoff_us / 4;
    return s->backoff_us - quarter + (int64_t)(hub_random(s->hub) % (uint64_t)(2 * quarter + 1));
}

void session_fail(struct rtsp_session *s, int code, const char *fmt, ...)
{
    va_list ap;
    s->why.code = code;
    va_start(ap, fmt);
    vsnprintf(s->why.text, sizeof(s->why.text), fmt, ap);
    va_end(ap);
    if (s->step == STEP_TEARDOWN || s->closing) {
        finish_close(s);
        return;
    }
    handshake_teardown(s);
    drop_connection(s);
    if (s->use_udp && s->cfg.transport == RTSP_TRANSPORT_AUTO)
        s->use_udp = false; /* silence over UDP: the next try is TCP again */
    if (s->cfg.once) {
        s->step = STEP_OVER;
        tell_state(s, RTSP_STATE_CLOSED, code, s->why.text);
        return;
    }
    s->step = STEP_WAIT;
    s->deadline_us = s->now_us + backoff(s, code);
    tell_state(s, RTSP_STATE_WAITING, code, s->why.text);
}

static void on_ready(void *owner, int code, const char *why)
{
    struct rtsp_session *s = owner;
    s->now_us = hub_now(s->hub);
    if (code < 0)
        session_fail(s, code, "cannot connect to %s port %u: %s", s->url.host, s->url.port, why);
    else
        handshake_begin(s);
}

static void open_connection(struct rtsp_session *s)
{
    receive_reset(s);
    s->step = STEP_CONNECT;
    if (list_empty(&s->young))
        list_append(&s->hub->young, &s->young);
    s->deadline_us = s->now_us + ANSWER_US;
    s->told_playing = s->early_media = s->auth_worked = s->awaiting = false;
    s->session_id[0] = 0;
    s->cseq = s->keepalive_cseq = 0;
    s->challenges = 0;
    s->keepalive_unanswered = false;
    s->auth.scheme = RTSP_AUTH_NONE;
    s->auth.nonce[0] = 0;
    s->our_ssrc = (uint32_t)hub_random(s->hub);
    int r = conn_open(s->hub, &s->url, &s->cfg, s, on_ready, &s->conn);
    if (r < 0)
        session_fail(s, r, "cannot connect to %s: %s", s->url.host, err_text(r));
}

void session_reconnect_now(struct rtsp_session *s)
{
    drop_connection(s);
    open_connection(s);
}

static void begin_attempt(struct rtsp_session *s)
{
    if (s->hub->connect_budget <= 0)
        return;
    s->hub->connect_budget--;
    if (s->step == STEP_WAIT)
        s->stats.reconnects++;
    s->url = s->home;
    s->redirects = 0;
    s->step = STEP_CONNECT;
    tell_state(s, RTSP_STATE_CONNECTING, 0, "connecting");
    if (s->step == STEP_CONNECT && !s->closing)
        open_connection(s);
}

static const char *waiting_for(enum step step)
{
    switch (step) {
    case STEP_OPTIONS:
        return "OPTIONS";
    case STEP_DESCRIBE:
        return "DESCRIBE";
    case STEP_SETUP:
        return "SETUP";
    case STEP_PLAY:
        return "PLAY";
    case STEP_IDLE:
    case STEP_CONNECT:
    case STEP_PLAYING:
    case STEP_TEARDOWN:
    case STEP_WAIT:
    case STEP_OVER:
        break;
    }
    return "the connection";
}

static void check_playing(struct rtsp_session *s)
{
    if (s->now_us - s->last_data_us > SILENCE_US) {
        session_fail(s, E_TIMEOUT, "nothing came from the camera for %d s",
                     (int)(SILENCE_US / SECOND_US));
    } else if (s->now_us - s->last_media_us > MEDIA_SILENCE_US) {
        session_fail(s, E_TIMEOUT, "no picture came from the camera for %d s",
                     (int)(MEDIA_SILENCE_US / SECOND_US));
    } else {
        if (s->now_us >= s->next_keepalive_us)
            handshake_keepalive(s);
        if (session_alive(s) && s->now_us >= s->next_report_us)
            receive_reports(s);
    }
}

void session_turn(struct rtsp_session *s, int64_t now_us)
{
    s->now_us = now_us;
    if (s->step == STEP_OVER)
        return;
    if (s->step == STEP_IDLE || s->step == STEP_WAIT) {
        if (now_us >= s->deadline_us)
            begin_attempt(s);
        return;
    }
    receive_tcp(s);
    if (session_alive(s) && s->use_udp)
        udp_receive(s);
    if (!session_alive(s))
        return;
    if (s->step == STEP_PLAYING)
        check_playing(s);
    else if (now_us > s->deadline_us)
        session_fail(s, E_TIMEOUT, "no answer to %s within %d s", waiting_for(s->step),
                     (int)(ANSWER_US / SECOND_US));
}

static int copy_credentials(struct rtsp_session *s, const struct rtsp_config *cfg,
                            struct err *reterr)
{
    const char *user = cfg->user ? cfg->user : s->home.user;
    const char *password = cfg->password ? cfg->password : s->home.password;
    if (strlen(user) >= sizeof(s->auth.user) || strlen(password) >= sizeof(s->auth.password))
        return err_set(reterr, E_SYNTAX, "user or password is longer than %zu bytes",
                       sizeof(s->auth.user) - 1);
    memcpy(s->auth.user, user, strlen(user) + 1);
    memcpy(s->auth.password, password, strlen(password) + 1);
    memset(s->home.user, 0, sizeof(s->home.user));
    memset(s->home.password, 0, sizeof(s->home.password));
    return 0;
}

int rtsp_session_open(struct rtsp_hub *h, const struct rtsp_config *cfg,
                      const struct rtsp_events *ev, void *user, struct rtsp_session **ret,
                      struct err *reterr)
{
    struct rtsp_session *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(reterr, -ENOMEM, "out of memory");
    s->hub = h;
    s->ev = *ev;
    s->user = user;
    s->cfg = *cfg;
    s->cfg.url = s->cfg.user = s->cfg.password = NULL;
    list_init(&s->young);
    buf_init(&s->tail, RTSP_FRAME_BYTES);
    int r = rtsp_url_parse(cfg->url, &s->home, reterr);
    if (r >= 0)
        r = copy_credentials(s, cfg, reterr);
    if (r >= 0 && s->home.tls && cfg->transport == RTSP_TRANSPORT_UDP)
        r = err_set(reterr, E_SYNTAX, "rtsps over UDP would send the pictures in clear");
    if (r < 0) {
        rtsp_auth_release(&s->auth);
        free(s);
        return r == E_LIMIT ? E_SYNTAX : r;
    }
    s->use_udp = cfg->transport == RTSP_TRANSPORT_UDP;
    s->now_us = s->deadline_us = hub_now(h);
    list_append(&h->ring, &s->node);
    h->sessions++;
    hub_sessions_changed(h);
    *ret = s;
    return 0;
}

void rtsp_session_close(struct rtsp_session *s, void (*done)(void *user), void *user)
{
    s->closing = true;
    s->done = done;
    s->done_user = user;
    for (int i = 0; i < s->tracks; i++)
        s->track[i].assembler.dead = true;
    s->now_us = hub_now(s->hub);
    if (handshake_teardown(s)) {
        s->step = STEP_TEARDOWN;
        s->deadline_us = s->now_us + TEARDOWN_US;
    } else {
        finish_close(s);
    }
}

void session_free(struct rtsp_session *s)
{
    receive_reset(s);
    buf_release(&s->tail);
    rtsp_auth_release(&s->auth);
    free(s);
}

void rtsp_session_stats(const struct rtsp_session *s, struct rtsp_stats *ret)
{
    *ret = s->stats;
}

static int describe_track(const struct rtsp_track *t, int index, struct buf *out)
{
    const struct media_track *m = &t->media;
    int r =
        buf_appendf(out, "track %d: %s, %u Hz", index, media_codec_name(m->codec), m->clock_rate);
    if (r >= 0 && m->width)
        r = buf_appendf(out, ", %ux%u", m->width, m->height);
    if (r >= 0 && m->channels)
        r = buf_appendf(out, ", %u channels", m->channels);
    return r < 0 ? r : buf_appendf(out, "\n");
}

int rtsp_session_describe(const struct rtsp_session *s, struct buf *out)
{
    static const char *const texts[] = {
#define X(name, text) text,
        RTSP_ODDITY_LIST(X)
#undef X
    };
    uint32_t odd = s->oddities;
    int r = buf_appendf(out, "server: %s\ntransport: %s%s\n",
                        s->server[0] ? s->server : "does not name itself",
                        s->use_udp ? "UDP" : "TCP interleaved", s->url.tls ? " in TLS" : "");
    for (int i = 0; r >= 0 && i < s->tracks; i++) {
        odd |= s->track[i].assembler.oddities | s->track[i].audio.oddities;
        r = describe_track(&s->track[i], i, out);
    }
    for (int i = 0; r >= 0 && i < ODD_COUNT; i++)
        if (odd & ODD_BIT(i))
            r = buf_appendf(out, "oddity: %s\n", texts[i]);
    return r < 0 ? r : 0;
}
