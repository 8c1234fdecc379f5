/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_DETECT_INPUT_H
#define MASK_DETECT_INPUT_H
/* From a part of a 4:2:0 picture to the input of a net, and back from its pixels to the picture. Reentrant. */
#include "mask/detect.h"

/* A part of a picture in pixels, edges at even numbers where possible. */
struct detect_region {
    int x, y, width, height;
};

/* How a net wants its pixels: three planes blue, green, red, (value - mean) / deviation. */
struct detect_norm {
    float mean[3], deviation[3];
    float pad; /* value before normalisation, where the picture does not reach */
};

/*
 * The pixels of @pic that x0..x1, y0..y1 (0..1) touch, grown around the middle to at least @least_width x
 * @least_height where the picture has them: a detector wants to see surroundings. What is not a number counts as 0.
 */
struct detect_region detect_region_of(const struct detect_picture *pic, float x0, float y0,
                                      float x1, float y1, int least_width, int least_height);

/* Input pixels per picture pixel with which @r fits into @width x @height, at most 1. */
float detect_input_scale(const struct detect_region *r, int width, int height);

/*
 * Reduce @r by area means, convert by BT.601 (studio range) and put it into the upper left corner of @out.
 *
 * @scratch  4 * width of the picture + 16 floats
 * Returns the mean luma, 0..255.
 */
float detect_input_fill(const struct detect_picture *pic, const struct detect_region *r, int width,
                        int height, const struct detect_norm *norm, float *scratch, float *out);

/* Box in input pixels to 0..1 of the picture, cut at the region's edges. */
void detect_input_map(const struct detect_picture *pic, const struct detect_region *r, int width,
                      int height, struct detect_box *b);
#endif
