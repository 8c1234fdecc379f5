/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The session against a scripted camera on the same loop: one row per oddity of real cameras. */
#include "row.h"

#include "base/buf.h"
#include "base/list.h"
#include "rtsp/session.h"

#define SDP_VIDEO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t1\r\n"
#define SETUP_OK                                                                                   \
    "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 11\r\nTransport: "                                    \
    "RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
#define PLAY_OK "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 11\r\n\r\n"
#define DIGEST_1                                                                                   \
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"one\", qop=\"auth\", algorithm=SHA-256\r\n"
#define DIGEST_2                                                                                   \
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"two\", qop=\"auth\", algorithm=SHA-256, "       \
    "stale=TRUE\r\n"

enum media {
    NONE,
    PLAIN,          /* SPS, PPS, IDR and four pictures: five access units */
    BEFORE_PLAY,    /* the same before the answer to PLAY */
    LINE_ENDS,      /* CR LF before each frame */
    GARBAGE,        /* some bytes between the frames */
    FLOOD,          /* nothing else */
    OTHER_CHANNELS, /* frames on channels that were never set up in between */
    OTHER_PAYLOADS, /* packets of payload type 50 in between */
    STALE,          /* packets of another SSRC in between */
    STALE_FIRST,    /* the same before the first of ours */
    LONG,           /* more packets than are held back */
    REPORTS, /* sender reports: before the first packet, malformed, of another SSRC, a good one */
    SERVER_REQUEST, /* OPTIONS from the camera */
    SERVER_TEARDOWN,
    GAP,      /* one sequence number is left out */
    CHANNEL_4 /* RTP on channel 4 */
};

struct row {
    const char *name;
    const char *options, *sdp, *setup, *play; /* NULL: as it should be */
    enum media media;
    const char *login;     /* challenge to requests without Authorization */
    const char *fresh;     /* one 401 with this challenge to SETUP */
    const char *describe;  /* whole answer instead of sdp; %P is the port */
    const char *keepalive; /* status line of the answer to a keepalive, "close": closes */
    bool reject_login, close_after, many;
    int units;          /* access units to wait for */
    int end;            /* code of the end to wait for */
    const char *sent;   /* must stand in what the client sent */
    const char *oddity; /* must stand in the description */
    const char *not_sent;
};

struct fake {
    const struct row *row;
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_timer_t timer;
    struct rtsp_hub *hub;
    struct rtsp_session *session;
    struct buf sent; /* all that the client sent */
    int units, keys, ended, end_code, connections, reports, playing, waiting, redirects;
    uint32_t lost;
    uint16_t seq;
    bool close_in_unit, fresh_given, done;
};

struct peer {
    uv_tcp_t tcp;
    struct fake *fake;
    struct buf in;
};

static void on_peer_closed(uv_handle_t *h)
{
    struct peer *p = h->data;
    buf_release(&p->in);
    free(p);
}

static void close_peer(struct peer *p)
{
    if (!uv_is_closing((uv_handle_t *)&p->tcp))
        uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
}

static void send_bytes(struct peer *p, const void *data, size_t n)
{
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)data, (unsigned)n);
    while (b.len > 0) {
        int r = uv_try_write((uv_stream_t *)&p->tcp, &b, 1);
        if (r <= 0)
            return;
        b.base += r;
        b.len -= (size_t)r;
    }
}

/* @text with %C replaced by the CSeq of the request */
static void send_text(struct peer *p, const char *text, const char *cseq)
{
    struct buf b;
    buf_init(&b, 0);
    for (const char *c = text; *c; c++) {
        if (c[0] == '%' && c[1] == 'C') {
            buf_append(&b, cseq, strlen(cseq));
            c++;
        } else {
            buf_append(&b, c, 1);
        }
    }
    send_bytes(p, b.data, b.len);
    buf_release(&b);
}

static void send_frame(struct peer *p, int channel, uint8_t pt, bool marker, uint32_t ts,
                       uint32_t ssrc, const void *payload, size_t n)
{
    uint8_t f[256] = {'$',  (uint8_t)channel,           0, (uint8_t)(12 + n),
                      0x80, (uint8_t)(pt | marker << 7)};
    wr16(f + 6, p->fake->seq++);
    wr32(f + 8, ts);
    wr32(f + 12, ssrc);
    memcpy(f + 16, payload, n);
    send_bytes(p, f, 16 + n);
}

