/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_DETECT_H
#define MASK_DETECT_H
/*
 * Detectors answer one question: is there a person, a face, a vehicle or an object, and where. They do not say who, and
 * no type here could hold it. Models are files; OpenCV's DNN module runs them behind detect_opencv.cc, the only C++.
 *
 * A pool belongs to one masker process and is shared fairly by its cameras within a CPU budget: cameras ask, the pool
 * answers as often as the budget allows, and a camera that was not served in time knows that it was not.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum detect_class { DETECT_UNKNOWN, DETECT_PERSON, DETECT_FACE, DETECT_VEHICLE };
const char *detect_class_name(enum detect_class c);

struct detect_box {
    enum detect_class class;
    float score; /* 0..1; persons and vehicles from 0.3 on: good to hide. 0.45 is good to tell */
    float x0, y0, x1, y1; /* 0..1 of the picture given */
};

/* Planar 4:2:0 picture, full range not assumed. Borrowed. */
struct detect_picture {
    int width, height;
    const uint8_t *plane[3];
    int stride[3];
};

struct detector_pool;
/*
 * Load the models found in @model_dirs (first match wins; NULL ends the list) before the sandbox is entered.
 * @budget  CPU of one core that detection may take, 0..1 (0.5: half a core), over a sliding second
 * E_NOTFOUND: no model at all (the pool is not made; say in words what that means and how to get them: `lethe models`).
 */
int detector_pool_new(const char *const *model_dirs, double budget, struct detector_pool **ret,
                      struct err *reterr);
void detector_pool_free(struct detector_pool *p);
/* Which classes the models loaded can tell. */
bool detector_pool_has(const struct detector_pool *p, enum detect_class c);
/* What one round over a picture of this size costs by the latest measurements, microseconds of CPU. */
int64_t detector_pool_cost_us(const struct detector_pool *p, int width, int height);

#define DETECT_BOXES 128
/*
 * Look at @pic, or at the part x0..y1 of it (0..1), now, on the calling thread. All models look: persons, vehicles, faces.
 * A part is grown to what a net needs to see around it; boxes are in 0..1 of the whole picture and may overlap.
 *
 * @camera  any number that tells cameras apart, for fairness
 * @urgent  something new moved in: a quick look; else the slow round over what stays: larger input, three times as dear
 * @now_us  any clock that goes on, the same for all cameras of the pool
 *
 * Returns the number of boxes, at most DETECT_BOXES.
 * Errors: E_BUSY: the budget says not now, ask again with the next picture. E_TIMEOUT: a detector failed or took more
 * than 2 s of CPU, and all rest for a minute. E_RANGE: the picture is smaller than 16 pixels.
 */
int detector_pool_look(struct detector_pool *p, uint64_t camera, const struct detect_picture *pic,
                       float x0, float y0, float x1, float y1, bool urgent, int64_t now_us,
                       struct detect_box ret[DETECT_BOXES]);
#endif
