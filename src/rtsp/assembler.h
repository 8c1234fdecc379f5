/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_ASSEMBLER_H
#define RTSP_ASSEMBLER_H
/*
 * NAL units in, access units out. Where an access unit ends is decided here, from marker bit, timestamp and NAL types,
 * because cameras get each of them wrong in their own way. Thread-bound.
 *
 * The open access unit lies in a scratch buffer that all sessions of a loop share; what is incomplete when a session's
 * turn ends is parked in a buffer of its own. Source: ITU-T H.264 §7.4.1.2.3, ITU-T H.265 §7.4.2.4.4.
 */
#include <stdbool.h>
#include <stdint.h>

#include "media/frame.h"

#define AU_BYTES_MAX (6u << 20) /* ceiling of one access unit */
#define AU_UNPARK_BYTES                                                                            \
    (64u                                                                                           \
     << 10) /* up to here parked bytes go back to the scratch buffer, more stay where they are */
#define AU_PARK_KEEP (32u << 10) /* a park buffer of this size is never given back */
#define AU_PARK_ROUNDS 256       /* turns without need after which a larger one is */

struct au_scratch {
    uint8_t *data;
    uint32_t cap;
};

struct assembler;
struct assembler_events {
    /* One access unit. @ts RTP timestamp of its first slice. May close the session; then assembler.dead is set. */
    void (*unit)(struct assembler *a, const uint8_t *data, uint32_t size, uint32_t ts, bool key,
                 bool changed, bool loss);
};

struct assembler {
    enum media_codec codec;
    struct media_params *params;
    struct au_scratch *scratch;
    const struct assembler_events *events;
    uint8_t *data; /* scratch->data or parked */
    uint32_t len, cap;
    uint8_t *parked;
    uint32_t parked_cap, parked_peak;
    int parks;
    uint32_t nal; /* offset of the length field of the open NAL unit */
    uint32_t ts;  /* of the open access unit */
    bool nal_open, has_slice, has_key, changed, loss;
    bool gap;          /* packets are missing since the last NAL unit that began */
    bool marker_seen;  /* the stream sets marker bits at all */
    bool marker_lies;  /* slices of one picture came behind a marker: only timestamps count */
    bool after_marker; /* the access unit before ended by marker, at last_ts */
    bool annex_b;      /* start codes were found inside packets: look everywhere */
    bool dead;         /* drop everything, the owner is going away */
    uint32_t last_ts;
    uint32_t oddities; /* enum rtsp_oddity, a bit each */
};

void assembler_init(struct assembler *a, enum media_codec codec, struct media_params *params,
                    struct au_scratch *scratch, const struct assembler_events *events);
void assembler_release(struct assembler *a);
/* A NAL unit begins. @head its header and, if there, the byte behind; ends the access unit before where that is due. */
void assembler_begin(struct assembler *a, uint32_t ts, const uint8_t *head, size_t head_len);
/* More bytes of the open NAL unit (its header included). Ignored when none is open. */
void assembler_append(struct assembler *a, const uint8_t *p, size_t n);
/* The open NAL unit is complete. */
void assembler_end(struct assembler *a);
/* begin, append, end. */
void assembler_nal(struct assembler *a, uint32_t ts, const uint8_t *nal, size_t n);
/* The packet just handed in had the marker bit. */
void assembler_marker(struct assembler *a);
/* Packets are missing: the open NAL unit is dropped, the access units around it are marked. */
void assembler_gap(struct assembler *a);
/* End of the session's turn: leave the scratch buffer to the next one. E_LIMIT, -ENOMEM: the access unit was dropped. */
int assembler_park(struct assembler *a);
/* Begin of the turn. */
void assembler_unpark(struct assembler *a);
/* Stream parameters of the packet forms. */
struct rtp_packet;
#endif
