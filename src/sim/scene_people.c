/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Who is on the stage, and where at what time. The street repeats without a seam: everything in it is a function of the
 * fraction of its period. The other scenes begin empty; walkers then cross again and again, guests come, stay and leave.
 */
#include <math.h>
#include <stdlib.h>

#include "sim/scene_private.h"

#define GUEST_PACE 95.0f  /* of somebody 150 high, a second */
#define SEAT_OFFSET 14.0f /* walking to the bench happens in front of it */

static float fraction(float v)
{
    return v - floorf(v);
}

static float across(float f)
{
    return -MARGIN + f * (SCENE_WIDTH + 2 * MARGIN);
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
    static const int hairs[][3] = {{30, 24, 20},   {62, 40, 26},    {105, 72, 40},
                                   {150, 120, 70}, {120, 118, 116}, {18, 18, 20}};
    const int *skin = skins[scene_random(s) % 5], *hair = hairs[scene_random(s) % 6];
    *a = (struct actor){.kind = kind, .x = x, .y = y, .phase = scene_random_between(s, 0, 1)};
    a->size = person_height(y);
    a->cycle_s = s->period;
    a->strides = roundf(s->period * scene_random_between(s, 0.85f, 1.1f));
    a->speed_turns = scene_random(s) % 2 ? 1 : -1;
    a->look = (struct sim_person_look){
        sim_colour_rgb(skin[0], skin[1], skin[2]), sim_colour_rgb(hair[0], hair[1], hair[2]),
        scene_random(s) % 3 ? scene_muted_colour(s, 30, 220) : scene_random_colour(s, 40, 190),
        scene_muted_colour(s, 20, 120), scene_muted_colour(s, 10, 70)};
    a->paint = scene_muted_colour(s, 30, 220);
    a->until_s = INFINITY;
    return a;
}

static int by_depth(const void *a, const void *b)
{
    const struct actor *x = a, *y = b;
    return (x->y > y->y) - (x->y < y->y);
}

static void add_cars(struct sim_scene *s, int n)
{
    for (int i = 0; i < n; i++) {
        struct actor *a = add_actor(s, CAR, 0, scene_random(s) % 2 ? 455 : 535);
        a->size = scene_random_between(s, 210, 270);
        a->speed_turns = (a->y < 500 ? -1.0f : 1.0f) * (float)(2 + scene_random(s) % 2);
    }
    struct actor *parked = add_actor(s, PARKED_CAR, scene_random_between(s, 250, 1000), 418);
    parked->size = 200;
}

static void populate_street(struct sim_scene *s)
{
    for (int i = 0, n = 2 + (int)(scene_random(s) % 3); i < n; i++)
        add_actor(s, WALKER, 0, scene_random_between(s, 575, 705));
    for (int i = 0, n = 1 + (int)(scene_random(s) % 3); i < n; i++)
        add_actor(s, WALKER, 0, scene_random_between(s, 350, 385));
    add_actor(s, PAUSER, 0, scene_random_between(s, 660, 700));
    add_actor(s, STANDER, scene_random_between(s, 100, 1180), scene_random_between(s, 352, 380));
    add_actor(s, STANDER, scene_random_between(s, 60, 250), scene_random_between(s, 590, 640));
    add_actor(s, SITTER, s->bench_x - 40, s->bench_y + 4);
    add_actor(s, VISITOR, s->bench_x + 40, s->bench_y + 5);
    add_cars(s, 1 + (int)(scene_random(s) % 3));
}

/* Somebody who crosses every so often, from the end of the empty time on. */
static void add_walker(struct sim_scene *s, float y)
{
    struct actor *a = add_actor(s, WALKER, 0, y);
    a->cycle_s = scene_random_between(s, 17, 24) * 150 / a->size;
    a->strides = a->cycle_s * 0.95f;
    a->from_s = s->empty_s + scene_random_between(s, 0, a->cycle_s * 0.6f);
    a->until_s = s->period;
    a->phase = 0;
}

