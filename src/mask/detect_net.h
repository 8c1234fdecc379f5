/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_DETECT_NET_H
#define MASK_DETECT_NET_H
/*
 * One neural network, loaded from memory and run on one picture: floats in, floats out. What the numbers mean is known
 * to detect_decode.c. Implemented by detect_opencv.cc, the only C++; no exception leaves it. Thread-bound, and one
 * thread is all it uses. Neither opens files nor starts threads once detect_net_open() has returned.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "base/err.h"

#define DETECT_OUTPUTS 9

struct detect_net;

/* One output of a net. Borrowed until the next run of the same net. */
struct detect_tensor {
    const float *data; /* rows x columns, row after row */
    int rows, columns;
};

/*
 * Load a network in ONNX form. The bytes may be freed afterwards.
 *
 * @outputs  names of the wanted outputs, @count of them, at most DETECT_OUTPUTS; NULL and 1: the only one
 *
 * Errors: E_UNSUPPORTED (OpenCV does not take it; its words are in @reterr), -ENOMEM.
 */
int detect_net_open(const uint8_t *onnx, size_t bytes, const char *const *outputs, int count,
                    struct detect_net **ret, struct err *reterr);
void detect_net_close(struct detect_net *n); /* NULL is fine */

/*
 * Run on @input: three planes of @width x @height. Sets one tensor per output. A size that differs from the last one
 * costs a new plan of the net: keep a net per size.
 *
 * Errors: E_UNSUPPORTED (OpenCV refused), -ENOMEM.
 */
int detect_net_run(struct detect_net *n, float *input, int width, int height,
                   struct detect_tensor ret[DETECT_OUTPUTS], struct err *reterr);
#ifdef __cplusplus
}
#endif
#endif
