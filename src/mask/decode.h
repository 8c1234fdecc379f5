/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_DECODE_H
#define MASK_DECODE_H
/* Access units to pictures through libavcodec, one thread. Trusts nothing. Thread-bound. */
#include <libavutil/frame.h>

#include "base/err.h"
#include "media/frame.h"

struct mask_decoder;

/* A picture that came out, in order of presentation. */
struct mask_decoded {
    const AVFrame *frame; /* borrowed for the time of the call */
    int64_t pts_ticks, utc_us;
    bool damaged; /* the decoder met errors in it or in what it was made from */
};

/* @track: codec and, if known, parameter sets. E_UNSUPPORTED: no decoder for it. */
int mask_decoder_new(const struct media_track *track, struct mask_decoder **ret,
                     struct err *reterr);
void mask_decoder_free(struct mask_decoder *d);
/*
 * @wanted  false: the picture will not be looked at, and is not decoded if no other one refers to it
 * @out     called for every picture that is finished with this access unit
 * Errors: E_SYNTAX (the decoder refused it, or the lengths of the NAL units do not add up), E_LIMIT, -ENOMEM.
 */
int mask_decoder_feed(struct mask_decoder *d, const struct media_track *track,
                      const struct media_au *au, int64_t utc_us, bool wanted,
                      void (*out)(void *user, const struct mask_decoded *p), void *user,
                      struct err *reterr);
/* Hand out the pictures that wait for others to be shown before them. The next access unit must be a key picture. */
void mask_decoder_flush(struct mask_decoder *d,
                        void (*out)(void *user, const struct mask_decoded *p), void *user);
#endif
