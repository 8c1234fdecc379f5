/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sequence parameter sets: ITU-T H.264 §7.3.2.1.1 and Annex E, ITU-T H.265 §7.3.2.2 and §7.3.3. */
#include <string.h>

#include "media/bits.h"
#include "media/params.h"

#define SIDE_MAX 16384 /* pixels; level 6.2 of either codec stays below */

/* Sizes before and after cropping are checked together: cameras do send windows larger than the picture. */
static int set_size(struct media_sps *s, uint64_t width, uint64_t height, const uint32_t crop[4],
                    uint32_t unit_x, uint32_t unit_y)
{
    uint64_t cut_x = ((uint64_t)crop[0] + crop[1]) * unit_x,
             cut_y = ((uint64_t)crop[2] + crop[3]) * unit_y;
    if (width == 0 || height == 0 || width > SIDE_MAX || height > SIDE_MAX || cut_x >= width ||
        cut_y >= height)
        return E_RANGE;
    s->width = (uint16_t)(width - cut_x);
    s->height = (uint16_t)(height - cut_y);
    return 0;
}

static int set_format(struct media_sps *s, uint32_t chroma, uint32_t luma_minus8,
                      uint32_t chroma_minus8)
{
    if (chroma > 3 || luma_minus8 > 8 || chroma_minus8 > 8)
        return E_RANGE;
    s->chroma_format_idc = (uint8_t)chroma;
    s->bit_depth_luma = (uint8_t)(luma_minus8 + 8);
    s->bit_depth_chroma = (uint8_t)(chroma_minus8 + 8);
    return 0;
}

static void skip_scaling_list(struct bits *b, int n)
{
    int32_t last = 8, next = 8;
    for (int i = 0; i < n && !b->over; i++) {
        if (next != 0)
            next = (int32_t)((uint32_t)last + (uint32_t)bits_se(b)) & 255;
        last = next ? next : last;
    }
}

