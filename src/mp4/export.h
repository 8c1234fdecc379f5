/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MP4_EXPORT_H
#define MP4_EXPORT_H
/*
 * Write samples of one or many recordings into one clear, progressive MP4 that any player opens: bitstream untouched,
 * parameter changes as further sample descriptions, gaps kept in the timeline (the sample in front of a gap lasts until
 * the one behind it). Time 0 is the presentation time of the first sample. Thread-bound; blocks on the file.
 */
#include "mp4/reader.h"

struct mp4_export;
/* @fd: an empty file open for writing (borrowed, pwrite only). @first: the first source, as for mp4_export_source(). */
int mp4_export_open(int fd, const struct mp4_info *first, struct mp4_export **ret,
                    struct err *reterr);
/*
 * A new source file follows; its media time 0 is info->start_us. @info is copied, its parameter sets are not needed
 * longer. Errors: E_SYNTAX, E_RANGE (track), E_LIMIT (4096 different sample descriptions), -ENOMEM.
 */
int mp4_export_source(struct mp4_export *e, const struct mp4_info *info, struct err *reterr);
/* Samples of a track come in decode order. Errors: -ENOSPC, -EIO, -ENOMEM: abort; E_RANGE: no such track, or a gap of
 * more than 2^32-1 ticks (13 hours at 90 kHz). */
int mp4_export_sample(struct mp4_export *e, const struct mp4_sample *s, struct err *reterr);
/* Finish the file and free @e, also on error (E_NOTFOUND: no sample was written). The descriptor stays open. */
int mp4_export_close(struct mp4_export *e, uint64_t *ret_bytes, struct err *reterr);
/* Free @e; what has been written is no readable file. NULL is fine. */
void mp4_export_abort(struct mp4_export *e);
#endif
