/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_INTERLEAVED_H
#define RTSP_INTERLEAVED_H
/* RTP and RTCP between the messages of one TCP stream: '$', channel, 16-bit length. Reentrant. Source: RFC 2326 §10.12. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTSP_FRAME_HEAD 4
#define RTSP_FRAME_BYTES (RTSP_FRAME_HEAD + 65535)

enum rtsp_item_type {
    RTSP_ITEM_MORE,  /* not decidable before more bytes came */
    RTSP_ITEM_FRAME, /* a whole frame of `size` bytes */
    RTSP_ITEM_TEXT,  /* a message seems to begin here */
    RTSP_ITEM_JUNK   /* `size` bytes that belong to nothing */
};

struct rtsp_item {
    enum rtsp_item_type type;
    bool blank; /* junk that is only line ends: harmless, the stream is still in step */
    uint8_t channel;
    size_t size;
};

/* Channels that were set up, and the payload types expected on them: a bit each. */
struct rtsp_channels {
    uint64_t bit[4], type[2];
};
static inline void rtsp_channels_add(struct rtsp_channels *c, uint8_t ch)
{
    c->bit[ch >> 6] |= UINT64_C(1) << (ch & 63);
}
static inline void rtsp_channels_add_type(struct rtsp_channels *c, uint8_t payload_type)
{
    c->type[payload_type >> 6 & 1] |= UINT64_C(1) << (payload_type & 63);
}
static inline bool rtsp_channels_has(const struct rtsp_channels *c, uint8_t ch)
{
    return c->bit[ch >> 6] >> (ch & 63) & 1;
}

/*
 * What stands at the start of @p.
 * @in_step  the item before ended exactly here; when false, a frame must also have a payload type that is expected, or
 *           be followed by something sensible
 */
void rtsp_interleaved_next(const uint8_t *p, size_t n, const struct rtsp_channels *known,
                           bool in_step, struct rtsp_item *ret);
#endif
