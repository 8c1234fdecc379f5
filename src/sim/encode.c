/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/encode.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define CLOCK_RATE 90000
#define H264_FILLER 12
#define H265_FILLER 38
#define SENSOR_NOISE 3

struct encoder {
    const struct sim_encode_options *o;
    AVCodecContext *ctx;
    AVFrame *frame;
    AVPacket *pkt;
    struct sim_program *p;
    int64_t first_dts;
    int64_t budget; /* bytes that may still come so that the bitrate is met */
    bool pad;
};

static int configure(struct encoder *e, struct err *reterr)
{
    const struct sim_encode_options *o = e->o;
    bool h265 = o->codec == MEDIA_H265;
    const AVCodec *codec = avcodec_find_encoder_by_name(h265 ? "libx265" : "libx264");
    if (!codec)
        return err_set(reterr, E_UNSUPPORTED, "libavcodec was built without %s",
                       h265 ? "libx265" : "libx264");
    e->ctx = avcodec_alloc_context3(codec);
    e->frame = av_frame_alloc();
    e->pkt = av_packet_alloc();
    if (!e->ctx || !e->frame || !e->pkt)
        return -ENOMEM;
    AVCodecContext *c = e->ctx;
    c->width = o->width;
    c->height = o->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){1, o->fps};
    c->framerate = (AVRational){o->fps, 1};
    c->gop_size = o->gop;
    c->keyint_min = o->gop;
    c->max_b_frames = o->bframes;
    c->slices = o->slices;
    c->thread_count = 1;
    c->bit_rate = o->bitrate;
    c->rc_max_rate = o->bitrate;
    c->rc_buffer_size = (int)o->bitrate;
    av_opt_set(c->priv_data, "preset", "ultrafast", 0);
    av_opt_set(c->priv_data, "forced-idr", "1", 0);
    char params[160];
    if (h265) {
        snprintf(params, sizeof(params),
                 "log-level=error:open-gop=0:repeat-headers=1:scenecut=0:pools=%s:frame-threads=1:"
                 "info=0:slices=%d",
                 o->slices > 1 ? "2" : "none",
                 o->slices); /* x265 3.5 crashes on slices without a pool */
        av_opt_set(c->priv_data, "x265-params", params, 0);
    } else {
        snprintf(params, sizeof(params), "scenecut=0:b-adapt=0:weightp=0");
        av_opt_set(c->priv_data, "x264-params", params, 0);
    }
    av_log_set_level(AV_LOG_ERROR);
    int r = avcodec_open2(c, codec, NULL);
    return r < 0 ? err_set(reterr, E_UNSUPPORTED, "%s does not take %dx%d at %d fps", codec->name,
                           o->width, o->height, o->fps)
                 : 0;
}

/* Cameras at a constant bitrate do the same: filler where the picture has nothing to say. */
static int pad_au(struct encoder *e, int64_t au_bytes)
{
    e->budget += e->o->bitrate / 8 / e->o->fps - au_bytes;
    if (!e->pad || e->budget < 32)
        return 0;
    size_t n = (size_t)e->budget;
    uint8_t *filler = malloc(n);
    if (!filler)
        return -ENOMEM;
    memset(filler, 0xff, n);
    filler[0] = e->o->codec == MEDIA_H265 ? H265_FILLER << 1 : H264_FILLER;
    if (e->o->codec == MEDIA_H265)
        filler[1] = 1;
    filler[n - 1] = 0x80;
    int r = sim_program_add_nal(e->p, filler, n);
    free(filler);
    e->budget = 0;
    return r;
}

