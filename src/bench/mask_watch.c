/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bench/mask_watch.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define FACE_SCORE 0.5f
#define PERSON_SCORE 0.45f

int bench_watch_open(struct bench_watch *w, const struct mask_bench *b, struct mask_run *run,
                     struct err *reterr)
{
    *w = (struct bench_watch){.bench = b, .run = run};
    int r = bench_video_open(MEDIA_H264, &w->video);
    if (r >= 0 && b->model_dirs)
        r = detector_pool_new(b->model_dirs, 1, &w->seeker, reterr);
    return r;
}

void bench_watch_close(struct bench_watch *w)
{
    bench_video_close(w->video);
    sim_picture_release(&w->o);
    detector_pool_free(w->seeker);
    judge_scratch_release(&w->scratch);
}

static int take_picture(void *user, struct bench_video *v, int64_t pts_ticks)
{
    struct bench_watch *w = user;
    (void)pts_ticks;
    int width = bench_video_width(v) & ~1, height = bench_video_height(v) & ~1, r = 0;
    if (w->o.width != width || w->o.height != height) {
        sim_picture_release(&w->o);
        r = sim_picture_init(&w->o, width, height);
    }
    w->fresh = true;
    return r < 0 ? r : bench_video_take(v, &w->o);
}

/* The best that we have, on the masked picture: what it finds is a leak, or a poster. */
static void search(struct bench_watch *w)
{
    struct mask_tally *t = &w->run->tally;
    struct detect_box b[DETECT_BOXES];
    const struct sim_picture *o = &w->o;
    const struct detect_picture pic = {
        o->width, o->height, {o->y, o->u, o->v}, {o->width, o->width / 2, o->width / 2}};
    bool face = false, person = false;
    w->seeker_us += 100 * SECOND_US; /* no budget here */
    int n = detector_pool_look(w->seeker, 0, &pic, 0, 0, 1, 1, false, w->seeker_us, b);
    if (n < 0)
        return;
    for (int i = 0; i < n; i++) {
        const float box[4] = {b[i].x0 * (float)o->width, b[i].y0 * (float)o->height,
                              b[i].x1 * (float)o->width, b[i].y1 * (float)o->height};
        bool here_face = b[i].class == DETECT_FACE && b[i].score >= FACE_SCORE;
        face |= here_face;
        person |= b[i].class == DETECT_PERSON && b[i].score >= PERSON_SCORE;
        if (here_face)
            bench_watch_keep(w, o, box, w->seeker_us / SECOND_US);
    }
    t->searched_frames++;
    t->found_face_frames += face;
    t->found_person_frames += person;
}

int bench_watch_take(struct bench_watch *w, const struct mask_output *out)
{
    struct mask_run *run = w->run;
    const struct media_au au = {
        .data = out->data, .size = out->size, .pts_ticks = out->pts_ticks, .key = out->key};
    w->fresh = false;
    int r = bench_video_feed(w->video, NULL, &au, take_picture, w);
    if (r < 0 || !w->fresh)
        return r < 0 ? r : 0;
    run->tally.frames++;
    run->state_frames[out->state]++;
    run->state = out->state;
    snprintf(run->reason, sizeof(run->reason), "%s", out->reason);
    if (out->state != MASK_COVERED) {
        run->tally.shown_frames++;
        run->tally.covered_area += out->covered_permille / 1000.0;
        if (w->seeker && run->tally.shown_frames % WATCH_SEARCH_EVERY == 0)
            search(w);
    }
    return 1;
}

static void put_pixel(FILE *f, const struct sim_picture *p, int x, int y, bool marked)
{
    int half = (y / 2) * (p->width / 2) + x / 2;
    float l = 1.164f * (float)(p->y[y * p->width + x] - 16), u = (float)p->u[half] - 128,
          v = (float)p->v[half] - 128;
    float rgb[3] = {l + 1.596f * v, l - 0.391f * u - 0.813f * v, l + 2.017f * u};
    for (int i = 0; i < 3; i++)
        putc(marked ? (i == 0 ? 255 : 0) : (int)(rgb[i] < 0 ? 0 : rgb[i] > 255 ? 255 : rgb[i]), f);
}

void bench_watch_keep(struct bench_watch *w, const struct sim_picture *s, const float box[4],
                      int64_t pts_ticks)
{
    char path[4096];
    if (!w->bench->misses || w->pictures >= WATCH_PICTURES)
        return;
    snprintf(path, sizeof(path), "%.3800s/%s-%s-%08lld.ppm", w->bench->misses, w->run->name,
             w->run->models ? "models" : "none", (long long)pts_ticks);
    FILE *f = fopen(path, "wbe");
    if (!f)
        return;
    w->pictures++;
    fprintf(f, "P6\n%d %d\n255\n", s->width * 2, s->height);
    for (int y = 0; y < s->height; y++)
        for (int side = 0; side < 2; side++)
            for (int x = 0; x < s->width; x++) {
                bool in_x = x >= (int)box[0] && x <= (int)box[2],
                     in_y = y >= (int)box[1] && y <= (int)box[3];
                bool edge = (in_y && (x == (int)box[0] || x == (int)box[2])) ||
                            (in_x && (y == (int)box[1] || y == (int)box[3]));
                put_pixel(f, side ? &w->o : s, x, y, edge);
            }
    fclose(f);
}
