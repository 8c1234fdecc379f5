/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "rtsp/internal.h"

#define SCRATCH_BYTES (256u << 10)
#define ROUND_MIN_MS 20
#define ROUND_MAX_MS 100
#define TICKS_PER_ROUND 10
#define TICK_MIN_MS 5
#define SHARE_ONE 65536

int64_t hub_now(const struct rtsp_hub *h)
{
    return clock_mono_us(h->clock);
}

/* xorshift128+: jitter and SSRCs, nothing secret. */
uint64_t hub_random(struct rtsp_hub *h)
{
    uint64_t a = h->random[0], b = h->random[1];
    h->random[0] = b;
    a ^= a << 23;
    h->random[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return h->random[1] + b;
}

static int round_ms(const struct rtsp_hub *h)
{
    int ms = h->sessions / 20;
    return ms < h->round_min_ms ? h->round_min_ms : ms > h->round_max_ms ? h->round_max_ms : ms;
}

static void free_dead(struct rtsp_hub *h)
{
    while (!list_empty(&h->dead)) {
        struct rtsp_session *s = list_entry(h->dead.next, struct rtsp_session, node);
        list_remove(&s->node);
        void (*done)(void *user) = s->done;
        void *user = s->done_user;
        session_free(s);
        if (done)
            done(user);
    }
}

static int connect_budget(int64_t passed_us)
{
    int64_t n = passed_us / 1000 * HUB_CONNECTS_PER_MS;
    return (int)(n < HUB_CONNECTS_MIN   ? HUB_CONNECTS_MIN
                 : n > HUB_CONNECTS_MAX ? HUB_CONNECTS_MAX
                                        : n);
}

static bool shakes_hands(const struct rtsp_session *s)
{
    return s->step >= STEP_CONNECT && s->step <= STEP_PLAY;
}

/* A handshake is five turns, which must not take five rounds of a loop that is busy with others. */
static void turn_young(struct rtsp_hub *h, int64_t now)
{
    struct list *last = h->young.prev;
    for (int i = 0; i < YOUNG_PER_TICK && !list_empty(&h->young); i++) {
        struct rtsp_session *s = list_entry(h->young.next, struct rtsp_session, young);
        bool end = &s->young == last;
        list_remove(&s->young);
        if (shakes_hands(s)) {
            list_append(&h->young, &s->young);
            session_turn(s, now);
        }
        if (end)
            break;
    }
}

/* Give each session its share of the time that passed, at most one turn; the work is even, late ticks catch up. */
static void on_tick(uv_timer_t *timer)
{
    struct rtsp_hub *h = timer->data;
    int64_t now = hub_now(h), passed = now - h->last_tick_us, round = (int64_t)round_ms(h) * 1000;
    h->last_tick_us = now;
    h->connect_budget = connect_budget(passed);
    free_dead(h);
    passed = passed < 0 ? 0 : passed > round ? round : passed;
    h->share += passed * h->sessions * SHARE_ONE / round;
    int turns = (int)(h->share / SHARE_ONE);
    turns = turns > h->sessions ? h->sessions : turns;
    h->share -= (int64_t)turns * SHARE_ONE;
    h->share = h->share > SHARE_ONE ? SHARE_ONE : h->share;
    turn_young(h, now);
    int64_t begun = now;
    for (int i = 0; i < turns && !list_empty(&h->ring) && now - begun < TICK_WORK_US; i++) {
        struct list *node = h->ring.next;
        list_remove(node);
        list_append(&h->ring, node);
        session_turn(list_entry(node, struct rtsp_session, node), now);
        if (i % 16 == 15)
            now = hub_now(h);
    }
    hub_sessions_changed(h);
}

void hub_sessions_changed(struct rtsp_hub *h)
{
    if (h->closing)
        return;
    bool needed = h->sessions > 0 || !list_empty(&h->dead);
    if (!needed) {
        uv_timer_stop(&h->tick);
        h->ticking = false;
        return;
    }
    int parts = h->sessions < 1 ? 1 : h->sessions > TICKS_PER_ROUND ? TICKS_PER_ROUND : h->sessions;
    int tick = round_ms(h) / parts;
    tick = tick < TICK_MIN_MS ? TICK_MIN_MS : tick;
    if (!h->ticking) {
        h->last_tick_us = hub_now(h);
        uv_timer_start(&h->tick, on_tick, (uint64_t)tick, (uint64_t)tick);
        h->ticking = true;
    } else if (uv_timer_get_repeat(&h->tick) != (uint64_t)tick) {
        uv_timer_set_repeat(&h->tick, (uint64_t)tick);
    }
}

/* libuv writes without MSG_NOSIGNAL; a camera that resets its connection must not end the process. */
static void ignore_sigpipe(void)
{
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

int rtsp_hub_new(uv_loop_t *loop, const struct rtsp_hub_config *cfg, struct rtsp_hub **ret)
{
    struct rtsp_hub *h = calloc(1, sizeof(*h));
    if (!h)
        return -ENOMEM;
    ignore_sigpipe();
    h->loop = loop;
    h->clock = cfg->clock;
    h->round_min_ms = cfg->round_min_ms > 0 ? cfg->round_min_ms : ROUND_MIN_MS;
    h->round_max_ms = cfg->round_max_ms > 0 ? cfg->round_max_ms : ROUND_MAX_MS;
    list_init(&h->ring);
    list_init(&h->dead);
    list_init(&h->young);
    h->rx = malloc(HUB_RX_BYTES);
    h->scratch.data = malloc(SCRATCH_BYTES);
    h->scratch.cap = SCRATCH_BYTES;
    int r = h->rx && h->scratch.data ? uv_random(NULL, NULL, h->random, sizeof(h->random), 0, NULL)
                                     : -ENOMEM;
    if (r >= 0)
        r = uv_timer_init(loop, &h->tick);
    if (r < 0) {
        free(h->rx);
        free(h->scratch.data);
        free(h);
        return r;
    }
    h->random[0] |= 1;
    h->tick.data = h;
    *ret = h;
    return 0;
}

void hub_check_done(struct rtsp_hub *h)
{
    if (!h->closing || !h->timer_closed || h->conns > 0)
        return;
    void (*done)(void *user) = h->done;
    void *user = h->user;
    free(h->rx);
    free(h->udp_rx);
    free(h->scratch.data);
    free(h);
    if (done)
        done(user);
}

static void on_timer_closed(uv_handle_t *t)
{
    struct rtsp_hub *h = t->data;
    h->timer_closed = true;
    hub_check_done(h);
}

void rtsp_hub_close(struct rtsp_hub *h, void (*done)(void *user), void *user)
{
    free_dead(h);
    h->closing = true;
    h->done = done;
    h->user = user;
    uv_close((uv_handle_t *)&h->tick, on_timer_closed);
}
