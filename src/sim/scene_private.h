/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_SCENE_PRIVATE_H
#define SIM_SCENE_PRIVATE_H
/* Shared by the files of the scene: who plays, what stands there, how it is lit. */
#include "sim/figure.h"

#define SCENE_WIDTH 1280.0f
#define SCENE_HEIGHT 720.0f
#define MARGIN 120.0f /* how far beyond the edge objects turn up and vanish */
#define NOISE_BYTES 65536
#define BACKDROPS 4 /* sizes that are kept rendered */

enum actor_kind { WALKER, PAUSER, STANDER, SITTER, VISITOR, GUEST, CAR, PARKED_CAR };

struct actor {
    enum actor_kind kind;
    float x, y, size;     /* of the feet or wheels; height or length */
    float speed_turns;    /* crossings per cycle, sign is the direction */
    float phase, strides; /* of the movement, 0..1; strides per cycle */
    float cycle_s;        /* a crossing, or the period of the street */
    float from_s,
        until_s; /* on the stage; a walker ends with a whole crossing, a guest is gone by then */
    bool sits;   /* a guest: sits, else stands */
    struct sim_person_look look;
    struct sim_colour paint;
};

struct sim_scene {
    enum sim_scene_kind kind;
    uint32_t rng;
    float period, empty_s;
    struct actor actor[SIM_SCENE_OBJECTS];
    int actors;
    float bench_x, bench_y;
    float step_at, step_len, step_gain; /* exposure step of the street, fractions of the period */
    struct sim_picture backdrop[BACKDROPS];
    uint8_t noise[NOISE_BYTES];
    int noise_amplitude;
};

/* How a moment is lit. */
struct scene_light {
    int gain;        /* of luma above black, in 1/128 */
    int colour;      /* of chroma around grey, in 1/128 */
    int warm;        /* white balance: added to V, taken from U */
    int extra_noise; /* luma steps */
};

uint32_t scene_random(struct sim_scene *s);
float scene_random_between(struct sim_scene *s, float lo, float hi);
struct sim_colour scene_random_colour(struct sim_scene *s, int lo, int hi);
/* Towards grey: what streets are painted in. */
struct sim_colour scene_muted_colour(struct sim_scene *s, int lo, int hi);

/* scene_people.c: fill the stage; draw one actor at @t seconds, false when it is not there. */
void scene_populate(struct sim_scene *s);
bool scene_draw_actor(const struct actor *a, struct sim_canvas *c, float t,
                      enum sim_object_state *ret_state);
/* scene_backdrop.c */
void scene_paint_backdrop(struct sim_scene *s, struct sim_picture *p);
/* scene_light.c: light, and how far a knock has moved the camera, in scene units. */
struct scene_light scene_light_at(const struct sim_scene *s, float t);
void scene_knock_at(const struct sim_scene *s, float t, float *ret_dx, float *ret_dy);
void scene_expose(struct sim_scene *s, struct sim_picture *p, const struct scene_light *l,
                  uint32_t frame, int noise);
#endif