static void send_report(struct peer *p, uint32_t ssrc, uint32_t ts, uint16_t words)
{
    uint8_t f[32] = {'$', 1, 0, 28, 0x80, 200};
    wr16(f + 6, words);
    wr32(f + 8, ssrc);
    wr64(f + 12, UINT64_C(3913056000) << 32);
    wr32(f + 20, ts);
    send_bytes(p, f, 32);
}

static void between(struct peer *p, enum media media, int i)
{
    if (media == LINE_ENDS)
        send_bytes(p, "\r\n", 2);
    else if (media == GARBAGE)
        send_bytes(p, "\0garb$age", 9);
    else if (media == OTHER_CHANNELS)
        send_bytes(p, "$\x09\x00\x02xy", 6);
    else if (media == OTHER_PAYLOADS || media == STALE)
        send_frame(p, 0, media == STALE ? 96 : 50, true, 5, media == STALE ? 9 : 3, "\x41\x88", 2),
            p->fake->seq--;
    else if (media == REPORTS && i > 0)
        send_report(p, i == 1 ? 77 : 3, (uint32_t)i * 3600, i == 2 ? 900 : 6);
    else if (media == SERVER_REQUEST)
        send_text(p, "OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\n", "");
    else if (media == GAP && i == 2)
        p->fake->seq++;
}

static void send_media(struct peer *p, enum media media)
{
    static const char sps[] = "\x67\x42\xc0\x1e\xd9\x00\xa0\x3d\xa1\x00\x00\x03\x00\x01\x00\x00\x03"
                              "\x00\x32\x0f\x16\x2e\x48";
    int channel = media == CHANNEL_4 ? 4 : 0;
    if (media == NONE)
        return;
    if (media == FLOOD) {
        static char junk[200000];
        memset(junk, 'x', sizeof(junk));
        send_bytes(p, junk, sizeof(junk));
        return;
    }
    if (media == REPORTS)
        send_report(p, 3, 0, 6);
    for (int i = 0; i < 20 && media == STALE_FIRST; i++)
        send_frame(p, channel, 96, i % 4 == 3, (uint32_t)i / 4 * 3600, 9,
                   i ? "\x41\x88\x01" : "\x65\x88\x01", 3);
    send_frame(p, channel, 96, false, 0, 3, sps, sizeof(sps) - 1);
    send_frame(p, channel, 96, false, 0, 3, "\x68\xcb\x8c\xb2", 4);
    for (int i = 0; i < (media == LONG ? 70 : 5); i++) {
        between(p, media, i);
        send_frame(p, channel, 96, true, (uint32_t)i * 3600, 3, i ? "\x41\x88\x01" : "\x65\x88\x01",
                   3);
    }
    if (media == SERVER_TEARDOWN)
        send_text(p, "TEARDOWN * RTSP/1.0\r\nCSeq: 78\r\n\r\n", "");
}

static void answer_describe(struct peer *p, const struct row *row, const char *cseq)
{
    char text[4096];
    const char *sdp = row->sdp ? row->sdp : SDP_VIDEO;
    if (row->describe && (strncmp(row->describe, "RTSP/1.0 30", 11) != 0 ||
                          p->fake->redirects++ == 0 || row->many)) {
        int port;
        struct sockaddr_in a;
        int n = sizeof(a);
        uv_tcp_getsockname(&p->fake->listener, (struct sockaddr *)&a, &n);
        port = ntohs(a.sin_port);
        const char *hole = strstr(row->describe, "%P");
        if (hole)
            snprintf(text, sizeof(text), "%.*s%d%s", (int)(hole - row->describe), row->describe,
                     port, hole + 2);
        else
            snprintf(text, sizeof(text), "%s", row->describe);
    } else {
        snprintf(text, sizeof(text),
                 "RTSP/1.0 200 OK\r\nCSeq: %%C\r\nContent-Length: %zu\r\n\r\n%s", strlen(sdp), sdp);
    }
    send_text(p, text, cseq);
}

