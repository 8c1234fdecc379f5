/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/rtp.h"

#include "base/buf.h"
#include "base/err.h"

int rtp_parse(const uint8_t *p, size_t n, struct rtp_packet *ret)
{
    if (n < RTP_HEAD)
        return E_TRUNCATED;
    if (p[0] >> 6 != 2)
        return E_SYNTAX;
    size_t at = RTP_HEAD + 4 * (size_t)(p[0] & 15), end = n;
    if (p[0] & 0x10) { /* extension */
        if (n < at + 4)
            return E_SYNTAX;
        at += 4 + 4 * (size_t)rd16(p + at + 2);
    }
    if (p[0] & 0x20) /* padding */
        end = p[n - 1] && p[n - 1] <= n ? n - p[n - 1] : 0;
    if (at > end)
        return E_SYNTAX;
    ret->payload = p + at;
    ret->len = end - at;
    ret->timestamp = rd32(p + 4);
    ret->ssrc = rd32(p + 8);
    ret->seq = rd16(p + 2);
    ret->payload_type = p[1] & 127;
    ret->marker = p[1] >> 7;
    return 0;
}

enum rtp_verdict rtp_source_check(struct rtp_source *s, uint32_t ssrc)
{
    if (s->ssrc == ssrc) {
        s->stale = 0;
        return RTP_TAKE;
    }
    if (s->started && s->announced && ++s->stale < RTP_STALE_PACKETS)
        return RTP_DROP_STALE;
    *s = (struct rtp_source){.ssrc = ssrc};
    return RTP_TAKE_NEW_SOURCE;
}

int rtp_source_count(struct rtp_source *s, uint16_t seq)
{
    s->received++;
    if (!s->started) {
        s->started = true;
        s->last_seq = seq;
        s->extended = s->base = seq;
        return 0;
    }
    uint16_t step = (uint16_t)(seq - s->last_seq);
    s->last_seq = seq;
    if (step == 0 || step > RTP_MAX_DROPOUT) {
        s->base = s->extended = seq;
        s->received = 1;
        s->expected_before = s->received_before = 0;
        return E_ORDER;
    }
    s->extended += step;
    return step - 1;
}

void rtp_source_jitter(struct rtp_source *s, uint32_t timestamp, uint32_t arrival_ticks)
{
    uint32_t transit = arrival_ticks - timestamp;
    int32_t d = (int32_t)(transit - s->transit);
    if (s->received > 1)
        s->jitter16 += (uint32_t)(d < 0 ? -(int64_t)d : d) - ((s->jitter16 + 8) >> 4);
    s->transit = transit;
}
