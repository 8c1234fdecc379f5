/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_SCENE_H
#define SIM_SCENE_H
/*
 * A street that nobody has filmed: buildings, a road, a bench; people who walk, stand and sit, cars that pass and park,
 * light that drifts and steps. It is a pure function of its configuration and time and repeats after its period. Every
 * drawn object is known to the pixel: that is the ground truth.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sim/picture.h"

#define SIM_SCENE_OBJECTS 48

/* id, name, what happens. All but the street begin empty of people and end so. */
#define SIM_SCENE_LIST(X)                                                                          \
    X(STREET, "street", "people and cars from the start, repeats without a seam")                  \
    X(CROWD, "crowd", "thirty people: walkers, groups that talk, a full bench")                    \
    X(SEATED, "seated", "one person sits for the whole time, another passes by")                   \
    X(DUSK, "dusk", "the light falls to a fifth, the picture becomes noisy")                       \
    X(EXPOSURE, "exposure", "exposure and white balance jump every 20 s")                          \
    X(KNOCK, "knock", "halfway somebody knocks against the camera, which stays turned")            \
    X(EMPTY_FIRST, "empty-first", "a street whose people come after an empty minute")              \
    X(NOISE, "noise", "no picture: a cheap load; not to be drawn")
enum sim_scene_kind {
#define X(id, name, text) SIM_SCENE_##id,
    SIM_SCENE_LIST(X)
#undef X
};
const char *sim_scene_kind_name(enum sim_scene_kind k);
int sim_scene_kind_find(const char *name); /* E_NOTFOUND */

enum sim_object_class { SIM_PERSON, SIM_VEHICLE };
enum sim_object_state { SIM_WALKING, SIM_STANDING, SIM_SITTING, SIM_DRIVING, SIM_PARKED };

struct sim_object {
    int id; /* constant within the scene */
    enum sim_object_class class;
    enum sim_object_state state;
    float x0, y0, x1, y1; /* pixels of the picture, cut at its edges */
};

struct sim_scene_config {
    enum sim_scene_kind kind;
    uint32_t seed;
    double period_s; /* 4 to 7200 */
    double
        empty_s; /* nobody is there for so long; 0: a minute, at most a third of the period. Not for the street */
};

struct sim_scene;
struct sim_scene *sim_scene_make(const struct sim_scene_config *c); /* NULL: out of memory */
/* A street. @period_s: 4 to 600. NULL: out of memory. */
struct sim_scene *sim_scene_new(uint32_t seed, double period_s);
void sim_scene_free(struct sim_scene *s);
/*
 * Draw the moment @t (seconds) into @p; @frame seeds the noise. Returns the number of objects in view. If @p has a
 * label plane, each pixel gets 1 + the index in @ret of the object that is seen there, 0 for none.
 * @noise  amplitude of the sensor noise in luma steps, 0 for none
 */
int sim_scene_draw(struct sim_scene *s, struct sim_picture *p, double t, uint32_t frame, int noise,
                   struct sim_object ret[SIM_SCENE_OBJECTS]);
/* The same moment as if nobody and no car were there; without noise. Returns -ENOMEM or 0. */
int sim_scene_draw_place(struct sim_scene *s, struct sim_picture *p, double t);
const char *sim_object_class_name(enum sim_object_class c);
const char *sim_object_state_name(enum sim_object_state s);
#endif
