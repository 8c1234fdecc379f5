/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MP4_VIRTUAL_H
#define MP4_VIRTUAL_H
/*
 * One progressive MP4 of any span of clear recordings, without copying them: its head is made in memory, its media data
 * are pieces of the recordings. Any byte of it can be had at any time, so that a download can be resumed and a player can
 * seek. The same samples give the same bytes. Video only; what mp4/export.h says of parameter changes and gaps holds here.
 *
 *   ftyp · moov (edit list, if it does not begin with the first sample) · mdat
 *
 * Thread-bound until finished, then immutable. Source: ISO/IEC 14496-12 §8.6.6 (elst), and as in export.c.
 */
#include "mp4/reader.h"

#define MP4_VIRTUAL_SAMPLES 4000000 /* a day at 40 pictures a second, and 64 MB of tables */

struct mp4_virtual;
int mp4_virtual_new(struct mp4_virtual **ret);
void mp4_virtual_free(struct mp4_virtual *v);
/* The samples that follow are in the recording @tag, the caller's own number. E_SYNTAX, E_RANGE (no video), E_UNSUPPORTED (sealed), -ENOMEM. */
int mp4_virtual_source(struct mp4_virtual *v, const struct mp4_info *info, int tag,
                       struct err *reterr);
/* Append a sample of mp4_reader_peek(), in decode order; audio is passed over. E_LIMIT, E_RANGE (a gap of over 13 hours), -ENOMEM. */
int mp4_virtual_sample(struct mp4_virtual *v, const struct mp4_sample *s, struct err *reterr);
/*
 * Make the head. @show_us: UTC of the first picture that is shown; what lies before it is there for the decoder only.
 * Errors: E_NOTFOUND (no sample), -ENOMEM.
 */
int mp4_virtual_finish(struct mp4_virtual *v, int64_t show_us, struct err *reterr);

uint64_t mp4_virtual_bytes(const struct mp4_virtual *v);
uint64_t mp4_virtual_frames(const struct mp4_virtual *v);
/* UTC of the first sample's presentation, and of the end of the last one. */
int64_t mp4_virtual_start_us(const struct mp4_virtual *v);
int64_t mp4_virtual_end_us(const struct mp4_virtual *v);

/* Where the bytes from a position on are to be found. */
struct mp4_virtual_part {
    const uint8_t *memory; /* there; or, if NULL, */
    int tag;               /* in that recording */
    uint64_t offset;       /* from that byte on */
    uint64_t length;       /* so many, at least 1 */
};
/* False at the end. Reentrant. */
bool mp4_virtual_at(const struct mp4_virtual *v, uint64_t at, struct mp4_virtual_part *ret);
#endif