static void answer(struct peer *p, const char *method, const char *request, const char *cseq)
{
    struct fake *f = p->fake;
    const struct row *row = f->row;
    char text[1024];
    bool authorized = strstr(request, "\r\nAuthorization: ") && !row->reject_login;
    if (row->login && !authorized) {
        snprintf(text, sizeof(text), "RTSP/1.0 401 Unauthorized\r\nCSeq: %%C\r\n%s\r\n",
                 row->login);
        send_text(p, text, cseq);
    } else if (row->fresh && !f->fresh_given && !strcmp(method, "SETUP")) {
        f->fresh_given = true;
        snprintf(text, sizeof(text), "RTSP/1.0 401 Unauthorized\r\nCSeq: %%C\r\n%s\r\n",
                 row->fresh);
        send_text(p, text, cseq);
    } else if (!strcmp(method, "OPTIONS") && !f->playing) {
        send_text(p,
                  row->options
                      ? row->options
                      : "RTSP/1.0 200 OK\r\nCSeq: %C\r\nPublic: OPTIONS, GET_PARAMETER\r\n\r\n",
                  cseq);
    } else if (!strcmp(method, "DESCRIBE")) {
        answer_describe(p, row, cseq);
    } else if (!strcmp(method, "SETUP")) {
        send_text(p, row->setup ? row->setup : SETUP_OK, cseq);
    } else if (!strcmp(method, "PLAY")) {
        if (row->media == BEFORE_PLAY)
            send_media(p, PLAIN);
        send_text(p, row->play ? row->play : PLAY_OK, cseq);
        if (row->media != BEFORE_PLAY)
            send_media(p, row->media);
        if (row->close_after)
            close_peer(p);
    } else if (!strcmp(method, "TEARDOWN")) {
        send_text(p, PLAY_OK, cseq);
    } else if (row->keepalive && !strcmp(row->keepalive, "close")) {
        close_peer(p);
    } else {
        snprintf(text, sizeof(text), "RTSP/1.0 %s\r\nCSeq: %%C\r\n\r\n",
                 row->keepalive ? row->keepalive : "200 OK");
        send_text(p, text, cseq);
    }
}

static bool take_request(struct peer *p)
{
    if (p->in.len >= 4 && p->in.data[0] == '$') {
        size_t n = 4 + (size_t)rd16(p->in.data + 2);
        if (p->in.len < n)
            return false;
        buf_consume(&p->in, n);
        return true;
    }
    char *text = buf_cstr(&p->in), *end = text ? strstr(text, "\r\n\r\n") : NULL;
    if (!end)
        return false;
    char request[8192], method[32] = "", cseq[16] = "";
    size_t n = (size_t)(end + 4 - text);
    snprintf(request, sizeof(request), "%.*s", (int)n, text);
    buf_append(&p->fake->sent, request, strlen(request));
    buf_consume(&p->in, n);
    char *c = strstr(request, "CSeq: ");
    sscanf(request, "%31s", method);
    if (c)
        sscanf(c, "CSeq: %15s", cseq);
    if (strncmp(method, "RTSP/", 5) != 0)
        answer(p, method, request, cseq);
    return true;
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *b)
{
    static char space[65536];
    *b = uv_buf_init(space, sizeof(space));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct peer *p = s->data;
    if (n < 0) {
        close_peer(p);
        return;
    }
    buf_append(&p->in, b->base, (size_t)n);
    while (!uv_is_closing((uv_handle_t *)&p->tcp) && take_request(p))
        ;
}

static void on_connection(uv_stream_t *server, int status)
{
    struct fake *f = server->data;
    struct peer *p = calloc(1, sizeof(*p));
    p->fake = f;
    buf_init(&p->in, 0);
    uv_tcp_init(&f->loop, &p->tcp);
    p->tcp.data = p;
    f->connections++;
    uv_accept(server, (uv_stream_t *)&p->tcp);
    uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
}

static void close_all(uv_handle_t *h, void *user)
{
    struct fake *f = user;
    if (uv_is_closing(h))
        return;
    if (h == (uv_handle_t *)&f->listener || h == (uv_handle_t *)&f->timer)
        uv_close(h, NULL);
    else if (h->type == UV_TCP)
        close_peer(h->data);
}

static void hub_closed(void *user)
{
    struct fake *f = user;
    uv_walk(&f->loop, close_all, f);
}

static void session_closed(void *user)
{
    struct fake *f = user;
    rtsp_hub_close(f->hub, hub_closed, f);
}

