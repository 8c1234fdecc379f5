/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/scene.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/figure.h"

#define TURN 6.2831853f
#define SCENE_WIDTH 1280.0f
#define SCENE_HEIGHT 720.0f
#define MARGIN 120.0f /* how far beyond the edge objects turn up and vanish */
#define NOISE_BYTES 65536
#define BACKDROPS 4 /* sizes that are kept rendered */

enum actor_kind { WALKER, PAUSER, STANDER, SITTER, VISITOR, CAR, PARKED_CAR };

struct actor {
    enum actor_kind kind;
    float x, y, size;     /* of the feet or wheels; height or length */
    float speed_turns;    /* crossings per period, sign is the direction */
    float phase, strides; /* of the movement, 0..1; strides per period */
    struct sim_person_look look;
    struct sim_colour paint;
};

struct sim_scene {
    uint32_t rng;
    float period;
    struct actor actor[SIM_SCENE_OBJECTS];
    int actors;
    float bench_x, bench_y;
    float step_at, step_len, step_gain; /* exposure step, fractions of the period */
    struct sim_picture backdrop[BACKDROPS];
    uint8_t noise[NOISE_BYTES];
    int noise_amplitude;
};

const char *sim_object_class_name(enum sim_object_class c)
{
    return c == SIM_PERSON ? "person" : "vehicle";
}

const char *sim_object_state_name(enum sim_object_state s)
{
    static const char *const names[] = {"walking", "standing", "sitting", "driving", "parked"};
    return names[s];
}

static uint32_t next_random(struct sim_scene *s)
{
    s->rng ^= s->rng << 13;
    s->rng ^= s->rng >> 17;
    s->rng ^= s->rng << 5;
    return s->rng;
}

static float random_between(struct sim_scene *s, float lo, float hi)
{
    return lo + (hi - lo) * (float)(next_random(s) >> 8) / 16777216.0f;
}

static struct sim_colour random_colour(struct sim_scene *s, int lo, int hi)
{
    int span = hi - lo;
    return sim_colour_rgb(lo + (int)(next_random(s) % (unsigned)span),
                          lo + (int)(next_random(s) % (unsigned)span),
                          lo + (int)(next_random(s) % (unsigned)span));
}

static float person_height(float y)
{
    return 72 + (y - 340) * 0.36f;
}

static struct actor *add_actor(struct sim_scene *s, enum actor_kind kind, float x, float y)
{
    struct actor *a = &s->actor[s->actors++];
    static const int skins[][3] = {
        {240, 205, 180}, {224, 172, 130}, {170, 120, 80}, {110, 72, 50}, {200, 150, 115}};
    const int *skin = skins[next_random(s) % 5];
    *a = (struct actor){.kind = kind, .x = x, .y = y, .phase = random_between(s, 0, 1)};
    a->size = person_height(y);
    a->strides = roundf(s->period * random_between(s, 0.85f, 1.1f));
    a->speed_turns = next_random(s) % 2 ? 1 : -1;
    a->look = (struct sim_person_look){sim_colour_rgb(skin[0], skin[1], skin[2]),
                                       random_colour(s, 10, 110), random_colour(s, 20, 240),
                                       random_colour(s, 10, 130), random_colour(s, 5, 70)};
    a->paint = random_colour(s, 20, 235);
    return a;
}

static int by_depth(const void *a, const void *b)
{
    const struct actor *x = a, *y = b;
    return (x->y > y->y) - (x->y < y->y);
}

