/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/clip.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "media/params.h"

#define CLOCK_RATE 90000
#define FALLBACK_TICKS (CLOCK_RATE / 25) /* raw streams have no times */

struct mask_clip {
    char path[256];
    AVFormatContext *ctx;
    AVStream *stream;
    AVPacket *pkt;
    struct media_track track;
    struct media_params params;
    struct buf au;
    int length_size;    /* 0: Annex B */
    int64_t base_ticks; /* added to the times of this round */
    int64_t dts_ticks;  /* of the last access unit, all rounds */
    int64_t step_ticks; /* of the last two */
    bool any, key_seen;
};

static int av_fail(struct err *reterr, const char *path, int code)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(code, text, sizeof(text));
    int r = code == AVERROR(ENOMEM) ? -ENOMEM : code == AVERROR(ENOENT) ? -ENOENT : E_UNSUPPORTED;
    return err_set(reterr, r, "%s: %s", path, text);
}

static int keep_sets(struct mask_clip *c, const uint8_t *d, size_t len, size_t *at, int sets)
{
    for (; sets > 0; sets--) {
        if (len - *at < 2 || len - *at - 2 < rd16(d + *at))
            return E_TRUNCATED;
        size_t n = rd16(d + *at);
        int r = media_params_put(&c->params, c->track.codec, d + *at + 2, n);
        if (r < 0 && r != E_LIMIT && r != E_SYNTAX)
            return r;
        *at += 2 + n;
    }
    return 0;
}

/* AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1. */
static int read_avcc(struct mask_clip *c, const uint8_t *d, size_t len)
{
    size_t at = 6;
    if (len < 7)
        return E_TRUNCATED;
    c->length_size = (d[4] & 3) + 1;
    int r = keep_sets(c, d, len, &at, d[5] & 0x1f);
    if (r < 0 || at >= len)
        return r < 0 ? r : E_TRUNCATED;
    int sets = d[at++];
    return keep_sets(c, d, len, &at, sets);
}

/* HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 §8.3.3.1. */
static int read_hvcc(struct mask_clip *c, const uint8_t *d, size_t len)
{
    if (len < 23)
        return E_TRUNCATED;
    c->length_size = (d[21] & 3) + 1;
    size_t at = 23;
    for (int arrays = d[22], r; arrays > 0; arrays--) {
        if (len - at < 3)
            return E_TRUNCATED;
        int sets = rd16(d + at + 1);
        at += 3;
        if ((r = keep_sets(c, d, len, &at, sets)) < 0)
            return r;
    }
    return 0;
}

static int read_extradata(struct mask_clip *c)
{
    const AVCodecParameters *p = c->stream->codecpar;
    size_t len = p->extradata_size > 0 ? (size_t)p->extradata_size : 0;
    if (len < 4 || (p->extradata[0] == 0 && p->extradata[1] == 0))
        return 0; /* Annex B: the sets stand in the stream */
    return c->track.codec == MEDIA_H264 ? read_avcc(c, p->extradata, len)
                                        : read_hvcc(c, p->extradata, len);
}

