/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_PICTURE_H
#define MASK_PICTURE_H
/*
 * Planar 4:2:0 pictures of the masked size, padded so that loops over pixels and over cells have no tails. A cell is
 * 4x4 luma pixels with the 2x2 of each chroma plane under it; what is learnt, compared and covered is decided by cell.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MASK_CELL 4         /* luma pixels across */
#define MASK_ALIGN 64       /* luma stride and addresses are multiples of it */
#define MASK_WIDTH_MAX 4096 /* of the masked picture and of sources */

/* What the cells of a picture of some size look like; arrays of cells have @stride * @rows entries. */
struct mask_grid {
    int width, height; /* of the picture in luma pixels, both even */
    int columns, rows; /* cells that hold at least one pixel */
    int stride;        /* cells of a row of an array, a multiple of 16, at least columns */
    int count;         /* columns * rows */
};
/* @width and @height even, 2..MASK_WIDTH_MAX. */
struct mask_grid mask_grid_of(int width, int height);
static inline size_t mask_grid_size(const struct mask_grid *g)
{
    return (size_t)g->stride * (size_t)g->rows;
}

struct mask_picture {
    int width, height;
    int stride[3],
        lines
            [3]; /* allocated, padding included: stride[0] is grid stride * 4, lines[0] grid rows * 4 */
    uint8_t *plane[3];
};

int mask_picture_init(struct mask_picture *p, int width, int height); /* -ENOMEM */
void mask_picture_release(struct mask_picture *p);                    /* twice is fine */
void mask_picture_copy(struct mask_picture *to, const struct mask_picture *from);
void mask_picture_fill(struct mask_picture *p, const uint8_t yuv[3]);
/* Repeat the last pixels into the padding, so that cells at the edge compare what the picture has. */
void mask_picture_pad(struct mask_picture *p);
#endif