static void populate(struct sim_scene *s)
{
    s->bench_x = random_between(s, 350, 930);
    s->bench_y = 640;
    for (int i = 0, n = 2 + (int)(next_random(s) % 3); i < n; i++)
        add_actor(s, WALKER, 0, random_between(s, 575, 705));
    for (int i = 0, n = 1 + (int)(next_random(s) % 3); i < n; i++)
        add_actor(s, WALKER, 0, random_between(s, 350, 385));
    add_actor(s, PAUSER, 0, random_between(s, 660, 700));
    add_actor(s, STANDER, random_between(s, 100, 1180), random_between(s, 352, 380));
    add_actor(s, STANDER, random_between(s, 60, 250), random_between(s, 590, 640));
    add_actor(s, SITTER, s->bench_x - 40, s->bench_y + 4);
    add_actor(s, VISITOR, s->bench_x + 40, s->bench_y + 5);
    for (int i = 0, n = 1 + (int)(next_random(s) % 3); i < n; i++) {
        struct actor *a = add_actor(s, CAR, 0, next_random(s) % 2 ? 455 : 535);
        a->size = random_between(s, 210, 270);
        a->speed_turns = (a->y < 500 ? -1.0f : 1.0f) * (float)(2 + next_random(s) % 2);
    }
    struct actor *parked = add_actor(s, PARKED_CAR, random_between(s, 250, 1000), 418);
    parked->size = 200;
    qsort(s->actor, (size_t)s->actors, sizeof(s->actor[0]), by_depth);
    s->step_at = random_between(s, 0.3f, 0.6f);
    s->step_len = 0.12f;
    s->step_gain = next_random(s) % 2 ? 1.22f : 0.8f;
}

struct sim_scene *sim_scene_new(uint32_t seed, double period_s)
{
    struct sim_scene *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->rng = seed * 2654435761u + 0x9e3779b9u;
    if (!s->rng)
        s->rng = 1;
    for (int i = 0; i < 8; i++)
        next_random(s);
    s->period = (float)period_s;
    populate(s);
    return s;
}

void sim_scene_free(struct sim_scene *s)
{
    if (!s)
        return;
    for (int i = 0; i < BACKDROPS; i++)
        sim_picture_release(&s->backdrop[i]);
    free(s);
}

static void paint_building(struct sim_scene *s, struct sim_canvas *c, float x0, float x1, float top)
{
    struct sim_colour wall = random_colour(s, 90, 200), window = {60, 136, 122},
                      lit = sim_colour_rgb(230, 210, 150);
    sim_canvas_rect(c, x0, top, x1, 340, wall);
    sim_canvas_rect(c, x0, top, x1, top + 8, sim_colour_shade(wall, 0.7f));
    for (float y = top + 22; y < 270; y += 46)
        for (float x = x0 + 14; x + 26 < x1; x += 42) {
            sim_canvas_rect(c, x - 2, y - 2, x + 26, y + 30, sim_colour_shade(wall, 0.8f));
            sim_canvas_rect(c, x, y, x + 24, y + 28, next_random(s) % 7 ? window : lit);
        }
    float door = random_between(s, x0 + 10, x1 - 40);
    sim_canvas_rect(c, door, 285, door + 30, 340, random_colour(s, 40, 120));
}

static void paint_ground(struct sim_canvas *c)
{
    const struct sim_colour paving = sim_colour_rgb(160, 155, 148),
                            road = sim_colour_rgb(78, 80, 84);
    const struct sim_colour white = sim_colour_rgb(215, 215, 205);
    sim_canvas_rect(c, 0, 340, SCENE_WIDTH, 395, paving);
    sim_canvas_rect(c, 0, 395, SCENE_WIDTH, 402, sim_colour_shade(paving, 0.7f));
    sim_canvas_rect(c, 0, 402, SCENE_WIDTH, 560, road);
    for (float x = 20; x < SCENE_WIDTH; x += 110)
        sim_canvas_rect(c, x, 479, x + 60, 484, white);
    sim_canvas_rect(c, 0, 560, SCENE_WIDTH, 568, sim_colour_shade(paving, 0.7f));
    sim_canvas_rect(c, 0, 568, SCENE_WIDTH, SCENE_HEIGHT, paving);
    for (float y = 568; y < SCENE_HEIGHT; y += 38)
        sim_canvas_rect(c, 0, y, SCENE_WIDTH, y + 2, sim_colour_shade(paving, 0.85f));
    for (float x = 0; x < SCENE_WIDTH; x += 64)
        sim_canvas_rect(c, x, 568, x + 2, SCENE_HEIGHT, sim_colour_shade(paving, 0.85f));
}

