/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests and answers: OPTIONS, DESCRIBE, SETUP, PLAY, keepalive, TEARDOWN. Source: RFC 2326 §10, §12. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/params.h"
#include "rtsp/internal.h"
#include "rtsp/sdp.h"
#include "rtsp/udp.h"

#define REQUEST_BYTES 16384

static int append_authorization(struct rtsp_session *s, const char *method, const char *uri,
                                struct buf *b)
{
    char answer[3 * RTSP_URL_BYTES], cnonce[17];
    uint64_t random;
    if (s->auth.scheme == RTSP_AUTH_NONE)
        return 0;
    int r = uv_random(NULL, NULL, &random, sizeof(random), 0, NULL);
    if (r < 0)
        return r;
    snprintf(cnonce, sizeof(cnonce), "%016llx", (unsigned long long)random);
    r = rtsp_auth_answer(&s->auth, method, uri, cnonce, answer, sizeof(answer));
    return r < 0 ? r : buf_appendf(b, "Authorization: %s\r\n", answer);
}

/* @extra header lines, each with its line end, or "" */
static int send_request(struct rtsp_session *s, const char *method, const char *uri,
                        const char *extra)
{
    struct buf b;
    if (!s->conn)
        return E_CLOSED;
    buf_init(&b, REQUEST_BYTES);
    int r = buf_appendf(&b, "%s %s RTSP/1.0\r\nCSeq: %u\r\nUser-Agent: Lethe\r\n", method, uri,
                        ++s->cseq);
    if (r >= 0)
        r = append_authorization(s, method, uri, &b);
    if (r >= 0 && s->session_id[0])
        r = buf_appendf(&b, "Session: %s\r\n", s->session_id);
    if (r >= 0)
        r = buf_appendf(&b, "%s\r\n", extra);
    if (r >= 0)
        r = conn_write(s->conn, b.data, b.len);
    buf_release(&b);
    return r;
}

static int send_setup(struct rtsp_session *s)
{
    struct rtsp_track *t = &s->track[s->setup_index];
    char transport[160];
    if (s->use_udp) {
        uint16_t port;
        int r = udp_pair_new(s->hub, &s->conn->peer, &t->udp, &port);
        if (r < 0)
            return r;
        snprintf(transport, sizeof(transport), "Transport: RTP/AVP;unicast;client_port=%u-%u\r\n",
                 port, port + 1u);
    } else {
        t->rtp_channel = (uint8_t)(2 * s->setup_index);
        t->rtcp_channel = (uint8_t)(t->rtp_channel + 1);
        snprintf(transport, sizeof(transport),
                 "Transport: RTP/AVP/TCP;unicast;interleaved=%u-%u\r\n", t->rtp_channel,
                 t->rtcp_channel);
    }
    return send_request(s, "SETUP", t->control, transport);
}

/* Send the request of @step and wait for the answer. */
static void go(struct rtsp_session *s, enum step step)
{
    int r = E_BUG;
    s->step = step;
    s->deadline_us = s->now_us + ANSWER_US;
    s->awaiting = true;
    if (step == STEP_OPTIONS)
        r = send_request(s, "OPTIONS", s->url.request, "");
    else if (step == STEP_DESCRIBE)
        r = send_request(s, "DESCRIBE", s->url.request, "Accept: application/sdp\r\n");
    else if (step == STEP_SETUP)
        r = send_setup(s);
    else if (step == STEP_PLAY)
        r = send_request(s, "PLAY", s->aggregate, "Range: npt=0.000-\r\n");
    if (r < 0)
        session_fail(s, r, "a request could not be sent: %s", err_text(r));
}

void handshake_begin(struct rtsp_session *s)
{
    s->can_get_parameter = s->can_set_parameter = false;
    s->keepalive_us = KEEPALIVE_DEFAULT_S * SECOND_US / 2;
    snprintf(s->aggregate, sizeof(s->aggregate), "%s", s->url.request);
    go(s, STEP_OPTIONS);
}

