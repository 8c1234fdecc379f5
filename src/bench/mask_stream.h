/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BENCH_MASK_STREAM_H
#define BENCH_MASK_STREAM_H
/* A stream in memory, so that every measurement plays the same access units and none waits for a disk. */
#include "base/buf.h"
#include "base/err.h"
#include "media/frame.h"
#include "sim/scene.h"

#define BENCH_CLOCK_RATE 90000
#define BENCH_SCENE_WIDTH 640
#define BENCH_SCENE_HEIGHT 360
#define BENCH_SCENE_FPS 10
#define BENCH_SCENE_NOISE 3 /* what the simulator's encoder draws */

struct bench_au {
    size_t at;
    uint32_t size;
    int64_t pts_ticks, dts_ticks; /* from the first picture on */
    bool key;
};

struct bench_stream {
    char name[96];
    struct media_track track; /* its params are those below */
    struct media_params params;
    struct buf data;
    struct bench_au *au;
    size_t count, cap;
    int64_t length_ticks; /* of one pass */
    int hidden; /* pictures at the start that players decode and do not show: labels do not count them */
    double fps;
};

/* One period of a scene as a camera's sub stream: 640x360, 10 fps, 400 kbit/s. */
int bench_stream_scene(const struct sim_scene_config *c, struct bench_stream *ret,
                       struct err *reterr);
/* The first @seconds of a media file at most. */
int bench_stream_clip(const char *path, double seconds, struct bench_stream *ret,
                      struct err *reterr);
void bench_stream_release(struct bench_stream *s);
/* Access unit @i of pass @pass. Borrowed. */
struct media_au bench_stream_au(const struct bench_stream *s, size_t i, int pass);
/* When it arrives, UTC microseconds on a clock that begins anywhere. */
int64_t bench_stream_time_us(const struct bench_stream *s, size_t i, int pass);
/* Write [@from, @to) as an Annex B file, parameter sets first. */
int bench_stream_write(const struct bench_stream *s, size_t from, size_t to, const char *path,
                       struct err *reterr);
#endif
