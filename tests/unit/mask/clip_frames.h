/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Decoded pictures of a clip in $LETHE_MEDIA, one after the other. */
#ifndef TESTS_MASK_CLIP_FRAMES_H
#define TESTS_MASK_CLIP_FRAMES_H
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>

#include "mask/detect.h"

struct clip_frames {
    AVFormatContext *format;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    int next; /* number of the next picture, in order of presentation */
    bool end;
};

static inline bool clip_frames_open(struct clip_frames *c, const char *dir, const char *name)
{
    char path[4096];
    const AVCodec *codec = NULL;
    *c = (struct clip_frames){0};
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    av_log_set_level(AV_LOG_FATAL);
    if (avformat_open_input(&c->format, path, NULL, NULL) < 0 ||
        avformat_find_stream_info(c->format, NULL) < 0)
        return false;
    int stream = av_find_best_stream(c->format, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    if (stream != 0)
        return false;
    c->codec = avcodec_alloc_context3(codec);
    avcodec_parameters_to_context(c->codec, c->format->streams[0]->codecpar);
    c->codec->thread_count = 1;
    c->packet = av_packet_alloc();
    c->frame = av_frame_alloc();
    return avcodec_open2(c->codec, codec, NULL) >= 0;
}

/* The next picture, borrowed until the next call; false at the end. */
static inline bool clip_frames_next(struct clip_frames *c, struct detect_picture *ret)
{
    int r;
    while ((r = avcodec_receive_frame(c->codec, c->frame)) == AVERROR(EAGAIN) && !c->end) {
        c->end = av_read_frame(c->format, c->packet) < 0;
        if (c->end || c->packet->stream_index == 0)
            avcodec_send_packet(c->codec, c->end ? NULL : c->packet);
        av_packet_unref(c->packet);
    }
    if (r < 0)
        return false;
    const AVFrame *f = c->frame;
    *ret = (struct detect_picture){f->width,
                                   f->height,
                                   {f->data[0], f->data[1], f->data[2]},
                                   {f->linesize[0], f->linesize[1], f->linesize[2]}};
    c->next++;
    return true;
}

static inline void clip_frames_close(struct clip_frames *c)
{
    av_frame_free(&c->frame);
    av_packet_free(&c->packet);
    avcodec_free_context(&c->codec);
    avformat_close_input(&c->format);
}
#endif
