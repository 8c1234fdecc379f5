/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_DRAW_H
#define MASK_DRAW_H
/*
 * The masked picture. It is made of three things only: the backdrop (the plate as it was when the last key picture
 * began, or a mosaic of it), constants, and the mask of cells. No function here sees a live picture. Thread-bound.
 */
#include "mask/mask.h"
#include "mask/region.h"

struct mask_canvas {
    struct mask_grid grid;
    struct mask_picture picture;  /* what is encoded */
    struct mask_picture backdrop; /* the place with nothing on it, zones filled */
    uint8_t *field,
        *drawn; /* a byte per cell: how much covered, smoothed; as it is in the picture now */
    uint8_t *tint, *tint_drawn; /* a byte per cell: enum detect_class */
    uint8_t *zone;              /* 255 in cells that a privacy zone touches */
    uint8_t *known;             /* 255 in cells that the backdrop shows */
    uint8_t *base, *dirty, *tmp;
    bool zones, busy; /* there are zones; something was drawn on the backdrop */
    int covered;      /* cells under silhouettes, unknown or in zones */
};
int mask_canvas_init(struct mask_canvas *c, int width, int height,
                     const struct mask_config *cfg); /* -ENOMEM */
void mask_canvas_release(struct mask_canvas *c);
/* One flat colour. */
void mask_canvas_hide(struct mask_canvas *c);
/* A new backdrop; the picture is drawn anew as a whole with it. */
void mask_canvas_backdrop(struct mask_canvas *c, const struct mask_plate *p, bool mosaic);
/* Silhouettes of p->cover in the colours of their objects, with a tick where they move to. */
void mask_canvas_draw(struct mask_canvas *c, const struct mask_plate *p,
                      const struct mask_regions *r);
/* Fill the privacy zones in a picture of the camera, before anything else looks at it. */
void mask_canvas_blank(const struct mask_canvas *c, struct mask_picture *live);
#endif
