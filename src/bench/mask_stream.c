/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bench/mask_stream.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mask/clip.h"
#include "sim/encode.h"

#define BYTES_MAX ((size_t)1 << 30)
#define EPOCH_US (INT64_C(1700000000) * SECOND_US) /* any will do */

static int add_au(struct bench_stream *s, int64_t pts, int64_t dts, bool key)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 512;
        struct bench_au *more = realloc(s->au, cap * sizeof(*more));
        if (!more)
            return -ENOMEM;
        s->au = more;
        s->cap = cap;
    }
    s->au[s->count++] =
        (struct bench_au){.at = s->data.len, .pts_ticks = pts, .dts_ticks = dts, .key = key};
    return 0;
}

static int add_bytes(struct bench_stream *s, const void *data, size_t len)
{
    int r = buf_append(&s->data, data, len);
    s->au[s->count - 1].size += r < 0 ? 0 : (uint32_t)len;
    return r;
}

static void begin(struct bench_stream *s, const char *name)
{
    *s = (struct bench_stream){0};
    snprintf(s->name, sizeof(s->name), "%s", name);
    buf_init(&s->data, BYTES_MAX);
}

static int take_program(struct bench_stream *s, const struct sim_program *p)
{
    int r = 0;
    s->params = p->params;
    s->length_ticks = p->loop_ticks;
    for (size_t i = 0; i < p->count && r >= 0; i++) {
        const struct sim_au *au = &p->aus[i];
        r = add_au(s, au->pts_ticks, au->dts_ticks, au->key);
        for (uint32_t k = 0; k < au->nal_count && r >= 0; k++) {
            const struct sim_nal *n = &p->nals[au->nal + k];
            uint8_t length[4];
            wr32(length, n->len);
            r = add_bytes(s, length, sizeof(length));
            if (r >= 0)
                r = add_bytes(s, n->data, n->len);
        }
    }
    return r;
}

int bench_stream_scene(const struct sim_scene_config *c, struct bench_stream *ret,
                       struct err *reterr)
{
    const struct sim_encode_options o = {.codec = MEDIA_H264,
                                         .width = BENCH_SCENE_WIDTH,
                                         .height = BENCH_SCENE_HEIGHT,
                                         .fps = BENCH_SCENE_FPS,
                                         .gop = 2 * BENCH_SCENE_FPS,
                                         .slices = 1,
                                         .bitrate = 400000,
                                         .seconds = c->period_s,
                                         .scene = c->kind,
                                         .empty_s = c->empty_s,
                                         .seed = c->seed,
                                         .packet_bytes = 1400,
                                         .name = sim_scene_kind_name(c->kind)};
    struct sim_program *p = NULL;
    begin(ret, o.name);
    int r = sim_encode_street(&o, &p, reterr);
    if (r >= 0)
        r = take_program(ret, p);
    sim_program_free(p);
    ret->fps = BENCH_SCENE_FPS;
    ret->track = (struct media_track){.codec = MEDIA_H264,
                                      .clock_rate = BENCH_CLOCK_RATE,
                                      .width = BENCH_SCENE_WIDTH,
                                      .height = BENCH_SCENE_HEIGHT,
                                      .params = &ret->params};
    if (r < 0)
        bench_stream_release(ret);
    return r;
}

static int take_clip(struct bench_stream *s, struct mask_clip *c, double seconds,
                     struct err *reterr)
{
    struct media_au au;
    int64_t time_us = 0, first = 0, last = 0;
    int r;
    while ((r = mask_clip_next(c, &au, &time_us, reterr)) > 0) {
        if (!s->count)
            first = au.pts_ticks;
        if (time_us > (int64_t)(seconds * SECOND_US))
            break;
        r = add_au(s, au.pts_ticks - first, time_us * 9 / 100, au.key);
        if (r >= 0)
            r = add_bytes(s, au.data, au.size);
        if (r < 0)
            return r;
        last = au.pts_ticks - first > last ? au.pts_ticks - first : last;
    }
    if (r < 0)
        return r;
    if (s->count < 2 || last <= 0)
        return err_set(reterr, E_TRUNCATED, "%s has less than two pictures", s->name);
    s->length_ticks = last + last / (int64_t)(s->count - 1);
    s->fps = (double)s->count * BENCH_CLOCK_RATE / (double)s->length_ticks;
    return 0;
}

/* An edit list may begin behind the first key picture; libavformat marks what lies before. */
static int count_hidden(const char *path)
{
    AVFormatContext *f = NULL;
    AVPacket *p = av_packet_alloc();
    int n = 0, stream = -1;
    if (p && avformat_open_input(&f, path, NULL, NULL) >= 0 &&
        avformat_find_stream_info(f, NULL) >= 0)
        stream = av_find_best_stream(f, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    while (stream >= 0 && av_read_frame(f, p) >= 0) {
        n += p->stream_index == stream && (p->flags & AV_PKT_FLAG_DISCARD);
        av_packet_unref(p);
    }
    av_packet_free(&p);
    avformat_close_input(&f);
    return n;
}

int bench_stream_clip(const char *path, double seconds, struct bench_stream *ret,
                      struct err *reterr)
{
    struct mask_clip *c = NULL;
    const char *slash = strrchr(path, '/');
    begin(ret, slash ? slash + 1 : path);
    int r = mask_clip_open(path, &c, reterr);
    if (r >= 0)
        r = take_clip(ret, c, seconds, reterr);
    if (r >= 0) {
        ret->track = *mask_clip_track(c);
        ret->params = *ret->track.params;
        ret->track.params = &ret->params;
        ret->hidden = count_hidden(path);
    }
    mask_clip_close(c);
    if (r < 0)
        bench_stream_release(ret);
    return r;
}

void bench_stream_release(struct bench_stream *s)
{
    buf_release(&s->data);
    free(s->au);
    *s = (struct bench_stream){0};
}

struct media_au bench_stream_au(const struct bench_stream *s, size_t i, int pass)
{
    const struct bench_au *a = &s->au[i];
    return (struct media_au){.data = s->data.data + a->at,
                             .size = a->size,
                             .pts_ticks = a->pts_ticks + pass * s->length_ticks,
                             .arrival_us = bench_stream_time_us(s, i, pass),
                             .key = a->key};
}

int64_t bench_stream_time_us(const struct bench_stream *s, size_t i, int pass)
{
    return EPOCH_US + (s->au[i].dts_ticks + pass * s->length_ticks) * 100 / 9;
}

static bool write_nal(FILE *f, const uint8_t *nal, size_t len)
{
    static const uint8_t start_code[4] = {0, 0, 0, 1};
    return fwrite(start_code, 1, 4, f) == 4 && fwrite(nal, 1, len, f) == len;
}

int bench_stream_write(const struct bench_stream *s, size_t from, size_t to, const char *path,
                       struct err *reterr)
{
    FILE *f = fopen(path, "wbe");
    bool ok = f != NULL;
    for (int i = 0; i < s->params.count && ok; i++)
        ok = write_nal(f, s->params.set[i].data, s->params.set[i].len);
    for (size_t i = from; i < to && ok; i++) {
        const uint8_t *d = s->data.data + s->au[i].at;
        for (size_t at = 0; at + 4 <= s->au[i].size && ok; at += 4 + (size_t)rd32(d + at))
            ok = write_nal(f, d + at + 4, rd32(d + at));
    }
    if (f && fclose(f) != 0)
        ok = false;
    return ok ? 0 : err_set(reterr, -EIO, "writing %s failed: is the folder full?", path);
}
