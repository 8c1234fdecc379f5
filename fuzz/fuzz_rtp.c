/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* RTP and RTCP packets, audio payloads, reordering and the timeline. Input: pieces of 1 byte length, then bytes. */
#include <stdlib.h>

#include "rtsp/depay.h"
#include "rtsp/reorder.h"
#include "rtsp/timeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct depay_audio audio;
    struct timeline timeline;
    struct rtp_source source;
};

static void on_audio(void *user, const uint8_t *data, uint32_t size, uint32_t ts, bool loss)
{
    volatile uint8_t sum = 0;
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + data[i]);
}

static void deliver(void *user, const uint8_t *p, size_t n)
{
    struct run *r = user;
    struct rtp_packet packet;
    int64_t pts;
    if (rtp_parse(p, n, &packet) < 0)
        return;
    if (packet.payload < p || packet.payload + packet.len > p + n)
        abort();
    rtp_source_check(&r->source, packet.ssrc);
    rtp_source_count(&r->source, packet.seq);
    rtp_source_jitter(&r->source, packet.timestamp, packet.seq);
    timeline_next(&r->timeline, packet.timestamp, packet.seq * 1000, NULL);
    timeline_at(&r->timeline, packet.ssrc, &pts);
    depay_audio(&r->audio, &packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run r = {.audio = {.user = &r, .frame = on_audio}};
    struct media_track t = {.codec = size & 1 ? MEDIA_AAC : MEDIA_PCMU};
    struct reorder *order = calloc(1, sizeof(*order));
    int64_t now = 0;
    depay_audio_init(&r.audio, &t, (struct span){0});
    timeline_init(&r.timeline, 90000);
    while (order && size > 1) {
        size_t n = data[0] < size - 1 ? data[0] : size - 1;
        const uint8_t *p = data + 1;
        struct rtcp_sender_report sr;
        struct rtp_packet packet;
        uint8_t report[RTCP_REPORT_BYTES];
        bool bye;
        if (rtcp_find_sender_report(p, n, &sr, &bye) > 0)
            rtcp_ntp_to_us(sr.ntp);
        now += n * 1000;
        if (rtp_parse(p, n, &packet) >= 0)
            reorder_push(order, packet.seq, p, n, now, deliver, &r);
        reorder_expire(order, now, deliver, &r);
        rtcp_receiver_report(&r.source, 1, 2, now, report);
        data += n + 1;
        size -= n + 1;
    }
    if (order)
        reorder_release(order);
    free(order);
    depay_audio_release(&r.audio);
    return 0;
}
