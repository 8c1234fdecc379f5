/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BENCH_MASK_JUDGE_H
#define BENCH_MASK_JUDGE_H
/*
 * What of a person is seen in a masked picture, judged on pixels alone: nothing that the masker says about itself is
 * believed. Three pictures of the same moment: the live source S, the masked output O and, where it is known, the empty
 * place B. All three planes count. Reentrant.
 *
 * A person's pixel is exposed when O lies on the line from B to S, at 0.4 of the way or beyond, no further from that
 * line than noise: what is seen there is the live picture, or a ghost of it. Pixels where S hardly differs from B show
 * nothing of anybody and do not count, nor do those where O is B in another light: a plate learnt earlier. An exposed pixel counts only among exposed neighbours (6 of 9), so that a fill
 * colour which happens to match a button is no leak and a face is. And where one flat colour lies over a person and over
 * what is around them, on parts that it matches and on parts that it does not, that is a fill that happens to have the
 * colour of a coat, and exposes nothing; nor does what has one colour in the middle of a fill, a mark drawn on it. Without B, O exposes where it equals S within noise.
 */
#include <stdbool.h>
#include <stdint.h>

#include "sim/picture.h"

#define JUDGE_EXPOSED 0.4f    /* of the way from B to S */
#define JUDGE_CONTRAST 16.0f  /* of S against B below which nothing can be seen */
#define JUDGE_NOISE 12.0f     /* luma steps off the line, plus a tenth of the contrast */
#define JUDGE_MISS 0.10f      /* share of a person's pixels that may be exposed: 90 % are covered */
#define JUDGE_MISS_PIXELS 12  /* and fewer than that show nobody */
#define JUDGE_LEAST_PIXELS 40 /* smaller persons are not judged */

struct judge_area {
    uint32_t pixels, exposed;
};

/* Scratch for pictures of one size; freed with judge_scratch_release(). */
struct judge_scratch {
    uint8_t *map;
    int width, height;
};
void judge_scratch_release(struct judge_scratch *j);

/* How much brighter the plate in O is than B, by most pixels, in 1/64. */
int judge_light(const struct sim_picture *b, const struct sim_picture *o);
/*
 * The person labelled @label in S's label plane, within the box x0..y1 (pixels): inner pixels only, as the edges are
 * half background. All pictures have S's size.
 * @light  from judge_light(), once for a picture
 * -ENOMEM.
 */
int judge_person(struct judge_scratch *j, const struct sim_picture *s, const struct sim_picture *b,
                 const struct sim_picture *o, int light, uint8_t label, const float box[4],
                 struct judge_area *ret);
/* Without truth to the pixel and without B: the ellipse in the box, as corners are background. */
int judge_box(struct judge_scratch *j, const struct sim_picture *s, const struct sim_picture *o,
              const float box[4], struct judge_area *ret);
bool judge_missed(const struct judge_area *a);

struct judge_boxes {
    int count;
    float box[64][4];
};
/*
 * Share of the picture that is masked though nothing is there: O differs from B, whose light is fitted to O's first, at
 * pixels outside the boxes grown by @margin pixels. Pixels in the boxes belong to neither.
 */
int judge_false_area(struct judge_scratch *j, const struct sim_picture *b,
                     const struct sim_picture *o, const struct judge_boxes *objects, int margin,
                     float *ret);
#endif
