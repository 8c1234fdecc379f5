/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MP4_EXPORT_H
#define MP4_EXPORT_H
/*
 * Write samples of one or many recordings into one clear MP4 that any player opens: bitstream untouched, parameter
 * changes as further sample descriptions, gaps kept as gaps of the timeline.
 */
#include "mp4/reader.h"

struct mp4_export;
int mp4_export_open(int fd, const struct mp4_info *first, struct mp4_export **ret, struct err *reterr);
/* A new source file follows; its media time 0 is info->start_us. */
int mp4_export_source(struct mp4_export *e, const struct mp4_info *info, struct err *reterr);
int mp4_export_sample(struct mp4_export *e, const struct mp4_sample *s, struct err *reterr);
/* Finish the file; the descriptor stays open. */
int mp4_export_close(struct mp4_export *e, uint64_t *ret_bytes, struct err *reterr);
void mp4_export_abort(struct mp4_export *e);
#endif