bool handshake_teardown(struct rtsp_session *s)
{
    if (!s->conn || !s->session_id[0])
        return false;
    return send_request(s, "TEARDOWN", s->aggregate, "") >= 0;
}

void handshake_keepalive(struct rtsp_session *s)
{
    const char *method = s->options_only        ? "OPTIONS"
                         : s->can_get_parameter ? "GET_PARAMETER"
                         : s->can_set_parameter ? "SET_PARAMETER"
                                                : "OPTIONS";
    int r = send_request(s, method, s->aggregate, "");
    s->keepalive_cseq = s->cseq;
    s->keepalive_unanswered = true;
    s->next_keepalive_us = s->now_us + s->keepalive_us;
    if (r < 0)
        session_fail(s, r, "the camera takes no more requests: %s", err_text(r));
}

/* 401: try with what the camera asks for, as long as that makes sense. True when credentials were prepared. */
static bool answer_challenge(struct rtsp_session *s, const struct rtsp_message *m)
{
    bool had = s->auth.scheme != RTSP_AUTH_NONE;
    if (!s->auth.user[0]) {
        session_fail(s, E_AUTH, "the camera asks for user and password, and none are set");
        return false;
    }
    int r = rtsp_auth_challenge(&s->auth, m);
    if (r < 0) {
        session_fail(s, E_AUTH, "the camera asks for a kind of login that is not supported");
        return false;
    }
    if (s->auth.scheme == RTSP_AUTH_BASIC && !s->url.tls &&
        strcmp(s->url.host, s->home.host) != 0) {
        session_fail(s, E_AUTH, "the camera redirects to %s, which asks for the password in clear",
                     s->url.host);
        return false;
    }
    bool again = !had || (r > 0 && (s->auth.stale || s->auth_worked));
    if (!again || ++s->challenges > CHALLENGES_MAX) {
        session_fail(s, E_AUTH, "the camera refuses user or password");
        return false;
    }
    return true;
}

static void redirect(struct rtsp_session *s, const struct rtsp_message *m)
{
    char text[RTSP_URL_BYTES];
    struct rtsp_url next;
    if (span_copy(rtsp_message_get(m, "Location"), text, sizeof(text)) < 0 ||
        rtsp_url_parse(text, &next, NULL) < 0) {
        session_fail(s, E_PROTOCOL, "the camera redirects to an address that cannot be read");
    } else if (s->url.tls && !next.tls) {
        session_fail(s, E_DENIED, "the camera redirects from rtsps to rtsp, which is refused");
    } else if (++s->redirects > REDIRECTS_MAX) {
        session_fail(s, E_PROTOCOL, "the camera redirects in a circle");
    } else {
        s->url = next; /* credentials stay those of the configuration */
        session_reconnect_now(s);
    }
}

static void refused(struct rtsp_session *s, const char *method, const struct rtsp_message *m)
{
    int code = m->status == 404   ? E_NOTFOUND
               : m->status == 403 ? E_DENIED
               : m->status == 453 ? E_BUSY
                                  : E_PROTOCOL;
    int n = m->reason.n > 60 ? 60 : (int)m->reason.n;
    session_fail(s, code, "the camera answers %d %.*s to %s", m->status, n, n ? m->reason.p : "",
                 method);
}

static void on_options(struct rtsp_session *s, const struct rtsp_message *m)
{
    struct span list = rtsp_message_get(m, "Public"), item;
    if (m->status != 200)
        session_odd(s, ODD_OPTIONS);
    while (span_cut(&list, ',', &item)) {
        s->can_get_parameter |= span_is(item, "GET_PARAMETER");
        s->can_set_parameter |= span_is(item, "SET_PARAMETER");
    }
    go(s, STEP_DESCRIBE);
}