/* Somebody who comes @after the empty time, stays at (x, y) and is gone when the period ends. */
static void add_guest(struct sim_scene *s, float x, float y, float after, bool sits)
{
    struct actor *a = add_actor(s, GUEST, x, y);
    a->sits = sits;
    a->from_s = s->empty_s + after;
    a->until_s = s->period - scene_random_between(s, 1, 3);
    a->cycle_s = 1;
    a->strides = 0.95f;
}

static void add_late_cars(struct sim_scene *s)
{
    int first = s->actors;
    add_cars(s, 2);
    for (int i = first; i < s->actors; i++)
        if (s->actor[i].kind == CAR) {
            s->actor[i].cycle_s = scene_random_between(s, 25, 40);
            s->actor[i].from_s = s->empty_s + scene_random_between(s, 0, 10);
        }
}

static void populate_crowd(struct sim_scene *s)
{
    for (int i = 0; i < 7; i++)
        add_walker(s, scene_random_between(s, 575, 705));
    for (int i = 0; i < 6; i++)
        add_walker(s, scene_random_between(s, 350, 388));
    for (int group = 0; group < 4; group++) { /* people who talk, close together */
        float x = scene_random_between(s, 90, 1190), y = scene_random_between(s, 590, 700);
        for (int i = 0; i < 3; i++)
            add_guest(s, x + (float)i * 38 - 38, y + (float)(i % 2) * 8, (float)(group * 3 + i),
                      false);
    }
    for (int i = 0; i < 2; i++)
        add_guest(s, scene_random_between(s, 60, 1220), scene_random_between(s, 352, 385),
                  (float)i * 4, false);
    add_guest(s, s->bench_x - 45, s->bench_y + 4, 2, true);
    add_guest(s, s->bench_x + 40, s->bench_y + 5, 6, true);
}

static void populate_late_street(struct sim_scene *s)
{
    for (int i = 0; i < 3; i++)
        add_walker(s, scene_random_between(s, 575, 705));
    for (int i = 0; i < 2; i++)
        add_walker(s, scene_random_between(s, 350, 385));
    add_guest(s, scene_random_between(s, 100, 1180), scene_random_between(s, 352, 380), 3, false);
    add_guest(s, scene_random_between(s, 60, 250), scene_random_between(s, 590, 640), 8, false);
    add_guest(s, s->bench_x - 40, s->bench_y + 4, 1, true);
    add_guest(s, s->bench_x + 40, s->bench_y + 5, 12, true);
    add_late_cars(s);
}

void scene_populate(struct sim_scene *s)
{
    s->bench_x = scene_random_between(s, 350, 930);
    s->bench_y = 640;
    switch (s->kind) {
    case SIM_SCENE_CROWD:
        populate_crowd(s);
        break;
    case SIM_SCENE_SEATED:
        add_guest(s, s->bench_x - 20, s->bench_y + 4, 1, true);
        add_walker(s, scene_random_between(s, 670, 700));
        break;
    case SIM_SCENE_DUSK:
    case SIM_SCENE_EXPOSURE:
    case SIM_SCENE_KNOCK:
    case SIM_SCENE_EMPTY_FIRST:
        populate_late_street(s);
        break;
    case SIM_SCENE_STREET:
    case SIM_SCENE_NOISE:
        populate_street(s);
        break;
    }
    qsort(s->actor, (size_t)s->actors, sizeof(s->actor[0]), by_depth);
    s->step_at = scene_random_between(s, 0.3f, 0.6f);
    s->step_len = 0.12f;
    s->step_gain = scene_random(s) % 2 ? 1.22f : 0.8f;
}

/* Where somebody is, what they do there and which way they look. */
struct place {
    float x, y, facing;
    enum sim_object_state state;
};

