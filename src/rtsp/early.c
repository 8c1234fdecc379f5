/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Packets in front of the first one of the announced source. Cameras announce an SSRC in the answer to SETUP (RFC 2326
 * §12.39) and then, some of them, first send what was left of an earlier session; others announce one that never comes.
 * So packets of another source are held: dropped when the announced one begins, handed on when it does not.
 */
#include "rtsp/internal.h"

#define HELD_BYTES ((size_t)256 << 10)
#define HELD_US (500 * INT64_C(1000))

static void hand_on(struct rtsp_track *t, early_take take)
{
    struct buf held = t->held;
    t->settled = true;
    t->held = (struct buf){0};
    for (size_t at = 0; at < held.len && !t->session->closing;) {
        size_t n = rd16(held.data + at);
        take(t, held.data + at + 2, n);
        at += 2 + n;
    }
    buf_release(&held);
}

static bool hold(struct rtsp_track *t, const uint8_t *p, size_t n)
{
    if (t->held_packets == 0) {
        buf_init(&t->held, HELD_BYTES);
        t->held_since_us = t->session->now_us;
    }
    if (buf_reserve(&t->held, 2 + n) < 0)
        return false;
    buf_u16(&t->held, (uint16_t)n);
    buf_append(&t->held, p, n);
    return ++t->held_packets < RTP_STALE_PACKETS && t->session->now_us - t->held_since_us < HELD_US;
}

void early_packet(struct rtsp_track *t, const uint8_t *p, size_t n, early_take take)
{
    struct rtp_packet packet;
    if (t->settled || rtp_parse(p, n, &packet) < 0) {
        take(t, p, n);
        return;
    }
    if (t->has_ssrc && packet.ssrc != t->announced_ssrc) {
        size_t before = t->held.len;
        if (hold(t, p, n))
            return;
        bool kept = t->held.len > before;
        hand_on(t, take);
        if (!kept && !t->session->closing)
            take(t, p, n);
        return;
    }
    if (t->held_packets) {
        session_odd(t->session, ODD_SSRC);
        t->session->stats.discarded_bytes += t->held.len - 2 * (size_t)t->held_packets;
    }
    buf_release(&t->held);
    t->settled = true;
    take(t, p, n);
}
