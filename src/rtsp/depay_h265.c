/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/buf.h"
#include "rtsp/depay.h"
#include "rtsp/oddity.h"

enum { AP = 48, FU = 49, PACI = 50 };

#define FU_START 0x80
#define FU_END 0x40
#define NAL_HEAD 2
#define DONL 2

static void odd(struct assembler *a, enum rtsp_oddity o)
{
    a->oddities |= ODD_BIT(o);
}

static void aggregation(struct assembler *a, const struct rtp_packet *p, bool donl)
{
    size_t at = NAL_HEAD, order = donl ? DONL : 0;
    while (at + order + 2 <= p->len && !a->dead) {
        at += order;
        size_t n = rd16(p->payload + at);
        at += 2;
        if (n > p->len - at) {
            odd(a, ODD_FRAGMENT);
            assembler_gap(a);
            return;
        }
        assembler_nal(a, p->timestamp, p->payload + at, n);
        at += n;
        order = donl ? 1 : 0; /* the following ones carry a difference of one byte */
    }
}

static void fragment(struct assembler *a, const struct rtp_packet *p, bool donl)
{
    const uint8_t *b = p->payload;
    bool start = p->len > NAL_HEAD && (b[NAL_HEAD] & FU_START);
    size_t head = NAL_HEAD + 1 +
                  (donl && start ? DONL : 0); /* the order number stands in the first one only */
    if (p->len <= head) {
        odd(a, ODD_EMPTY);
        if (p->len > NAL_HEAD && (b[NAL_HEAD] & FU_END))
            assembler_end(a);
        return;
    }
    uint8_t flags = b[NAL_HEAD];
    if (start) {
        uint8_t nal[3] = {(uint8_t)((b[0] & 0x81) | (flags & 0x3f) << 1), b[1], b[head]};
        if (a->nal_open)
            odd(a, ODD_FRAGMENT);
        assembler_begin(a, p->timestamp, nal, 3);
        assembler_append(a, nal, 2);
    } else if (!a->nal_open) {
        if (!a->gap)
            odd(a, ODD_FRAGMENT);
        assembler_gap(a);
        return;
    }
    assembler_append(a, b + head, p->len - head);
    if (flags & FU_END)
        assembler_end(a);
}

static void single(struct assembler *a, const struct rtp_packet *p, bool donl)
{
    if (!donl) {
        assembler_nal(a, p->timestamp, p->payload, p->len);
        return;
    }
    if (p->len <= NAL_HEAD + DONL) {
        odd(a, ODD_EMPTY);
        return;
    }
    uint8_t head[3] = {p->payload[0], p->payload[1], p->payload[NAL_HEAD + DONL]};
    assembler_begin(a, p->timestamp, head, 3);
    assembler_append(a, head, 2);
    assembler_append(a, p->payload + NAL_HEAD + DONL, p->len - NAL_HEAD - DONL);
    assembler_end(a);
}

void depay_h265(struct assembler *a, const struct rtp_packet *p, bool donl)
{
    if (p->len < NAL_HEAD) {
        odd(a, ODD_EMPTY);
        return;
    }
    const uint8_t *b = p->payload;
    if (b[0] == 0 && b[1] == 0 && p->len > 4 && (b[2] == 1 || (b[2] == 0 && b[3] == 1))) {
        a->annex_b = true; /* type 0 is TRAIL_N, but its second byte is never 0 */
        odd(a, ODD_ANNEX_B);
        assembler_nal(a, p->timestamp, b, p->len);
    } else {
        switch (b[0] >> 1 & 63) {
        case FU:
            fragment(a, p, donl);
            break;
        case AP:
            aggregation(a, p, donl);
            break;
        case PACI:
            odd(a, ODD_PACKET_FORM);
            assembler_gap(a);
            break;
        default:
            single(a, p, donl);
        }
    }
    if (p->marker)
        assembler_marker(a);
}