/* The street: a function of the fraction of the period. */
static struct place place_person(const struct actor *a, float u)
{
    float f = fraction(u + a->phase), dir = a->speed_turns;
    struct place p = {a->x, a->y, dir < 0 ? -1 : 1, SIM_WALKING};
    switch (a->kind) {
    case PAUSER: /* walks a third, stands a third, walks on */
        p.x = across(f < 0.33f ? f * 1.5f : f < 0.67f ? 0.495f : 0.495f + (f - 0.67f) * 1.53f);
        if (dir < 0)
            p.x = SCENE_WIDTH - p.x;
        p.state = f < 0.33f || f >= 0.67f ? SIM_WALKING : SIM_STANDING;
        return p;
    case STANDER:
        p.state = SIM_STANDING;
        return p;
    case SITTER:
        p.facing = 1;
        p.state = SIM_SITTING;
        return p;
    case VISITOR: /* comes, sits for most of the time, leaves */
        p.facing = -1;
        if (f >= 0.2f && f < 0.8f) {
            p.state = SIM_SITTING;
            return p;
        }
        p.x = f < 0.2f ? SCENE_WIDTH + MARGIN + (a->x - SCENE_WIDTH - MARGIN) * f * 5
                       : a->x + (-MARGIN - a->x) * (f - 0.8f) * 5;
        p.y = a->y + SEAT_OFFSET;
        return p;
    case WALKER:
    case GUEST:
    case CAR:
    case PARKED_CAR:
        break;
    }
    p.x = across(dir < 0 ? 1 - f : f);
    return p;
}

/* Comes from one edge, stays, leaves by the other; false before and after. */
static bool place_guest(const struct actor *a, float t, struct place *ret)
{
    float pace = GUEST_PACE * a->size / 150;
    float start = a->speed_turns < 0 ? SCENE_WIDTH + MARGIN : -MARGIN;
    float end = SCENE_WIDTH - start;
    float leaves = a->until_s - fabsf(end - a->x) / pace;
    float walked = (t - a->from_s) * pace, left = (t - leaves) * pace;
    if (t < a->from_s || t >= a->until_s)
        return false;
    *ret = (struct place){a->x, a->y, a->speed_turns < 0 ? -1 : 1,
                          a->sits ? SIM_SITTING : SIM_STANDING};
    if (walked < fabsf(a->x - start))
        ret->x = start + copysignf(walked, a->x - start);
    else if (left > 0)
        ret->x = a->x + copysignf(left, end - a->x);
    else
        return true;
    ret->state = SIM_WALKING;
    ret->y = a->y + (a->sits ? SEAT_OFFSET : 0);
    return true;
}

/* Time on the stage of one who crosses again and again; false between entrances. */
static bool on_stage(const struct actor *a, float t)
{
    if (t < a->from_s)
        return false;
    float crossings = floorf((a->until_s - a->from_s) / a->cycle_s);
    return !(t >= a->from_s + crossings * a->cycle_s);
}

static bool draw_car(const struct actor *a, struct sim_canvas *c, float t)
{
    float f = fraction((t - a->from_s) / a->cycle_s * fabsf(a->speed_turns) + a->phase);
    float x = -300 + f * (SCENE_WIDTH + 600), facing = a->speed_turns < 0 ? -1 : 1;
    if (t < a->from_s)
        return false;
    sim_draw_car(c, facing < 0 ? SCENE_WIDTH - x : x, a->y, a->size, facing, a->paint);
    return true;
}

bool scene_draw_actor(const struct actor *a, struct sim_canvas *c, float t,
                      enum sim_object_state *ret_state)
{
    struct place p = {0};
    *ret_state = a->kind == CAR ? SIM_DRIVING : SIM_PARKED;
    if (a->kind == CAR)
        return draw_car(a, c, t);
    if (a->kind == PARKED_CAR) {
        sim_draw_car(c, a->x, a->y, a->size, 1, a->paint);
        return true;
    }
    float u = (t - a->from_s) / a->cycle_s;
    if (a->kind == GUEST ? !place_guest(a, t, &p) : !on_stage(a, t))
        return false;
    if (a->kind != GUEST)
        p = place_person(a, u);
    float pace = p.state == SIM_WALKING ? a->strides
                 : a->kind == GUEST     ? 0.25f
                                        : roundf(a->strides * 0.25f);
    sim_draw_person(c, p.x, p.y, a->size, p.state, fraction(u * pace + a->phase), p.facing,
                    &a->look);
    *ret_state = p.state;
    return true;
}
