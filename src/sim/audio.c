/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/audio.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define AUDIO_CHANNEL 2 /* interleaved */
#define PCMU_RATE 8000
#define PCMU_FRAME 160
#define AAC_RATE 16000
#define AAC_FRAME 1024
#define FRAMES 500
#define TURN 6.283185307179586

static double sample(int64_t n, int rate)
{
    double t = (double)n / rate;
    return 0.2 * sin(TURN * 220 * t) * (0.6 + 0.4 * sin(TURN * 0.5 * t));
}

/* Source: ITU-T G.711 table 2a. */
static uint8_t mulaw(double v)
{
    int s = (int)(v * 32635), sign = s < 0 ? 0x80 : 0, exponent = 7;
    s = (s < 0 ? -s : s) + 132;
    for (int mask = 0x4000; exponent > 0 && !(s & mask); mask >>= 1)
        exponent--;
    return (uint8_t) ~(sign | exponent << 4 | ((s >> (exponent + 3)) & 0x0f));
}

static int make_pcmu(struct sim_program *p)
{
    uint8_t frame[PCMU_FRAME];
    for (int i = 0; i < FRAMES; i++) {
        for (int k = 0; k < PCMU_FRAME; k++)
            frame[k] = mulaw(sample(i * PCMU_FRAME + k, PCMU_RATE));
        int r = sim_program_add(p, (int64_t)i * PCMU_FRAME, (int64_t)i * PCMU_FRAME, true);
        if (r >= 0)
            r = sim_program_add_nal(p, frame, sizeof(frame));
        if (r < 0)
            return r;
    }
    return 0;
}

static int take_aac(AVCodecContext *c, AVPacket *pkt, struct sim_program *p)
{
    while (avcodec_receive_packet(c, pkt) >= 0) {
        int64_t at = (int64_t)p->count * AAC_FRAME;
        int r = sim_program_add(p, at, at, true);
        if (r >= 0)
            r = sim_program_add_nal(p, pkt->data, (size_t)pkt->size);
        av_packet_unref(pkt);
        if (r < 0)
            return r;
    }
    return 0;
}

static int encode_aac(AVCodecContext *c, AVFrame *f, AVPacket *pkt, struct sim_program *p)
{
    f->nb_samples = AAC_FRAME;
    f->format = AV_SAMPLE_FMT_FLTP;
    av_channel_layout_copy(&f->ch_layout, &c->ch_layout);
    if (av_frame_get_buffer(f, 0) < 0)
        return -ENOMEM;
    for (int i = 0; i < FRAMES; i++) {
        if (av_frame_make_writable(f) < 0)
            return -ENOMEM;
        float *to = (float *)(void *)f->data[0];
        for (int k = 0; k < AAC_FRAME; k++)
            to[k] = (float)sample((int64_t)i * AAC_FRAME + k, AAC_RATE);
        f->pts = (int64_t)i * AAC_FRAME;
        int r = avcodec_send_frame(c, f) < 0 ? E_UNSUPPORTED : take_aac(c, pkt, p);
        if (r < 0)
            return r;
    }
    return 0;
}

static int make_aac(struct sim_program *p)
{
    AVCodecContext *c = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_AAC));
    AVFrame *f = av_frame_alloc();
    AVPacket *pkt = av_packet_alloc();
    int r = c && f && pkt ? 0 : -ENOMEM;
    if (r >= 0) {
        c->sample_rate = AAC_RATE;
        c->sample_fmt = AV_SAMPLE_FMT_FLTP;
        c->bit_rate = 32000;
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
        av_channel_layout_default(&c->ch_layout, 1);
        r = avcodec_open2(c, NULL, NULL) < 0 ? E_UNSUPPORTED : encode_aac(c, f, pkt, p);
    }
    if (r >= 0 && c->extradata_size >= 2 && c->extradata_size <= (int)sizeof(p->asc)) {
        p->asc_len = (uint8_t)c->extradata_size;
        memcpy(p->asc, c->extradata, p->asc_len);
    }
    avcodec_free_context(&c);
    av_frame_free(&f);
    av_packet_free(&pkt);
    return r;
}

int sim_audio_tone(enum media_codec codec, uint32_t ssrc, struct sim_program **ret,
                   struct err *reterr)
{
    bool aac = codec == MEDIA_AAC;
    struct sim_program *p = sim_program_new(codec, aac ? AAC_RATE : PCMU_RATE);
    if (!p)
        return -ENOMEM;
    p->channels = 1;
    p->ssrc = ssrc;
    p->seq_start = (uint16_t)(ssrc * 7919u);
    p->ts_start = ssrc * 2654435761u;
    snprintf(p->name, sizeof(p->name), "tone");
    int r = aac ? make_aac(p) : make_pcmu(p);
    if (r >= 0)
        r = sim_program_finish(p, (int64_t)p->count * (aac ? AAC_FRAME : PCMU_FRAME), 1400,
                               AUDIO_CHANNEL, reterr);
    else
        err_set(reterr, r, "making the sound failed: %s", err_text(r));
    if (r < 0)
        sim_program_free(p);
    else
        *ret = p;
    return r;
}
