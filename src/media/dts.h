/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MEDIA_DTS_H
#define MEDIA_DTS_H
/*
 * Decode times. RTP carries presentation times in decode order; MP4 wants decode times that never go back.
 * With reorder depth D the decode time of a frame is the D-th presentation time before it in sorted order.
 * D comes from the SPS, or grows when the stream shows that it was too small. Never fails: wild timestamps yield
 * decode times that still rise by at least one tick. Thread-bound, no allocation.
 */
#include <stdint.h>

#define MEDIA_DTS_DEPTH 16
struct media_dts {
    int depth, filled;
    int64_t sorted[MEDIA_DTS_DEPTH + 1];
    int64_t last,
        floor; /* decode time given last; highest presentation time that was used as one */
    int started;
};
/* @max_reorder as in struct media_sps; -1 starts at 0 and learns. */
void media_dts_init(struct media_dts *d, int max_reorder);
/* Decode time for the next access unit in decode order; always > the one before. */
int64_t media_dts_next(struct media_dts *d, int64_t pts_ticks);
#endif
