/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "rtsp/rtp.h"

#define RTCP_SR 200
#define RTCP_RR 201
#define RTCP_SDES 202
#define RTCP_BYE 203
#define NTP_TO_UNIX INT64_C(2208988800)

int rtcp_find_sender_report(const uint8_t *p, size_t n, struct rtcp_sender_report *ret,
                            bool *ret_bye)
{
    int found = 0;
    while (n >= 4 && p[0] >> 6 == 2) {
        size_t size = 4 + 4 * (size_t)rd16(p + 2);
        if (size > n)
            break;
        if (p[1] == RTCP_SR && size >= 28 && !found) {
            ret->ssrc = rd32(p + 4);
            ret->ntp = rd64(p + 8);
            ret->rtp_timestamp = rd32(p + 16);
            found = 1;
        }
        if (p[1] == RTCP_BYE && ret_bye)
            *ret_bye = true;
        p += size;
        n -= size;
    }
    return found;
}

int64_t rtcp_ntp_to_us(uint64_t ntp)
{
    int64_t seconds = (int64_t)(ntp >> 32);
    if (!(ntp >> 63)) /* §6.4.1: the era that began in 2036 */
        seconds += INT64_C(1) << 32;
    return (seconds - NTP_TO_UNIX) * SECOND_US +
           (int64_t)(((ntp & UINT32_MAX) * (uint64_t)SECOND_US) >> 32);
}

static uint32_t loss_word(struct rtp_source *s)
{
    uint32_t expected = s->extended - s->base + 1;
    int64_t lost = (int64_t)expected - s->received;
    lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost;
    uint32_t span = expected - s->expected_before, got = s->received - s->received_before;
    uint32_t fraction = span && span > got ? ((span - got) << 8) / span : 0;
    s->expected_before = expected;
    s->received_before = s->received;
    return (fraction > 255 ? 255u : fraction) << 24 | ((uint32_t)lost & 0xffffff);
}

size_t rtcp_receiver_report(struct rtp_source *s, uint32_t our_ssrc, uint32_t last_sr,
                            int64_t delay_us, uint8_t ret[RTCP_REPORT_BYTES])
{
    uint8_t *p = ret;
    memset(ret, 0, RTCP_REPORT_BYTES);
    bool block = s->started;
    p[0] = (uint8_t)(0x80 | block);
    p[1] = RTCP_RR;
    wr16(p + 2, block ? 7 : 1);
    wr32(p + 4, our_ssrc);
    p += 8;
    if (block) {
        wr32(p, s->ssrc);
        wr32(p + 4, loss_word(s));
        wr32(p + 8, s->extended);
        wr32(p + 12, s->jitter16 >> 4);
        wr32(p + 16, last_sr);
        wr32(p + 20, last_sr ? (uint32_t)((uint64_t)delay_us * 65536 / (uint64_t)SECOND_US) : 0);
        p += 24;
    }
    static const char cname[] = "lethe";
    p[0] = 0x81;
    p[1] = RTCP_SDES;
    wr16(p + 2, 3);
    wr32(p + 4, our_ssrc);
    p[8] = 1;
    p[9] = sizeof(cname) - 1;
    memcpy(p + 10, cname, sizeof(cname) - 1); /* the zero behind it ends the list */
    return (size_t)(p + 16 - ret);
}
