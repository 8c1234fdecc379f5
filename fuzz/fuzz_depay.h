/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef FUZZ_DEPAY_H
#define FUZZ_DEPAY_H
/*
 * Payloads as packets. Input: pieces of two bytes head (length, flags) and payload. Flags: 1 marker, 2 next timestamp,
 * 4 packets missing before, 8 turn ends before. Checks that what comes out is whole NAL units.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "rtsp/depay.h"

static void depay_unit(struct assembler *a, const uint8_t *data, uint32_t size, uint32_t ts,
                       bool key, bool changed, bool loss)
{
    uint32_t at = 0;
    while (at + 4 <= size) {
        uint32_t n = rd32(data + at);
        if (n == 0 || n > size - at - 4)
            abort();
        at += 4 + n;
    }
    if (at != size || size == 0)
        abort();
}

static void depay_fuzz(enum media_codec codec, const uint8_t *data, size_t size)
{
    static const struct assembler_events events = {depay_unit};
    static struct media_params params;
    struct au_scratch scratch = {malloc(16), 16};
    struct assembler a;
    uint32_t ts = 0;
    bool donl = size > 0 && (data[0] & 1) && codec == MEDIA_H265;
    params.count = 0;
    assembler_init(&a, codec, &params, &scratch, &events);
    while (size > 2) {
        size_t n = data[0] < size - 2 ? data[0] : size - 2;
        unsigned flags = data[1];
        ts += flags & 2 ? 3600 : 0;
        if (flags & 4)
            assembler_gap(&a);
        if (flags & 8) {
            assembler_park(&a);
            memset(scratch.data, 0xee, scratch.cap);
            assembler_unpark(&a);
        }
        struct rtp_packet p = {.payload = data + 2, .len = n, .timestamp = ts, .marker = flags & 1};
        if (codec == MEDIA_H264)
            depay_h264(&a, &p);
        else
            depay_h265(&a, &p, donl);
        data += 2 + n;
        size -= 2 + n;
    }
    assembler_release(&a);
    free(scratch.data);
}
#endif
