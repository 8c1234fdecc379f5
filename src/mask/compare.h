/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_COMPARE_H
#define MASK_COMPARE_H
/*
 * The work that touches every pixel of every frame. Each function has a plain C version that says what it computes and,
 * on x86-64, one with SSE2 (which every x86-64 has) that yields the same bits. Reentrant.
 */
#include "mask/picture.h"

/* Sums of one row of cells; arrays of grid stride entries. */
struct mask_row {
    uint16_t *luma_sad;   /* of |live - ref|, each column of 4 pixels saturated at 255: 0..1020 */
    uint16_t *luma_sum;   /* of live: 0..4080; may be NULL */
    uint16_t *chroma_sad; /* of both planes, each column of 2 pixels saturated at 255: 0..1020 */
};
/* Compare cell row @row of two pictures of the same size. */
void mask_compare_row(const struct mask_picture *live, const struct mask_picture *ref, int row,
                      const struct mask_row *ret);
void mask_compare_row_plain(const struct mask_picture *live, const struct mask_picture *ref,
                            int row, const struct mask_row *ret);

/*
 * ret = clamp(p * gain + offset + extra, low, high), @gain in 1/8192 (0..32767), offsets in 1/16. @n is a multiple of 16.
 * @extra  one number per 16 bytes, or NULL
 */
struct mask_affine {
    uint16_t gain;
    int16_t offset;
    uint8_t low, high;
};
#define MASK_GAIN_ONE 8192
void mask_affine_row(const uint8_t *p, uint8_t *ret, size_t n, struct mask_affine a,
                     const int16_t *extra);
void mask_affine_row_plain(const uint8_t *p, uint8_t *ret, size_t n, struct mask_affine a,
                           const int16_t *extra);

/* Each byte of @to one step towards @live where @pull is 255; 0 leaves it. Seen over time, @to is the median. */
void mask_approach(uint8_t *to, const uint8_t *pred, const uint8_t *live, const uint8_t *pull,
                   size_t n);
void mask_approach_plain(uint8_t *to, const uint8_t *pred, const uint8_t *live, const uint8_t *pull,
                         size_t n);
#endif