static int add_track(struct rtsp_session *s, const struct rtsp_sdp_media *m)
{
    struct rtsp_track *t = &s->track[s->tracks];
    char control[RTSP_URL_BYTES];
    bool video = m->kind == RTSP_MEDIA_VIDEO;
    *t = (struct rtsp_track){.session = s, .payload_type = m->payload_type};
    t->media.codec = m->codec;
    t->media.clock_rate = m->clock_rate;
    t->media.channels = m->channels;
    if (span_copy(m->control, control, sizeof(control)) < 0 ||
        rtsp_url_join(s->base, control, t->control) < 0)
        return E_LIMIT;
    timeline_init(&t->timeline, m->clock_rate);
    if (!video) {
        t->audio.user = t;
        t->audio.frame = receive_audio_frame;
        int r = depay_audio_init(&t->audio, &t->media, m->fmtp);
        if (r >= 0)
            s->tracks++;
        return r;
    }
    t->media.params = calloc(1, sizeof(*t->media.params));
    if (!t->media.params)
        return -ENOMEM;
    int bad = 0;
    rtsp_fmtp_params(m, t->media.params, &bad);
    if (bad)
        session_odd(s, ODD_SPROP);
    uint64_t difference = 0;
    span_number(rtsp_fmtp_get(m->fmtp, "sprop-max-don-diff"), 10, UINT16_MAX, &difference);
    t->donl = m->codec == MEDIA_H265 && difference > 0;
    assembler_init(&t->assembler, m->codec, t->media.params, &s->hub->scratch,
                   &receive_assembler_events);
    s->tracks++;
    return 0;
}

static void set_base(struct rtsp_session *s, const struct rtsp_message *m,
                     const struct rtsp_sdp *sdp)
{
    char text[RTSP_URL_BYTES], control[RTSP_URL_BYTES];
    struct span header = rtsp_message_get(m, "Content-Base");
    if (header.n == 0)
        header = rtsp_message_get(m, "Content-Location");
    if (span_copy(header, text, sizeof(text)) < 0 ||
        rtsp_url_base(text, s->url.request, s->base) > 0)
        session_odd(s, ODD_CONTENT_BASE);
    if (span_copy(sdp->control, control, sizeof(control)) < 0 ||
        rtsp_url_join(s->base, control, s->aggregate) < 0)
        snprintf(s->aggregate, sizeof(s->aggregate), "%s", s->base);
}

static void on_describe(struct rtsp_session *s, const struct rtsp_message *m)
{
    struct rtsp_sdp sdp;
    if (m->status != 200) {
        refused(s, "DESCRIBE", m);
        return;
    }
    if (rtsp_sdp_parse(m->body.p, m->body.n, &sdp) < 0) {
        session_fail(s, E_PROTOCOL, "the camera describes no stream");
        return;
    }
    if (sdp.odd)
        session_odd(s, ODD_SDP);
    set_base(s, m, &sdp);
    int video = rtsp_sdp_choose(&sdp, RTSP_MEDIA_VIDEO);
    if (video < 0) {
        session_fail(s, E_UNSUPPORTED, "the camera offers no H.264 or H.265 video");
        return;
    }
    int r = add_track(s, &sdp.media[video]);
    if (r < 0) {
        session_fail(s, r, "the video track cannot be used: %s", err_text(r));
        return;
    }
    int audio = s->cfg.audio ? rtsp_sdp_choose(&sdp, RTSP_MEDIA_AUDIO) : E_NOTFOUND;
    if (audio >= 0 && add_track(s, &sdp.media[audio]) < 0)
        session_odd(s, ODD_AUDIO);
    s->setup_index = 0;
    go(s, STEP_SETUP);
}

