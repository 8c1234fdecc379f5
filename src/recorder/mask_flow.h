/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_MASK_FLOW_H
#define RECORDER_MASK_FLOW_H
/*
 * What of one camera is with its masker: which access units were sent and not yet done, whether the masker is late, and
 * which of its pictures may be believed. A pure state machine; times are monotonic microseconds that the caller gives.
 * Thread-bound.
 *
 * Policy when the masker is slow: nothing is queued here. An access unit is sent at once or dropped; after a drop the
 * next one that is sent is a key frame, marked as behind a loss. A unit that is not done after MASK_LATE_US makes the
 * camera late: nothing is sent until all that was sent is done, and pictures made of units that old are refused.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define MASK_LATE_US (2 * SECOND_US)
#define MASK_SILENT_US (4 * SECOND_US)    /* units are done, but no picture comes of them */
#define MASK_FLOW_UNITS 256               /* sent units that are remembered: 4 s at 60 a second */
#define MASK_FLOW_BYTES ((size_t)6 << 20) /* most bytes that are sent and not done */

struct mask_flow_unit {
    uint32_t sequence;
    uint32_t bytes;
    int64_t pts_ticks, utc_us, sent_us;
    bool answered;
};

struct mask_flow {
    uint32_t generation;
    uint32_t sent,
        done;      /* sequences of the next unit to be sent, and of the first that is not done */
    size_t bytes;  /* of units that are not done */
    bool fresh;    /* nothing was sent in this generation: nothing can be missing in front */
    bool skipping; /* units are dropped until a key frame */
    int64_t last_picture_us, last_sent_us;
    int64_t last_utc_us;                         /* of the last picture that was believed */
    uint64_t dropped;                            /* units, since the beginning */
    struct mask_flow_unit unit[MASK_FLOW_UNITS]; /* by sequence */
};

/* A new generation: everything that was sent before is forgotten, its pictures will be refused. */
void mask_flow_begin(struct mask_flow *f, int64_t now_us);
/* Something was lost on the way here: the next unit that is sent will be a key frame. */
void mask_flow_skip(struct mask_flow *f);
/*
 * May this unit be sent now? True: send it as *ret_sequence, with its loss flag set if *ret_loss. False: it is dropped.
 */
bool mask_flow_send(struct mask_flow *f, bool key, uint32_t bytes, int64_t pts_ticks,
                    int64_t utc_us, int64_t now_us, uint32_t *ret_sequence, bool *ret_loss);
/* The masker says that it is done with units up to @sequence. False: it was never sent, the masker is broken. */
bool mask_flow_done(struct mask_flow *f, uint32_t generation, uint32_t sequence);
/*
 * The masker gives a picture for the unit of @pts_ticks. True and the recorder's own time of it, if that unit was sent
 * in this generation, is not late, had no picture yet, and is newer than the last picture.
 */
bool mask_flow_picture(struct mask_flow *f, uint32_t generation, int64_t pts_ticks, int64_t now_us,
                       int64_t *ret_utc_us);
/* A unit was sent MASK_LATE_US ago and is not done, or no picture has come for MASK_SILENT_US of sending. */
bool mask_flow_late(const struct mask_flow *f, int64_t now_us);
#endif