static void stop(struct fake *f)
{
    if (!f->done)
        rtsp_session_close(f->session, session_closed, f);
    f->done = true;
}

static void on_timer(uv_timer_t *t)
{
    stop(t->data);
}

static void on_state(void *user, enum rtsp_state state, int code, const char *why)
{
    struct fake *f = user;
    f->playing += state == RTSP_STATE_PLAYING;
    f->waiting += state == RTSP_STATE_WAITING;
    if (state == RTSP_STATE_WAITING || state == RTSP_STATE_CLOSED) {
        f->ended++;
        f->end_code = code;
        assert_null(why ? strstr(why, "sesame") : NULL);
        stop(f);
    }
}

static void on_track(void *user, int index, const struct media_track *t)
{
}

static void on_au(void *user, int index, const struct media_au *au)
{
    struct fake *f = user;
    assert_true(f->playing > 0); /* the state is told before the first picture */
    f->units++;
    f->keys += au->key;
    if (f->close_in_unit ||
        (f->row->units && f->units == f->row->units && !f->row->end && !f->row->keepalive))
        stop(f);
}

static void on_lost(void *user, int index, uint32_t packets)
{
    ((struct fake *)user)->lost += packets;
}

static void on_sr(void *user, int index, int64_t camera_us, int64_t pts, int64_t arrival_us)
{
    ((struct fake *)user)->reports++;
}

static int start_server(struct fake *f)
{
    struct sockaddr_in a;
    int n = sizeof(a);
    uv_ip4_addr("127.0.0.1", 0, &a);
    uv_tcp_init(&f->loop, &f->listener);
    f->listener.data = f;
    uv_tcp_bind(&f->listener, (const struct sockaddr *)&a, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&f->listener, 8, on_connection), 0);
    uv_tcp_getsockname(&f->listener, (struct sockaddr *)&a, &n);
    return ntohs(a.sin_port);
}

static struct fake *run(const struct row *row, bool once, bool close_in_unit, int limit_ms,
                        struct buf *text, struct rtsp_stats *stats)
{
    static const struct rtsp_events events = {on_state, on_track, on_au, on_lost, on_sr};
    struct fake *f = calloc(1, sizeof(*f));
    struct rtsp_hub_config hub = {.clock = &clock_system, .round_min_ms = 5, .round_max_ms = 5};
    char url[128];
    f->row = row;
    f->close_in_unit = close_in_unit;
    buf_init(&f->sent, 0);
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->timer);
    f->timer.data = f;
    snprintf(url, sizeof(url), "rtsp://user:sesame@127.0.0.1:%d/live", start_server(f));
    struct rtsp_config cfg = {.url = url, .once = once};
    uv_timer_start(&f->timer, on_timer, (uint64_t)limit_ms, 0);
    assert_int_equal(rtsp_hub_new(&f->loop, &hub, &f->hub), 0);
    assert_int_equal(rtsp_session_open(f->hub, &cfg, &events, f, &f->session, NULL), 0);
    while (!f->done && uv_run(&f->loop, UV_RUN_ONCE))
        ;
    rtsp_session_describe(f->session, text); /* closing, freed at the next tick */
    rtsp_session_stats(f->session, stats);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    return f;
}

static void fake_free(struct fake *f)
{
    buf_release(&f->sent);
    free(f);
}

