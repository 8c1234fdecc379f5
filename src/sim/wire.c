/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/wire.h"

#include <string.h>

#include "media/params.h"
#include "sim/packetise.h"

#define BIG_PACKET 10000
#define AU_MAX ((size_t)40 << 20)
enum { FU_START_END, FU_EMPTY, FU_TYPE_CHANGE, FU_RESERVED };
enum { ANNEXB_PREFIX, ANNEXB_JOINED };

bool sim_wire_is_odd(const struct sim_quirks *q)
{
    return sim_quirk(q, SIM_Q_FU) || sim_quirk(q, SIM_Q_ANNEXB) || sim_quirk(q, SIM_Q_STAP) ||
           sim_quirk(q, SIM_Q_TRAILING) || sim_quirk(q, SIM_Q_BIG_PACKETS);
}

static bool is_parameter_set(const struct sim_program *p, const struct sim_nal *n)
{
    enum media_nal_kind k = media_nal_kind(p->codec, n->data, n->len);
    return k == NAL_VPS || k == NAL_SPS || k == NAL_PPS;
}

/* All NAL units in one, start codes between: what some firmware hands to its packetiser. */
static int join_all(const struct sim_program *p, const struct sim_au *au, struct buf *out)
{
    int r = 0;
    for (uint32_t i = 0; i < au->nal_count && r >= 0; i++) {
        const struct sim_nal *n = &p->nals[au->nal + i];
        r = i ? buf_append(out, "\0\0\0\1", 4) : 0;
        if (r >= 0)
            r = buf_append(out, n->data, n->len);
    }
    return r;
}

/* Parameter sets at the front of the access unit in one aggregation packet. Returns how many went in. */
static int aggregate(const struct sim_program *p, const struct sim_au *au,
                     struct sim_packetiser *pk, struct buf *out)
{
    struct buf b;
    uint32_t n = 0;
    buf_init(&b, 0);
    static const uint8_t stap[] = {0x78}, ap[] = {48 << 1, 1};
    int r = p->codec == MEDIA_H265 ? buf_append(&b, ap, 2) : buf_append(&b, stap, 1);
    while (n < au->nal_count && r >= 0) {
        const struct sim_nal *nal = &p->nals[au->nal + n];
        if (!is_parameter_set(p, nal) || b.len + nal->len + 2 > p->packet_bytes)
            break;
        r = buf_u16(&b, (uint16_t)nal->len);
        if (r >= 0)
            r = buf_append(&b, nal->data, nal->len);
        n++;
    }
    if (r >= 0 && n)
        r = sim_packetise(pk, b.data, b.len, n == au->nal_count, out);
    buf_release(&b);
    return r < 0 ? r : (int)n;
}

/* A whole NAL unit in one fragment that is first and last at once. */
static int lone_fragment(const struct sim_program *p, struct sim_packetiser *pk, const uint8_t *d,
                         size_t len, bool last, struct buf *out)
{
    uint8_t tmp[2048];
    size_t header = p->codec == MEDIA_H265 ? 2 : 1;
    if (len + 1 > sizeof(tmp) || len <= header)
        return sim_packetise(pk, d, len, last, out);
    if (p->codec == MEDIA_H265) {
        tmp[0] = (uint8_t)((d[0] & 0x81) | 49 << 1);
        tmp[1] = d[1];
        tmp[2] = (uint8_t)(0xc0 | ((d[0] >> 1) & 0x3f));
    } else {
        tmp[0] = (uint8_t)((d[0] & 0xe0) | 28);
        tmp[1] = (uint8_t)(0xc0 | (d[0] & 0x1f));
    }
    memcpy(tmp + header + 1, d + header, len - header);
    return sim_packetise(pk, tmp, len + 1, last, out);
}

