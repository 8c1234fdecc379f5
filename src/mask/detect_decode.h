/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_DETECT_DECODE_H
#define MASK_DETECT_DECODE_H
/*
 * What the outputs of the known nets mean. Boxes come out in pixels of the input. Of a general object detector only
 * the columns of persons and of vehicles are read; of a face detector only where a face is, not its landmarks.
 * Reentrant.
 */
#include "mask/detect.h"
#include "mask/detect_net.h"

enum detect_kind {
    DETECT_YUNET,  /* faces; outputs cls, obj, bbox for strides 8, 16, 32 */
    DETECT_YOLOX,  /* COCO objects; one output: x y w h, object, 80 classes */
    DETECT_NANODET /* COCO objects; outputs classes, edges for strides 8, 16, 32 */
};

/* Names of the outputs that the decoder wants, in its order; NULL and 1: the only one. */
int detect_decode_outputs(enum detect_kind kind, const char *const **ret);

/*
 * Boxes with at least @threshold in the outputs of a net run on @width x @height, best first and without doubles.
 * E_MISMATCH: the tensors do not have the shapes that belong to this input.
 */
int detect_decode(enum detect_kind kind, const struct detect_tensor *t, int width, int height,
                  float threshold, struct detect_box ret[DETECT_BOXES]);

/*
 * Non-maximum suppression in place: of boxes of one class that overlap by more than @overlap (intersection over
 * union) the best stays. Returns how many are left, best first.
 */
int detect_suppress(struct detect_box *b, int n, float overlap);
/* Intersection over union, 0..1. */
float detect_overlap(const struct detect_box *a, const struct detect_box *b);
#endif
