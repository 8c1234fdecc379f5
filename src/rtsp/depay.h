/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_DEPAY_H
#define RTSP_DEPAY_H
/* RTP payloads into NAL units and audio frames. Thread-bound; bad input sets an oddity and costs only its packet. */
#include "rtsp/assembler.h"
#include "rtsp/rtp.h"
#include "rtsp/text.h"

/* H.264: single NAL units, STAP-A, STAP-B, FU-A, FU-B; MTAP is named and dropped. Source: RFC 6184 §5.6–5.8. */
void depay_h264(struct assembler *a, const struct rtp_packet *p);
/* H.265: single NAL units, AP, FU; PACI is named and dropped. @donl sprop-max-don-diff > 0. Source: RFC 7798 §4.4. */
void depay_h265(struct assembler *a, const struct rtp_packet *p, bool donl);

#define DEPAY_AAC_UNITS 64       /* most access units in one packet */
#define DEPAY_AUDIO_BYTES 65536u /* longest fragmented audio frame */

struct depay_audio {
    enum media_codec codec;
    unsigned size_bits, index_bits, delta_bits; /* AU header layout of the SDP */
    uint32_t samples;                           /* per AAC frame */
    uint8_t *fragment;                          /* of an AU over several packets */
    uint32_t fragment_len, fragment_want, fragment_cap, fragment_ts;
    bool loss;
    uint32_t oddities;
    void *user;
    void (*frame)(void *user, const uint8_t *data, uint32_t size, uint32_t ts, bool loss);
};

/*
 * AAC: reads mode, sizelength, indexlength, indexdeltalength and config of @fmtp; missing ones are those of AAC-hbr.
 * Fills asc and channels of @track. E_UNSUPPORTED when the header layout cannot be read.
 */
int depay_audio_init(struct depay_audio *d, struct media_track *track, struct span fmtp);
void depay_audio_release(struct depay_audio *d);
void depay_audio_gap(struct depay_audio *d);
/* AAC (RFC 3640 §3.2, §3.3.6) and G.711 (RFC 3551 §4.5.14). */
void depay_audio(struct depay_audio *d, const struct rtp_packet *p);
#endif
