/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_ENCODE_H
#define MASK_ENCODE_H
/*
 * Masked pictures to H.264 through libavcodec and libx264: constrained baseline, no B-frames, one slice, fixed
 * quantiser. The picture hardly changes, so everything that looks ahead, adapts or searches is off. Thread-bound.
 */
#include "mask/picture.h"
#include "media/frame.h"

struct mask_encoder;

struct mask_encoded {
    const uint8_t *data; /* NAL units behind 4-byte lengths, valid until the next call */
    uint32_t size;
    bool key; /* parameter sets stand in front */
};

/* @p: the picture that is encoded each time, borrowed for the life of the encoder. E_UNSUPPORTED, -ENOMEM. */
int mask_encoder_new(const struct mask_picture *p, int fps, bool full_range,
                     struct mask_encoder **ret, struct err *reterr);
void mask_encoder_free(struct mask_encoder *e);
int mask_encoder_encode(struct mask_encoder *e, bool key, struct mask_encoded *ret,
                        struct err *reterr);
/* Of the last key picture. Borrowed. */
const struct media_params *mask_encoder_params(const struct mask_encoder *e);
#endif