static const struct row rows[] = {
    {.name = "as it should be", .media = PLAIN, .units = 5, .sent = "\r\nSession: 11\r\n"},
    {.name = "PLAY has a Range", .media = PLAIN, .units = 5, .sent = "\r\nRange: npt=0.000-\r\n"},
    {.name = "TEARDOWN is sent", .media = PLAIN, .units = 5, .sent = "TEARDOWN rtsp://127.0.0.1:"},
    {.name = "credentials stay out of the request line",
     .media = PLAIN,
     .units = 5,
     .not_sent = "sesame"},
    {.name = "every request names the client",
     .login = DIGEST_1,
     .media = PLAIN,
     .units = 5,
     .sent = "User-Agent: Lethe\r\nAuthorization"},
    {.name = "wrong CSeq",
     .options = "RTSP/1.0 200 OK\r\nCSeq: 99\r\n\r\n",
     .media = PLAIN,
     .units = 5,
     .oddity = "CSeq"},
    {.name = "no CSeq",
     .options = "RTSP/1.0 200 OK\r\n\r\n",
     .media = PLAIN,
     .units = 5,
     .oddity = "CSeq"},
    {.name = "OPTIONS is refused",
     .options = "RTSP/1.0 405 Not Allowed\r\nCSeq: %C\r\n\r\n",
     .media = PLAIN,
     .units = 5,
     .oddity = "OPTIONS"},
    {.name = "empty reason",
     .play = "RTSP/1.0 200 \r\nCSeq: %C\r\n\r\n",
     .media = PLAIN,
     .units = 5},
    {.name = "Digest SHA-256 with qop",
     .login = DIGEST_1,
     .media = PLAIN,
     .units = 5,
     .sent = "algorithm=SHA-256, qop=auth, nc=00000001"},
    {.name = "Basic",
     .login = "WWW-Authenticate: Basic realm=\"r\"\r\n",
     .media = PLAIN,
     .units = 5,
     .sent = "Authorization: Basic dXNlcjpzZXNhbWU="},
    {.name = "nonce changes in mid-session",
     .login = DIGEST_1,
     .fresh = DIGEST_2,
     .media = PLAIN,
     .units = 5,
     .sent = "nonce=\"two\""},
    {.name = "nonce changes without stale",
     .login = DIGEST_1,
     .fresh = "WWW-Authenticate: Digest realm=\"r\", nonce=\"three\", stale=FALSE\r\n",
     .media = PLAIN,
     .units = 5,
     .sent = "nonce=\"three\""},
    {.name = "wrong password",
     .login = DIGEST_1,
     .reject_login = true,
     .end = E_AUTH,
     .not_sent = "nc=00000002"},
    {.name = "login that is not supported",
     .login = "WWW-Authenticate: Bearer realm=\"r\"\r\n",
     .end = E_AUTH},
    {.name = "redirect",
     .describe = "RTSP/1.0 302 Found\r\nCSeq: %C\r\nLocation: rtsp://127.0.0.1:%P/other\r\n\r\n",
     .media = PLAIN,
     .units = 5,
     .sent = "/other RTSP/1.0"},
    {.name = "redirect in a circle",
     .describe = "RTSP/1.0 301 x\r\nCSeq: %C\r\nLocation: rtsp://127.0.0.1:%P/x\r\n\r\n",
     .many = true,
     .end = E_PROTOCOL},
    {.name = "redirect to nowhere",
     .describe = "RTSP/1.0 302 Found\r\nCSeq: %C\r\n\r\n",
     .end = E_PROTOCOL},
    {.name = "not found",
     .describe = "RTSP/1.0 404 Not Found\r\nCSeq: %C\r\n\r\n",
     .end = E_NOTFOUND},
    {.name = "no room",
     .describe = "RTSP/1.0 453 Not Enough Bandwidth\r\nCSeq: %C\r\n\r\n",
     .end = E_BUSY},
    {.name = "no description",
     .describe = "RTSP/1.0 200 OK\r\nCSeq: %C\r\n\r\n",
     .end = E_PROTOCOL},
    {.name = "no video", .sdp = "m=audio 0 RTP/AVP 0\r\n", .end = E_UNSUPPORTED},
    {.name = "broken Content-Base",
     .describe = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nContent-Base: 10.0.0.1/x/\r\nContent-Length: "
                 "60\r\n\r\n" SDP_VIDEO,
     .media = PLAIN,
     .units = 5,
     .sent = "/live/t1 RTSP/1.0",
     .oddity = "Content-Base"},
    {.name = "missing control",
     .sdp = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
     .media = PLAIN,
     .units = 5,
     .sent = "/live RTSP/1.0"},
    {.name = "session id changes",
     .play = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 22\r\n\r\n",
     .media = PLAIN,
     .units = 5,
     .not_sent = "Session: 22",
     .oddity = "session id"},
    {.name = "keepalive by GET_PARAMETER",
     .setup = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 11;timeout=1\r\nTransport: "
              "RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
     .media = PLAIN,
     .keepalive = "454 Session Not Found",
     .units = 5,
     .end = E_CLOSED,
     .sent = "GET_PARAMETER rtsp://"},
    {.name = "keepalive by OPTIONS when there is nothing else",
     .options = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nPublic: DESCRIBE\r\n\r\n",
     .setup = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 11;timeout=1\r\nTransport: "
              "RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
     .media = PLAIN,
     .keepalive = "454 Session Not Found",
     .units = 5,
     .end = E_CLOSED,
     .not_sent = "GET_PARAMETER"},
    {.name = "connection closed on the keepalive",
     .setup = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 11;timeout=1\r\nTransport: "
              "RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
     .media = PLAIN,
     .keepalive = "close",
     .units = 5,
     .end = E_CLOSED},
    {.name = "other channels",
     .setup = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 1\r\nTransport: "
              "RTP/AVP/TCP;interleaved=4-5\r\n\r\n",
     .media = CHANNEL_4,
     .units = 5,
     .oddity = "other channels"},
    {.name = "RTP/AVP instead of RTP/AVP/TCP",
     .setup =
         "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 1\r\nTransport: RTP/AVP;interleaved=0-1\r\n\r\n",
     .media = PLAIN,
     .units = 5},
    {.name = "SETUP without Transport",
     .setup = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 1\r\n\r\n",
     .media = PLAIN,
     .units = 5,
     .oddity = "Transport"},
    {.name = "461 means UDP",
     .setup = "RTSP/1.0 461 Unsupported Transport\r\nCSeq: %C\r\n\r\n",
     .end = E_PROTOCOL,
     .sent = "RTP/AVP;unicast;client_port="},
    {.name = "media before the answer to PLAY",
     .media = BEFORE_PLAY,
     .units = 5,
     .oddity = "before it answered PLAY"},
    {.name = "channels that were never set up",
     .media = OTHER_CHANNELS,
     .units = 5,
     .oddity = "never set up"},
    {.name = "line ends before frames", .media = LINE_ENDS, .units = 5},
    {.name = "garbage between frames", .media = GARBAGE, .units = 5, .oddity = "belong to nothing"},
    {.name = "garbage without end",
     .media = FLOOD,
     .end = E_PROTOCOL,
     .oddity = "belong to nothing"},
    {.name = "packets of payload type 50",
     .media = OTHER_PAYLOADS,
     .units = 5,
     .oddity = "payload type"},
    {.name = "packets of an earlier session",
     .setup = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 1\r\nTransport: "
              "RTP/AVP/TCP;interleaved=0-1;ssrc=  3\r\n\r\n",
     .media = STALE,
     .units = 5,
     .oddity = "more than one source"},
    {.name = "packets of an earlier session before the first picture",
     .setup = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 1\r\nTransport: "
              "RTP/AVP/TCP;interleaved=0-1;ssrc=3\r\n\r\n",
     .media = STALE_FIRST,
     .units = 5,
     .oddity = "more than one source"},
    {.name = "an SSRC was announced that never comes",
     .setup = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nSession: 1\r\nTransport: "
              "RTP/AVP/TCP;interleaved=0-1;ssrc=77\r\n\r\n",
     .media = LONG,
     .units = 70},
    {.name = "RTP-Info names streams that were not set up",
     .play = "RTSP/1.0 200 OK\r\nCSeq: %C\r\nRTP-Info: "
             "url=rtsp://x/t9;seq=0;rtptime=abc,url=;seq=1;\r\n\r\n",
     .media = PLAIN,
     .units = 5},
    {.name = "sender reports of all kinds", .media = REPORTS, .units = 5, .oddity = "RTCP"},
    {.name = "the camera asks OPTIONS",
     .media = SERVER_REQUEST,
     .units = 5,
     .sent = "RTSP/1.0 200 OK\r\nCSeq: 77\r\n"},
    {.name = "the camera ends the session",
     .media = SERVER_TEARDOWN,
     .units = 5,
     .end = E_CLOSED,
     .sent = "RTSP/1.0 200 OK\r\nCSeq: 78\r\n"},
    {.name = "the camera hangs up",
     .media = PLAIN,
     .close_after = true,
     .units = 5,
     .end = E_CLOSED},
    {.name = "PLAY is refused",
     .play = "RTSP/1.0 455 Not Valid\r\nCSeq: %C\r\n\r\n",
     .end = E_PROTOCOL,
     .sent = "TEARDOWN"},
    {.name = "answer is not RTSP",
     .options = "HTTP/1.1 400 Bad\r\nCSeq: %C\r\n\r\nRTSP/1.0 200 OK\r\n\r\n",
     .media = PLAIN,
     .units = 5,
     .oddity = "belong to nothing"},
};

