/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_SCENE_H
#define SIM_SCENE_H
/*
 * A street that nobody has filmed: buildings, a road, pavements, a bench; people who walk, stand and sit, cars that
 * pass and park, light that drifts and steps. It is a pure function of seed and time and repeats after its period,
 * so that a loop of it has no seam. Every drawn object is known to the pixel: that is the ground truth.
 */
#include <stdbool.h>
#include <stdint.h>

#include "sim/picture.h"

#define SIM_SCENE_OBJECTS 32

enum sim_object_class { SIM_PERSON, SIM_VEHICLE };
enum sim_object_state { SIM_WALKING, SIM_STANDING, SIM_SITTING, SIM_DRIVING, SIM_PARKED };

struct sim_object {
    int id; /* constant within the scene */
    enum sim_object_class class;
    enum sim_object_state state;
    float x0, y0, x1, y1; /* pixels of the picture, cut at its edges */
};

struct sim_scene;
/* @period_s: 4 to 600. NULL: out of memory. */
struct sim_scene *sim_scene_new(uint32_t seed, double period_s);
void sim_scene_free(struct sim_scene *s);
/*
 * Draw the moment @t (seconds) into @p; @frame seeds the noise. Returns the number of objects in view.
 * @noise  amplitude of the sensor noise in luma steps, 0 for none
 */
int sim_scene_draw(struct sim_scene *s, struct sim_picture *p, double t, uint32_t frame, int noise,
                   struct sim_object ret[SIM_SCENE_OBJECTS]);
const char *sim_object_class_name(enum sim_object_class c);
const char *sim_object_state_name(enum sim_object_state s);
#endif
