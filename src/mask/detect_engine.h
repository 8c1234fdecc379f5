/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_DETECT_ENGINE_H
#define MASK_DETECT_ENGINE_H
/* What a detector pool runs: the nets of detect_nets.c, or a script in tests. Thread-bound. */
#include "mask/detect.h"

/* Part of a picture in 0..1. */
struct detect_part {
    float x0, y0, x1, y1;
};

struct detect_engine {
    void *user;
    bool (*has)(void *user, enum detect_class c);
    /* CPU microseconds that a look is expected to take. */
    int64_t (*cost_us)(void *user, int width, int height, const struct detect_part *part,
                       bool urgent);
    /* All detectors over one part. Number of boxes, or an error when one of them failed. */
    int (*look)(void *user, const struct detect_picture *pic, const struct detect_part *part,
                bool urgent, struct detect_box ret[DETECT_BOXES]);
    /* CPU time of this thread. */
    int64_t (*cpu_us)(void *user);
    void (*free)(void *user);
};

#define DETECT_OFF_US (60 * INT64_C(1000000))     /* how long a failed detector rests */
#define DETECT_TOO_LONG_US (2 * INT64_C(1000000)) /* CPU of one look after which it does */

/* The pool takes over @e, also on failure (-ENOMEM, E_RANGE). */
int detector_pool_make(const struct detect_engine *e, double budget, struct detector_pool **ret,
                       struct err *reterr);
/* Load what the folders hold and try each net once. Errors as detector_pool_new(). */
int detect_nets_open(const char *const *model_dirs, struct detect_engine *ret, struct err *reterr);
#endif
