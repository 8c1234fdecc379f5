/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_CLIP_H
#define MASK_CLIP_H
/* Access units of a media file (H.264 or H.265 in MP4, Matroska, MPEG-TS, or raw), for masking offline. Blocking. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "media/frame.h"

struct mask_clip;

/* Errors: those of opening and demuxing, E_UNSUPPORTED (no H.264 or H.265 inside), with the file in the sentence. */
int mask_clip_open(const char *path, struct mask_clip **ret, struct err *reterr);
void mask_clip_close(struct mask_clip *c); /* NULL is fine */
/* Codec, size and the parameter sets met so far. Borrowed; changes with mask_clip_next(). */
const struct media_track *mask_clip_track(const struct mask_clip *c);
/* Length as the file states it, 0 if it does not. */
int64_t mask_clip_duration_us(const struct mask_clip *c);
/*
 * The next access unit in decode order; its bytes are valid until the next call. 1, or 0 at the end.
 * @ret_time_us  its decode time from the start of the file on, never going back, also over mask_clip_rewind()
 */
int mask_clip_next(struct mask_clip *c, struct media_au *ret, int64_t *ret_time_us,
                   struct err *reterr);
/* From the first picture on again; times go on where they ended. */
int mask_clip_rewind(struct mask_clip *c, struct err *reterr);
#endif
