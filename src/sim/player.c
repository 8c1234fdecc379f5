/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* When which access unit goes out: a wheel of milliseconds, and one send() of shared bytes each. */
#include "base/clock.h"
#include "sim/mangle.h"
#include "sim/server.h"

#define MS_US 1000
#define BURST_MAX 64 /* access units of one player in one turn, when the process was held up */

static int64_t ticks_us(const struct sim_program *p, int64_t ticks)
{
    return (int64_t)((__int128)ticks * SECOND_US / p->clock_rate);
}

static int64_t due_of(const struct sim_player *p)
{
    const struct sim_program *g = p->program;
    return p->base_us + ticks_us(g, p->loop * g->loop_ticks + g->aus[p->index].dts_ticks);
}

int64_t sim_player_taken_us(const struct sim_player *p, const struct sim_program *g, size_t index,
                            int64_t loop)
{
    int64_t at =
        p->base_us + ticks_us(g, loop * g->loop_ticks + g->aus[index].pts_ticks - g->delay_ticks);
    return p->session->server->start_wall_us + at - p->session->server->start_us;
}

void sim_wheel_init(struct sim_server *s)
{
    for (int i = 0; i < SIM_WHEEL_SLOTS; i++)
        list_init(&s->wheel[i]);
    s->wheel_ms = s->now_us / MS_US;
}

static void wheel_insert(struct sim_server *s, struct sim_player *p)
{
    int64_t ms = p->due_us / MS_US;
    if (ms < s->wheel_ms)
        ms = s->wheel_ms;
    if (ms >= s->wheel_ms + SIM_WHEEL_SLOTS)
        ms = s->wheel_ms + SIM_WHEEL_SLOTS - 1;
    list_append(&s->wheel[ms % SIM_WHEEL_SLOTS], &p->wheel);
}

bool sim_player_advance(struct sim_player *p)
{
    p->number++;
    if (++p->index < p->program->count)
        return false;
    p->index = 0;
    p->loop++;
    return true;
}

void sim_player_send(struct sim_player *p, struct sim_block *b, const struct sim_note *note)
{
    if (!b)
        return;
    if (p->udp) {
        sim_udp_send_block(p, b);
        p->session->server->stats.bytes += b->len;
        if (note && p->session->server->framelog)
            sim_framelog_write(p->session->server->framelog, note, p->session->server->wall_us);
        if (note && p->session->server->truth && p->session->leader)
            sim_truth_write(p->session->server, note);
        sim_block_unref(b);
        return;
    }
    if (p->session->conn)
        sim_conn_send(p->session->conn, b, note);
    else
        sim_block_unref(b);
}

/* Send the access unit that is due. The session may be gone afterwards: false then. */
static bool play_one(struct sim_server *s, struct sim_player *p)
{
    struct sim_program *g = p->program;
    const struct sim_session *ss = p->session;
    if (p->mangle || ss->camera->quirks[ss->stream])
        return sim_mangle_play(p);
    struct sim_block *b = sim_program_block(g, p->index, p->loop);
    if (!b)
        return true;
    b->refs++;
    p->packets += g->aus[p->index].packet_count;
    p->octets += b->len;
    s->stats.aus++;
    if (!p->noted) {
        sim_player_send(p, b, NULL);
    } else {
        struct sim_note n = {.player = p,
                             .program = g,
                             .index = (uint32_t)p->index,
                             .timestamp = sim_program_timestamp(g, p->index, p->loop),
                             .loop = p->loop};
        sim_player_send(p, b, &n);
    }
    return !list_empty(&p->wheel);
}

static void run_player(struct sim_server *s, struct sim_player *p)
{
    if (s->now_us - p->due_us > s->stats.worst_lag_us)
        s->stats.worst_lag_us = s->now_us - p->due_us;
    for (int i = 0; i < BURST_MAX && p->due_us <= s->now_us; i++) {
        if (s->now_us >= p->next_sr_us)
            sim_rtcp_send(p);
        if (list_empty(&p->wheel) || !play_one(s, p))
            return;
        sim_player_advance(p);
        p->due_us = due_of(p);
    }
    list_remove(&p->wheel);
    wheel_insert(s, p);
}

void sim_wheel_run(struct sim_server *s)
{
    int64_t now_ms = s->now_us / MS_US;
    while (s->wheel_ms <= now_ms) {
        struct list todo,
            *slot =
                &s->wheel[s->wheel_ms++ % SIM_WHEEL_SLOTS]; /* what is put back goes further on */
        if (list_empty(slot))
            continue;
        todo = *slot;
        todo.next->prev = todo.prev->next = &todo;
        list_init(slot);
        while (!list_empty(&todo)) {
            struct sim_player *p = list_entry(todo.next, struct sim_player, wheel);
            if (p->due_us <= s->now_us) {
                run_player(s, p);
            } else {
                list_remove(&p->wheel);
                wheel_insert(s, p);
            }
        }
    }
}

int sim_wheel_wait_ms(const struct sim_server *s)
{
    for (int i = 0; i < 100; i++)
        if (!list_empty(&s->wheel[(s->wheel_ms + i) % SIM_WHEEL_SLOTS]))
            return i + 1;
    return 100;
}

/* Index of the first access unit at or after @ticks. */
static size_t index_after(const struct sim_program *g, int64_t ticks, bool *ret_wrapped)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->aus[i].dts_ticks >= ticks) {
            *ret_wrapped = false;
            return i;
        }
    *ret_wrapped = true;
    return 0;
}

void sim_player_start(struct sim_player *p)
{
    struct sim_session *ss = p->session;
    struct sim_server *s = ss->server;
    struct sim_camera *cam = ss->camera;
    const struct sim_program *g = p->program;
    int64_t loop_us = ticks_us(g, g->loop_ticks), frame_us = loop_us / (int64_t)g->count;
    bool alone = cam->playing[ss->stream] == 0, video = p->track == 0, wrapped;
    p->base_us = s->start_us - (int64_t)(cam->phase * (double)loop_us);
    if (video && !alone)
        p->base_us = cam->base_us[ss->stream];
    int64_t from =
        s->now_us - p->base_us + (int64_t)(cam->phase * 1009 * (double)frame_us) % frame_us;
    if (from < 0)
        from = 0;
    p->loop = from / loop_us;
    int64_t ticks = (int64_t)((__int128)(from % loop_us) * g->clock_rate / SECOND_US);
    p->index = s->o->join == SIM_JOIN_AT_ONCE ? index_after(g, ticks, &wrapped)
                                              : sim_program_key_after(g, ticks, &wrapped);
    p->loop += wrapped;
    p->due_us = due_of(p);
    if (video && alone && s->o->join == SIM_JOIN_SHIFT) {
        p->base_us -= p->due_us - (p->base_us +
                                   from); /* the time line moves: its next key picture is due now */
        p->due_us = due_of(p);
    }
    if (video)
        cam->base_us[ss->stream] = p->base_us;
    bool early_sr = sim_quirk_word(cam->quirks[ss->stream], SIM_Q_SR, 1);
    p->next_sr_us = early_sr ? 0 : p->due_us + (int64_t)(sim_random(s) % (uint64_t)SIM_SR_US);
    p->noted = video && ((s->framelog && sim_framelog_wants(s->framelog, cam->id)) ||
                         (s->truth && ss->leader));
    wheel_insert(s, p);
}

void sim_player_kick(struct sim_player *p)
{
    struct sim_server *s = p->session->server;
    if (p->due_us > s->now_us)
        p->due_us = s->now_us;
    run_player(s, p);
}

void sim_player_stop(struct sim_player *p)
{
    list_remove(&p->wheel);
}
