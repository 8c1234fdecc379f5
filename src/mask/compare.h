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
 * Which of @n cells differ (weak: by more than their limits, strong: by 7/4 of them, sole: by 3 times, trace: by 3/4),
 * in luma or chroma; 255 or 0, and 0 where @known is 0. @n is a multiple of 16, numbers are below 8192.
 */
struct mask_verdict {
    const uint16_t *luma, *chroma, *luma_limit, *chroma_limit;
    const uint8_t *known;
    uint8_t *weak, *strong, *sole, *trace;
};
void mask_judge(const struct mask_verdict *v, size_t n);
void mask_judge_plain(const struct mask_verdict *v, size_t n);
/* Cells whose sum moved by more than 24 and half their limit. 255 or 0. */
void mask_motion(const uint16_t *sum, const uint16_t *before, const uint16_t *limit, uint8_t *ret,
                 size_t n);
void mask_motion_plain(const uint16_t *sum, const uint16_t *before, const uint16_t *limit,
                       uint8_t *ret, size_t n);

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
