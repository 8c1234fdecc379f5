/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/encode.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "media/params.h"

/*
 * Nothing here may cost what it cannot earn on a picture that stands still: no adaptive quantisation, no lookahead, no
 * sub-pixel search (and so no half-pixel planes), one reference, no deblocking. A fixed quantiser needs no low
 * resolution copy of every picture, which a rate control would. annexb=0 yields 4-byte lengths at once.
 */
static const char X264_PARAMS[] = "annexb=0:keyint=infinite:scenecut=0:bframes=0:ref=1:cabac=0:no-"
                                  "deblock=1:weightp=0:subme=0:me=dia:merange=4:"
                                  "trellis=0:aq-mode=0:no-mbtree=1:rc-lookahead=0:sync-lookahead=0:"
                                  "sliced-threads=0:no-chroma-me=1:8x8dct=0:"
                                  "partitions=none:qp=27:ipratio=1.25:force-cfr=1";

struct mask_encoder {
    AVCodecContext *ctx;
    AVFrame *frame;
    AVPacket *pkt;
    struct buf au;
    struct media_params params;
    int64_t count;
};

static void keep(void *opaque, uint8_t *data)
{
    (void)opaque, (void)data; /* the picture belongs to the caller */
}

static int open_codec(struct mask_encoder *e, const struct mask_picture *p, int fps,
                      bool full_range, struct err *reterr)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    if (!codec)
        return err_set(reterr, E_UNSUPPORTED, "libavcodec was built without libx264");
    e->ctx = avcodec_alloc_context3(codec);
    if (!e->ctx)
        return -ENOMEM;
    AVCodecContext *c = e->ctx;
    c->width = p->width;
    c->height = p->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->color_range = full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    c->time_base = (AVRational){1, fps};
    c->framerate = (AVRational){fps, 1};
    c->thread_count = 1;
    c->max_b_frames = 0;
    av_opt_set(c->priv_data, "preset", "ultrafast", 0);
    av_opt_set(c->priv_data, "tune", "zerolatency", 0);
    av_opt_set(c->priv_data, "profile", "baseline", 0);
    av_opt_set(c->priv_data, "forced-idr", "1", 0);
    av_opt_set(c->priv_data, "x264-params", X264_PARAMS, 0);
    av_log_set_level(AV_LOG_QUIET);
    return avcodec_open2(c, codec, NULL) < 0
               ? err_set(reterr, E_UNSUPPORTED, "libx264 does not take %dx%d", p->width, p->height)
               : 0;
}

/* The frame points into the picture and is counted, so that libavcodec copies nothing. */
static int wrap(struct mask_encoder *e, const struct mask_picture *p)
{
    AVFrame *f = e->frame;
    f->format = AV_PIX_FMT_YUV420P;
    f->width = p->width;
    f->height = p->height;
    for (int i = 0; i < 3; i++) {
        f->data[i] = p->plane[i];
        f->linesize[i] = p->stride[i];
    }
    size_t size = (size_t)(p->plane[2] - p->plane[0]) + (size_t)p->stride[2] * (size_t)p->lines[2];
    f->buf[0] = av_buffer_create(p->plane[0], size, keep, NULL, 0);
    return f->buf[0] ? 0 : -ENOMEM;
}

int mask_encoder_new(const struct mask_picture *p, int fps, bool full_range,
                     struct mask_encoder **ret, struct err *reterr)
{
    struct mask_encoder *e = calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    buf_init(&e->au, (size_t)32 << 20);
    e->frame = av_frame_alloc();
    e->pkt = av_packet_alloc();
    int r = e->frame && e->pkt ? open_codec(e, p, fps, full_range, reterr) : -ENOMEM;
    if (r >= 0)
        r = wrap(e, p);
    if (r < 0)
        mask_encoder_free(e);
    else
        *ret = e;
    return r;
}

void mask_encoder_free(struct mask_encoder *e)
{
    if (!e)
        return;
    avcodec_free_context(&e->ctx);
    av_frame_free(&e->frame);
    av_packet_free(&e->pkt);
    buf_release(&e->au);
    free(e);
}

/* Copy what x264 made without its SEI, which only tells its settings, and keep the parameter sets. */
static int take_packet(struct mask_encoder *e)
{
    const uint8_t *d = e->pkt->data;
    size_t size = (size_t)e->pkt->size;
    int r = 0;
    e->au.len = 0;
    for (size_t at = 0; at < size && r >= 0;) {
        if (size - at < 4 || rd32(d + at) > size - at - 4)
            return E_BUG;
        size_t len = rd32(d + at);
        enum media_nal_kind kind = media_nal_kind(MEDIA_H264, d + at + 4, len);
        if (kind == NAL_SPS || kind == NAL_PPS)
            r = media_params_put(&e->params, MEDIA_H264, d + at + 4, len);
        if (kind != NAL_SEI && r >= 0)
            r = buf_append(&e->au, d + at, len + 4);
        at += len + 4;
    }
    return r;
}

int mask_encoder_encode(struct mask_encoder *e, bool key, struct mask_encoded *ret,
                        struct err *reterr)
{
    e->frame->pts = e->count++;
    e->frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    int r = avcodec_send_frame(e->ctx, e->frame);
    if (r >= 0)
        r = avcodec_receive_packet(e->ctx, e->pkt);
    if (r < 0)
        return err_set(reterr, r == AVERROR(ENOMEM) ? -ENOMEM : E_BUG, "libx264 gave no picture");
    *ret = (struct mask_encoded){.key = e->pkt->flags & AV_PKT_FLAG_KEY};
    r = take_packet(e);
    av_packet_unref(e->pkt);
    if (r < 0)
        return err_set(reterr, r, "libx264's picture could not be taken");
    ret->data = e->au.data;
    ret->size = (uint32_t)e->au.len;
    return 0;
}

const struct media_params *mask_encoder_params(const struct mask_encoder *e)
{
    return &e->params;
}