static void paint_trees(struct sim_scene *s, struct sim_canvas *c)
{
    for (int i = 0; i < 3; i++) {
        float x = random_between(s, 60, 1220);
        sim_canvas_limb(c, x, 388, x, 270, 7, sim_colour_rgb(90, 65, 45));
        for (int k = 0; k < 14; k++)
            sim_canvas_ellipse(c, x + random_between(s, -45, 45), 240 + random_between(s, -45, 35),
                               24, 20,
                               sim_colour_rgb(40 + (int)(next_random(s) % 40),
                                              90 + (int)(next_random(s) % 50), 40));
    }
}

/* Fixed grain, so that surfaces have a texture. */
static void paint_texture(struct sim_scene *s, struct sim_picture *p)
{
    int sky = p->height / 10;
    for (int y = sky; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            uint8_t *px = p->y + (size_t)y * (size_t)p->width + x;
            int v = *px + (int)(next_random(s) % 11) - 5;
            *px = (uint8_t)(v < 16 ? 16 : v > 235 ? 235 : v);
        }
}

static void paint_backdrop(struct sim_scene *s, struct sim_picture *p)
{
    uint32_t keep = s->rng;
    struct sim_canvas c = {.p = p, .scale = (float)p->width / SCENE_WIDTH};
    s->rng = keep ^ 0x5bd1e995u;
    for (float y = 0; y < 340; y += 4)
        sim_canvas_rect(&c, 0, y, SCENE_WIDTH, y + 4,
                        sim_colour_rgb(150 + (int)y / 6, 180 + (int)y / 8, 225));
    for (float x = 0; x < SCENE_WIDTH;) {
        float next = x + random_between(s, 130, 260);
        paint_building(s, &c, x, next, random_between(s, 60, 170));
        x = next;
    }
    paint_ground(&c);
    paint_trees(s, &c);
    sim_draw_bench(&c, s->bench_x, s->bench_y, 190);
    paint_texture(s, p);
    s->rng = keep;
}

static struct sim_picture *backdrop(struct sim_scene *s, int width, int height)
{
    for (int i = 0; i < BACKDROPS; i++) {
        struct sim_picture *b = &s->backdrop[i];
        if (b->width == width && b->height == height)
            return b;
        if (!b->y) {
            if (sim_picture_init(b, width, height) < 0)
                return NULL;
            paint_backdrop(s, b);
            return b;
        }
    }
    return NULL;
}

static float fraction(float v)
{
    return v - floorf(v);
}

static float across(float f)
{
    return -MARGIN + f * (SCENE_WIDTH + 2 * MARGIN);
}

/* Where a person is at time @u (0..1 of the period), and what they do there. */
static enum sim_object_state place_person(const struct actor *a, float u, float *x, float *y,
                                          float *facing)
{
    float f = fraction(u + a->phase), dir = a->speed_turns;
    *y = a->y;
    *facing = dir < 0 ? -1 : 1;
    *x = a->x;
    switch (a->kind) {
    case PAUSER: /* walks a third, stands a third, walks on */
        *x = across(f < 0.33f ? f * 1.5f : f < 0.67f ? 0.495f : 0.495f + (f - 0.67f) * 1.53f);
        if (dir < 0)
            *x = SCENE_WIDTH - *x;
        return f < 0.33f || f >= 0.67f ? SIM_WALKING : SIM_STANDING;
    case STANDER:
        return SIM_STANDING;
    case SITTER:
        *facing = 1;
        return SIM_SITTING;
    case VISITOR: /* comes, sits for most of the time, leaves */
        *facing = -1;
        if (f >= 0.2f && f < 0.8f)
            return SIM_SITTING;
        *x = f < 0.2f ? SCENE_WIDTH + MARGIN + (a->x - SCENE_WIDTH - MARGIN) * f * 5
                      : a->x + (-MARGIN - a->x) * (f - 0.8f) * 5;
        *y = a->y + 14;
        return SIM_WALKING;
    case WALKER:
    case CAR:
    case PARKED_CAR:
        break;
    }
    *x = across(dir < 0 ? 1 - f : f);
    return SIM_WALKING;
}

