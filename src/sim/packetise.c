/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/packetise.h"

#include <string.h>

#define H264_FU_A 28
#define H265_FU 49

/* One packet whose payload is @prefix followed by @body. */
static int put_packet(struct sim_packetiser *p, bool marker, const uint8_t *prefix,
                      size_t prefix_len, const uint8_t *body, size_t body_len, struct buf *out)
{
    size_t len = SIM_RTP_HEADER + prefix_len + body_len;
    if (len > UINT16_MAX)
        return E_LIMIT;
    uint8_t h[SIM_FRAMING + SIM_RTP_HEADER];
    h[0] = '$';
    h[1] = p->channel;
    wr16(h + 2, (uint16_t)len);
    h[4] = 0x80;
    h[5] = (uint8_t)((marker ? 0x80 : 0) | p->payload_type);
    wr16(h + 6, p->sequence++);
    wr32(h + 8, p->timestamp);
    wr32(h + 12, p->ssrc);
    p->packets++;
    int r = buf_append(out, h, sizeof(h));
    if (r >= 0)
        r = buf_append(out, prefix, prefix_len);
    return r < 0 ? r : buf_append(out, body, body_len);
}

/* Fragments: the NAL header moves into the first bytes of each payload. */
static int put_fragments(struct sim_packetiser *p, const uint8_t *nal, size_t len, bool last,
                         struct buf *out)
{
    uint8_t prefix[3];
    size_t header = p->codec == MEDIA_H265 ? 2 : 1, prefix_len = header + 1;
    uint8_t type;
    if (p->codec == MEDIA_H265) {
        type = (nal[0] >> 1) & 0x3f;
        prefix[0] = (uint8_t)((nal[0] & 0x81) | H265_FU << 1);
        prefix[1] = nal[1];
    } else {
        type = nal[0] & 0x1f;
        prefix[0] = (uint8_t)((nal[0] & 0xe0) | H264_FU_A);
    }
    size_t room = p->packet_bytes - prefix_len;
    for (size_t at = header; at < len; at += room) {
        size_t n = len - at < room ? len - at : room;
        bool end = at + n == len;
        prefix[header] = (uint8_t)((at == header ? 0x80 : 0) | (end ? 0x40 : 0) | type);
        int r = put_packet(p, last && end, prefix, prefix_len, nal + at, n, out);
        if (r < 0)
            return r;
    }
    return 0;
}

static int put_aac(struct sim_packetiser *p, const uint8_t *frame, size_t len, struct buf *out)
{
    if (len > 0x1fff)
        return E_LIMIT;
    uint8_t header[4] = {0, 16}; /* AU-headers-length in bits; then 13 bits of size, 3 of index */
    wr16(header + 2, (uint16_t)(len << 3));
    return put_packet(p, true, header, sizeof(header), frame, len, out);
}

int sim_packetise(struct sim_packetiser *p, const uint8_t *nal, size_t len, bool last,
                  struct buf *out)
{
    switch (p->codec) {
    case MEDIA_AAC:
        return put_aac(p, nal, len, out);
    case MEDIA_PCMU:
    case MEDIA_PCMA:
        return put_packet(p, false, NULL, 0, nal, len, out);
    case MEDIA_H264:
    case MEDIA_H265:
        if (len <= p->packet_bytes)
            return put_packet(p, last, NULL, 0, nal, len, out);
        return put_fragments(p, nal, len, last, out);
    case MEDIA_NONE:
        break;
    }
    return E_BUG;
}
