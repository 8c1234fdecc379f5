/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/scene.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scene_private.h"

static const char *const kind_names[] = {
#define X(id, name, text) name,
    SIM_SCENE_LIST(X)
#undef X
};

const char *sim_scene_kind_name(enum sim_scene_kind k)
{
    return kind_names[k];
}

int sim_scene_kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++)
        if (!strcmp(kind_names[i], name))
            return (int)i;
    return E_NOTFOUND;
}

const char *sim_object_class_name(enum sim_object_class c)
{
    return c == SIM_PERSON ? "person" : "vehicle";
}

const char *sim_object_state_name(enum sim_object_state s)
{
    static const char *const names[] = {"walking", "standing", "sitting", "driving", "parked"};
    return names[s];
}

uint32_t scene_random(struct sim_scene *s)
{
    s->rng ^= s->rng << 13;
    s->rng ^= s->rng >> 17;
    s->rng ^= s->rng << 5;
    return s->rng;
}

float scene_random_between(struct sim_scene *s, float lo, float hi)
{
    return lo + (hi - lo) * (float)(scene_random(s) >> 8) / 16777216.0f;
}

struct sim_colour scene_random_colour(struct sim_scene *s, int lo, int hi)
{
    unsigned span = (unsigned)(hi - lo);
    int r = lo + (int)(scene_random(s) % span), g = lo + (int)(scene_random(s) % span);
    return sim_colour_rgb(r, g, lo + (int)(scene_random(s) % span));
}

struct sim_colour scene_muted_colour(struct sim_scene *s, int lo, int hi)
{
    struct sim_colour c = scene_random_colour(s, lo, hi);
    c.u = (uint8_t)(128 + (c.u - 128) * 2 / 5);
    c.v = (uint8_t)(128 + (c.v - 128) * 2 / 5);
    return c;
}

struct sim_scene *sim_scene_make(const struct sim_scene_config *cfg)
{
    struct sim_scene *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->rng = cfg->seed * 2654435761u + 0x9e3779b9u;
    if (!s->rng)
        s->rng = 1;
    for (int i = 0; i < 8; i++)
        scene_random(s);
    s->kind = cfg->kind;
    s->period = (float)cfg->period_s;
    s->empty_s = (float)(cfg->empty_s > 0 ? cfg->empty_s : fmin(60, cfg->period_s / 3));
    scene_populate(s);
    return s;
}

struct sim_scene *sim_scene_new(uint32_t seed, double period_s)
{
    const struct sim_scene_config c = {
        .kind = SIM_SCENE_STREET, .seed = seed, .period_s = period_s};
    return sim_scene_make(&c);
}

void sim_scene_free(struct sim_scene *s)
{
    if (!s)
        return;
    for (int i = 0; i < BACKDROPS; i++)
        sim_picture_release(&s->backdrop[i]);
    free(s);
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
            scene_paint_backdrop(s, b);
            return b;
        }
    }
    return NULL;
}

/* After a knock everything lies elsewhere; what comes in at the edge repeats the edge. */
static void move_camera(struct sim_picture *p, float dx, float dy, struct sim_object *o, int n)
{
    float scale = (float)p->width / SCENE_WIDTH;
    int x = 2 * (int)lroundf(dx * scale / 2), y = 2 * (int)lroundf(dy * scale / 2);
    if (!x && !y)
        return;
    sim_picture_shift(p, x, y);
    for (int i = 0; i < n; i++) {
        o[i].x0 = fminf(fmaxf(o[i].x0 + (float)x, 0), (float)p->width);
        o[i].x1 = fminf(fmaxf(o[i].x1 + (float)x, 0), (float)p->width);
        o[i].y0 = fminf(fmaxf(o[i].y0 + (float)y, 0), (float)p->height);
        o[i].y1 = fminf(fmaxf(o[i].y1 + (float)y, 0), (float)p->height);
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
    float in_period = (float)fmod(t, (double)s->period), dx, dy;
    int n = 0;
    struct sim_canvas c = {.p = p, .scale = (float)p->width / SCENE_WIDTH};
    for (int i = 0; i < s->actors; i++) {
        const struct actor *a = &s->actor[i];
        sim_canvas_reset(&c);
        p->label_value = (uint8_t)(n + 1);
        if (!scene_draw_actor(a, &c, in_period, &ret[n].state))
            continue;
        ret[n].id = i;
        ret[n].class = a->kind == CAR || a->kind == PARKED_CAR ? SIM_VEHICLE : SIM_PERSON;
        n += keep_object(&ret[n], &c, p);
    }
    scene_knock_at(s, in_period, &dx, &dy);
    move_camera(p, dx, dy, ret, n);
    struct scene_light l = scene_light_at(s, in_period);
    scene_expose(s, p, &l, frame, noise);
    return n;
}

int sim_scene_draw_place(struct sim_scene *s, struct sim_picture *p, double t)
{
    const struct sim_picture *b = backdrop(s, p->width, p->height);
    if (!b)
        return -ENOMEM;
    sim_picture_copy(p, b);
    float in_period = (float)fmod(t, (double)s->period), dx, dy;
    scene_knock_at(s, in_period, &dx, &dy);
    move_camera(p, dx, dy, NULL, 0);
    struct scene_light l = scene_light_at(s, in_period);
    scene_expose(s, p, &l, 0, 0);
    return 0;
}
