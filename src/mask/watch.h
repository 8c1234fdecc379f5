/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_WATCH_H
#define MASK_WATCH_H
/*
 * When the detectors look at one camera, and what they said last: soon where something new came up, else in a slow
 * round over the whole picture. What they claim is covered and not learnt. Thread-bound.
 */
#include "mask/detect.h"
#include "mask/plate.h"
#include "mask/region.h"

struct mask_watch {
    struct detector_pool *pool; /* NULL: none, ever */
    bool persons;               /* the pool can tell a person */
    uint64_t camera;
    unsigned looks;    /* rounds that count: far enough from each other to see something else */
    int64_t looked_us; /* last round that was answered; 0: none */
    int64_t asked_us, counted_us;
    bool fresh; /* boxes are of this frame */
    int boxes;
    struct detect_box box[DETECT_BOXES];
    uint8_t *claims; /* a byte per cell: covered by a box that is not too old */
};
int mask_watch_init(struct mask_watch *w, const struct mask_grid *g,
                    struct detector_pool *pool); /* -ENOMEM */
void mask_watch_release(struct mask_watch *w);
/* Look if it is time, and spread the claims. @spacing_us: least time between rounds that count. */
void mask_watch_step(struct mask_watch *w, const struct mask_picture *live, struct mask_plate *p,
                     const struct mask_regions *r, int64_t now_us, int64_t spacing_us);
/* Does a person detector look often enough that what it does not see may be believed? */
bool mask_watch_awake(const struct mask_watch *w, int64_t now_us);
#endif
