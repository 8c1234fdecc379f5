/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/decode.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mask/picture.h"
#include "media/params.h"

#define AU_BYTES_MAX ((size_t)16 << 20)
#define TIMES 32 /* pictures between a decoder's input and output, at most 16 by both standards */

struct times {
    int64_t id, pts_ticks, utc_us;
};

struct mask_decoder {
    AVCodecContext *ctx;
    AVPacket *pkt;
    AVFrame *frame;
    struct buf stream; /* Annex B with libavcodec's padding */
    struct times times[TIMES];
    int64_t next_id;
};

static int open_codec(struct mask_decoder *d, enum media_codec codec, struct err *reterr)
{
    enum AVCodecID id = codec == MEDIA_H265 ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264;
    const AVCodec *c = avcodec_find_decoder(id);
    if (!c || (codec != MEDIA_H264 && codec != MEDIA_H265))
        return err_set(reterr, E_UNSUPPORTED, "no decoder for %s", media_codec_name(codec));
    d->ctx = avcodec_alloc_context3(c);
    if (!d->ctx)
        return -ENOMEM;
    d->ctx->thread_count = 1;
    d->ctx->max_pixels = (int64_t)MASK_WIDTH_MAX * MASK_WIDTH_MAX;
    d->ctx->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    d->ctx->error_concealment = 0; /* a hole is covered, not guessed */
    /*
     * Without the loop filter, a sixth of the work, blocks show at edges that move until the next key picture. They are
     * compared and not shown: what is learnt is the median over many key pictures.
     */
    d->ctx->skip_loop_filter = AVDISCARD_ALL;
    d->ctx->flags2 |= AV_CODEC_FLAG2_FAST;
    if (avcodec_open2(d->ctx, c, NULL) < 0)
        return err_set(reterr, E_UNSUPPORTED, "the decoder for %s does not start",
                       media_codec_name(codec));
    return 0;
}

int mask_decoder_new(const struct media_track *track, struct mask_decoder **ret, struct err *reterr)
{
    struct mask_decoder *d = calloc(1, sizeof(*d));
    if (!d)
        return err_set(reterr, -ENOMEM, "no memory for a decoder");
    buf_init(&d->stream, AU_BYTES_MAX + (size_t)64 * 1024);
    d->pkt = av_packet_alloc();
    d->frame = av_frame_alloc();
    av_log_set_level(AV_LOG_QUIET); /* what a camera sends wrong is told once, by the caller */
    int r = d->pkt && d->frame ? open_codec(d, track->codec, reterr) : -ENOMEM;
    if (r < 0)
        mask_decoder_free(d);
    else
        *ret = d;
    return r;
}

void mask_decoder_free(struct mask_decoder *d)
{
    if (!d)
        return;
    avcodec_free_context(&d->ctx);
    av_packet_free(&d->pkt);
    av_frame_free(&d->frame);
    buf_release(&d->stream);
    free(d);
}

static int put_nal(struct buf *b, const uint8_t *nal, size_t len)
{
    static const uint8_t start[4] = {0, 0, 0, 1};
    int r = buf_append(b, start, sizeof(start));
    return r < 0 ? r : buf_append(b, nal, len);
}

/* Parameter sets in front of every key picture: a decoder that starts anew finds them. */
static int to_annexb(struct mask_decoder *d, const struct media_track *track,
                     const struct media_au *au)
{
    int r = buf_reserve(&d->stream, 1);
    d->stream.len = 0;
    if ((au->key || au->params_changed) && track->params)
        for (int i = 0; i < track->params->count && r >= 0; i++)
            r = put_nal(&d->stream, track->params->set[i].data, track->params->set[i].len);
    for (size_t at = 0; at < au->size && r >= 0;) {
        if (au->size - at < 4 || rd32(au->data + at) > au->size - at - 4)
            return E_SYNTAX;
        size_t len = rd32(au->data + at);
        r = put_nal(&d->stream, au->data + at + 4, len);
        at += 4 + len;
    }
    if (r >= 0)
        r = buf_reserve(&d->stream, AV_INPUT_BUFFER_PADDING_SIZE);
    if (r >= 0)
        memset(d->stream.data + d->stream.len, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    return r;
}

static void hand_out(struct mask_decoder *d, void (*out)(void *user, const struct mask_decoded *p),
                     void *user)
{
    const struct times *t = &d->times[d->frame->pts & (TIMES - 1)];
    bool known = d->frame->pts >= 0 && t->id == d->frame->pts;
    struct mask_decoded p = {
        .frame = d->frame,
        .pts_ticks = known ? t->pts_ticks : 0,
        .utc_us = known ? t->utc_us : 0,
        .damaged = d->frame->decode_error_flags || (d->frame->flags & AV_FRAME_FLAG_CORRUPT),
    };
    if (known)
        out(user, &p);
}

static int take_pictures(struct mask_decoder *d,
                         void (*out)(void *user, const struct mask_decoded *p), void *user)
{
    int r;
    while ((r = avcodec_receive_frame(d->ctx, d->frame)) >= 0) {
        hand_out(d, out, user);
        av_frame_unref(d->frame);
    }
    return r == AVERROR(EAGAIN) || r == AVERROR_EOF ? 0 : r;
}

int mask_decoder_feed(struct mask_decoder *d, const struct media_track *track,
                      const struct media_au *au, int64_t utc_us, bool wanted,
                      void (*out)(void *user, const struct mask_decoded *p), void *user,
                      struct err *reterr)
{
    if (au->size > AU_BYTES_MAX)
        return err_set(reterr, E_LIMIT, "a picture of %u bytes is over the limit of %zu", au->size,
                       AU_BYTES_MAX);
    int r = to_annexb(d, track, au);
    if (r < 0)
        return err_set(reterr, r, "the NAL units of a picture do not add up");
    struct times *t = &d->times[d->next_id & (TIMES - 1)];
    *t = (struct times){d->next_id++, au->pts_ticks, utc_us};
    d->pkt->data = d->stream.data;
    d->pkt->size = (int)d->stream.len;
    d->pkt->pts = t->id;
    d->pkt->dts = t->id;
    d->pkt->flags = au->key ? AV_PKT_FLAG_KEY : 0;
    d->ctx->skip_frame = wanted ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
    r = avcodec_send_packet(d->ctx, d->pkt);
    if (r >= 0)
        r = take_pictures(d, out, user);
    if (r == AVERROR(ENOMEM))
        return err_set(reterr, -ENOMEM, "no memory to decode a picture");
    return r < 0 ? err_set(reterr, E_SYNTAX, "the decoder refused a picture") : 0;
}

void mask_decoder_flush(struct mask_decoder *d,
                        void (*out)(void *user, const struct mask_decoded *p), void *user)
{
    if (avcodec_send_packet(d->ctx, NULL) >= 0)
        take_pictures(d, out, user);
    avcodec_flush_buffers(d->ctx);
}
