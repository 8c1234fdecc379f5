/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Sample descriptions. Parameter sets stand in avcC or hvcC, and the 4CC is avc1 or hvc1 although cameras repeat the
 * sets in band: a change of sets begins a new recording, so the repeats never say anything new, and more players know
 * these two names than avc3 and hev1.
 * Source: ISO/IEC 14496-15 §5.3.3, §5.4.2 (AVC), §8.3.3, §8.4.1 (HEVC); ISO/IEC 14496-1 §7.2.6 and 14496-14 §5.6
 * (esds); ISO/IEC 14496-12 §8.12, ISO/IEC 23001-7 §8.2 (sinf, tenc).
 */
#include "media/params.h"
#include "mp4/box.h"

static int params_of_kind(struct boxes *w, const struct media_track *t, enum media_nal_kind kind,
                          bool write)
{
    int n = 0;
    for (int i = 0; i < t->params->count; i++) {
        const struct media_param_set *s = &t->params->set[i];
        if (media_nal_kind(t->codec, s->data, s->len) != kind)
            continue;
        n++;
        if (!write)
            continue;
        box_u16(w, s->len);
        box_bytes(w, s->data, s->len);
    }
    return n;
}

static void avcc(struct boxes *w, const struct media_track *t, const struct media_sps *sps)
{
    size_t box = box_open(w, "avcC");
    box_u8(w, 1);
    box_u8(w, sps->profile_idc);
    box_u8(w, sps->constraint_flags);
    box_u8(w, sps->level_idc);
    box_u8(w, 0xff); /* NAL lengths of 4 bytes */
    box_u8(w, 0xe0 | (unsigned)params_of_kind(w, t, NAL_SPS, false));
    params_of_kind(w, t, NAL_SPS, true);
    box_u8(w, (unsigned)params_of_kind(w, t, NAL_PPS, false));
    params_of_kind(w, t, NAL_PPS, true);
    if (sps->profile_idc != 66 && sps->profile_idc != 77 && sps->profile_idc != 88) {
        box_u8(w, 0xfcU | sps->chroma_format_idc);
        box_u8(w, 0xf8U | (sps->bit_depth_luma - 8U));
        box_u8(w, 0xf8U | (sps->bit_depth_chroma - 8U));
        box_u8(w, 0);
    }
    box_close(w, box);
}

static void hvcc(struct boxes *w, const struct media_track *t, const struct media_sps *sps)
{
    static const struct {
        enum media_nal_kind kind;
        unsigned type;
    } arrays[] = {{NAL_VPS, 32}, {NAL_SPS, 33}, {NAL_PPS, 34}};
    size_t box = box_open(w, "hvcC");
    box_u8(w, 1);
    box_bytes(w, sps->h265_general, sizeof(sps->h265_general));
    box_u16(w, 0xf000);
    box_u8(w, 0xfc);
    box_u8(w, 0xfcU | sps->chroma_format_idc);
    box_u8(w, 0xf8U | (sps->bit_depth_luma - 8U));
    box_u8(w, 0xf8U | (sps->bit_depth_chroma - 8U));
    box_u16(w, 0);
    box_u8(w, (unsigned)sps->h265_sub_layers << 3 | (unsigned)sps->h265_temporal_nested << 2 | 3U);
    box_u8(w, 3);
    for (size_t i = 0; i < 3; i++) {
        box_u8(w, 0x80U | arrays[i].type);
        box_u16(w, (unsigned)params_of_kind(w, t, arrays[i].kind, false));
        params_of_kind(w, t, arrays[i].kind, true);
    }
    box_close(w, box);
}