/* Take over what the camera chose. E_PROTOCOL when the stream cannot come then. */
static int apply_transport(struct rtsp_session *s, struct rtsp_track *t,
                           const struct rtsp_message *m)
{
    struct rtsp_transport_reply reply;
    bool usable = rtsp_transport_header(rtsp_message_get(m, "Transport"), &reply) >= 0;
    if (!usable) {
        session_odd(s, ODD_TRANSPORT);
        reply = (struct rtsp_transport_reply){0};
    }
    t->has_ssrc = reply.has_ssrc;
    t->announced_ssrc = reply.ssrc;
    if (s->use_udp) {
        if (reply.has_interleaved && reply.tcp)
            return E_PROTOCOL;
        udp_pair_peer(t->udp, &s->conn->peer, reply.source, reply.server_rtp, reply.server_rtcp);
        return 0;
    }
    if (reply.has_interleaved) {
        if (reply.rtp_channel != t->rtp_channel || reply.rtcp_channel != t->rtcp_channel)
            session_odd(s, ODD_CHANNELS);
        t->rtp_channel = reply.rtp_channel;
        t->rtcp_channel = reply.rtcp_channel;
    } else if (usable) {
        session_odd(s, ODD_TRANSPORT);
    }
    rtsp_channels_add(&s->channels, t->rtp_channel);
    rtsp_channels_add(&s->channels, t->rtcp_channel);
    rtsp_channels_add_type(&s->channels, t->payload_type);
    return 0;
}

static void take_session(struct rtsp_session *s, const struct rtsp_message *m)
{
    char id[sizeof(s->session_id)];
    unsigned timeout = 0;
    if (rtsp_session_header(rtsp_message_get(m, "Session"), id, sizeof(id), &timeout) < 0)
        return;
    if (!s->session_id[0])
        memcpy(s->session_id, id, sizeof(id));
    else if (strcmp(s->session_id, id) != 0)
        session_odd(s, ODD_SESSION); /* the first one counts */
    if (timeout) {
        int64_t half = timeout * SECOND_US / 2;
        s->keepalive_us = half < SECOND_US          ? SECOND_US
                          : half > KEEPALIVE_MAX_US ? KEEPALIVE_MAX_US
                                                    : half;
    }
}

static void start_playing(struct rtsp_session *s)
{
    for (int i = 0; i < s->tracks && !s->closing; i++) {
        struct rtsp_track *t = &s->track[i];
        struct media_sps sps;
        if (t->media.params && media_params_sps(t->media.params, t->media.codec, &sps) >= 0) {
            t->media.width = sps.width;
            t->media.height = sps.height;
        }
        if (s->ev.track)
            s->ev.track(s->user, i, &t->media);
        udp_pair_punch(t->udp);
    }
    if (!s->closing)
        go(s, STEP_PLAY);
}

/* A Content-Base that the camera itself does not know: once more, relative to the URL that we asked for. */
static bool setup_without_base(struct rtsp_session *s)
{
    char control[RTSP_URL_BYTES];
    size_t n = strlen(s->base);
    if (s->setup_index > 0 || strcmp(s->base, s->url.request) == 0)
        return false;
    for (int i = 0; i < s->tracks; i++) {
        struct rtsp_track *t = &s->track[i];
        if (strncmp(t->control, s->base, n) != 0)
            return false;
        snprintf(control, sizeof(control), "%s", t->control + n);
        if (rtsp_url_join(s->url.request, control, t->control) < 0)
            return false;
    }
    snprintf(s->base, sizeof(s->base), "%s", s->url.request);
    snprintf(s->aggregate, sizeof(s->aggregate), "%s", s->url.request);
    session_odd(s, ODD_CONTENT_BASE);
    go(s, STEP_SETUP);
    return true;
}

static void on_setup(struct rtsp_session *s, const struct rtsp_message *m)
{
    struct rtsp_track *t = &s->track[s->setup_index];
    if (m->status == 461 && !s->use_udp && s->cfg.transport == RTSP_TRANSPORT_AUTO && !s->url.tls &&
        s->setup_index == 0) {
        s->use_udp = true;
        go(s, STEP_SETUP);
        return;
    }
    if (m->status != 200 && s->setup_index > 0) { /* no audio is no reason to go without pictures */
        session_odd(s, ODD_AUDIO);
        depay_audio_release(&t->audio);
        s->tracks = s->setup_index;
        start_playing(s);
        return;
    }
    if (m->status != 200) {
        if ((m->status != 404 && m->status != 400) || !setup_without_base(s))
            refused(s, "SETUP", m);
        return;
    }
    take_session(s, m);
    if (apply_transport(s, t, m) < 0) {
        session_fail(s, E_PROTOCOL, "the camera answers SETUP for UDP with TCP");
        return;
    }
    if (++s->setup_index < s->tracks)
        go(s, STEP_SETUP);
    else
        start_playing(s);
}