static enum sim_object_state draw_actor(const struct actor *a, struct sim_canvas *c, float u)
{
    float x, y, facing;
    if (a->kind == CAR) {
        float f = fraction(u * fabsf(a->speed_turns) + a->phase);
        x = -300 + f * (SCENE_WIDTH + 600);
        facing = a->speed_turns < 0 ? -1 : 1;
        sim_draw_car(c, facing < 0 ? SCENE_WIDTH - x : x, a->y, a->size, facing, a->paint);
        return SIM_DRIVING;
    }
    if (a->kind == PARKED_CAR) {
        sim_draw_car(c, a->x, a->y, a->size, 1, a->paint);
        return SIM_PARKED;
    }
    enum sim_object_state state = place_person(a, u, &x, &y, &facing);
    float step =
        fraction(u * (state == SIM_WALKING ? a->strides : roundf(a->strides * 0.25f)) + a->phase);
    sim_draw_person(c, x, y, a->size, state, step, facing, &a->look);
    return state;
}

/* Slow drift and one step of the exposure, as a factor in 1/128. */
static int light(const struct sim_scene *s, float u)
{
    float gain = 1 + 0.06f * sinf(u * TURN) + 0.02f * sinf(u * TURN * 3);
    float since = u - s->step_at;
    if (since >= 0 && since < s->step_len)
        gain *= 1 + (s->step_gain - 1) * (1 - since / s->step_len);
    return (int)(gain * 128);
}

static void fill_noise(struct sim_scene *s, int amplitude)
{
    uint32_t keep = s->rng;
    for (size_t i = 0; i < NOISE_BYTES; i++) {
        uint32_t r = next_random(s);
        int v = (int)(r % (unsigned)(amplitude + 1)) +
                (int)((r >> 16) % (unsigned)(amplitude + 1)) - amplitude;
        s->noise[i] = (uint8_t)(v + 128);
    }
    s->rng = keep;
    s->noise_amplitude = amplitude;
}

/* The only loop over all pixels. Clang makes vectors of it at -O2, GCC 12 only when asked. */
#ifdef __clang__
#define VECTORISE
#else
#define VECTORISE __attribute__((optimize("O3")))
#endif

VECTORISE static void expose(uint8_t *line, const uint8_t *noise, int width, int gain)
{
    for (int x = 0; x < width; x++) {
        int v = 16 + (((line[x] - 16) * gain) >> 7) + noise[x] - 128;
        v = v < 16 ? 16 : v;
        line[x] = (uint8_t)(v > 235 ? 235 : v);
    }
}

static void finish_picture(struct sim_scene *s, struct sim_picture *p, int gain, uint32_t frame,
                           int noise)
{
    if (s->noise_amplitude != noise || !s->noise[0])
        fill_noise(s, noise);
    uint32_t r = frame * 2246822519u + 1;
    for (int y = 0; y < p->height; y++) {
        r = r * 1664525u + 1013904223u;
        size_t room = NOISE_BYTES - (size_t)p->width;
        expose(p->y + (size_t)y * (size_t)p->width, s->noise + (r >> 8) % room, p->width, gain);
    }
}

static bool keep_object(struct sim_object *o, const struct sim_canvas *c,
                        const struct sim_picture *p)
{
    o->x0 = fmaxf(0, c->x0);
    o->y0 = fmaxf(0, c->y0);
    o->x1 = fminf((float)p->width, c->x1);
    o->y1 = fminf((float)p->height, c->y1);
    return o->x1 - o->x0 >= 1 && o->y1 - o->y0 >= 1;
}

int sim_scene_draw(struct sim_scene *s, struct sim_picture *p, double t, uint32_t frame, int noise,
                   struct sim_object ret[SIM_SCENE_OBJECTS])
{
    const struct sim_picture *b = backdrop(s, p->width, p->height);
    if (!b)
        return 0;
    sim_picture_copy(p, b);
    float u = fraction((float)t / s->period);
    int n = 0;
    struct sim_canvas c = {.p = p, .scale = (float)p->width / SCENE_WIDTH};
    for (int i = 0; i < s->actors; i++) {
        const struct actor *a = &s->actor[i];
        sim_canvas_reset(&c);
        ret[n].state = draw_actor(a, &c, u);
        ret[n].id = i;
        ret[n].class = a->kind == CAR || a->kind == PARKED_CAR ? SIM_VEHICLE : SIM_PERSON;
        n += keep_object(&ret[n], &c, p);
    }
    finish_picture(s, p, light(s, u), frame, noise);
    return n;
}
