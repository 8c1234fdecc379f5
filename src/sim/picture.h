/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_PICTURE_H
#define SIM_PICTURE_H
/* A YUV 4:2:0 picture and simple shapes on it. Coordinates in pixels of the picture, floats. Reentrant. */
#include <stddef.h>
#include <stdint.h>

struct sim_picture {
    int width, height;   /* even */
    uint8_t *y, *u, *v;  /* no padding: strides are width and width/2 */
    uint8_t *label;      /* NULL, or a byte per pixel that says who was drawn there last */
    uint8_t label_value; /* for what is drawn next */
};
struct sim_colour {
    uint8_t y, u, v;
};

int sim_picture_init(struct sim_picture *p, int width, int height); /* -ENOMEM */
int sim_picture_add_label(struct sim_picture *p);                   /* -ENOMEM */
void sim_picture_release(struct sim_picture *p);
/* Same size. Labels are not copied but cleared. */
void sim_picture_copy(struct sim_picture *to, const struct sim_picture *from);
/* Move all planes right and down by even numbers of pixels; what comes in repeats the edge, without label. */
void sim_picture_shift(struct sim_picture *p, int dx, int dy);

/* From 8-bit red, green, blue by BT.601, studio range. */
struct sim_colour sim_colour_rgb(int r, int g, int b);
/* The same colour, brighter or darker: factor of the luma above black. */
struct sim_colour sim_colour_shade(struct sim_colour c, float factor);

void sim_draw_rect(struct sim_picture *p, float x0, float y0, float x1, float y1,
                   struct sim_colour c);
void sim_draw_ellipse(struct sim_picture *p, float cx, float cy, float rx, float ry,
                      struct sim_colour c);
/* Thick line with round ends. */
void sim_draw_limb(struct sim_picture *p, float x0, float y0, float x1, float y1, float radius,
                   struct sim_colour c);
/* Convex polygon of @n corners. */
void sim_draw_polygon(struct sim_picture *p, const float (*xy)[2], int n, struct sim_colour c);
#endif
