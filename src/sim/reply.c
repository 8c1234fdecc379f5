/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers to requests, right or wrong as the fault script wants them. Source: RFC 2326 §10, §11, §12. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "sim/mangle.h"
#include "sim/request.h"
#include "sim/server.h"

/* Places of words in their quirks' lists. */
enum { CB_NONE, CB_NO_SCHEME, CB_DOUBLE, CB_BARE_IPV6, CB_WRONG, CB_NO_SLASH };
enum { CSEQ_LOWER, CSEQ_SPACES, CSEQ_WRONG, CSEQ_NONE };
enum { SESSION_CHANGES, SESSION_NO_TIMEOUT, SESSION_BAD, SESSION_SPACES };
enum { PUBLIC_NONE, PUBLIC_NO_GET };
enum {
    INFO_NONE,
    INFO_SEMICOLON,
    INFO_BAD_TIME,
    INFO_ZERO,
    INFO_ONE,
    INFO_WRONG_URL,
    INFO_EXTRA,
    INFO_LIES
};
enum {
    TR_AVP,
    TR_SPACES,
    TR_BAD_SSRC,
    TR_NO_PORT,
    TR_ZERO_PORT,
    TR_EMPTY_SOURCE,
    TR_HOSTNAMES,
    TR_ORDER
};
enum { IL_SWAP, IL_OTHER, IL_SINGLE };

struct reply {
    struct sim_conn *c;
    const struct sim_request *r;
    const struct sim_quirks *q;
    struct sim_target target;
    struct sim_camera *camera; /* NULL: the URI names none */
    int stream;                /* 0 if it names none */
    enum sim_method method;
    struct buf out;
    struct buf extra; /* headers of the method */
    struct buf body;
    int64_t delay_us;
    bool close, play; /* after the answer */
};