/* Change fragments after the fact. */
static int twist_fragments(const struct sim_program *p, const struct sim_quirks *q, size_t from,
                           struct buf *out)
{
    size_t fu = p->codec == MEDIA_H265 ? 2 : 1;
    for (size_t at = from, len; at + SIM_FRAMING <= out->len; at += len) {
        len = SIM_FRAMING + (size_t)rd16(out->data + at + 2);
        uint8_t *payload = out->data + at + SIM_FRAMING + SIM_RTP_HEADER;
        bool h264 = p->codec == MEDIA_H264 && (payload[0] & 0x1f) == 28;
        bool h265 = p->codec == MEDIA_H265 && ((payload[0] >> 1) & 0x3f) == 49;
        if (len < SIM_FRAMING + SIM_RTP_HEADER + fu + 1 || (!h264 && !h265))
            continue;
        bool middle = !(payload[fu] & 0xc0);
        if (h264 && sim_quirk_word(q, SIM_Q_FU, FU_RESERVED))
            payload[fu] |= 0x20;
        if (middle && sim_quirk_word(q, SIM_Q_FU, FU_TYPE_CHANGE))
            payload[fu] = (uint8_t)((payload[fu] & 0xe0) | 1);
        if (middle && sim_quirk_word(q, SIM_Q_FU, FU_EMPTY) &&
            at == from + len) { /* one more without a body */
            uint8_t empty[SIM_FRAMING + SIM_RTP_HEADER + 3];
            size_t n = SIM_FRAMING + SIM_RTP_HEADER + fu + 1;
            memcpy(empty, out->data + at, n);
            wr16(empty + 2, (uint16_t)(n - SIM_FRAMING));
            if (buf_append(out, empty, n) < 0)
                return -1;
            size_t next = at + len;
            memmove(out->data + next + n, out->data + next, out->len - n - next);
            memcpy(out->data + next, empty, n);
            len += n;
        }
    }
    return 0;
}

static int build_nal(const struct sim_program *p, const struct sim_nal *n,
                     const struct sim_quirks *q, struct sim_packetiser *pk, bool last,
                     struct buf *scratch, struct buf *out)
{
    const uint8_t *d = n->data;
    size_t len = n->len, from = out->len;
    int r = 0;
    scratch->len = 0;
    if (sim_quirk_word(q, SIM_Q_ANNEXB, ANNEXB_PREFIX))
        r = buf_append(scratch, "\0\0\0\1", 4);
    if (r >= 0)
        r = buf_append(scratch, d, len);
    if (r >= 0 && sim_quirk(q, SIM_Q_TRAILING) && is_parameter_set(p, n))
        r = buf_append(scratch, "\0\0", 2);
    if (r < 0)
        return r;
    if (sim_quirk_word(q, SIM_Q_FU, FU_START_END) && scratch->len < pk->packet_bytes)
        r = lone_fragment(p, pk, scratch->data, scratch->len, last, out);
    else
        r = sim_packetise(pk, scratch->data, scratch->len, last, out);
    return r < 0 ? r : twist_fragments(p, q, from, out);
}

int sim_wire_build(const struct sim_program *p, const struct sim_au *au, const struct sim_quirks *q,
                   struct buf *out)
{
    struct sim_packetiser pk = {.codec = p->codec,
                                .channel = p->channel,
                                .payload_type = p->payload_type,
                                .packet_bytes =
                                    sim_quirk(q, SIM_Q_BIG_PACKETS) ? BIG_PACKET : p->packet_bytes};
    struct buf scratch;
    uint32_t from = 0;
    buf_init(&scratch, AU_MAX);
    int r = 0;
    if (sim_quirk_word(q, SIM_Q_ANNEXB, ANNEXB_JOINED)) {
        r = join_all(p, au, &scratch);
        if (r >= 0 && scratch.len)
            r = sim_packetise(&pk, scratch.data, scratch.len, true, out);
        from = au->nal_count;
    } else if (sim_quirk(q, SIM_Q_STAP)) {
        r = aggregate(p, au, &pk, out);
        from = r > 0 ? (uint32_t)r : 0;
    }
    for (uint32_t i = from; i < au->nal_count && r >= 0; i++)
        r = build_nal(p, &p->nals[au->nal + i], q, &pk, i + 1 == au->nal_count, &scratch, out);
    buf_release(&scratch);
    return r < 0 ? r : 0;
}
