/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TESTS_MASK_STAGE_H
#define TESTS_MASK_STAGE_H
/*
 * A camera for the tests of src/mask: pictures that a test draws are encoded as a camera would and fed to a mask, and
 * what comes out is looked at to the pixel, before it is encoded.
 */
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "mask/private.h"
#include "media/params.h"
#include "sim/scene.h"

#define STAGE_BEGIN_US (INT64_C(1700000000) * SECOND_US)

struct stage {
    AVCodecContext *enc;
    AVFrame *frame;
    AVPacket *pkt;
    struct media_params params;
    struct media_track track;
    struct buf au;
    int64_t count, utc_us;
    struct mask *mask;
    int gop;

    /* of the last picture that came out */
    int outputs, width, height;
    enum mask_state state;
    char reason[400];
    unsigned covered_permille;
    int objects;
    bool key;
    struct media_params out_params;
    struct mask_object object[MASK_OBJECTS];
};

static void stage_out(void *user, const struct mask_output *o)
{
    struct stage *s = user;
    s->outputs++;
    s->width = o->width, s->height = o->height;
    s->state = o->state;
    snprintf(s->reason, sizeof(s->reason), "%s", o->reason);
    s->covered_permille = o->covered_permille;
    s->objects = o->object_count;
    memcpy(s->object, o->objects, sizeof(s->object[0]) * (size_t)o->object_count);
    s->key = o->key;
    s->out_params = *o->params;
}

/* Another encoder: another size begins. */
static void stage_camera(struct stage *s, int width, int height)
{
    avcodec_free_context(&s->enc);
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    s->enc = avcodec_alloc_context3(codec);
    s->enc->width = width;
    s->enc->height = height;
    s->enc->pix_fmt = AV_PIX_FMT_YUV420P;
    s->enc->time_base = (AVRational){1, 10};
    s->enc->thread_count = 1;
    av_opt_set(s->enc->priv_data, "preset", "ultrafast", 0);
    av_opt_set(s->enc->priv_data, "tune", "zerolatency", 0);
    av_opt_set(s->enc->priv_data, "x264-params",
               "annexb=0:scenecut=0:keyint=infinite:qp=24:weightp=0", 0);
    av_log_set_level(AV_LOG_QUIET);
    if (avcodec_open2(s->enc, codec, NULL) < 0)
        abort();
    av_frame_unref(s->frame);
    s->frame->format = AV_PIX_FMT_YUV420P;
    s->frame->width = width;
    s->frame->height = height;
    if (av_frame_get_buffer(s->frame, 0) < 0)
        abort();
    s->count = 0;
    s->params = (struct media_params){0};
    s->track = (struct media_track){.codec = MEDIA_H264,
                                    .clock_rate = 90000,
                                    .width = (uint16_t)width,
                                    .height = (uint16_t)height,
                                    .params = &s->params};
}

static void stage_open(struct stage *s, int width, int height, const struct mask_config *cfg)
{
    *s = (struct stage){.utc_us = STAGE_BEGIN_US, .gop = 40};
    s->frame = av_frame_alloc();
    s->pkt = av_packet_alloc();
    buf_init(&s->au, 0);
    struct err e = {0};
    if (mask_new(cfg, stage_out, s, &s->mask, &e) < 0)
        abort();
    stage_camera(s, width, height);
}

static void stage_close(struct stage *s)
{
    avcodec_free_context(&s->enc);
    av_frame_free(&s->frame);
    av_packet_free(&s->pkt);
    buf_release(&s->au);
    mask_free(s->mask);
}

/* Encode @p into s->au. Returns whether it is a key picture. */
static bool stage_encode(struct stage *s, const struct sim_picture *p)
{
    const uint8_t *from[3] = {p->y, p->u, p->v};
    av_frame_make_writable(s->frame);
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < (i ? p->height / 2 : p->height); y++)
            memcpy(s->frame->data[i] + (ptrdiff_t)y * s->frame->linesize[i],
                   from[i] + (size_t)y * (size_t)(i ? p->width / 2 : p->width),
                   (size_t)(i ? p->width / 2 : p->width));
    s->frame->pts = s->count;
    s->frame->pict_type = s->count % s->gop ? AV_PICTURE_TYPE_NONE : AV_PICTURE_TYPE_I;
    s->count++;
    if (avcodec_send_frame(s->enc, s->frame) < 0 || avcodec_receive_packet(s->enc, s->pkt) < 0)
        abort();
    bool key = s->pkt->flags & AV_PKT_FLAG_KEY;
    s->au.len = 0;
    for (size_t at = 0; at + 4 <= (size_t)s->pkt->size;) {
        size_t len = rd32(s->pkt->data + at);
        enum media_nal_kind kind = media_nal_kind(MEDIA_H264, s->pkt->data + at + 4, len);
        if (kind == NAL_SPS || kind == NAL_PPS)
            media_params_put(&s->params, MEDIA_H264, s->pkt->data + at + 4, len);
        at += 4 + len;
    }
    buf_append(&s->au, s->pkt->data, (size_t)s->pkt->size);
    av_packet_unref(s->pkt);
    return key;
}

/* Feed what stage_encode() made, @step_us after the picture before. */
static int stage_feed(struct stage *s, bool key, int64_t step_us)
{
    s->utc_us += step_us;
    struct media_au au = {.data = s->au.data,
                          .size = (uint32_t)s->au.len,
                          .pts_ticks = (s->utc_us - STAGE_BEGIN_US) * 9 / 100,
                          .arrival_us = s->utc_us,
                          .key = key};
    return mask_feed(s->mask, &s->track, &au, s->utc_us, NULL);
}

static int stage_show(struct stage *s, const struct sim_picture *p, int64_t step_us)
{
    bool key = stage_encode(s, p);
    return stage_feed(s, key, step_us);
}

/* Is the pixel (x, y) of the masked picture opaque: under a silhouette, a zone, or what is not known? */
static bool stage_opaque(const struct stage *s, int x, int y)
{
    const struct mask *m = s->mask;
    if (m->state == MASK_COVERED)
        return true;
    size_t c = (size_t)(y / MASK_CELL) * (size_t)m->plate.grid.stride + (size_t)(x / MASK_CELL);
    return m->plate.cover[c] || !m->canvas.known[c] || m->canvas.zone[c];
}

/* Pixels of people (labels of @objects) that are not opaque; @ret_all: all their pixels. */
static int stage_exposed(const struct stage *s, const struct sim_picture *p,
                         const struct sim_object *objects, int *ret_all)
{
    int exposed = 0, all = 0;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            uint8_t l = p->label[(size_t)y * (size_t)p->width + (size_t)x];
            if (!l || objects[l - 1].class != SIM_PERSON)
                continue;
            all++;
            exposed += !stage_opaque(s, x, y);
        }
    if (ret_all)
        *ret_all = all;
    return exposed;
}
#endif
