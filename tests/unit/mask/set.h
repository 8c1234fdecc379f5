/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TESTS_MASK_SET_H
#define TESTS_MASK_SET_H
/* An empty street, a figure that a test puts on it where it wants, and a detector that sees what the test lets it. */
#include "mask/detect_engine.h"
#include "stage.h"

#define SET_WIDTH 320
#define SET_HEIGHT 180

struct set {
    struct stage stage;
    struct sim_scene *scene;
    struct sim_picture picture;
    struct detector_pool *pool;
    /* the detector */
    bool blind, broken;
    struct detect_box seen; /* what it answers; score 0: nothing */
    int looks;
    /* the camera */
    float gain, offset; /* of its exposure */
    int shift;          /* pixels that it was knocked aside */
    int noise;
    uint32_t frame;
    /* the figure: a person with red coat, or another */
    bool there;
    float x, y, height;
    struct sim_colour coat;
};

static bool set_has(void *user, enum detect_class c)
{
    return c == DETECT_PERSON;
}
static int64_t set_cost(void *user, int width, int height, const struct detect_part *part,
                        bool urgent)
{
    return 1000;
}
static int64_t set_cpu(void *user)
{
    return 0;
}
static void set_free(void *user)
{
}
static int set_look(void *user, const struct detect_picture *pic, const struct detect_part *part,
                    bool urgent, struct detect_box ret[DETECT_BOXES])
{
    struct set *s = user;
    s->looks++;
    if (s->broken)
        return E_BUG;
    if (s->blind || !s->there)
        return 0;
    float w = s->height * 0.2F;
    ret[0] = (struct detect_box){DETECT_PERSON,          0.8F,
                                 (s->x - w) / SET_WIDTH, (s->y - s->height) / SET_HEIGHT,
                                 (s->x + w) / SET_WIDTH, s->y / SET_HEIGHT};
    return 1;
}

static void set_open(struct set *s, struct mask_config *cfg, bool detector)
{
    *s = (struct set){.gain = 1,
                      .noise = 2,
                      .x = 160,
                      .y = 150,
                      .height = 70,
                      .coat = sim_colour_rgb(230, 30, 40)};
    struct detect_engine e = {s, set_has, set_cost, set_look, set_cpu, set_free};
    struct err err;
    if (detector && detector_pool_make(&e, 1, &s->pool, &err) < 0)
        abort();
    cfg->detectors = s->pool;
    stage_open(&s->stage, SET_WIDTH, SET_HEIGHT, cfg);
    s->scene = sim_scene_make(&(struct sim_scene_config){SIM_SCENE_SEATED, 5, 7200, 2400});
    sim_picture_init(&s->picture, SET_WIDTH, SET_HEIGHT);
    sim_picture_add_label(&s->picture);
}

static void set_close(struct set *s)
{
    stage_close(&s->stage);
    detector_pool_free(s->pool);
    sim_scene_free(s->scene);
    sim_picture_release(&s->picture);
}

static void set_mark(struct set *s, float x0, float y0, float x1, float y1)
{
    for (int y = (int)y0; y < (int)y1; y++)
        for (int x = (int)x0; x < (int)x1; x++)
            if (x >= 0 && y >= 0 && x < SET_WIDTH && y < SET_HEIGHT)
                s->picture.label[y * SET_WIDTH + x] = 1;
}

static void set_draw_figure(struct set *s)
{
    float h = s->height, w = h * 0.2F, head = h * 0.1F;
    sim_draw_rect(&s->picture, s->x - w, s->y - h * 0.78F, s->x + w, s->y - h * 0.4F, s->coat);
    sim_draw_rect(&s->picture, s->x - w * 0.8F, s->y - h * 0.4F, s->x + w * 0.8F, s->y,
                  sim_colour_rgb(30, 40, 60));
    sim_draw_ellipse(&s->picture, s->x, s->y - h + head, head, head, sim_colour_rgb(224, 172, 130));
    set_mark(s, s->x - w, s->y - h * 0.78F, s->x + w, s->y - h * 0.4F);
    set_mark(s, s->x - w * 0.8F, s->y - h * 0.4F, s->x + w * 0.8F, s->y);
    set_mark(s, s->x - head * 0.7F, s->y - h + head * 0.3F, s->x + head * 0.7F, s->y - h * 0.78F);
}

static void set_expose(struct set *s)
{
    struct sim_picture *p = &s->picture;
    for (int y = 0; y < p->height; y++) {
        uint8_t *line = p->y + (size_t)y * (size_t)p->width;
        for (int x = 0; x < p->width; x++) {
            float v = 16 + ((float)line[x] - 16) * s->gain + s->offset;
            line[x] = (uint8_t)(v < 16 ? 16 : v > 235 ? 235 : v);
        }
        if (s->shift)
            memmove(line, line + s->shift, (size_t)(p->width - s->shift));
    }
}

/* One picture, @step_us after the one before. Returns pixels of the figure that are not opaque. */
static int set_step(struct set *s, int64_t step_us)
{
    struct sim_object objects[SIM_SCENE_OBJECTS];
    sim_scene_draw(s->scene, &s->picture, 1, s->frame++, s->noise, objects);
    memset(s->picture.label, 0, (size_t)SET_WIDTH * SET_HEIGHT);
    if (s->there)
        set_draw_figure(s);
    set_expose(s);
    stage_show(&s->stage, &s->picture, step_us);
    objects[0].class = SIM_PERSON;
    return s->there && !s->shift ? stage_exposed(&s->stage, &s->picture, objects, NULL) : 0;
}

/* @seconds of it. Returns the sum of exposed pixels. */
static long set_run(struct set *s, double seconds, int64_t step_us)
{
    long exposed = 0;
    for (int64_t t = 0; t < (int64_t)(seconds * 1e6); t += step_us)
        exposed += set_step(s, step_us);
    return exposed;
}

/* Does the plate show the figure's coat where it stands? */
static bool set_learnt_figure(const struct set *s)
{
    const struct mask_picture *p = &s->stage.mask->plate.plate;
    int x = (int)s->x, y = (int)(s->y - s->height * 0.6F);
    size_t c = (size_t)(y / 4) * (size_t)s->stage.mask->plate.grid.stride + (size_t)(x / 4);
    return s->stage.mask->plate.learnt[c] &&
           abs(p->plane[2][(ptrdiff_t)(y / 2) * p->stride[2] + x / 2] - s->coat.v) < 16;
}
#endif
