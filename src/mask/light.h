/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_LIGHT_H
#define MASK_LIGHT_H
/*
 * Soft light that the gain of the whole picture does not explain: the shade of somebody beside, a lamp, a bright corner
 * after an exposure step. A luma offset per block of 16x16 pixels, smooth over 100 pixels and more, at most
 * MASK_LIGHT_MAX, moving by a step every half second, and measured only where nothing is covered: a person is neither
 * that soft, nor that faint, nor that slow. Under what is covered the light is that of the surroundings. Thread-bound.
 */
#include "mask/gain.h"

#define MASK_LIGHT_MAX 9 /* steps of 1/255 */

struct mask_light {
    int columns, rows; /* blocks, those of the padding included */
    int16_t *offset;   /* per block, in 1/16: for mask_affine_row() */
    int across, down;  /* the coarse grid: nodes two blocks apart */
    float *node, *next;
};
int mask_light_init(struct mask_light *l, const struct mask_grid *g); /* -ENOMEM */
void mask_light_release(struct mask_light *l);
void mask_light_reset(struct mask_light *l);
/*
 * Follow what is left between plate and live behind the gain. @clear: a byte per block, 2 where it is known and nothing
 * is covered. To be called every half second. Returns whether anything changed.
 */
bool mask_light_follow(struct mask_light *l, const struct mask_gain *g,
                       const struct mask_blocks *plate, const struct mask_blocks *live,
                       const uint8_t *clear);
/* Offsets for a line of luma, one per 16 pixels. */
static inline const int16_t *mask_light_row(const struct mask_light *l, int line)
{
    return l->offset + (size_t)(line / MASK_BLOCK) * (size_t)l->columns;
}
#endif
