/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A hub with many sessions, on a loop that has other work. */
#include "row.h"

#include <unistd.h>

#include "rtsp/session.h"

#define SESSIONS 400
#define BUSY_MS 50
#define TURNS 8

struct site {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_prepare_t busy;
    struct rtsp_hub *hub;
    struct rtsp_session *session[SESSIONS];
    uv_timer_t limit;
    int turns, connections, open, playing;
};

static void on_connection(uv_stream_t *listener, int status)
{
    struct site *s = listener->data;
    uv_tcp_t *peer = malloc(sizeof(*peer));
    uv_tcp_init(&s->loop, peer);
    uv_accept(listener, (uv_stream_t *)peer);
    uv_close((uv_handle_t *)peer, (uv_close_cb)free);
    s->connections++;
}

static void hub_closed(void *user)
{
    struct site *s = user;
    uv_close((uv_handle_t *)&s->listener, NULL);
}

static void session_closed(void *user)
{
    struct site *s = user;
    if (--s->open == 0)
        rtsp_hub_close(s->hub, hub_closed, s);
}

static void on_turn(uv_prepare_t *h)
{
    struct site *s = h->data;
    usleep(BUSY_MS * 1000);
    if (++s->turns < TURNS)
        return;
    uv_close((uv_handle_t *)h, NULL);
    for (int i = 0; i < SESSIONS; i++)
        rtsp_session_close(s->session[i], session_closed, s);
}

static void listen_here(struct site *s, uv_connection_cb on_call, char url[64])
{
    struct sockaddr_in a;
    int n = sizeof(a);
    uv_loop_init(&s->loop);
    uv_tcp_init(&s->loop, &s->listener);
    s->listener.data = s->busy.data = s;
    uv_ip4_addr("127.0.0.1", 0, &a);
    uv_tcp_bind(&s->listener, (const struct sockaddr *)&a, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&s->listener, SESSIONS, on_call), 0);
    uv_tcp_getsockname(&s->listener, (struct sockaddr *)&a, &n);
    snprintf(url, 64, "rtsp://127.0.0.1:%d/", ntohs(a.sin_port));
}

static void test_hub__connects_by_time_when_ticks_are_rare(void **state)
{
    static const struct rtsp_events none = {0};
    struct site s = {.open = SESSIONS};
    struct rtsp_hub_config hub = {.clock = &clock_system};
    char url[64];
    listen_here(&s, on_connection, url);
    assert_int_equal(rtsp_hub_new(&s.loop, &hub, &s.hub), 0);
    struct rtsp_config cfg = {.url = url};
    for (int i = 0; i < SESSIONS; i++)
        assert_int_equal(rtsp_session_open(s.hub, &cfg, &none, &s, &s.session[i], NULL), 0);
    uv_prepare_init(&s.loop, &s.busy);
    s.busy.data = &s;
    uv_prepare_start(&s.busy, on_turn);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s.loop), 0);
    assert_in_range(s.connections, SESSIONS, 2 * SESSIONS);
}

/* ---- a camera that answers, one request per read ---- */

#define SLOW 20
#define SLOW_ROUND_MS 3000

struct peer {
    uv_tcp_t tcp;
    char in[2048];
};

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *b)
{
    struct peer *p = (struct peer *)h;
    *b = uv_buf_init(p->in, sizeof(p->in) - 1);
}

static void on_request(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    static const char sdp[] = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t1\r\n";
    struct peer *p = (struct peer *)stream;
    char text[512];
    unsigned cseq = 0;
    if (n < 0) {
        uv_close((uv_handle_t *)stream, (uv_close_cb)free);
        return;
    }
    p->in[n] = 0;
    const char *at = strstr(p->in, "CSeq: ");
    if (at)
        sscanf(at, "CSeq: %u", &cseq);
    bool describe = strncmp(p->in, "DESCRIBE", 8) == 0;
    int len = snprintf(text, sizeof(text),
                       "RTSP/1.0 200 OK\r\nCSeq: %u\r\nSession: 1\r\nTransport: "
                       "RTP/AVP/TCP;interleaved=0-1\r\nContent-Length: %zu\r\n\r\n%s",
                       cseq, describe ? sizeof(sdp) - 1 : 0, describe ? sdp : "");
    uv_buf_t out = uv_buf_init(text, (unsigned)len);
    uv_try_write(stream, &out, 1);
}

static void on_caller(uv_stream_t *listener, int status)
{
    struct site *s = listener->data;
    struct peer *p = calloc(1, sizeof(*p));
    uv_tcp_init(&s->loop, &p->tcp);
    uv_accept(listener, (uv_stream_t *)&p->tcp);
    uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_request);
}

static void end(struct site *s)
{
    uv_close((uv_handle_t *)&s->limit, NULL);
    for (int i = 0; i < SLOW; i++)
        rtsp_session_close(s->session[i], session_closed, s);
}

static void on_limit(uv_timer_t *t)
{
    end(t->data);
}

static void on_state(void *user, enum rtsp_state state, int code, const char *why)
{
    struct site *s = user;
    if (state == RTSP_STATE_PLAYING && ++s->playing == SLOW)
        uv_timer_start(&s->limit, on_limit, 0, 0);
}

static void on_track(void *user, int index, const struct media_track *t)
{
}

static void test_hub__handshakes_do_not_wait_for_rounds(void **state)
{
    static const struct rtsp_events events = {.state = on_state, .track = on_track};
    struct site s = {.open = SLOW};
    struct rtsp_hub_config hub = {
        .clock = &clock_system, .round_min_ms = SLOW_ROUND_MS, .round_max_ms = SLOW_ROUND_MS};
    char url[64];
    listen_here(&s, on_caller, url);
    uv_timer_init(&s.loop, &s.limit);
    s.limit.data = &s;
    assert_int_equal(rtsp_hub_new(&s.loop, &hub, &s.hub), 0);
    struct rtsp_config cfg = {.url = url};
    for (int i = 0; i < SLOW; i++)
        assert_int_equal(rtsp_session_open(s.hub, &cfg, &events, &s, &s.session[i], NULL), 0);
    uv_timer_start(&s.limit, on_limit, 2 * SLOW_ROUND_MS,
                   0); /* by rounds it would be five of them */
    uv_run(&s.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s.loop), 0);
    assert_int_equal(s.playing, SLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hub__connects_by_time_when_ticks_are_rare),
        cmocka_unit_test(test_hub__handshakes_do_not_wait_for_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
