/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MP4_BOX_H
#define MP4_BOX_H
/*
 * Writing boxes into a growing buffer. The first error sticks and later calls do nothing, so that a box is written
 * top to bottom and looked at once. Thread-bound.
 * Source: ISO/IEC 14496-12 §4.2.
 */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "mp4/writer.h"

#define MP4_TYPE(a, b, c, d)                                                                       \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Extended types of our own boxes; docs/format/recording.md. */
extern const uint8_t mp4_uuid_meta[16], mp4_uuid_manifest[16];

struct boxes {
    struct buf *out;
    int err; /* 0 or the first error */
};

void box_bytes(struct boxes *w, const void *data, size_t len);
void box_zero(struct boxes *w, size_t len);
void box_u8(struct boxes *w, unsigned v);
void box_u16(struct boxes *w, unsigned v);
void box_u32(struct boxes *w, uint32_t v);
void box_u64(struct boxes *w, uint64_t v);
/* Open a box of @type (a four-character string); returns the token for box_close(). */
size_t box_open(struct boxes *w, const char *type);
size_t box_open_full(struct boxes *w, const char *type, unsigned version, uint32_t flags);
size_t box_open_uuid(struct boxes *w, const uint8_t uuid[16], unsigned version);
void box_close(struct boxes *w, size_t token);
/* A 'free' box that ends at the next multiple of MP4_ALIGN of the buffer; none if the end is there. */
void box_pad(struct boxes *w);

/* Sample description of one track ('stsd' child), sealed with @kid if that is not NULL. E_SYNTAX: no parameter sets. */
int mp4_sample_entry(struct boxes *w, const struct media_track *t, const uint8_t *kid);
/* What moov holds of one track; @duration in @timescale ticks. stbl is left to the caller between the two. */
void mp4_trak_open(struct boxes *w, uint32_t id, const struct media_track *t, int64_t created_us,
                   uint64_t duration, uint64_t movie_duration, size_t ret_tokens[4]);
void mp4_trak_close(struct boxes *w, const size_t tokens[4]);
void mp4_mvhd(struct boxes *w, int64_t created_us, uint32_t timescale, uint64_t duration,
              uint32_t next_track);

/*
 * Seal one sample: copy @size bytes from @src to @dst, encrypting what has to be. @senc receives the sample's entry
 * of the senc box (at most MP4_SENC_BYTES). Returns the length of that entry, or E_SYNTAX, E_BUG.
 * @c NULL: copy only, the entry is empty.
 */
#define MP4_SUBSAMPLES 40
#define MP4_SENC_BYTES (8 + 2 + 6 * MP4_SUBSAMPLES)
int mp4_seal_sample(struct mp4_cipher *c, enum media_codec codec, const uint8_t *src, uint32_t size,
                    uint8_t *dst, uint8_t *senc);

static inline bool media_is_video(enum media_codec c)
{
    return c == MEDIA_H264 || c == MEDIA_H265;
}
#endif
