/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_GROW_H
#define MASK_GROW_H
/* Masks of one byte per cell, 0 or 255, and what makes silhouettes of single cells. Reentrant; @tmp: as large as a mask. */
#include "mask/picture.h"

/* Where at least one cell, or with erode every cell, of the octagon of @radius cells around is set. In place. */
void mask_dilate(const struct mask_grid *g, uint8_t *m, int radius, uint8_t *tmp);
void mask_erode(const struct mask_grid *g, uint8_t *m, int radius, uint8_t *tmp);
/* The least byte of the octagon around each, of any values. In place. */
void mask_least(const struct mask_grid *g, uint8_t *m, int radius, uint8_t *tmp);
/* Fill gaps and holes up to 2 * @radius cells wide; the edge of the picture counts as set beside set cells. */
void mask_close(const struct mask_grid *g, uint8_t *m, int radius, uint8_t *tmp);
/*
 * Hysteresis. A cell of @strong counts if two others around it are in @weak, or by itself if it is in @sole (as all of
 * it are at the edge of the picture, where somebody comes in by a cell); cells of @weak count if they have as many and
 * lie within @reach cells of a strong one that counts; what counts then grows over neighbours in @trace, @steps cells
 * far. The result is in @weak; @strong is used up.
 */
struct mask_evidence {
    uint8_t *weak, *strong;
    const uint8_t *sole, *trace;
};
void mask_settle(const struct mask_grid *g, const struct mask_evidence *e, int reach, int steps,
                 uint8_t *tmp);
/* Mean of the 3x3 square around each cell (0..255). */
void mask_smooth(const struct mask_grid *g, const uint8_t *m, uint8_t *ret, uint8_t *tmp);
/* Set cells. */
int mask_count(const struct mask_grid *g, const uint8_t *m);
#endif