static int open_input(struct mask_clip *c, struct err *reterr)
{
    int r = avformat_open_input(&c->ctx, c->path, NULL, NULL);
    if (r >= 0)
        r = avformat_find_stream_info(c->ctx, NULL);
    if (r < 0)
        return av_fail(reterr, c->path, r);
    r = av_find_best_stream(c->ctx, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (r < 0)
        return err_set(reterr, E_UNSUPPORTED, "%s: no video inside", c->path);
    c->stream = c->ctx->streams[r];
    enum AVCodecID id = c->stream->codecpar->codec_id;
    if (id != AV_CODEC_ID_H264 && id != AV_CODEC_ID_HEVC)
        return err_set(reterr, E_UNSUPPORTED, "%s: the video is neither H.264 nor H.265", c->path);
    c->track = (struct media_track){
        .codec = id == AV_CODEC_ID_H264 ? MEDIA_H264 : MEDIA_H265,
        .clock_rate = CLOCK_RATE,
        .width = (uint16_t)c->stream->codecpar->width,
        .height = (uint16_t)c->stream->codecpar->height,
        .params = &c->params,
    };
    r = read_extradata(c);
    return r < 0 ? err_set(reterr, r, "%s: the codec configuration is damaged", c->path) : 0;
}

int mask_clip_open(const char *path, struct mask_clip **ret, struct err *reterr)
{
    struct mask_clip *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    if (strlen(path) >= sizeof(c->path)) {
        free(c);
        return err_set(reterr, -ENAMETOOLONG, "%s: the path is too long", path);
    }
    memcpy(c->path, path, strlen(path) + 1);
    c->pkt = av_packet_alloc();
    int r = c->pkt ? open_input(c, reterr) : -ENOMEM;
    if (r < 0)
        mask_clip_close(c);
    else
        *ret = c;
    return r;
}

void mask_clip_close(struct mask_clip *c)
{
    if (!c)
        return;
    avformat_close_input(&c->ctx);
    av_packet_free(&c->pkt);
    buf_release(&c->au);
    free(c);
}

const struct media_track *mask_clip_track(const struct mask_clip *c)
{
    return &c->track;
}

int64_t mask_clip_duration_us(const struct mask_clip *c)
{
    return c->ctx->duration > 0 ? c->ctx->duration : 0;
}

static int put_nal(struct mask_clip *c, const uint8_t *nal, size_t len)
{
    enum media_nal_kind kind = media_nal_kind(c->track.codec, nal, len);
    if (kind == NAL_VPS || kind == NAL_SPS || kind == NAL_PPS)
        media_params_put(&c->params, c->track.codec, nal,
                         len); /* a bad one is the decoder's to refuse */
    int r = buf_u32(&c->au, (uint32_t)len);
    return r < 0 ? r : buf_append(&c->au, nal, len);
}

static size_t start_code(const uint8_t *d, size_t at, size_t len)
{
    for (; at + 3 <= len; at++)
        if (d[at] == 0 && d[at + 1] == 0 && d[at + 2] == 1)
            return at;
    return len;
}

static int take_annexb(struct mask_clip *c, const uint8_t *d, size_t len)
{
    int r = 0;
    for (size_t at = start_code(d, 0, len); at < len && r >= 0;) {
        size_t nal = at + 3, end = start_code(d, nal, len), next = end;
        while (end > nal && d[end - 1] == 0)
            end--;
        if (end > nal)
            r = put_nal(c, d + nal, end - nal);
        at = next;
    }
    return r;
}

static int take_lengths(struct mask_clip *c, const uint8_t *d, size_t len)
{
    int r = 0;
    for (size_t at = 0, n = (size_t)c->length_size; at < len && r >= 0;) {
        size_t size = 0;
        if (len - at < n)
            return E_SYNTAX;
        for (size_t i = 0; i < n; i++)
            size = size << 8 | d[at + i];
        if (size > len - at - n)
            return E_SYNTAX;
        r = put_nal(c, d + at + n, size);
        at += n + size;
    }
    return r;
}

/* Decode times rise over all rounds; a stream without times counts on by its last step. */
static void set_times(struct mask_clip *c, struct media_au *au)
{
    AVRational ticks = {1, CLOCK_RATE};
    const AVPacket *p = c->pkt;
    int64_t next = c->any ? c->dts_ticks + (c->step_ticks > 0 ? c->step_ticks : FALLBACK_TICKS) : 0;
    int64_t dts = p->dts == AV_NOPTS_VALUE
                      ? next
                      : av_rescale_q(p->dts, c->stream->time_base, ticks) + c->base_ticks;
    int64_t lag = 0;
    if (p->dts != AV_NOPTS_VALUE && p->pts != AV_NOPTS_VALUE)
        lag = av_rescale_q(p->pts - p->dts, c->stream->time_base, ticks);
    if (!c->key_seen) { /* first of a round: it follows the last of the round before */
        c->base_ticks += next - dts;
        dts = next;
    }
    if (c->any && dts <= c->dts_ticks)
        dts = next;
    if (c->any && c->key_seen)
        c->step_ticks = dts - c->dts_ticks;
    c->dts_ticks = dts;
    c->any = true;
    au->pts_ticks = dts + lag;
}

int mask_clip_next(struct mask_clip *c, struct media_au *ret, int64_t *ret_time_us,
                   struct err *reterr)
{
    for (;;) {
        av_packet_unref(c->pkt);
        int r = av_read_frame(c->ctx, c->pkt);
        if (r == AVERROR_EOF)
            return 0;
        if (r < 0)
            return av_fail(reterr, c->path, r);
        bool key = c->pkt->flags & AV_PKT_FLAG_KEY;
        if (c->pkt->stream_index != c->stream->index || (!c->key_seen && !key))
            continue;
        c->au.len = 0;
        r = c->length_size ? take_lengths(c, c->pkt->data, (size_t)c->pkt->size)
                           : take_annexb(c, c->pkt->data, (size_t)c->pkt->size);
        if (r < 0)
            return err_set(reterr, r, "%s: a picture is damaged", c->path);
        *ret = (struct media_au){.data = c->au.data, .size = (uint32_t)c->au.len, .key = key};
        set_times(c, ret);
        c->key_seen = true;
        *ret_time_us = c->dts_ticks * 100 / 9;
        return 1;
    }
}

int mask_clip_rewind(struct mask_clip *c, struct err *reterr)
{
    int64_t start = c->stream->start_time == AV_NOPTS_VALUE ? 0 : c->stream->start_time;
    int r = av_seek_frame(c->ctx, c->stream->index, start, AVSEEK_FLAG_BACKWARD);
    if (r < 0) /* raw streams have nothing to seek by */
        r = av_seek_frame(c->ctx, -1, 0, AVSEEK_FLAG_BYTE);
    c->key_seen = false;
    return r < 0 ? av_fail(reterr, c->path, r) : 0;
}
