/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sender reports. Source: RFC 3550 §6.4.1 (SR), §6.5.1 (CNAME). */
#include <string.h>

#include "sim/mangle.h"
#include "sim/server.h"

#define NTP_EPOCH_S 2208988800u
#define SR_WORDS 6
#define SDES_WORDS 4

/* Where the wall clock's now lies on the line of RTP timestamps. */
static uint32_t timestamp_now(const struct sim_player *p)
{
    const struct sim_program *g = p->program;
    int64_t since = p->session->server->now_us - p->base_us;
    int64_t ticks = (int64_t)((__int128)since * g->clock_rate / SECOND_US) + g->delay_ticks;
    return sim_mangle_timestamp(p, (uint32_t)(g->ts_start + (uint64_t)ticks));
}

void sim_rtcp_send(struct sim_player *p)
{
    struct sim_server *s = p->session->server;
    const struct sim_quirks *q = p->session->camera->quirks[p->session->stream];
    p->next_sr_us = (p->next_sr_us ? p->next_sr_us : s->now_us) + SIM_SR_US;
    if (p->next_sr_us <= s->now_us)
        p->next_sr_us = s->now_us + SIM_SR_US;
    if (sim_quirk(q, SIM_Q_NO_SR) || sim_mangle_stalled(p))
        return;
    uint8_t d[SIM_FRAMING + 4 * (1 + SR_WORDS + SDES_WORDS)] = {'$', p->rtcp_channel};
    uint32_t ssrc = sim_mangle_ssrc(p);
    int64_t wall = s->start_wall_us + s->now_us - s->start_us;
    if (sim_quirk_word(q, SIM_Q_SR, 0))
        ssrc ^= 0xa5a5a5a5u;
    if (sim_quirk_word(q, SIM_Q_SR, 3))
        wall = 0;
    uint8_t *r = d + SIM_FRAMING, *e = r + 4 * (1 + SR_WORDS);
    wr16(d + 2, (uint16_t)(sizeof(d) - SIM_FRAMING));
    r[0] = 0x80;
    r[1] = 200;
    wr16(r + 2, SR_WORDS);
    wr32(r + 4, ssrc);
    wr32(r + 8, (uint32_t)(wall / SECOND_US) + NTP_EPOCH_S);
    wr32(r + 12, (uint32_t)(((uint64_t)(wall % SECOND_US) << 32) / SECOND_US));
    wr32(r + 16, timestamp_now(p));
    wr32(r + 20, p->packets);
    wr32(r + 24, p->octets);
    e[0] = 0x81;
    e[1] = 202;
    wr16(e + 2, SDES_WORDS - 1);
    wr32(e + 4, ssrc);
    memcpy(e + 8, "\x01\x03sim", 5); /* CNAME, then the end of the list and padding */
    if (sim_quirk_word(q, SIM_Q_SR, 2))
        wr16(r + 2, 900); /* says to be longer than it is */
    sim_player_send(p, sim_block_copy(d, sizeof(d)), NULL);
}
