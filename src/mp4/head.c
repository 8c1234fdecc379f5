/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Head of a recording, all of it known before the first frame: ftyp · moov · uuid/meta · free, padded to MP4_ALIGN;
 * then, from a multiple of MP4_ALIGN on, a free box as the room for sidx. It stands behind moov because FFmpeg ignores
 * a sidx that names a track it has not met yet. Layout of uuid/meta: docs/format/recording.md.
 * Source: ISO/IEC 14496-12 §8.8 (mvex), ISO/IEC 23001-7 §8.1 (pssh), W3C eme-initdata-cenc §4 (common system id).
 */
#include "mp4/head.h"

#include "mp4/box.h"

static const uint8_t common_system[16] = {0x10, 0x77, 0xef, 0xec, 0xc0, 0xb2, 0x4d, 0x02,
                                          0xac, 0xe3, 0x3c, 0x1e, 0x52, 0xe2, 0xfb, 0x4b};

static void ftyp(struct boxes *w)
{
    size_t box = box_open(w, "ftyp");
    box_bytes(w, "iso6", 4);
    box_u32(w, 0);
    box_bytes(w, "iso6isommp41", 12);
    box_close(w, box);
}

static void empty_tables(struct boxes *w)
{
    static const char *const names[] = {"stts", "stsc", "stsz", "stco"};
    for (size_t i = 0; i < 4; i++) {
        size_t box = box_open_full(w, names[i], 0, 0);
        box_zero(w, i == 2 ? 8 : 4);
        box_close(w, box);
    }
}

static int track(struct boxes *w, const struct mp4_info *info, int i)
{
    const struct media_track *t = &info->track[i];
    size_t tokens[4];
    mp4_trak_open(w, (uint32_t)i + 1, t, info->start_us, 0, 0, tokens);
    size_t box = box_open_full(w, "stsd", 0, 0);
    box_u32(w, 1);
    int r = mp4_sample_entry(w, t, info->encrypted ? info->kid : NULL);
    box_close(w, box);
    empty_tables(w);
    mp4_trak_close(w, tokens);
    return r;
}

static void extends(struct boxes *w, int tracks)
{
    size_t box = box_open(w, "mvex");
    for (int i = 0; i < tracks; i++) {
        size_t trex = box_open_full(w, "trex", 0, 0);
        box_u32(w, (uint32_t)i + 1);
        box_u32(w, 1);
        box_zero(w, 12);
        box_close(w, trex);
    }
    box_close(w, box);
}

static void pssh(struct boxes *w, const uint8_t kid[16])
{
    size_t box = box_open_full(w, "pssh", 1, 0);
    box_bytes(w, common_system, 16);
    box_u32(w, 1);
    box_bytes(w, kid, 16);
    box_u32(w, 0);
    box_close(w, box);
}

static void string(struct boxes *w, const char *s)
{
    size_t n = strnlen(s, MP4_ID - 1);
    box_u8(w, (unsigned)n);
    box_bytes(w, s, n);
}

static void meta(struct boxes *w, const struct mp4_info *info)
{
    size_t box = box_open_uuid(w, mp4_uuid_meta, 1);
    box_u8(w, info->view);
    box_u8(w, info->encrypted);
    box_u16(w, 0);
    box_u32(w, (uint32_t)info->retention_days);
    box_u64(w, (uint64_t)info->epoch_us);
    box_u64(w, (uint64_t)info->epoch_length_us);
    box_u64(w, (uint64_t)info->start_us);
    box_bytes(w, info->kid, 16);
    string(w, info->camera);
    string(w, info->node);
    box_close(w, box);
}

static int check(const struct mp4_info *info, struct err *e)
{
    if (info->tracks < 1 || info->tracks > MP4_TRACKS)
        return err_set(e, E_RANGE, "a recording has one or two tracks, not %d", info->tracks);
    if (!media_is_video(info->track[0].codec))
        return err_set(e, E_UNSUPPORTED, "the first track has to be video, not %s",
                       media_codec_name(info->track[0].codec));
    for (int i = 0; i < info->tracks; i++)
        if (info->track[i].clock_rate == 0)
            return err_set(e, E_RANGE, "track %d has no clock rate", i);
    if (!info->track[0].params || info->track[0].params->count == 0)
        return err_set(e, E_SYNTAX, "camera %s: no parameter sets have arrived yet", info->camera);
    return 0;
}

size_t mp4_sidx_room(unsigned max_fragments)
{
    size_t need =
        SIDX_FIXED_BYTES + SIDX_REFERENCE_BYTES * (size_t)(max_fragments ? max_fragments : 1);
    size_t room = (need + MP4_ALIGN - 1) / MP4_ALIGN * MP4_ALIGN;
    return room - need > 0 && room - need < 8 ? room + MP4_ALIGN : room;
}

static void movie(struct boxes *w, const struct mp4_info *info)
{
    ftyp(w);
    size_t moov = box_open(w, "moov");
    mp4_mvhd(w, info->start_us, 1000, 0, (uint32_t)info->tracks + 1);
    for (int i = 0; i < info->tracks && w->err >= 0; i++)
        w->err = track(w, info, i);
    extends(w, info->tracks);
    if (info->encrypted)
        pssh(w, info->kid);
    box_close(w, moov);
}

/* Nothing half-written stays in the buffer. */
static int finish(struct boxes *w, const struct mp4_info *info, size_t before, struct err *reterr)
{
    if (w->err >= 0)
        return 0;
    w->out->len = before;
    return err_set(reterr, w->err, "camera %s: head of the recording: %s", info->camera,
                   err_text(w->err));
}

int mp4_head_front(const struct mp4_info *info, struct buf *out, struct err *reterr)
{
    size_t before = out->len;
    struct boxes w = {.out = out};
    int r = check(info, reterr);
    if (r < 0)
        return r;
    movie(&w, info);
    meta(&w, info);
    box_pad(&w);
    return finish(&w, info, before, reterr);
}

int mp4_init_build(const struct mp4_info *info, struct buf *out, struct err *reterr)
{
    size_t before = out->len;
    struct boxes w = {.out = out};
    int r = check(info, reterr);
    if (r < 0)
        return r;
    movie(&w, info);
    return finish(&w, info, before, reterr);
}

int mp4_head_build(const struct mp4_info *info, unsigned max_fragments, struct buf *out,
                   struct err *reterr)
{
    struct buf head;
    struct boxes w = {.out = &head};
    buf_init(&head, 0);
    int r = mp4_head_front(info, &head, reterr);
    if (r < 0)
        goto done;
    size_t token = box_open(&w, "free");
    box_zero(&w, mp4_sidx_room(max_fragments) - 8);
    box_close(&w, token);
    r = w.err < 0 ? w.err : buf_append(out, head.data, head.len);
    if (r < 0)
        err_set(reterr, r, "camera %s: head of the recording: %s", info->camera, err_text(r));
done:
    buf_release(&head);
    return r;
}
