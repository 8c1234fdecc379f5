/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Movie and track headers. Source: ISO/IEC 14496-12 §8.2.2 (mvhd), §8.3.2 (tkhd), §8.4 (mdia), §8.7.2 (dref). */
#include "base/clock.h"
#include "mp4/box.h"

#define SECONDS_1904_TO_1970 UINT64_C(2082844800)

static const uint32_t identity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};

static void matrix(struct boxes *w)
{
    for (size_t i = 0; i < 9; i++)
        box_u32(w, identity[i]);
}

static void times(struct boxes *w, int64_t created_us)
{
    uint64_t s = created_us > 0 ? (uint64_t)(created_us / SECOND_US) + SECONDS_1904_TO_1970 : 0;
    box_u64(w, s);
    box_u64(w, s);
}

void mp4_mvhd(struct boxes *w, int64_t created_us, uint32_t timescale, uint64_t duration,
              uint32_t next_track)
{
    size_t box = box_open_full(w, "mvhd", 1, 0);
    times(w, created_us);
    box_u32(w, timescale);
    box_u64(w, duration);
    box_u32(w, 0x00010000);
    box_u16(w, 0x0100);
    box_zero(w, 10);
    matrix(w);
    box_zero(w, 24);
    box_u32(w, next_track);
    box_close(w, box);
}

static void tkhd(struct boxes *w, uint32_t id, const struct media_track *t, int64_t created_us,
                 uint64_t duration)
{
    bool video = media_is_video(t->codec);
    size_t box = box_open_full(w, "tkhd", 1, 7);
    times(w, created_us);
    box_u32(w, id);
    box_u32(w, 0);
    box_u64(w, duration);
    box_zero(w, 8);
    box_u16(w, 0);
    box_u16(w, 0);
    box_u16(w, video ? 0 : 0x0100);
    box_u16(w, 0);
    matrix(w);
    box_u32(w, video ? (uint32_t)t->width << 16 : 0);
    box_u32(w, video ? (uint32_t)t->height << 16 : 0);
    box_close(w, box);
}

static void handler(struct boxes *w, bool video)
{
    size_t box = box_open_full(w, "hdlr", 0, 0);
    box_u32(w, 0);
    box_bytes(w, video ? "vide" : "soun", 4);
    box_zero(w, 12);
    box_bytes(w, video ? "video" : "audio", 6);
    box_close(w, box);
}

static void media_information(struct boxes *w, bool video)
{
    size_t box = box_open_full(w, video ? "vmhd" : "smhd", 0, video ? 1 : 0);
    box_zero(w, video ? 8 : 4);
    box_close(w, box);
    box = box_open(w, "dinf");
    size_t dref = box_open_full(w, "dref", 0, 0);
    box_u32(w, 1);
    box_close(w, box_open_full(w, "url ", 0, 1)); /* the media data is in this file */
    box_close(w, dref);
    box_close(w, box);
}

void mp4_trak_open(struct boxes *w, uint32_t id, const struct media_track *t, int64_t created_us,
                   uint64_t duration, uint64_t movie_duration, size_t ret_tokens[4])
{
    bool video = media_is_video(t->codec);
    ret_tokens[0] = box_open(w, "trak");
    tkhd(w, id, t, created_us, movie_duration);
    ret_tokens[1] = box_open(w, "mdia");
    size_t box = box_open_full(w, "mdhd", 1, 0);
    times(w, created_us);
    box_u32(w, t->clock_rate);
    box_u64(w, duration);
    box_u16(w, 0x55c4); /* language: undetermined */
    box_u16(w, 0);
    box_close(w, box);
    handler(w, video);
    ret_tokens[2] = box_open(w, "minf");
    media_information(w, video);
    ret_tokens[3] = box_open(w, "stbl");
}

void mp4_trak_close(struct boxes *w, const size_t tokens[4])
{
    for (int i = 3; i >= 0; i--)
        box_close(w, tokens[i]);
}