static int take_packets(struct encoder *e)
{
    int r;
    while ((r = avcodec_receive_packet(e->ctx, e->pkt)) >= 0) {
        int64_t unit = CLOCK_RATE / e->o->fps;
        if (!e->p->count)
            e->first_dts = e->pkt->dts;
        r = sim_program_add(e->p, (e->pkt->dts - e->first_dts) * unit,
                            (e->pkt->pts - e->first_dts) * unit, e->pkt->flags & AV_PKT_FLAG_KEY);
        if (r >= 0)
            r = sim_program_add_stream(e->p, e->pkt->data, (size_t)e->pkt->size, 0);
        if (r >= 0)
            r = pad_au(e, e->pkt->size);
        av_packet_unref(e->pkt);
        if (r < 0)
            return r;
    }
    return r == AVERROR(EAGAIN) || r == AVERROR_EOF ? 0 : E_UNSUPPORTED;
}

static int write_truth(struct sim_truth *t, const struct sim_object *o, int n)
{
    struct buf b;
    buf_init(&b, 0);
    int r = buf_append(&b, "[", 1);
    for (int i = 0; i < n && r >= 0; i++)
        r = buf_appendf(
            &b, "%s{\"id\":%d,\"class\":\"%s\",\"box\":[%.1f,%.1f,%.1f,%.1f],\"state\":\"%s\"}",
            i ? "," : "", o[i].id, sim_object_class_name(o[i].class), (double)o[i].x0,
            (double)o[i].y0, (double)o[i].x1, (double)o[i].y1, sim_object_state_name(o[i].state));
    if (r >= 0)
        r = buf_append(&b, "]", 2);
    t->objects = (char *)b.data;
    return r;
}

static void copy_planes(AVFrame *f, const struct sim_picture *p)
{
    const uint8_t *from[3] = {p->y, p->u, p->v};
    for (int i = 0; i < 3; i++) {
        size_t w = (size_t)(i ? p->width / 2 : p->width);
        for (int y = 0; y < (i ? p->height / 2 : p->height); y++)
            memcpy(f->data[i] + (ptrdiff_t)y * f->linesize[i], from[i] + (size_t)y * w, w);
    }
}

static int encode_frames(struct encoder *e, struct sim_scene *scene, struct sim_picture *picture)
{
    int frames = (int)(e->o->seconds * e->o->fps + 0.5);
    AVFrame *f = e->frame;
    struct sim_object objects[SIM_SCENE_OBJECTS];
    f->format = AV_PIX_FMT_YUV420P;
    f->width = e->o->width;
    f->height = e->o->height;
    e->p->truth = calloc((size_t)frames, sizeof(struct sim_truth));
    if (!e->p->truth || av_frame_get_buffer(f, 0) < 0)
        return -ENOMEM;
    for (int i = 0; i < frames; i++) {
        int n = sim_scene_draw(scene, picture, (double)i / e->o->fps, (uint32_t)i, SENSOR_NOISE,
                               objects);
        int r = write_truth(&e->p->truth[i], objects, n);
        if (r < 0 || av_frame_make_writable(f) < 0)
            return -ENOMEM;
        copy_planes(f, picture);
        f->pts = i;
        f->pict_type = i % e->o->gop ? AV_PICTURE_TYPE_NONE : AV_PICTURE_TYPE_I;
        if (avcodec_send_frame(e->ctx, f) < 0)
            return E_UNSUPPORTED;
        if ((r = take_packets(e)) < 0)
            return r;
    }
    return avcodec_send_frame(e->ctx, NULL) < 0 ? E_UNSUPPORTED : take_packets(e);
}

static int begin(struct encoder *e, const struct sim_encode_options *o)
{
    *e = (struct encoder){.o = o, .pad = true};
    e->p = sim_program_new(o->codec, CLOCK_RATE);
    if (!e->p)
        return -ENOMEM;
    snprintf(e->p->name, sizeof(e->p->name), "%s", o->name);
    e->p->width = (uint16_t)o->width;
    e->p->height = (uint16_t)o->height;
    e->p->ssrc = o->ssrc;
    e->p->seq_start = (uint16_t)(o->ssrc * 7919u);
    e->p->ts_start = o->ssrc * 2654435761u;
    return 0;
}

