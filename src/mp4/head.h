/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MP4_HEAD_H
#define MP4_HEAD_H
/* What head and tail have to agree on. */
#include "mp4/writer.h"

#define SIDX_FIXED_BYTES 40 /* version 1 without references */
#define SIDX_REFERENCE_BYTES 12
#define MP4_REASON_BYTES 32 /* end reason in uuid/manifest, padded with NUL */
#define MP4_MANIFEST_FIXED (8 + 16 + 4 + 4 + 8 + 8 + MP4_REASON_BYTES)
#define MP4_MANIFEST_ENTRY (8 + 4 + 4 + 8 + 4 + 4 + 4 + 32)

/* Bytes kept for sidx: a multiple of MP4_ALIGN. */
size_t mp4_sidx_room(unsigned max_fragments);
/* The head up to that room; pure function of @info. Appends to @out, or leaves it as it was. */
int mp4_head_front(const struct mp4_info *info, struct buf *out, struct err *reterr);
#endif
