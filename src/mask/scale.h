/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_SCALE_H
#define MASK_SCALE_H
/* Decoded frames to pictures of the masked size. Thread-bound. */
#include <libavutil/frame.h>

#include "mask/picture.h"

struct mask_scaler {
    struct SwsContext *sws; /* NULL: none needed yet */
    int from_width, from_height, from_format;
};

/* Size of the masked picture: @limit wide at most, even, never enlarged, aspect kept. E_RANGE: too small or too large. */
int mask_scale_size(int width, int height, int limit, int *ret_width, int *ret_height);
/* May the frame be masked? 8 bit 4:2:0 only. E_UNSUPPORTED with the format in words. */
int mask_scale_accepts(const AVFrame *f, struct err *reterr);
/* Bring @f to the size of @to, padding included. -ENOMEM, E_UNSUPPORTED. */
int mask_scale(struct mask_scaler *s, const AVFrame *f, struct mask_picture *to,
               struct err *reterr);
void mask_scaler_release(struct mask_scaler *s);
#endif
