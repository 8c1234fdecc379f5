/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/interleaved.h"

#include <string.h>

#include "base/buf.h"

/* Message starts: the answer's, and the methods that a camera may send to a client. */
static const char *const starts[] = {"RTSP/",     "OPTIONS ",  "GET_PARAMETER ", "SET_PARAMETER ",
                                     "ANNOUNCE ", "REDIRECT ", "TEARDOWN ",      "PLAY_NOTIFY "};

enum match { MATCH_NO, MATCH_PREFIX, MATCH_YES };

static enum match match_text(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        size_t want = strlen(starts[i]);
        if (memcmp(p, starts[i], n < want ? n : want) == 0)
            return n < want ? MATCH_PREFIX : MATCH_YES;
    }
    return MATCH_NO;
}

static bool sensible_start(const uint8_t *p, size_t n)
{
    return n == 0 || p[0] == '$' || p[0] == '\r' || p[0] == '\n' || match_text(p, n) != MATCH_NO;
}

enum verdict { FRAME_NO, FRAME_YES, FRAME_MORE };

/* Second byte of the packet: a payload type that was set up, or one of RTCP (RFC 3550 §12.1). */
static bool expected_type(const struct rtsp_channels *known, uint8_t byte)
{
    return (byte >= 200 && byte <= 204) || (known->type[byte >> 6 & 1] >> (byte & 63) & 1);
}

static enum verdict judge(const uint8_t *p, size_t n, const struct rtsp_channels *known,
                          bool in_step)
{
    if (n < RTSP_FRAME_HEAD + 1)
        return FRAME_MORE;
    size_t size = RTSP_FRAME_HEAD + (size_t)rd16(p + 2);
    bool ours = rtsp_channels_has(known, p[1]) && p[4] >> 6 == 2 && size > RTSP_FRAME_HEAD;
    if (ours && !in_step && n > RTSP_FRAME_HEAD + 1)
        in_step = expected_type(known, p[RTSP_FRAME_HEAD + 1]);
    if (in_step && ours)
        return n >= size ? FRAME_YES : FRAME_MORE;
    if (!in_step && !ours)
        return FRAME_NO;
    if (n < size)
        return FRAME_MORE;
    return sensible_start(p + size, n - size) ? FRAME_YES : FRAME_NO;
}

/* Bytes up to the next place where a frame or message might begin; always at least 1. */
static size_t hunt(const uint8_t *p, size_t n)
{
    const uint8_t *dollar = memchr(p + 1, '$', n - 1);
    size_t limit = dollar ? (size_t)(dollar - p) : n;
    for (size_t at = 1; at < limit;) {
        const uint8_t *r = memchr(p + at, 'R', limit - at);
        if (!r)
            break;
        at = (size_t)(r - p);
        size_t left = n - at;
        if (memcmp(r, "RTSP/", left < 5 ? left : 5) == 0)
            return at;
        at++;
    }
    return limit;
}

void rtsp_interleaved_next(const uint8_t *p, size_t n, const struct rtsp_channels *known,
                           bool in_step, struct rtsp_item *ret)
{
    *ret = (struct rtsp_item){.type = RTSP_ITEM_MORE};
    if (n == 0)
        return;
    if (p[0] == '$') {
        enum verdict v = judge(p, n, known, in_step);
        if (v == FRAME_MORE)
            return;
        if (v == FRAME_YES) {
            ret->type = RTSP_ITEM_FRAME;
            ret->channel = p[1];
            ret->size = RTSP_FRAME_HEAD + (size_t)rd16(p + 2);
            return;
        }
    } else {
        enum match m = match_text(p, n);
        if (m == MATCH_PREFIX)
            return;
        if (m == MATCH_YES) {
            ret->type = RTSP_ITEM_TEXT;
            return;
        }
    }
    ret->type = RTSP_ITEM_JUNK;
    if (p[0] != '\r' && p[0] != '\n') {
        ret->size = hunt(p, n);
        return;
    }
    while (ret->size < n && (p[ret->size] == '\r' || p[ret->size] == '\n'))
        ret->size++;
    ret->blank = true;
}