static void check_row(const struct row *row)
{
    struct buf text;
    struct rtsp_stats stats;
    buf_init(&text, 0);
    struct fake *f = run(row, true, false, 4000, &text, &stats);
    buf_append(&f->sent, "", 1);
    const char *sent = (const char *)f->sent.data, *described = buf_cstr(&text);
    CHECK_INT(row, f->units, row->units);
    CHECK_INT(row, f->keys, row->units > 0);
    CHECK_INT(row, f->end_code, row->end);
    CHECK_INT(row, stats.packets_lost, 0);
    if (row->sent && !strstr(sent, row->sent))
        fail_msg("row \"%s\": the client did not send \"%s\" but\n%s", row->name, row->sent, sent);
    if (row->not_sent && strstr(sent, row->not_sent))
        fail_msg("row \"%s\": the client sent \"%s\"", row->name, row->not_sent);
    if (row->oddity && !strstr(described, row->oddity))
        fail_msg("row \"%s\": not named: %s", row->name, described);
    if (row->media == REPORTS)
        CHECK_INT(row, f->reports,
                  3); /* not the one before the first packet, not the malformed one */
    buf_release(&text);
    fake_free(f);
}

static void test_session__rows(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        check_row(&rows[i]);
}

static void test_session__counts_lost_packets(void **state)
{
    static const struct row row = {.name = "gap", .media = GAP, .units = 5};
    struct buf text;
    struct rtsp_stats stats;
    buf_init(&text, 0);
    struct fake *f = run(&row, true, false, 4000, &text, &stats);
    assert_int_equal(f->units, 5);
    assert_int_equal(f->lost, 1);
    assert_int_equal(stats.packets_lost, 1);
    buf_release(&text);
    fake_free(f);
}

