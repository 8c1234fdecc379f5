/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_PACKETISE_H
#define SIM_PACKETISE_H
/* From NAL units to interleaved RTP packets. Reentrant. */
#include "base/buf.h"
#include "sim/program.h"

struct sim_packetiser {
    enum media_codec codec;
    uint8_t channel, payload_type;
    uint32_t ssrc, timestamp;
    uint16_t sequence; /* of the next packet */
    size_t packet_bytes;
    uint32_t packets; /* made so far */
};
/*
 * Append the packets of one NAL unit (or audio frame) to @out. @last: it ends the access unit, the marker is set.
 * Source: RFC 6184 §5.6 and §5.8, RFC 7798 §4.4.1 and §4.4.3, RFC 3640 §3.3.6, RFC 3551 §4.5.14.
 */
int sim_packetise(struct sim_packetiser *p, const uint8_t *nal, size_t len, bool last,
                  struct buf *out);
#endif
