/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Leaks of the masked view on generated scenes, with truth to the pixel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bench/mask_stream.h"
#include "bench/mask_watch.h"

#define EMPTY_DECLARED_S 60.0 /* commissioning */
#define EMPTY_MARGIN_S 30.0   /* beyond the time to learn, when nobody declares anything */
#define LEARN_DEFAULT_US (120 * SECOND_US)
#define STILL_S 30.0
#define STEP_S 20.0 /* between the steps of the exposure scene */
#define RECOVERED 0.05f
#define OBJECT_MARGIN 14 /* pixels around an object that a silhouette may well cover */

struct scene_run {
    struct bench_watch watch;
    struct mask_run *run;
    struct sim_scene *scene;
    struct sim_scene_config cfg;
    struct sim_picture s, b;
    struct sim_object object[SIM_SCENE_OBJECTS];
    double walked_at[SIM_SCENE_OBJECTS]; /* by id: when they last walked */
    double step_at; /* an exposure step that has not been got over; < 0: none */
    int error;
};

static int judge_people(struct scene_run *r, int n, double t, int64_t pts, bool covered)
{
    int light = judge_light(&r->b, &r->watch.o);
    for (int i = 0; i < n; i++) {
        const struct sim_object *o = &r->object[i];
        const float box[4] = {o->x0, o->y0, o->x1, o->y1};
        struct judge_area a;
        if (o->class != SIM_PERSON)
            continue;
        if (o->state == SIM_WALKING || r->walked_at[o->id] > t)
            r->walked_at[o->id] = t;
        int e = judge_person(&r->watch.scratch, &r->s, &r->b, &r->watch.o, light, (uint8_t)(i + 1),
                             box, &a);
        if (e < 0)
            return e;
        bool missed = judge_missed(&a);
        if (covered && !missed) /* nothing is shown: neither a hit nor a miss */
            continue;
        if (missed)
            bench_watch_keep(&r->watch, &r->s, box, pts);
        e = tally_person(&r->run->tally, o->id, (int)(o->y1 - o->y0),
                         t - r->walked_at[o->id] >= STILL_S, &a);
        if (e < 0)
            return e;
    }
    return 0;
}

/* How long after a step of the exposure more than 5 % of the picture is masked for nothing, or covered. */
static void time_recovery(struct scene_run *r, double t, bool covered, float false_area)
{
    struct mask_tally *y = &r->run->tally;
    double since = t - r->cfg.empty_s, into = since - STEP_S * (double)(int)(since / STEP_S);
    if (r->cfg.kind != SIM_SCENE_EXPOSURE || since < STEP_S || !y->shown_frames)
        return;
    if (into < 1.0 / BENCH_SCENE_FPS) {
        if (r->step_at >= 0)
            y->recovery_s = -1; /* not even until the next one */
        r->step_at = t;
    }
    if (r->step_at < 0 || covered || false_area > RECOVERED)
        return;
    if (y->recovery_s >= 0 && t - r->step_at > y->recovery_s)
        y->recovery_s = t - r->step_at;
    r->step_at = -1;
}

static int judge_place(struct scene_run *r, int n, double t, enum mask_state state)
{
    struct judge_boxes boxes = {0};
    float area = 0;
    for (int i = 0; i < n; i++, boxes.count++)
        memcpy(boxes.box[i],
               ((float[4]){r->object[i].x0, r->object[i].y0, r->object[i].x1, r->object[i].y1}),
               sizeof(boxes.box[i]));
    if (state == MASK_DETECTOR || state == MASK_DECLARED) {
        int e =
            judge_false_area(&r->watch.scratch, &r->b, &r->watch.o, &boxes, OBJECT_MARGIN, &area);
        if (e < 0)
            return e;
        r->run->tally.false_area += (double)area;
        r->run->tally.false_frames++;
    }
    time_recovery(r, t, state == MASK_COVERED, area);
    return 0;
}

