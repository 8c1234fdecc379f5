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
    int turns, connections, open;
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

static void test_hub__connects_by_time_when_ticks_are_rare(void **state)
{
    static const struct rtsp_events none = {0};
    struct site s = {.open = SESSIONS};
    struct rtsp_hub_config hub = {.clock = &clock_system};
    struct sockaddr_in a;
    int n = sizeof(a);
    char url[64];
    uv_loop_init(&s.loop);
    uv_tcp_init(&s.loop, &s.listener);
    s.listener.data = s.busy.data = &s;
    uv_ip4_addr("127.0.0.1", 0, &a);
    uv_tcp_bind(&s.listener, (const struct sockaddr *)&a, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&s.listener, SESSIONS, on_connection), 0);
    uv_tcp_getsockname(&s.listener, (struct sockaddr *)&a, &n);
    snprintf(url, sizeof(url), "rtsp://127.0.0.1:%d/", ntohs(a.sin_port));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hub__connects_by_time_when_ticks_are_rare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