static bool h264_has_chroma_fields(unsigned profile)
{
    static const uint8_t with[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    for (size_t i = 0; i < sizeof(with); i++)
        if (with[i] == profile)
            return true;
    return false;
}

static void skip_hrd(struct bits *b)
{
    uint32_t n = bits_ue(b);
    bits_skip(b, 8);
    for (uint32_t i = 0; i <= n && i < 32 && !b->over; i++) {
        bits_ue(b);
        bits_ue(b);
        bits_skip(b, 1);
    }
    bits_skip(b, 20);
}

/* Reorder depth of the VUI, or -1: a VUI that ends early costs only this number, as cameras cut it short. */
static int h264_vui_reorder(struct bits *b)
{
    if (bits_u(b, 1) && bits_u(b, 8) == 255) /* aspect ratio */
        bits_skip(b, 32);
    if (bits_u(b, 1)) /* overscan */
        bits_skip(b, 1);
    if (bits_u(b, 1)) { /* video signal */
        bits_skip(b, 4);
        if (bits_u(b, 1))
            bits_skip(b, 24);
    }
    if (bits_u(b, 1)) { /* chroma location */
        bits_ue(b);
        bits_ue(b);
    }
    if (bits_u(b, 1)) /* timing */
        bits_skip(b, 65);
    bool nal_hrd = bits_u(b, 1);
    if (nal_hrd)
        skip_hrd(b);
    bool vcl_hrd = bits_u(b, 1);
    if (vcl_hrd)
        skip_hrd(b);
    if (nal_hrd || vcl_hrd)
        bits_skip(b, 1);
    bits_skip(b, 1); /* pic_struct_present_flag */
    if (!bits_u(b, 1))
        return -1;
    bits_skip(b, 1);
    for (int i = 0; i < 4; i++)
        bits_ue(b);
    uint32_t reorder = bits_ue(b);
    return b->over || reorder > 16 ? -1 : (int)reorder;
}

/* profile_idc … level_idc, seq_parameter_set_id and what the high profiles add. */
static int h264_start(struct bits *b, struct media_sps *s, bool *ret_planes)
{
    s->profile_idc = (uint8_t)bits_u(b, 8);
    s->constraint_flags = (uint8_t)bits_u(b, 8);
    s->level_idc = (uint8_t)bits_u(b, 8);
    s->id = bits_ue(b);
    if (s->id > 31)
        return E_RANGE;
    int r = set_format(s, 1, 0, 0);
    *ret_planes = false;
    if (!h264_has_chroma_fields(s->profile_idc))
        return r;
    uint32_t chroma = bits_ue(b);
    if (chroma == 3)
        *ret_planes = bits_u(b, 1);
    uint32_t luma = bits_ue(b), chroma_depth = bits_ue(b);
    r = set_format(s, chroma, luma, chroma_depth);
    bits_skip(b, 1);
    int lists = bits_u(b, 1) ? (chroma == 3 ? 12 : 8) : 0;
    for (int i = 0; i < lists; i++)
        if (bits_u(b, 1))
            skip_scaling_list(b, i < 6 ? 16 : 64);
    return r;
}

/* Picture order count fields; type 2 means that output order is decode order. */
static uint32_t h264_poc_type(struct bits *b)
{
    bits_ue(b); /* log2_max_frame_num_minus4 */
    uint32_t type = bits_ue(b);
    if (type == 0) {
        bits_ue(b);
    } else if (type == 1) {
        bits_skip(b, 1);
        bits_se(b);
        bits_se(b);
        uint32_t n = bits_ue(b);
        for (uint32_t i = 0; i < n && i < 256 && !b->over; i++)
            bits_se(b);
    }
    return type;
}

static int h264_parse(struct bits *b, struct media_sps *s)
{
    bool planes;
    int r = h264_start(b, s, &planes);
    if (r < 0)
        return b->over ? E_TRUNCATED : r;
    uint32_t poc_type = h264_poc_type(b);
    bits_ue(b); /* max_num_ref_frames */
    bits_skip(b, 1);
    uint64_t width = 16 * ((uint64_t)bits_ue(b) + 1), height = 16 * ((uint64_t)bits_ue(b) + 1);
    uint32_t frames_only = bits_u(b, 1), crop[4] = {0};
    height *= 2 - frames_only;
    bits_skip(b, frames_only ? 1 : 2);
    if (bits_u(b, 1))
        for (int i = 0; i < 4; i++)
            crop[i] = bits_ue(b);
    bool vui = bits_u(b, 1);
    if (b->over)
        return E_TRUNCATED;
    if (poc_type > 2)
        return E_RANGE;
    uint32_t array = planes ? 0 : s->chroma_format_idc;
    r = set_size(s, width, height, crop, array == 1 || array == 2 ? 2 : 1,
                 (array == 1 ? 2 : 1) * (2 - frames_only));
    if (r < 0)
        return r;
    s->max_reorder = vui ? h264_vui_reorder(b) : -1;
    if (poc_type == 2 || s->profile_idc == 66)
        s->max_reorder = 0;
    return 0;
}

/* profile_tier_level(): the general part is kept, those of sub-layers are passed over. */
static void h265_profile(struct bits *b, struct media_sps *s, uint32_t sub_layers_minus1)
{
    for (size_t i = 0; i < sizeof(s->h265_general); i++)
        s->h265_general[i] = (uint8_t)bits_u(b, 8);
    s->profile_idc = s->h265_general[0] & 31;
    s->level_idc = s->h265_general[11];
    if (sub_layers_minus1 == 0)
        return;
    uint32_t flags = bits_u(b, 16); /* two per sub-layer, always eight pairs */
    for (uint32_t i = 0; i < sub_layers_minus1; i++, flags <<= 2) {
        bits_skip(b, flags & 0x8000 ? 88 : 0);
        bits_skip(b, flags & 0x4000 ? 8 : 0);
    }
}

static int h265_parse(struct bits *b, struct media_sps *s)
{
    bits_skip(b, 4);
    uint32_t sub = bits_u(b, 3), crop[4] = {0};
    if (sub > 6)
        return E_RANGE;
    s->h265_sub_layers = (uint8_t)(sub + 1);
    s->h265_temporal_nested = (uint8_t)bits_u(b, 1);
    h265_profile(b, s, sub);
    s->id = bits_ue(b);
    uint32_t chroma = bits_ue(b);
    bool planes = chroma == 3 && bits_u(b, 1);
    uint64_t width = bits_ue(b), height = bits_ue(b);
    if (bits_u(b, 1))
        for (int i = 0; i < 4; i++)
            crop[i] = bits_ue(b);
    uint32_t luma = bits_ue(b), chroma_depth = bits_ue(b);
    bits_ue(b); /* log2_max_pic_order_cnt_lsb_minus4 */
    uint32_t reorder = 0;
    for (uint32_t i = bits_u(b, 1) ? 0 : sub; i <= sub; i++) {
        bits_ue(b);
        reorder = bits_ue(b);
        bits_ue(b);
    }
    if (b->over)
        return E_TRUNCATED;
    if (s->id > 15)
        return E_RANGE;
    int r = set_format(s, chroma, luma, chroma_depth);
    if (r < 0)
        return r;
    s->max_reorder = reorder > 16 ? -1 : (int)reorder;
    uint32_t array = planes ? 0 : chroma;
    return set_size(s, width, height, crop, array == 1 || array == 2 ? 2 : 1, array == 1 ? 2 : 1);
}

int media_sps_parse(enum media_codec codec, const uint8_t *nal, size_t len, struct media_sps *ret)
{
    struct media_sps s = {.max_reorder = -1};
    struct bits b;
    if (media_nal_kind(codec, nal, len) != NAL_SPS)
        return E_SYNTAX;
    size_t header = codec == MEDIA_H265 ? 2 : 1;
    bits_init(&b, nal + header, len - header);
    int r = codec == MEDIA_H265 ? h265_parse(&b, &s) : h264_parse(&b, &s);
    if (r >= 0)
        *ret = s;
    return r;
}