static int finish(struct encoder *e, int r, double seconds, struct sim_program **ret,
                  struct err *reterr)
{
    avcodec_free_context(&e->ctx);
    av_frame_free(&e->frame);
    av_packet_free(&e->pkt);
    if (r >= 0)
        r = sim_program_finish(e->p, (int64_t)(seconds * CLOCK_RATE + 0.5), e->o->packet_bytes, 0,
                               reterr);
    else
        err_set(reterr, r, "encoding %s failed: %s", e->o->name, err_text(r));
    if (r < 0)
        sim_program_free(e->p);
    else
        *ret = e->p;
    return r;
}

int sim_encode_street(const struct sim_encode_options *o, struct sim_program **ret,
                      struct err *reterr)
{
    struct encoder e;
    struct sim_picture picture = {0};
    int r = begin(&e, o);
    if (r < 0)
        return r;
    const struct sim_scene_config cfg = {
        .kind = o->scene, .seed = o->seed, .period_s = o->seconds, .empty_s = o->empty_s};
    struct sim_scene *scene = sim_scene_make(&cfg);
    r = scene ? sim_picture_init(&picture, o->width, o->height) : -ENOMEM;
    if (r >= 0)
        r = configure(&e, reterr);
    if (r >= 0)
        r = encode_frames(&e, scene, &picture);
    sim_scene_free(scene);
    sim_picture_release(&picture);
    return finish(&e, r, o->seconds, ret, reterr);
}

/* The key picture of a street, then slices whose headers are real and whose rest is random. */
static int make_noise(struct encoder *e, const struct sim_program *street)
{
    const struct sim_encode_options *o = e->o;
    uint64_t x = o->seed * 0x9e3779b97f4a7c15u + 1;
    int64_t unit = CLOCK_RATE / o->fps, per_au = o->bitrate / 8 / o->fps, debt = 0;
    size_t header = o->codec == MEDIA_H265 ? 2 : 1;
    uint8_t *nal = malloc((size_t)per_au + 64);
    int frames = (int)(o->seconds * o->fps + 0.5), r = nal ? 0 : -ENOMEM;
    for (int i = 0; i < frames && r >= 0; i++) {
        bool key = i % o->gop == 0;
        const struct sim_au *au = &street->aus[key ? 0 : 1];
        r = sim_program_add(e->p, i * unit, i * unit, key);
        for (uint32_t k = 0; k < au->nal_count && key && r >= 0; k++) {
            r = sim_program_add_nal(e->p, street->nals[au->nal + k].data,
                                    street->nals[au->nal + k].len);
            debt += street->nals[au->nal + k].len;
        }
        debt -= per_au;
        if (key || r < 0)
            continue;
        /* what the key picture cost too much is taken from the pictures behind it, at most three quarters of each */
        int64_t pay = debt + per_au > 0 ? debt + per_au : 0;
        if (pay > per_au * 3 / 4)
            pay = per_au * 3 / 4;
        size_t len = (size_t)(per_au - pay) + 32;
        debt += (int64_t)len;
        memcpy(nal, street->nals[au->nal].data, header + 8);
        for (size_t k = header + 8; k < len; k++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            nal[k] = (uint8_t)(x >> 32) | 1; /* no zeros: no start codes by chance */
        }
        r = sim_program_add_nal(e->p, nal, len);
    }
    free(nal);
    return r;
}

int sim_encode_noise(const struct sim_encode_options *o, struct sim_program **ret,
                     struct err *reterr)
{
    struct sim_encode_options two = *o;
    struct sim_program *street = NULL;
    struct encoder e;
    two.seconds = 2.0 / o->fps;
    two.gop = 2;
    two.bframes = 0;
    two.scene = SIM_SCENE_STREET;
    int r = sim_encode_street(&two, &street, reterr);
    if (r < 0)
        return r;
    r = begin(&e, o);
    if (r >= 0)
        r = make_noise(&e, street);
    sim_program_free(street);
    return e.p ? finish(&e, r, o->seconds, ret, reterr) : r;
}