static void on_output(void *user, const struct mask_output *out)
{
    struct scene_run *r = user;
    if (r->error < 0)
        return;
    r->error = bench_watch_take(&r->watch, out);
    if (r->error <= 0)
        return;
    int64_t step = BENCH_CLOCK_RATE / BENCH_SCENE_FPS;
    uint32_t frame = (uint32_t)((out->pts_ticks + step / 2) / step);
    double t = (double)frame / BENCH_SCENE_FPS;
    if (r->watch.o.width != r->s.width || r->watch.o.height != r->s.height) {
        r->error = E_MISMATCH;
        return;
    }
    if (out->state != MASK_COVERED && r->run->first_shown_s < 0)
        r->run->first_shown_s = t;
    int n = sim_scene_draw(r->scene, &r->s, t, frame, BENCH_SCENE_NOISE, r->object);
    r->error = sim_scene_draw_place(r->scene, &r->b, t);
    if (r->error >= 0)
        r->error = judge_people(r, n, t, out->pts_ticks, out->state == MASK_COVERED);
    if (r->error >= 0)
        r->error = judge_place(r, n, t, out->state);
}

static int open_run(struct scene_run *r, const struct mask_bench *b, struct err *reterr)
{
    r->scene = sim_scene_make(&r->cfg);
    int e = r->scene ? sim_picture_init(&r->s, BENCH_SCENE_WIDTH, BENCH_SCENE_HEIGHT) : -ENOMEM;
    if (e >= 0)
        e = sim_picture_add_label(&r->s);
    if (e >= 0)
        e = sim_picture_init(&r->b, BENCH_SCENE_WIDTH, BENCH_SCENE_HEIGHT);
    return e < 0 ? e : bench_watch_open(&r->watch, b, r->run, reterr);
}

static void close_run(struct scene_run *r)
{
    bench_watch_close(&r->watch);
    sim_scene_free(r->scene);
    sim_picture_release(&r->s);
    sim_picture_release(&r->b);
}

/* The place is declared empty while it is, and no longer. */
static int play(struct scene_run *r, struct mask *m, const struct bench_stream *s, bool declare,
                struct err *reterr)
{
    size_t end = (size_t)((r->cfg.empty_s - 2) * BENCH_SCENE_FPS);
    if (declare)
        mask_declare_empty(m, true);
    for (size_t i = 0; i < s->count; i++) {
        struct media_au au = bench_stream_au(s, i, 0);
        if (declare && i == end)
            mask_declare_empty(m, false);
        int e = mask_feed(m, &s->track, &au, bench_stream_time_us(s, i, 0), reterr);
        e = r->error < 0 ? r->error : e;
        if (e < 0)
            return e;
    }
    return 0;
}

static int run_scene(struct scene_run *r, const struct mask_bench *b, const struct bench_stream *s,
                     struct detector_pool *pool, struct err *reterr)
{
    bool declare = !pool && r->cfg.kind != SIM_SCENE_STREET;
    const struct mask_config c = {
        .fps = BENCH_SCENE_FPS, .learn_us = declare ? 0 : b->learn_us, .detectors = pool};
    struct mask *m = NULL;
    int e = mask_new(&c, on_output, r, &m, reterr);
    if (e >= 0)
        e = play(r, m, s, declare, reterr);
    if (m)
        mask_read_times(m, &r->run->times);
    mask_free(m);
    return e;
}

int mask_bench_scene(const struct mask_bench *b, enum sim_scene_kind kind, bool models,
                     struct mask_run *ret, struct err *reterr)
{
    struct bench_stream s = {0};
    struct detector_pool *pool = NULL;
    int64_t learn = b->learn_us ? b->learn_us : LEARN_DEFAULT_US;
    double empty = models ? (double)learn / SECOND_US + EMPTY_MARGIN_S : EMPTY_DECLARED_S;
    *ret = (struct mask_run){.scene = true, .models = models, .first_shown_s = -1};
    snprintf(ret->name, sizeof(ret->name), "%s", sim_scene_kind_name(kind));
    ret->tally.fps = BENCH_SCENE_FPS;
    struct scene_run *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->run = ret;
    r->step_at = -1;
    r->cfg = (struct sim_scene_config){
        .kind = kind, .seed = b->seed, .period_s = empty + b->seconds, .empty_s = empty};
    for (int i = 0; i < SIM_SCENE_OBJECTS; i++)
        r->walked_at[i] = 0;
    int e = bench_stream_scene(&r->cfg, &s, reterr);
    if (e >= 0)
        e = open_run(r, b, reterr);
    if (e >= 0 && models)
        e = detector_pool_new(b->model_dirs, b->detect_budget, &pool, reterr);
    if (e >= 0)
        e = run_scene(r, b, &s, pool, reterr);
    tally_finish(&ret->tally);
    tally_release(&ret->tally);
    detector_pool_free(pool);
    close_run(r);
    free(r);
    bench_stream_release(&s);
    return e;
}
