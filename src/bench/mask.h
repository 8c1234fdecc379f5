/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BENCH_MASK_H
#define BENCH_MASK_H
/*
 * What the masked view lets through and what it costs, measured: generated scenes with truth to the pixel, recorded
 * clips with labelled boxes, CPU time beside FFmpeg on the same streams in the same run. Blocking, one thread.
 * What is counted how: docs/benchmarks.md.
 */
#include "bench/mask_judge.h"
#include "bench/mask_tally.h"
#include "bench/mask_truth.h"
#include "mask/mask.h"
#include "sim/scene.h"

#define BENCH_RUN_NAME 96

struct mask_bench {
    const char *const *model_dirs; /* NULL: none */
    double seconds;                /* people's time in a scene; length of a clip's runs */
    int64_t learn_us;              /* for undeclared places; 0: the product's own */
    uint32_t seed;
    double detect_budget;      /* share of a core for the detectors of a run */
    const char *misses;        /* folder for pictures of misses; NULL: none */
    const struct truth *truth; /* of clips; NULL: none */
    void (*progress)(const char *line);
};

struct mask_run {
    char name[BENCH_RUN_NAME]; /* scene or clip */
    bool scene, models;
    struct mask_tally tally;
    double first_shown_s; /* from the start until anything is shown; -1: never */
    uint64_t state_frames[MASK_MOSAIC + 1];
    enum mask_state state; /* at the end */
    char reason[200];
    struct mask_times times;
};

/* One scene: with detectors if @models, else in a place that was declared empty while it was. */
int mask_bench_scene(const struct mask_bench *b, enum sim_scene_kind kind, bool models,
                     struct mask_run *ret, struct err *reterr);
/* One clip, played again and again for the run's time; it is never declared empty. */
int mask_bench_clip(const struct mask_bench *b, const char *path, bool models, struct mask_run *ret,
                    struct err *reterr);

struct mask_speed {
    char name[BENCH_RUN_NAME];
    bool models;
    uint64_t frames;
    double us_per_frame; /* CPU of mask_feed(), per masked picture */
    struct mask_times times;
    double transcode_us_per_frame; /* FFmpeg: decode, x264 ultrafast zerolatency; 0: not measured */
    double cameras_per_core;       /* at 10 fps */
};
/*
 * Speed on a scene (@clip NULL: empty-first) or clip, at 10 frames a second. With @models the pool's whole budget is
 * shared by as many cameras as a core holds, so its cost per picture is measured on @cameras cameras played side by
 * side.
 */
int mask_bench_speed(const struct mask_bench *b, const char *clip, bool models, int cameras,
                     struct mask_speed *ret, struct err *reterr);
#endif