static void protection(struct boxes *w, const char *format, const uint8_t *kid)
{
    size_t box = box_open(w, "sinf");
    size_t child = box_open(w, "frma");
    box_bytes(w, format, 4);
    box_close(w, child);
    child = box_open_full(w, "schm", 0, 0);
    box_bytes(w, "cenc", 4);
    box_u32(w, 0x00010000);
    box_close(w, child);
    child = box_open(w, "schi");
    size_t tenc = box_open_full(w, "tenc", 0, 0);
    box_u16(w, 0);
    box_u8(w, 1); /* protected */
    box_u8(w, 8); /* bytes of IV in each sample */
    box_bytes(w, kid, 16);
    box_close(w, tenc);
    box_close(w, child);
    box_close(w, box);
}

static int video_entry(struct boxes *w, const struct media_track *t, const uint8_t *kid)
{
    static const char compressor[32];
    const char *format = t->codec == MEDIA_H265 ? "hvc1" : "avc1";
    struct media_sps sps;
    if (!t->params || !media_params_complete(t->params, t->codec))
        return E_SYNTAX;
    int r = media_params_sps(t->params, t->codec, &sps);
    if (r < 0)
        return r;
    size_t box = box_open(w, kid ? "encv" : format);
    box_zero(w, 6);
    box_u16(w, 1); /* data_reference_index */
    box_zero(w, 16);
    box_u16(w, sps.width);
    box_u16(w, sps.height);
    box_u32(w, 0x00480000);
    box_u32(w, 0x00480000);
    box_u32(w, 0);
    box_u16(w, 1);
    box_bytes(w, compressor, sizeof(compressor));
    box_u16(w, 24);
    box_u16(w, 0xffff);
    if (t->codec == MEDIA_H265)
        hvcc(w, t, &sps);
    else
        avcc(w, t, &sps);
    if (kid)
        protection(w, format, kid);
    box_close(w, box);
    return w->err;
}

static void esds(struct boxes *w, const struct media_track *t)
{
    unsigned asc = t->asc_len; /* at most 64, so every length fits into one byte */
    size_t box = box_open_full(w, "esds", 0, 0);
    box_u8(w, 3); /* ES descriptor */
    box_u8(w, 3 + 2 + 13 + 2 + asc + 3);
    box_u16(w, 0);
    box_u8(w, 0);
    box_u8(w, 4); /* decoder configuration: MPEG-4 audio, audio stream */
    box_u8(w, 13 + 2 + asc);
    box_u8(w, 0x40);
    box_u8(w, 0x15);
    box_zero(w, 11);
    box_u8(w, 5);
    box_u8(w, asc);
    box_bytes(w, t->asc, asc);
    box_u8(w, 6); /* SL configuration of MP4 files */
    box_u8(w, 1);
    box_u8(w, 2);
    box_close(w, box);
}

static int audio_entry(struct boxes *w, const struct media_track *t, const uint8_t *kid)
{
    const char *format = t->codec == MEDIA_AAC ? "mp4a" : t->codec == MEDIA_PCMU ? "ulaw" : "alaw";
    if (t->asc_len > sizeof(t->asc) || (t->codec == MEDIA_AAC && t->asc_len < 2))
        return E_SYNTAX;
    size_t box = box_open(w, kid ? "enca" : format);
    box_zero(w, 6);
    box_u16(w, 1);
    box_zero(w, 8);
    box_u16(w, t->channels ? t->channels : 1);
    box_u16(w, 16);
    box_u32(w, 0);
    box_u32(w, t->clock_rate < 65536 ? t->clock_rate << 16 : 0);
    if (t->codec == MEDIA_AAC)
        esds(w, t);
    if (kid)
        protection(w, format, kid);
    box_close(w, box);
    return w->err;
}

int mp4_sample_entry(struct boxes *w, const struct media_track *t, const uint8_t *kid)
{
    if (w->err < 0)
        return w->err;
    int r = media_is_video(t->codec) ? video_entry(w, t, kid)
            : t->codec == MEDIA_NONE ? E_UNSUPPORTED
                                     : audio_entry(w, t, kid);
    if (r < 0)
        w->err = r;
    return r;
}
