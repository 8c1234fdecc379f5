/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_WIRE_H
#define MASK_WIRE_H
/*
 * Messages between the recorder and a masker over DATA/run/masker.sock, a stream socket:
 *
 *   u32 length (big-endian, of what follows) · u8 type · u32 camera · u32 generation · the rest by type
 *
 * A camera is a number that the recorder gives out once and never again while it runs. Its generation rises whenever
 * what came before must not be mixed with what comes now (stream broke, new masker); an answer carries the pair of the
 * access unit that it answers, and the recorder drops what is not of the pair that it knows. Both ends trust nothing.
 *
 * masker → recorder                              recorder → masker
 *   'H' first of all: who I am                     'O' begin with this camera, or new settings for it
 *   'M' one masked picture                         'T' the stream: codec, parameter sets
 *   'K' that access unit is done                   'A' an access unit
 *   'E' this camera cannot be masked: why          'F' forget the place, from this generation on
 *                                                  'D' begin or end commissioning
 *                                                  'X' the camera is gone
 *
 * All calls are reentrant.
 */
#include "base/buf.h"
#include "mask/mask.h"

#define MASK_WIRE_VERSION 1
#define MASK_WIRE_MAX (((size_t)8 << 20) + 4096) /* longest message, an access unit of 8 MiB */
#define MASK_WIRE_TEXT 200                       /* bytes of a sentence with NUL */
#define MASK_WIRE_WORKERS 64                     /* most maskers of a node */
#define MASK_PICTURE_SIDE 4096                   /* longest side of a masked picture */

enum mask_wire_type {
    MASK_WIRE_HELLO = 'H',
    MASK_WIRE_PICTURE = 'M',
    MASK_WIRE_DONE = 'K',
    MASK_WIRE_TROUBLE = 'E',
    MASK_WIRE_OPEN = 'O',
    MASK_WIRE_TRACK = 'T',
    MASK_WIRE_UNIT = 'A',
    MASK_WIRE_FORGET = 'F',
    MASK_WIRE_CLOSE = 'X'
};

/* One message. Pointers inside point into the bytes that were parsed, or into the message itself: do not copy it. */
struct mask_wire {
    enum mask_wire_type type;
    uint32_t camera, generation; /* 0 with HELLO */
    union {
        struct {
            uint32_t version, number;   /* number: 0 … MASK_WIRE_WORKERS - 1 */
            bool person, face, vehicle; /* what its detectors can tell */
        } hello;
        struct mask_config open; /* detectors is not sent */
        struct media_track track;
        struct {
            uint32_t sequence; /* rises by one with each access unit of the camera, wraps */
            int64_t utc_us;
            struct media_au au;
        } unit;
        struct {
            char reason[MASK_WIRE_TEXT];
        } forget;
        struct {
            uint32_t sequence;
        } done;
        struct {
            int code; /* below 0 */
            char text[MASK_WIRE_TEXT];
        } trouble;
        struct mask_output picture; /* params: with every key frame, else NULL */
    };
    /* what the pointers of a parsed message point at */
    struct media_params params;
    struct mask_object objects[MASK_OBJECTS];
    char reason[MASK_WIRE_TEXT];
};

enum mask_wire_side { MASK_WIRE_FROM_MASKER, MASK_WIRE_FROM_RECORDER };

/*
 * Take the first message out of @len bytes that came from @side.
 * Returns the bytes it takes up, 0 if it is not all there yet. E_LIMIT, E_SYNTAX: the peer is broken, hang up.
 * A picture has whole NAL units of kinds that an encoder makes, a key frame if and only if it says so, and complete
 * parameter sets with each key frame. An access unit has whole NAL units only if the camera sent it so.
 */
int mask_wire_parse(const uint8_t *data, size_t len, enum mask_wire_side side,
                    struct mask_wire *ret);
/* Append @m to @out. E_LIMIT (too long), -ENOMEM; @out is as before then. */
int mask_wire_build(const struct mask_wire *m, struct buf *out);
#endif
