/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MEDIA_PARAMS_H
#define MEDIA_PARAMS_H
/* NAL units and parameter sets of H.264 (ITU-T H.264 §7.3) and H.265 (ITU-T H.265 §7.3). Reentrant. */
#include "base/err.h"
#include "media/frame.h"

enum media_nal_kind {
    NAL_OTHER,
    NAL_SLICE,
    NAL_KEY_SLICE,
    NAL_VPS,
    NAL_SPS,
    NAL_PPS,
    NAL_SEI,
    NAL_DELIMITER
};

/* Kind of a NAL unit by its header; NAL_OTHER when @len is too short. Header is 1 byte (H.264) or 2 (H.265). */
enum media_nal_kind media_nal_kind(enum media_codec codec, const uint8_t *nal, size_t len);

struct media_sps {
    uint16_t width, height; /* after cropping */
    uint8_t profile_idc, constraint_flags, level_idc;
    uint8_t chroma_format_idc, bit_depth_luma, bit_depth_chroma;
    int max_reorder; /* frames; -1 when the SPS does not say */
    uint32_t id;
    uint8_t h265_general[12]; /* H.265: general profile space … level, as hvcC wants them */
    uint8_t h265_sub_layers, h265_temporal_nested;
};
/* Parse an SPS NAL unit (with header, without start code; emulation prevention inside). E_SYNTAX, E_TRUNCATED, E_RANGE. */
int media_sps_parse(enum media_codec codec, const uint8_t *nal, size_t len, struct media_sps *ret);

/* Copy the sets that there are, and touch no memory beyond them: most streams have two of sixteen. */
void media_params_copy(struct media_params *to, const struct media_params *from);
/* Same sets, byte for byte, in the same order. */
bool media_params_same(const struct media_params *a, const struct media_params *b);
/*
 * Put one parameter set into @p, replacing the one of same kind and id. Returns 1 if @p changed, 0 if the same set
 * was there. Errors: E_LIMIT (too long, too many), E_SYNTAX.
 */
int media_params_put(struct media_params *p, enum media_codec codec, const uint8_t *nal,
                     size_t len);
/* True when there is all that a decoder needs to start: SPS and PPS, and for H.265 a VPS. */
bool media_params_complete(const struct media_params *p, enum media_codec codec);
/* First SPS parsed; E_NOTFOUND if there is none. */
int media_params_sps(const struct media_params *p, enum media_codec codec, struct media_sps *ret);
#endif