static void test_session__may_be_closed_in_a_callback(void **state)
{
    static const struct row row = {.name = "close in unit", .media = PLAIN, .units = 5};
    struct buf text;
    struct rtsp_stats stats;
    buf_init(&text, 0);
    struct fake *f = run(&row, false, true, 4000, &text, &stats);
    assert_int_equal(f->units, 1); /* no event after the call */
    buf_append(&f->sent, "", 1);
    assert_non_null(strstr((const char *)f->sent.data, "TEARDOWN"));
    buf_release(&text);
    fake_free(f);
}

static void test_session__waits_and_never_gives_up(void **state)
{
    static const struct row row = {
        .name = "hang up", .media = PLAIN, .close_after = true, .units = 5, .end = E_CLOSED};
    struct buf text;
    struct rtsp_stats stats;
    buf_init(&text, 0);
    struct fake *f = run(&row, false, false, 4000, &text, &stats);
    assert_int_equal(f->waiting, 1);
    assert_int_equal(f->end_code, E_CLOSED);
    buf_release(&text);
    fake_free(f);
}

static void test_session__refuses_bad_configuration(void **state)
{
    uv_loop_t loop;
    struct rtsp_hub *hub;
    struct rtsp_hub_config cfg = {.clock = &clock_system};
    struct rtsp_events events = {on_state, on_track, on_au, on_lost, on_sr};
    struct rtsp_session *s;
    struct err e = {0};
    uv_loop_init(&loop);
    assert_int_equal(rtsp_hub_new(&loop, &cfg, &hub), 0);
    struct rtsp_config bad = {.url = "http://x"};
    assert_int_equal(rtsp_session_open(hub, &bad, &events, NULL, &s, &e), E_SYNTAX);
    struct rtsp_config clear = {.url = "rtsps://x", .transport = RTSP_TRANSPORT_UDP};
    assert_int_equal(rtsp_session_open(hub, &clear, &events, NULL, &s, &e), E_SYNTAX);
    rtsp_hub_close(hub, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session__rows),
        cmocka_unit_test(test_session__counts_lost_packets),
        cmocka_unit_test(test_session__may_be_closed_in_a_callback),
        cmocka_unit_test(test_session__waits_and_never_gives_up),
        cmocka_unit_test(test_session__refuses_bad_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
