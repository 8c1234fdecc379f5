/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_TIMELINE_H
#define RTSP_TIMELINE_H
/*
 * RTP timestamps of 32 bits become presentation times of 64 bits. An isolated frame far away is stamped anew; three in
 * a row that agree with each other begin a new epoch that goes on where the old one was. Thread-bound, no allocation.
 */
#include <stdbool.h>
#include <stdint.h>

#define TIMELINE_FORWARD_S                                                                         \
    10                    /* a step beyond is far away, unless that much time has really passed */
#define TIMELINE_BACK_S 2 /* B-frames go back a little */
#define TIMELINE_FAR_FRAMES 3 /* that many in a row are no accident */

struct timeline {
    bool started;
    uint32_t clock_rate;
    uint32_t raw;  /* of the last frame that was trusted */
    int64_t pts;   /* its presentation time */
    int64_t out;   /* last presentation time given out */
    uint32_t step; /* last plausible distance of two frames */
    int far;
    uint32_t far_raw; /* of the last frame that was far away */
    int64_t arrival_us;
};

void timeline_init(struct timeline *t, uint32_t clock_rate);
/*
 * Presentation time of the next frame. @arrival_us monotonic. @ret_stamped (may be NULL): the timestamp was not used.
 */
int64_t timeline_next(struct timeline *t, uint32_t raw, int64_t arrival_us, bool *ret_stamped);
/* Presentation time that belongs to @raw, for sender reports; E_RANGE when it is far away or nothing was received. */
int timeline_at(const struct timeline *t, uint32_t raw, int64_t *ret_pts);
#endif
