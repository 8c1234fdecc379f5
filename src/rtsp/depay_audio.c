/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "rtsp/depay.h"
#include "rtsp/oddity.h"
#include "rtsp/sdp.h"

/* Layout of AAC-hbr (RFC 3640 §3.3.6), which is also what cameras mean that give none. */
#define SIZE_BITS 13
#define INDEX_BITS 3
#define AAC_SAMPLES 1024

static unsigned fmtp_number(struct span fmtp, const char *name, unsigned otherwise)
{
    uint64_t v;
    return span_leading_number(rtsp_fmtp_get(fmtp, name), 32, &v) >= 0 ? (unsigned)v : otherwise;
}

/* Channels and frame length of the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1), as far as AAC-LC goes. */
static void read_asc(struct depay_audio *d, struct media_track *t)
{
    if (t->asc_len < 2)
        return;
    unsigned type = t->asc[0] >> 3, rate = (t->asc[0] & 7u) << 1 | t->asc[1] >> 7;
    unsigned channels = t->asc[1] >> 3 & 15u;
    if (channels >= 1 && channels <= 7)
        t->channels = (uint16_t)(channels == 7 ? 8 : channels);
    if (type == 2 && rate != 15 && (t->asc[1] & 4))
        d->samples = 960;
}

int depay_audio_init(struct depay_audio *d, struct media_track *track, struct span fmtp)
{
    d->codec = track->codec;
    if (track->codec != MEDIA_AAC)
        return 0;
    d->samples = AAC_SAMPLES;
    d->size_bits = fmtp_number(fmtp, "sizelength", SIZE_BITS);
    d->index_bits = fmtp_number(fmtp, "indexlength", INDEX_BITS);
    d->delta_bits = fmtp_number(fmtp, "indexdeltalength", INDEX_BITS);
    if (d->size_bits == 0 || d->size_bits > 16 || d->index_bits > 8 || d->delta_bits > 8)
        return E_UNSUPPORTED;
    int n = span_hex(rtsp_fmtp_get(fmtp, "config"), track->asc, sizeof(track->asc));
    track->asc_len = n > 0 ? (uint8_t)n : 0;
    read_asc(d, track);
    return 0;
}

void depay_audio_release(struct depay_audio *d)
{
    free(d->fragment);
    d->fragment = NULL;
    d->fragment_len = d->fragment_want = d->fragment_cap = 0;
}

void depay_audio_gap(struct depay_audio *d)
{
    d->fragment_len = d->fragment_want = 0;
    d->loss = true;
}

static void give(struct depay_audio *d, const uint8_t *p, uint32_t n, uint32_t ts)
{
    bool loss = d->loss;
    d->loss = false;
    d->frame(d->user, p, n, ts, loss);
}

/* Bits at @at, most significant first; @n up to 16, inside of the section by the caller's count. */
static unsigned take_bits(const uint8_t *p, size_t *at, unsigned n)
{
    unsigned v = 0;
    for (unsigned i = 0; i < n; i++, (*at)++)
        v = v << 1 | (p[*at / 8] >> (7 - *at % 8) & 1u);
    return v;
}

static void bad(struct depay_audio *d)
{
    d->oddities |= ODD_BIT(ODD_AUDIO);
    depay_audio_gap(d);
}

/* An access unit that is longer than its packet (RFC 3640 §3.1): the size stands in every part. */
static void fragment(struct depay_audio *d, const uint8_t *p, uint32_t n, uint32_t want,
                     const struct rtp_packet *packet)
{
    if (d->fragment_want != want || d->fragment_ts != packet->timestamp)
        d->fragment_len = 0;
    if (want > DEPAY_AUDIO_BYTES || n > want - d->fragment_len) {
        bad(d);
        return;
    }
    if (d->fragment_cap < want) {
        uint8_t *more = realloc(d->fragment, want);
        if (!more) {
            bad(d);
            return;
        }
        d->fragment = more;
        d->fragment_cap = want;
    }
    memcpy(d->fragment + d->fragment_len, p, n);
    d->fragment_len += n;
    d->fragment_want = want;
    d->fragment_ts = packet->timestamp;
    if (d->fragment_len < want)
        return;
    d->fragment_len = d->fragment_want = 0;
    give(d, d->fragment, want, packet->timestamp);
}

static void aac(struct depay_audio *d, const struct rtp_packet *p)
{
    if (p->len < 2) {
        bad(d);
        return;
    }
    size_t bits = rd16(p->payload), at = 0, data = 2 + (bits + 7) / 8;
    const uint8_t *head = p->payload + 2;
    if (data > p->len) {
        bad(d);
        return;
    }
    for (unsigned i = 0; i < DEPAY_AAC_UNITS; i++) {
        unsigned index_bits = i ? d->delta_bits : d->index_bits;
        if (at + d->size_bits + index_bits > bits)
            return;
        uint32_t size = take_bits(head, &at, d->size_bits);
        unsigned index = take_bits(head, &at, index_bits);
        if (index)
            d->oddities |= ODD_BIT(ODD_AUDIO); /* interleaving in time: taken in order of arrival */
        if (size > p->len - data) {
            if (i == 0)
                fragment(d, p->payload + data, (uint32_t)(p->len - data), size, p);
            else
                bad(d);
            return;
        }
        if (size)
            give(d, p->payload + data, size, p->timestamp + i * d->samples);
        data += size;
    }
}

void depay_audio(struct depay_audio *d, const struct rtp_packet *p)
{
    if (d->codec == MEDIA_AAC)
        aac(d, p);
    else if (p->len)
        give(d, p->payload, (uint32_t)p->len, p->timestamp);
    else
        d->oddities |= ODD_BIT(ODD_EMPTY);
}
