/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_GAIN_H
#define MASK_GAIN_H
/*
 * What exposure, white balance and the hour do to a whole picture: one factor and one offset per plane between the plate
 * and what the camera sends now, fitted through the means of blocks of 16x16 pixels that most others agree with. Two
 * numbers per plane cannot hold a person: a block that does not fit is left for the comparison to find. Thread-bound.
 */
#include <stdbool.h>

#include "mask/compare.h"
#include "mask/picture.h"

#define MASK_BLOCK 16

/* Means of blocks, luma and both chroma planes. */
struct mask_blocks {
    int columns, rows, count;
    float *mean[3];
};
int mask_blocks_init(struct mask_blocks *b, const struct mask_grid *g); /* -ENOMEM */
void mask_blocks_release(struct mask_blocks *b);
void mask_blocks_measure(struct mask_blocks *b, const struct mask_picture *p);

struct mask_gain {
    float gain[3], offset[3]; /* live = plate * gain + offset */
    float agreed;             /* share of the usable blocks that the fit explains, 0..1 */
};
void mask_gain_reset(struct mask_gain *g);
/*
 * @usable  a byte per block: 2 where the plate is known and nothing is covered, 1 where it is only known, else 0. The
 *          1s count only if there is no 2.
 * Few usable blocks leave @g as it is with agreed 1: nothing speaks against it.
 */
void mask_gain_fit(struct mask_gain *g, const struct mask_blocks *plate,
                   const struct mask_blocks *live, const uint8_t *usable);
/* As integers for mask_affine_row(). */
struct mask_affine mask_gain_affine(const struct mask_gain *g, int plane, uint8_t white);
bool mask_gain_is_one(const struct mask_gain *g);
#endif