static void on_play(struct rtsp_session *s, const struct rtsp_message *m)
{
    if (m->status != 200) {
        refused(s, "PLAY", m);
        return;
    }
    take_session(s, m);
    s->step = STEP_PLAYING;
    s->next_keepalive_us = s->now_us + s->keepalive_us;
    s->next_report_us = s->now_us + REPORT_US;
    s->last_data_us = s->last_media_us = s->now_us;
    if (!s->use_udp)
        conn_large_buffer(s->conn);
    session_tell_playing(s);
}

static void on_keepalive(struct rtsp_session *s, const struct rtsp_message *m)
{
    s->keepalive_unanswered = false;
    if (m->status == 200) {
        s->challenges = 0;
    } else if (m->status == 401) {
        if (answer_challenge(s, m))
            handshake_keepalive(s);
    } else if (m->status == 454) {
        session_fail(s, E_CLOSED, "the camera has forgotten the session");
    } else if (!s->options_only && (s->can_get_parameter || s->can_set_parameter)) {
        session_odd(s, ODD_KEEPALIVE);
        s->options_only = true;
    }
}

static void answer_request(struct rtsp_session *s, const struct rtsp_message *m)
{
    char text[256];
    uint32_t cseq = 0;
    rtsp_message_cseq(m, &cseq);
    bool known = span_is(m->method, "OPTIONS") || span_is(m->method, "GET_PARAMETER") ||
                 span_is(m->method, "SET_PARAMETER") || span_is(m->method, "TEARDOWN");
    snprintf(text, sizeof(text),
             "RTSP/1.0 %s\r\nCSeq: %u\r\nPublic: OPTIONS, GET_PARAMETER, SET_PARAMETER\r\n\r\n",
             known ? "200 OK" : "501 Not Implemented", cseq);
    int r = conn_write(s->conn, text, strlen(text));
    if (r < 0)
        session_fail(s, r, "the camera takes no more answers: %s", err_text(r));
    else if (span_is(m->method, "TEARDOWN"))
        session_fail(s, E_CLOSED, "the camera ended the session");
}

static void on_answer(struct rtsp_session *s, const struct rtsp_message *m)
{
    s->awaiting = false;
    if (m->status == 401) {
        if (answer_challenge(s, m))
            go(s, s->step);
        return;
    }
    if (m->status > 300 && m->status < 400) {
        redirect(s, m);
        return;
    }
    if (s->auth.scheme != RTSP_AUTH_NONE)
        s->auth_worked = true;
    s->challenges = 0;
    if (!s->server[0])
        span_copy(rtsp_message_get(m, "Server"), s->server, sizeof(s->server));
    if (s->step == STEP_OPTIONS)
        on_options(s, m);
    else if (s->step == STEP_DESCRIBE)
        on_describe(s, m);
    else if (s->step == STEP_SETUP)
        on_setup(s, m);
    else
        on_play(s, m);
}

void handshake_message(struct rtsp_session *s, const struct rtsp_message *m)
{
    uint32_t cseq = 0;
    if (s->step == STEP_TEARDOWN) {
        if (!m->request)
            session_fail(s, 0, "closed");
        return;
    }
    if (m->request) {
        answer_request(s, m);
        return;
    }
    if (m->status < 200) /* 100 Continue */
        return;
    bool ok = rtsp_message_cseq(m, &cseq) >= 0 && cseq == s->cseq;
    if (s->step == STEP_PLAYING) {
        if (s->keepalive_unanswered)
            on_keepalive(s, m);
        return;
    }
    if (!s->awaiting)
        return;
    if (!ok)
        session_odd(s, ODD_CSEQ);
    on_answer(s, m);
}
