/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_FIGURE_H
#define SIM_FIGURE_H
/* People, cars and street furniture of the scene, drawn through a canvas that scales and measures. Reentrant. */
#include "sim/scene.h"

/* Shapes in scene coordinates (1280 by 720); the canvas knows the scale and what box has been touched. */
struct sim_canvas {
    struct sim_picture *p;
    float scale;
    float x0, y0, x1, y1;
};
void sim_canvas_reset(struct sim_canvas *c); /* forget the box */
void sim_canvas_rect(struct sim_canvas *c, float x0, float y0, float x1, float y1,
                     struct sim_colour k);
void sim_canvas_ellipse(struct sim_canvas *c, float x, float y, float rx, float ry,
                        struct sim_colour k);
void sim_canvas_limb(struct sim_canvas *c, float x0, float y0, float x1, float y1, float r,
                     struct sim_colour k);

struct sim_person_look {
    struct sim_colour skin, hair, coat, trousers, shoes;
};
/* Feet at (x, y), @height tall; @step: phase of the stride in turns; @facing -1 left, 1 right. */
void sim_draw_person(struct sim_canvas *c, float x, float y, float height,
                     enum sim_object_state state, float step, float facing,
                     const struct sim_person_look *look);
/* Wheels stand at y; x is the middle. */
void sim_draw_car(struct sim_canvas *c, float x, float y, float length, float facing,
                  struct sim_colour paint);
/* Seat of @width at (x, y) = middle of the ground line. */
void sim_draw_bench(struct sim_canvas *c, float x, float y, float width);
#endif
