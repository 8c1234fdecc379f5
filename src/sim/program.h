/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_PROGRAM_H
#define SIM_PROGRAM_H
/*
 * A program is one loop of access units that any number of sessions play. It is packetised once: each access unit is
 * one contiguous block of interleaved RTP packets, and all sessions send the same bytes. Time runs on a line that is
 * common to all: pass @loop of the program, access unit @index. Sequence numbers and timestamps follow from those two
 * alone, so they go on over the end of a loop. A block holds the headers of one pass; it is patched when somebody asks
 * for another, which happens once per loop because all cameras are within one loop of each other.
 *
 * Source: RFC 3550 §5.1 (RTP), RFC 2326 §10.12 (interleaving), RFC 6184 §5, RFC 7798 §4.4, RFC 3640 §3.2.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/frame.h"

#define SIM_SHA 32
#define SIM_RTP_HEADER 12
#define SIM_FRAMING 4 /* '$', channel, 16-bit length */

/* Shared bytes that wait to be sent. Counted references, one thread. */
struct sim_block {
    uint32_t refs, len;
    int64_t loop; /* pass whose headers are inside; unused in private blocks */
    uint8_t data[];
};
struct sim_block *sim_block_new(size_t len); /* NULL: out of memory */
struct sim_block *sim_block_copy(const void *data, size_t len);
void sim_block_unref(struct sim_block *b); /* NULL is fine */

struct sim_nal {
    const uint8_t *data;
    uint32_t len;
    uint8_t sha[SIM_SHA]; /* SHA-256 of the NAL unit, header included, without start code */
};

/* Ground truth of one picture, as text that goes into a line of JSON. */
struct sim_truth {
    char *objects; /* "[{…},…]" */
};

struct sim_au {
    uint32_t nal, nal_count;       /* into the program's nals */
    int64_t dts_ticks, pts_ticks;  /* from the start of the loop; the first dts is 0 */
    uint32_t packet, packet_count; /* number of the first one within the loop */
    uint32_t picture;              /* position in order of presentation */
    bool key;
    struct sim_block *block;
};

struct sim_program {
    enum media_codec codec;
    uint32_t clock_rate, ssrc, ts_start;
    uint16_t seq_start, width, height;
    uint8_t payload_type, channel;
    unsigned channels; /* audio */
    uint8_t asc[8], asc_len;
    size_t packet_bytes; /* longest RTP payload */
    struct media_params params;

    struct sim_au *aus;
    size_t count, cap;
    struct sim_nal *nals;
    size_t nal_count, nal_cap;
    int64_t loop_ticks; /* duration of one pass */
    int64_t
        delay_ticks; /* most that a pts lies after its dts: a picture was taken that long before its pts */
    int64_t bytes; /* NAL units of one pass */
    uint32_t loop_packets;
    struct sim_truth *truth; /* one per picture, or NULL */
    char name[64];           /* for logs and truth: "street-2", "clip.mp4" */
};

struct sim_program *sim_program_new(enum media_codec codec, uint32_t clock_rate);
void sim_program_free(struct sim_program *p); /* NULL is fine */

/* Begin an access unit. Decode times must rise. -ENOMEM, E_ORDER. */
int sim_program_add(struct sim_program *p, int64_t dts_ticks, int64_t pts_ticks, bool key);
/* Append a NAL unit (audio: the frame) to the last access unit; the bytes are copied. */
int sim_program_add_nal(struct sim_program *p, const uint8_t *data, size_t len);
/*
 * Append the NAL units of an Annex B byte stream, or with @length_size 1..4 of length-prefixed ones.
 * E_SYNTAX when lengths overrun.
 */
int sim_program_add_stream(struct sim_program *p, const uint8_t *data, size_t len, int length_size);
/* Packetise. @loop_ticks: duration of one pass; @packet_bytes: longest RTP payload; @channel: interleaved channel. */
int sim_program_finish(struct sim_program *p, int64_t loop_ticks, size_t packet_bytes,
                       uint8_t channel, struct err *reterr);

/*
 * The block of one access unit in one pass. Borrowed: take a reference to keep it beyond the next call.
 * NULL: out of memory.
 */
struct sim_block *sim_program_block(struct sim_program *p, size_t index, int64_t loop);

/* RTP timestamp and first sequence number of an access unit in a pass. */
static inline uint32_t sim_program_timestamp(const struct sim_program *p, size_t index,
                                             int64_t loop)
{
    return (uint32_t)(p->ts_start + (uint64_t)(loop * p->loop_ticks + p->aus[index].pts_ticks));
}
static inline uint16_t sim_program_sequence(const struct sim_program *p, size_t index, int64_t loop)
{
    return (uint16_t)(p->seq_start + (uint64_t)loop * p->loop_packets + p->aus[index].packet);
}
/* First key access unit at or after @ticks within the loop (wraps); *@ret_wrapped says so. */
size_t sim_program_key_after(const struct sim_program *p, int64_t ticks, bool *ret_wrapped);
#endif
