/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/buf.h"
#include "rtsp/depay.h"
#include "rtsp/oddity.h"

enum { STAP_A = 24, STAP_B, MTAP16, MTAP24, FU_A, FU_B };

#define FU_START 0x80
#define FU_END 0x40

static void odd(struct assembler *a, enum rtsp_oddity o)
{
    a->oddities |= ODD_BIT(o);
}

static void stap(struct assembler *a, const struct rtp_packet *p, size_t at)
{
    while (at + 2 <= p->len && !a->dead) {
        size_t n = rd16(p->payload + at);
        at += 2;
        if (n > p->len - at) {
            odd(a, ODD_FRAGMENT);
            assembler_gap(a);
            return;
        }
        assembler_nal(a, p->timestamp, p->payload + at, n);
        at += n;
    }
}

/* @head bytes before the fragment: 2, or 4 with the decoding order number of FU-B */
static void fragment(struct assembler *a, const struct rtp_packet *p, size_t head)
{
    const uint8_t *b = p->payload;
    if (p->len <= head) {
        odd(a, ODD_EMPTY);
        if (p->len > 1 && (b[1] & FU_END))
            assembler_end(a);
        return;
    }
    if (b[1] & FU_START) {
        uint8_t nal[2] = {(uint8_t)((b[0] & 0xe0) | (b[1] & 0x1f)), b[head]};
        if (a->nal_open)
            odd(a, ODD_FRAGMENT);
        assembler_begin(a, p->timestamp, nal, 2);
        assembler_append(a, nal, 1);
    } else if (!a->nal_open) {
        if (!a->gap)
            odd(a, ODD_FRAGMENT);
        assembler_gap(a);
        return;
    }
    assembler_append(a, b + head, p->len - head);
    if (b[1] & FU_END)
        assembler_end(a);
}

void depay_h264(struct assembler *a, const struct rtp_packet *p)
{
    if (p->len == 0) {
        odd(a, ODD_EMPTY);
        return;
    }
    switch (p->payload[0] & 31) {
    case FU_A:
        fragment(a, p, 2);
        break;
    case STAP_A:
        stap(a, p, 1);
        break;
    case STAP_B:
        odd(a, ODD_PACKET_FORM);
        stap(a, p, 3);
        break;
    case FU_B: /* the decoding order number stands in the first fragment only (RFC 6184 §5.8) */
        odd(a, ODD_PACKET_FORM);
        fragment(a, p, 4);
        break;
    case MTAP16:
    case MTAP24:
        odd(a, ODD_PACKET_FORM);
        assembler_gap(a);
        break;
    case 0: /* a start code where the NAL header should be */
        a->annex_b = true;
        odd(a, ODD_ANNEX_B);
        assembler_nal(a, p->timestamp, p->payload, p->len);
        break;
    default:
        assembler_nal(a, p->timestamp, p->payload, p->len);
    }
    if (p->marker)
        assembler_marker(a);
}
