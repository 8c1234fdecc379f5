/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BENCH_MASK_WATCH_H
#define BENCH_MASK_WATCH_H
/* Somebody who watches the masked view: decodes it, looks for faces in it, keeps pictures of what should not be seen. */
#include "bench/mask.h"
#include "bench/mask_video.h"

#define WATCH_SEARCH_EVERY 25 /* pictures between two searches for faces */
#define WATCH_PICTURES 40     /* of misses that are kept of a run */

struct bench_watch {
    const struct mask_bench *bench;
    struct mask_run *run;
    struct bench_video *video;
    struct sim_picture o; /* the last masked picture */
    bool fresh;
    struct detector_pool *seeker;
    int64_t seeker_us;
    struct judge_scratch scratch;
    int pictures;
};

int bench_watch_open(struct bench_watch *w, const struct mask_bench *b, struct mask_run *run,
                     struct err *reterr);
void bench_watch_close(struct bench_watch *w);
/*
 * Decode @out into w->o, count frames and states, search it now and then. 1: w->o is the picture of @out; 0: nothing
 * came out of the decoder; < 0: out of memory.
 */
int bench_watch_take(struct bench_watch *w, const struct mask_output *out);
/* Keep @s and w->o side by side, the box of the miss drawn. Errors are passed over. */
void bench_watch_keep(struct bench_watch *w, const struct sim_picture *s, const float box[4],
                      int64_t pts_ticks);
#endif
