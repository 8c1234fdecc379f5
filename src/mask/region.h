/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_REGION_H
#define MASK_REGION_H
/*
 * What is covered, as objects: connected cells, followed from frame to frame by overlap. A number that lives as long as
 * the object does and a class are all that is known of it. Thread-bound.
 */
#include "mask/mask.h"
#include "mask/plate.h"

struct mask_regions {
    int count;
    struct mask_object object[MASK_OBJECTS];
    struct {
        int x0, y0, x1, y1; /* cells, x1 and y1 behind the last */
        int cells, broke, moving;
        int64_t since_us; /* seen first */
        bool looked;      /* a detector has looked since it came up */
    } part[MASK_OBJECTS];
    uint32_t next_track;
    uint8_t *label; /* a byte per cell: 0, 1 + number of the object, or 255 beyond MASK_OBJECTS */
    uint16_t *scratch;
};
int mask_regions_init(struct mask_regions *r, const struct mask_grid *g); /* -ENOMEM */
void mask_regions_release(struct mask_regions *r);
/* Find the objects in p->cover and follow the ones of the frame before. */
void mask_regions_find(struct mask_regions *r, const struct mask_plate *p, int64_t now_us,
                       int dt_ms);
/* The classes that a detector gave: each box names the object that it lies on most. */
void mask_regions_name(struct mask_regions *r, const struct mask_grid *g,
                       const struct detect_box *boxes, int n);
/* Objects in which a cell has shown something new are not quiet in any cell: call after mask_plate_learn(). */
void mask_regions_unsettle(struct mask_regions *r, struct mask_plate *p);
#endif
