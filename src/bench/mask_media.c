/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Leaks of the masked view on recorded clips, with labelled boxes. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bench/mask_stream.h"
#include "bench/mask_watch.h"

#define CLIP_SECONDS_MAX 600.0
#define FPS_MAX 60
#define WAITING 16 /* labelled pictures whose masked one has not come yet */
#define HEADS 7    /* a person is about seven heads high */

struct waiting {
    int64_t pts_ticks;
    struct sim_picture s; /* y NULL: free */
    const struct truth_box *box;
    size_t count;
    int source_width, source_height;
};

struct clip_run {
    struct bench_watch watch;
    struct mask_run *run;
    const struct bench_stream *stream;
    struct bench_video *source;
    struct waiting waiting[WAITING];
    int error;
};

/* Number of a picture in its pass as labels count, in order of presentation; below 0 where nobody would see it. */
static int frame_of(const struct bench_stream *s, int64_t pts_ticks)
{
    int64_t at = pts_ticks % s->length_ticks;
    int before = 0;
    for (size_t i = 0; i < s->count; i++)
        before += s->au[i].pts_ticks < at;
    return before - s->hidden;
}

/* A labelled picture of the source is kept until its masked one comes. */
static int on_source(void *user, struct bench_video *v, int64_t pts_ticks)
{
    struct clip_run *r = user;
    const struct mask_bench *b = r->watch.bench;
    int frame = frame_of(r->stream, pts_ticks);
    size_t n = 0;
    const struct truth_box *box = b->truth ? truth_find(b->truth, r->run->name, frame, &n) : NULL;
    if (!box || !r->watch.o.width) /* unlabelled, or the masked size is not known yet */
        return 0;
    struct waiting *w = &r->waiting[0];
    for (int i = 0; i < WAITING; i++)
        if (!r->waiting[i].s.y || r->waiting[i].pts_ticks < w->pts_ticks)
            w = &r->waiting[i];
    sim_picture_release(&w->s);
    *w = (struct waiting){.pts_ticks = pts_ticks,
                          .box = box,
                          .count = n,
                          .source_width = bench_video_width(v),
                          .source_height = bench_video_height(v)};
    int e = sim_picture_init(&w->s, r->watch.o.width, r->watch.o.height);
    return e < 0 ? e : bench_video_take(v, &w->s);
}

/* What of a box must be hidden: a face whole; of a person head and trunk, as the rest of the box is half background. */
static void core_of(const struct truth_box *t, float x, float y, float ret[4])
{
    float w = t->box[2] - t->box[0], h = t->box[3] - t->box[1];
    bool face = t->class == DETECT_FACE;
    ret[0] = (t->box[0] + (face ? 0 : w * 0.25f)) * x;
    ret[2] = (t->box[2] - (face ? 0 : w * 0.25f)) * x;
    ret[1] = (t->box[1] + (face ? 0 : h * 0.04f)) * y;
    ret[3] = (t->box[3] - (face ? 0 : h * 0.4f)) * y;
}

static int judge_labels(struct clip_run *r, struct waiting *w, bool covered)
{
    float x = (float)w->s.width / (float)w->source_width,
          y = (float)w->s.height / (float)w->source_height;
    if (!covered)
        r->run->tally.labelled_frames++;
    for (size_t i = 0; i < w->count; i++) {
        const struct truth_box *t = &w->box[i];
        struct judge_area a;
        float core[4], height = (t->box[3] - t->box[1]) * y;
        if (t->class == DETECT_VEHICLE)
            continue;
        core_of(t, x, y, core);
        int e = judge_box(&r->watch.scratch, &w->s, &r->watch.o, core, &a);
        if (e < 0)
            return e;
        bool missed = judge_missed(&a);
        if (covered && !missed)
            continue;
        if (missed)
            bench_watch_keep(&r->watch, &w->s, core, w->pts_ticks);
        int id = t->id >= 0 ? t->id : (int)((t - r->watch.bench->truth->box) % TALLY_IDS);
        e = tally_person(&r->run->tally, id,
                         (int)(t->class == DETECT_FACE ? height * HEADS : height), t->still, &a);
        if (e < 0)
            return e;
    }
    return 0;
}

static void on_output(void *user, const struct mask_output *out)
{
    struct clip_run *r = user;
    if (r->error < 0 || (r->error = bench_watch_take(&r->watch, out)) <= 0)
        return;
    if (out->state != MASK_COVERED && r->run->first_shown_s < 0)
        r->run->first_shown_s = (double)out->pts_ticks / BENCH_CLOCK_RATE;
    for (int i = 0; i < WAITING; i++) {
        struct waiting *w = &r->waiting[i];
        if (!w->s.y || w->pts_ticks != out->pts_ticks || w->s.width != r->watch.o.width)
            continue;
        r->error = judge_labels(r, w, out->state == MASK_COVERED);
        sim_picture_release(&w->s);
    }
}

static int play(struct clip_run *r, struct mask *m, const struct mask_bench *b)
{
    const struct bench_stream *s = r->stream;
    int passes = (int)ceil(b->seconds * BENCH_CLOCK_RATE / (double)s->length_ticks);
    for (int pass = 0; pass < passes; pass++)
        for (size_t i = 0; i < s->count; i++) {
            struct media_au au = bench_stream_au(s, i, pass);
            int e = bench_video_feed(r->source, &s->params, &au, on_source, r);
            if (e >= 0) /* what the decoder refuses is covered, and seen in the states */
                (void)mask_feed(m, &s->track, &au, bench_stream_time_us(s, i, pass), NULL);
            e = r->error < 0 ? r->error : e;
            if (e < 0)
                return e;
        }
    return 0;
}

static int run_clip(struct clip_run *r, const struct mask_bench *b, struct detector_pool *pool,
                    struct err *reterr)
{
    double fps = ceil(r->stream->fps);
    const struct mask_config c = {.fps = fps > FPS_MAX ? FPS_MAX : (int)fps, /* every picture */
                                  .learn_us = b->learn_us,
                                  .detectors = pool};
    struct mask *m = NULL;
    int e = mask_new(&c, on_output, r, &m, reterr);
    if (e >= 0)
        e = play(r, m, b);
    if (m)
        mask_read_times(m, &r->run->times);
    mask_free(m);
    return e;
}

int mask_bench_clip(const struct mask_bench *b, const char *path, bool models, struct mask_run *ret,
                    struct err *reterr)
{
    struct bench_stream s = {0};
    struct detector_pool *pool = NULL;
    struct clip_run *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    *ret = (struct mask_run){.models = models, .first_shown_s = -1};
    int e = bench_stream_clip(path, CLIP_SECONDS_MAX, &s, reterr);
    snprintf(ret->name, sizeof(ret->name), "%s", s.name);
    ret->tally.fps = s.fps;
    r->run = ret;
    r->stream = &s;
    if (e >= 0)
        e = bench_watch_open(&r->watch, b, ret, reterr);
    if (e >= 0)
        e = bench_video_open(s.track.codec, &r->source);
    if (e >= 0 && models)
        e = detector_pool_new(b->model_dirs, b->detect_budget, &pool, reterr);
    if (e >= 0)
        e = run_clip(r, b, pool, reterr);
    tally_finish(&ret->tally);
    tally_release(&ret->tally);
    detector_pool_free(pool);
    bench_watch_close(&r->watch);
    bench_video_close(r->source);
    for (int i = 0; i < WAITING; i++)
        sim_picture_release(&r->waiting[i].s);
    free(r);
    bench_stream_release(&s);
    return e;
}