static const char *reason_of(int code)
{
    static const struct {
        int code;
        const char *text;
    } list[] = {{200, "OK"},
                {301, "Moved Permanently"},
                {302, "Moved Temporarily"},
                {400, "Bad Request"},
                {401, "Unauthorized"},
                {403, "Forbidden"},
                {404, "Not Found"},
                {405, "Method Not Allowed"},
                {453, "Not Enough Bandwidth"},
                {454, "Session Not Found"},
                {455, "Method Not Valid in This State"},
                {459, "Aggregate Operation Not Allowed"},
                {461, "Unsupported Transport"},
                {500, "Internal Server Error"},
                {501, "Not Implemented"},
                {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        if (list[i].code == code)
            return list[i].text;
    return "Status";
}

static bool word(const struct reply *a, enum sim_quirk_id id, int place)
{
    return sim_quirk_word(a->q, id, place);
}

static int status_line(struct reply *a, int code)
{
    if (word(a, SIM_Q_REASON, 1))
        return buf_appendf(&a->out, "RTSP/1.0 %d\r\n", code);
    return buf_appendf(&a->out, "RTSP/1.0 %d %s\r\n", code,
                       word(a, SIM_Q_REASON, 0) ? "" : reason_of(code));
}

static int cseq_line(struct reply *a)
{
    const char *cseq = sim_request_header(a->r, "CSeq");
    if (!cseq || word(a, SIM_Q_CSEQ, CSEQ_NONE))
        return 0;
    return buf_appendf(&a->out, "%s: %s%.20s%s\r\n",
                       word(a, SIM_Q_CSEQ, CSEQ_LOWER) ? "cseq" : "CSeq",
                       word(a, SIM_Q_CSEQ, CSEQ_WRONG) ? "9" : "", cseq,
                       word(a, SIM_Q_CSEQ, CSEQ_SPACES) ? "   " : "");
}

static int session_line(struct reply *a)
{
    const struct sim_session *ss = a->c->session;
    char id[40];
    if (!ss || a->method == SIM_OPTIONS || a->method == SIM_DESCRIBE || a->method == SIM_TEARDOWN)
        return 0;
    snprintf(id, sizeof(id), "%s", ss->id);
    if (word(a, SIM_Q_SESSION, SESSION_CHANGES) && ss->player[1].set_up)
        snprintf(id, sizeof(id), "%sB", ss->id);
    int timeout = a->c->server->o->session_timeout_s;
    if (word(a, SIM_Q_SESSION, SESSION_NO_TIMEOUT))
        return buf_appendf(&a->out, "Session: %s\r\n", id);
    if (word(a, SIM_Q_SESSION, SESSION_BAD))
        return buf_appendf(&a->out, "Session: %s;timeout=sixty;;\r\n", id);
    if (word(a, SIM_Q_SESSION, SESSION_SPACES))
        return buf_appendf(&a->out, "Session:  %s ; timeout = %d \r\n", id, timeout);
    return buf_appendf(&a->out, "Session: %s;timeout=%d\r\n", id, timeout);
}

/* Put the answer together and send it, now or later. */
static void answer(struct reply *a, int code)
{
    struct sim_conn *c = a->c;
    int r = status_line(a, code);
    if (r >= 0)
        r = cseq_line(a);
    if (r >= 0)
        r = session_line(a);
    if (r >= 0)
        r = buf_append(&a->out, a->extra.data, a->extra.len);
    if (r >= 0 && a->body.len)
        r = buf_appendf(&a->out, "Content-Length: %zu\r\n", a->body.len);
    if (r >= 0)
        r = buf_append(&a->out, "\r\n", 2);
    if (r >= 0)
        r = buf_append(&a->out, a->body.data, a->body.len);
    if (r < 0 || c->closing)
        return;
    if (!a->delay_us) {
        sim_conn_text(c, (const char *)a->out.data, a->out.len);
        return;
    }
    c->late = sim_block_copy(a->out.data, a->out.len);
    c->held_until_us = c->server->now_us + a->delay_us;
    c->server->held += c->late != NULL;
}

/* The URI of the presentation with a slash at its end. */
static void base_uri(const struct reply *a, char *ret, size_t cap)
{
    const char *uri = a->r->uri, *cam = strstr(uri, "/cam"),
               *end = cam ? strchr(cam + 1, '/') : NULL;
    size_t n = strlen(uri);
    if (end)
        n = (size_t)(end - uri) + 1 + strcspn(end + 1, "/?");
    snprintf(ret, cap, "%.*s/", (int)n, uri);
}

static int content_base(struct reply *a, const char *base)
{
    const char *rest = strstr(base, "://");
    rest = rest ? rest + 3 : base;
    if (word(a, SIM_Q_CONTENT_BASE, CB_NONE))
        return 0;
    if (word(a, SIM_Q_CONTENT_BASE, CB_NO_SCHEME))
        return buf_appendf(&a->extra, "Content-Base: %s\r\n", rest);
    if (word(a, SIM_Q_CONTENT_BASE, CB_DOUBLE))
        return buf_appendf(&a->extra, "Content-Base: rtsp://%s\r\n", base);
    if (word(a, SIM_Q_CONTENT_BASE, CB_BARE_IPV6))
        return buf_appendf(&a->extra, "Content-Base: rtsp://::1:554/%s\r\n",
                           strchr(rest, '/') ? strchr(rest, '/') + 1 : "");
    if (word(a, SIM_Q_CONTENT_BASE, CB_WRONG))
        return buf_appendf(&a->extra, "Content-Base: rtsp://192.168.1.64:554/live\r\n");
    if (word(a, SIM_Q_CONTENT_BASE, CB_NO_SLASH))
        return buf_appendf(&a->extra, "Content-Base: %.*s\r\n", (int)strlen(base) - 1, base);
    return buf_appendf(&a->extra, "Content-Base: %s\r\n", base);
}

static int do_options(struct reply *a)
{
    if (word(a, SIM_Q_PUBLIC, PUBLIC_NONE))
        return 200;
    buf_appendf(&a->extra, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN%s\r\n",
                word(a, SIM_Q_PUBLIC, PUBLIC_NO_GET) ? "" : ", GET_PARAMETER, SET_PARAMETER");
    return 200;
}

static int do_describe(struct reply *a)
{
    char base[600];
    if (!a->camera)
        return 404;
    base_uri(a, base, sizeof(base));
    if (sim_sdp_write(a->c->server, a->camera, a->stream, base, &a->body) < 0)
        return 500;
    content_base(a, base);
    if (!sim_quirk(a->q, SIM_Q_NO_CONTENT_TYPE))
        buf_appendf(&a->extra, "Content-Type: application/sdp\r\n");
    return 200;
}

static void choose_channels(struct reply *a, struct sim_player *p, const struct sim_transport *t)
{
    int rtp = t->channel[0] >= 0 ? t->channel[0] : 2 * p->track;
    int rtcp = t->channel[1] >= 0 ? t->channel[1] : rtp + 1;
    if (word(a, SIM_Q_INTERLEAVED, IL_SWAP)) {
        int swap = rtp;
        rtp = rtcp;
        rtcp = swap;
    }
    if (word(a, SIM_Q_INTERLEAVED, IL_OTHER)) {
        rtp = 10 + 2 * p->track;
        rtcp = rtp + 1;
    }
    p->channel = (uint8_t)rtp;
    p->rtcp_channel = (uint8_t)rtcp;
}

static void tcp_line(struct reply *a, const struct sim_player *p)
{
    uint32_t ssrc = p->program->ssrc;
    char ids[40];
    if (word(a, SIM_Q_INTERLEAVED, IL_SINGLE))
        snprintf(ids, sizeof(ids), "interleaved=%d", p->channel);
    else
        snprintf(ids, sizeof(ids), "interleaved=%d-%d", p->channel, p->rtcp_channel);
    const char *protocol = word(a, SIM_Q_TRANSPORT, TR_AVP) ? "RTP/AVP" : "RTP/AVP/TCP";
    if (word(a, SIM_Q_TRANSPORT, TR_SPACES))
        buf_appendf(&a->extra, "Transport: %s;unicast;%s;ssrc=  %X;mode=\"play\"\r\n", protocol,
                    ids, ssrc);
    else if (word(a, SIM_Q_TRANSPORT, TR_BAD_SSRC))
        buf_appendf(&a->extra, "Transport: %s;unicast;%s;ssrc=none\r\n", protocol, ids);
    else if (word(a, SIM_Q_TRANSPORT, TR_ORDER))
        buf_appendf(&a->extra, "Transport: %s;mode=play;ssrc=%08X;%s;unicast\r\n", protocol, ssrc,
                    ids);
    else
        buf_appendf(&a->extra, "Transport: %s;unicast;%s;ssrc=%08X;mode=\"PLAY\"\r\n", protocol,
                    ids, ssrc);
}

static void udp_line(struct reply *a, const struct sim_player *p, const struct sim_transport *t)
{
    int port = word(a, SIM_Q_TRANSPORT, TR_ZERO_PORT) ? 0 : a->c->server->udp_port;
    buf_appendf(&a->extra, "Transport: RTP/AVP;unicast;client_port=%d-%d", t->client_port[0],
                t->client_port[1]);
    if (!word(a, SIM_Q_TRANSPORT, TR_NO_PORT))
        buf_appendf(&a->extra, ";server_port=%d-%d", port, port ? port + 1 : 0);
    if (word(a, SIM_Q_TRANSPORT, TR_EMPTY_SOURCE))
        buf_appendf(&a->extra, ";source=");
    if (word(a, SIM_Q_TRANSPORT, TR_HOSTNAMES))
        buf_appendf(&a->extra, ";source=camera.local;destination=recorder.local");
    buf_appendf(&a->extra, ";ssrc=%08X\r\n", p->program->ssrc);
}

static int set_up_udp(struct reply *a, struct sim_player *p, const struct sim_transport *t)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    if (getpeername(a->c->fd, (struct sockaddr *)&peer, &len) < 0)
        return 461;
    p->udp = true;
    p->channel = p->program->channel;
    p->rtcp_channel = (uint8_t)(p->channel + 1);
    p->rtp = p->rtcp = peer;
    p->rtp.sin_port = htons((uint16_t)t->client_port[0]);
    p->rtcp.sin_port = htons((uint16_t)t->client_port[1]);
    udp_line(a, p, t);
    return 200;
}

static int do_setup(struct reply *a)
{
    struct sim_conn *c = a->c;
    const char *value = sim_request_header(a->r, "Transport");
    if (!a->camera)
        return 404;
    int track = a->target.track < 0 ? 0 : a->target.track;
    if (track >= SIM_TRACKS || !a->camera->stream[a->stream].track[track])
        return 404;
    struct sim_transport t = sim_transport_parse(value, c->server->udp_rtp >= 0);
    if (!t.ok)
        return 461;
    if (c->session &&
        (c->session->camera != a->camera || c->session->stream != a->stream || c->session->playing))
        return 455;
    if (!c->session) {
        c->session = sim_session_new(c->server, a->camera, a->stream);
        if (!c->session)
            return 500;
        c->session->conn = c;
    }
    struct sim_player *p = &c->session->player[track];
    p->set_up = true;
    if (!t.tcp)
        return set_up_udp(a, p, &t);
    p->udp = false;
    choose_channels(a, p, &t);
    tcp_line(a, p);
    return 200;
}

static void rtp_info_track(struct reply *a, const struct sim_player *p, const char *base,
                           bool first)
{
    uint32_t ts = sim_mangle_timestamp(p, sim_program_timestamp(p->program, p->index, p->loop));
    unsigned seq = sim_mangle_sequence(p, sim_program_sequence(p->program, p->index, p->loop));
    if (word(a, SIM_Q_RTP_INFO, INFO_ZERO))
        seq = 0;
    if (word(a, SIM_Q_RTP_INFO, INFO_ONE))
        seq = 1;
    if (word(a, SIM_Q_RTP_INFO, INFO_LIES)) {
        seq = (seq + 20000) & 0xffff;
        ts += 90000 * 3600u;
    }
    if (word(a, SIM_Q_RTP_INFO, INFO_WRONG_URL))
        base = "rtsp://0.0.0.0/other/";
    buf_appendf(&a->extra, "%surl=%strackID=%d;seq=%u;rtptime=", first ? "RTP-Info: " : ",", base,
                p->track, seq);
    if (word(a, SIM_Q_RTP_INFO, INFO_BAD_TIME))
        buf_appendf(&a->extra, "-1e9");
    else
        buf_appendf(&a->extra, "%u", ts);
}

static void rtp_info(struct reply *a, const struct sim_session *ss)
{
    char base[600];
    bool first = true;
    if (word(a, SIM_Q_RTP_INFO, INFO_NONE))
        return;
    base_uri(a, base, sizeof(base));
    for (int i = 0; i < SIM_TRACKS; i++) {
        if (!ss->player[i].set_up)
            continue;
        rtp_info_track(a, &ss->player[i], base, first);
        first = false;
    }
    if (word(a, SIM_Q_RTP_INFO, INFO_EXTRA))
        buf_appendf(&a->extra, ",url=%strackID=5;seq=7;rtptime=9", base);
    buf_appendf(&a->extra, "%s\r\n", word(a, SIM_Q_RTP_INFO, INFO_SEMICOLON) ? ";" : "");
}

/* The session that the request names, or the connection's own. NULL: there is none (any more). */
static struct sim_session *named_session(struct reply *a)
{
    const char *id = sim_request_header(a->r, "Session");
    struct sim_session *ss = id ? sim_session_find(a->c->server, id) : a->c->session;
    return ss;
}

static int do_play(struct reply *a)
{
    struct sim_session *ss = named_session(a);
    if (word(a, SIM_Q_NEEDS, 0) && !sim_request_header(a->r, "Range"))
        return 400;
    if (!ss || (!ss->player[0].set_up && !ss->player[1].set_up))
        return 454;
    a->play = !ss->playing;
    sim_session_play(ss);
    buf_appendf(&a->extra, "Range: npt=0.000-\r\n");
    rtp_info(a, ss);
    return 200;
}

static int do_parameter(struct reply *a)
{
    if (sim_quirk(a->q, SIM_Q_NO_PARAMETER))
        return 501;
    return named_session(a) || !sim_request_header(a->r, "Session") ? 200 : 454;
}

static int do_teardown(struct reply *a)
{
    struct sim_session *ss = named_session(a);
    if (!ss)
        return 454;
    sim_session_free(ss);
    return 200;
}

static int do_pause(struct reply *a)
{
    struct sim_session *ss = named_session(a);
    if (!ss)
        return 454;
    sim_session_pause(ss);
    return 200;
}

static int dispatch(struct reply *a)
{
    switch (a->method) {
    case SIM_OPTIONS:
        return do_options(a);
    case SIM_DESCRIBE:
        return do_describe(a);
    case SIM_SETUP:
        return do_setup(a);
    case SIM_PLAY:
        return do_play(a);
    case SIM_PAUSE:
        return do_pause(a);
    case SIM_TEARDOWN:
        return do_teardown(a);
    case SIM_GET_PARAMETER:
    case SIM_SET_PARAMETER:
        return do_parameter(a);
    case SIM_ANY_METHOD:
    case SIM_METHODS:
        break;
    }
    return 501;
}

/* A rule of the script answers instead. True: nothing more is to do. */
static bool answer_by_rule(struct reply *a)
{
    struct sim_server *s = a->c->server;
    const struct sim_rule *r;
    if (!s->faults)
        return false;
    r = sim_faults_reply(s, a->camera ? a->camera->id : -1, a->stream, a->method);
    if (!r)
        return false;
    switch ((enum sim_reply_id)r->action) {
    case SIM_R_REPLY:
        if (r->arg == 401)
            sim_auth_challenge(a->c, a->q, false, &a->extra);
        answer(a, (int)r->arg);
        return true;
    case SIM_R_REDIRECT:
        buf_appendf(&a->extra, "Location: %s\r\n", r->text);
        answer(a, 302);
        return true;
    case SIM_R_DELAY:
        a->delay_us = r->arg;
        return false;
    case SIM_R_CLOSE:
        sim_conn_close(a->c, false, "fault: close");
        return true;
    case SIM_R_JUNK: {
        struct sim_block *b = sim_block_new((size_t)r->arg);
        for (uint32_t i = 0; b && i < b->len; i++)
            b->data[i] = (uint8_t)(sim_random(s) >> 8);
        sim_conn_send(a->c, b, NULL);
        return true;
    }
    case SIM_R_IGNORE:
    case SIM_REPLIES:
        break;
    }
    return true;
}

static enum sim_method method_of(const char *text)
{
    for (int i = 0; i < SIM_ANY_METHOD; i++)
        if (!strcmp(sim_method_names[i], text))
            return (enum sim_method)i;
    return SIM_ANY_METHOD;
}

static void identify(struct reply *a)
{
    struct sim_server *s = a->c->server;
    a->method = method_of(a->r->method);
    a->target = sim_target_parse(a->r->uri);
    if (a->target.camera >= 0 && a->target.camera < s->o->cameras) {
        a->camera = &s->cameras[a->target.camera];
        a->stream = a->target.stream;
    } else if (a->c->session && a->method != SIM_DESCRIBE) {
        a->camera = a->c->session->camera;
        a->stream = a->c->session->stream;
    }
    a->q = a->camera ? a->camera->quirks[a->stream] : NULL;
}

static void serve(struct reply *a)
{
    bool stale = false;
    if (answer_by_rule(a))
        return;
    if (word(a, SIM_Q_NEEDS, 1) && !sim_request_header(a->r, "User-Agent")) {
        sim_auth_challenge(a->c, a->q, false, &a->extra);
        answer(a, 401);
    } else if (a->method != SIM_OPTIONS && !sim_auth_check(a->c, a->r, a->q, &stale)) {
        sim_auth_challenge(a->c, a->q, stale, &a->extra);
        answer(a, 401);
    } else {
        int code = dispatch(a);
        if (code == 200 && a->play && sim_quirk(a->q, SIM_Q_EARLY_RTP) && a->c->session) {
            struct sim_player *p = &a->c->session->player[0];
            sim_rtcp_send(p);
            sim_player_kick(p);
        }
        answer(a, code);
    }
}

void sim_reply(struct sim_conn *c, const struct sim_request *r)
{
    struct reply a = {.c = c, .r = r};
    buf_init(&a.out, SIM_REQUEST_BYTES);
    buf_init(&a.extra, SIM_REQUEST_BYTES);
    buf_init(&a.body, SIM_REQUEST_BYTES);
    identify(&a);
    if (c->session)
        c->session->heard_us = c->server->now_us;
    serve(&a);
    buf_release(&a.out);
    buf_release(&a.extra);
    buf_release(&a.body);
}
