/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bench/mask_video.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

static const uint8_t start_code[4] = {0, 0, 0, 1};

struct bench_video {
    AVCodecContext *ctx;
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *sws;
    struct buf annexb;
};

int bench_video_open(enum media_codec codec, struct bench_video **ret)
{
    struct bench_video *v = calloc(1, sizeof(*v));
    if (!v)
        return -ENOMEM;
    const AVCodec *c =
        avcodec_find_decoder(codec == MEDIA_H265 ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264);
    buf_init(&v->annexb, 0);
    v->ctx = c ? avcodec_alloc_context3(c) : NULL;
    v->frame = av_frame_alloc();
    v->packet = av_packet_alloc();
    if (v->ctx)
        v->ctx->thread_count = 1;
    if (!v->ctx || !v->frame || !v->packet || avcodec_open2(v->ctx, c, NULL) < 0) {
        bench_video_close(v);
        return E_UNSUPPORTED;
    }
    *ret = v;
    return 0;
}

void bench_video_close(struct bench_video *v)
{
    if (!v)
        return;
    avcodec_free_context(&v->ctx);
    av_frame_free(&v->frame);
    av_packet_free(&v->packet);
    sws_freeContext(v->sws);
    buf_release(&v->annexb);
    free(v);
}

int bench_video_width(const struct bench_video *v)
{
    return v->frame->width;
}

int bench_video_height(const struct bench_video *v)
{
    return v->frame->height;
}

static int put(struct buf *b, const uint8_t *nal, size_t len)
{
    int r = buf_append(b, start_code, sizeof(start_code));
    return r < 0 ? r : buf_append(b, nal, len);
}

static int to_annexb(struct buf *b, const struct media_params *params, const struct media_au *au)
{
    int r = 0;
    b->len = 0;
    for (int i = 0; params && au->key && i < params->count && r >= 0; i++)
        r = put(b, params->set[i].data, params->set[i].len);
    for (size_t at = 0; at + 4 <= au->size && r >= 0;) {
        size_t n = rd32(au->data + at);
        at += 4;
        if (n > au->size - at)
            return E_SYNTAX;
        r = put(b, au->data + at, n);
        at += n;
    }
    return r;
}

int bench_video_feed(struct bench_video *v, const struct media_params *params,
                     const struct media_au *au,
                     int (*on)(void *user, struct bench_video *v, int64_t pts_ticks), void *user)
{
    static const uint8_t padding[AV_INPUT_BUFFER_PADDING_SIZE];
    int r = to_annexb(&v->annexb, params, au);
    size_t len = v->annexb.len;
    if (r >= 0)
        r = buf_append(&v->annexb, padding, sizeof(padding));
    if (r < 0)
        return r;
    v->packet->data = v->annexb.data;
    v->packet->size = (int)len;
    v->packet->pts = v->packet->dts = au->pts_ticks;
    (void)avcodec_send_packet(v->ctx, v->packet);
    while (avcodec_receive_frame(v->ctx, v->frame) >= 0)
        if ((r = on(user, v, v->frame->pts)) < 0)
            return r;
    return 0;
}

int bench_video_take(struct bench_video *v, struct sim_picture *p)
{
    AVFrame *f = v->frame;
    v->sws = sws_getCachedContext(v->sws, f->width, f->height, f->format, p->width, p->height,
                                  AV_PIX_FMT_YUV420P, SWS_AREA, NULL, NULL, NULL);
    if (!v->sws)
        return E_UNSUPPORTED;
    uint8_t *to[4] = {p->y, p->u, p->v, NULL};
    const int stride[4] = {p->width, p->width / 2, p->width / 2, 0};
    return sws_scale(v->sws, (const uint8_t *const *)f->data, f->linesize, 0, f->height, to,
                     stride) == p->height
               ? 0
               : E_UNSUPPORTED;
}
