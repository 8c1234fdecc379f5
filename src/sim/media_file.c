/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/media_file.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "media/params.h"

#define CLOCK_RATE 90000
#define MEDIA_SECONDS_MAX 600 /* a longer file is looped from there: all of it lies in memory */

struct loader {
    const char *path;
    const struct sim_media_options *o;
    struct sim_program *p;
    AVStream *stream;
    int length_size; /* 0: Annex B */
    int64_t first_dts, last_duration, frame_ticks;
    bool started;
};

static int av_fail(struct err *reterr, const char *path, int code)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(code, text, sizeof(text));
    return err_set(reterr,
                   code == AVERROR(ENOMEM)   ? -ENOMEM
                   : code == AVERROR(ENOENT) ? -ENOENT
                                             : E_UNSUPPORTED,
                   "%s: %s", path, text);
}

/* One parameter set of a configuration record. */
static int keep_set(struct sim_program *p, const uint8_t *d, size_t len, size_t *at)
{
    if (len - *at < 2 || len - *at - 2 < rd16(d + *at))
        return E_TRUNCATED;
    size_t n = rd16(d + *at);
    int r = media_params_put(&p->params, p->codec, d + *at + 2, n);
    *at += 2 + n;
    return r == E_LIMIT || r == E_SYNTAX ? 0 : r;
}

/* AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1. */
static int read_avcc(struct loader *l, const uint8_t *d, size_t len)
{
    if (len < 7)
        return E_TRUNCATED;
    l->length_size = (d[4] & 3) + 1;
    size_t at = 6;
    for (int i = d[5] & 0x1f, r; i > 0; i--)
        if ((r = keep_set(l->p, d, len, &at)) < 0)
            return r;
    if (at >= len)
        return E_TRUNCATED;
    for (int i = d[at++], r; i > 0; i--)
        if ((r = keep_set(l->p, d, len, &at)) < 0)
            return r;
    return 0;
}

/* HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 §8.3.3.1. */
static int read_hvcc(struct loader *l, const uint8_t *d, size_t len)
{
    if (len < 23)
        return E_TRUNCATED;
    l->length_size = (d[21] & 3) + 1;
    size_t at = 23;
    for (int arrays = d[22]; arrays > 0; arrays--) {
        if (len - at < 3)
            return E_TRUNCATED;
        int sets = rd16(d + at + 1);
        at += 3;
        for (int r; sets > 0; sets--)
            if ((r = keep_set(l->p, d, len, &at)) < 0)
                return r;
    }
    return 0;
}

static int read_extradata(struct loader *l)
{
    const AVCodecParameters *c = l->stream->codecpar;
    const uint8_t *d = c->extradata;
    size_t len = (size_t)c->extradata_size;
    bool annexb = len < 4 || (d[0] == 0 && d[1] == 0);
    if (annexb)
        return 0;
    return l->p->codec == MEDIA_H264 ? read_avcc(l, d, len) : read_hvcc(l, d, len);
}

/* Does the access unit carry an SPS? */
static bool has_sps(const struct sim_program *p, const struct sim_au *au)
{
    for (uint32_t i = 0; i < au->nal_count; i++)
        if (media_nal_kind(p->codec, p->nals[au->nal + i].data, p->nals[au->nal + i].len) ==
            NAL_SPS)
            return true;
    return false;
}

/* Move parameter sets in front: add them at the end, then rotate. */
static int prepend_params(struct sim_program *p)
{
    struct sim_au *au = &p->aus[p->count - 1];
    uint32_t old = au->nal_count;
    if (has_sps(p, au))
        return 0;
    for (int i = 0; i < p->params.count; i++) {
        int r = sim_program_add_nal(p, p->params.set[i].data, p->params.set[i].len);
        if (r < 0)
            return r;
    }
    uint32_t sets = au->nal_count - old;
    struct sim_nal front[MEDIA_PARAM_SETS];
    memcpy(front, &p->nals[au->nal + old], sets * sizeof(front[0]));
    memmove(&p->nals[au->nal + sets], &p->nals[au->nal], old * sizeof(front[0]));
    memcpy(&p->nals[au->nal], front, sets * sizeof(front[0]));
    return 0;
}

static int add_packet(struct loader *l, const AVPacket *pkt)
{
    struct sim_program *p = l->p;
    AVRational ticks = {1, CLOCK_RATE};
    bool key = pkt->flags & AV_PKT_FLAG_KEY;
    if (!l->started && !key)
        return 0;
    int64_t next = p->count ? p->aus[p->count - 1].dts_ticks + l->frame_ticks : 0;
    int64_t dts =
        pkt->dts == AV_NOPTS_VALUE ? next : av_rescale_q(pkt->dts, l->stream->time_base, ticks);
    int64_t pts =
        pkt->pts == AV_NOPTS_VALUE ? dts : av_rescale_q(pkt->pts, l->stream->time_base, ticks);
    if (pkt->dts != AV_NOPTS_VALUE) {
        if (!l->started)
            l->first_dts = dts;
        dts -= l->first_dts;
        if (pkt->pts != AV_NOPTS_VALUE)
            pts -= l->first_dts;
        else
            pts = dts;
    }
    if (p->count && dts <= p->aus[p->count - 1].dts_ticks)
        dts = next;
    if (pts < dts)
        pts = dts;
    l->started = true;
    l->last_duration = av_rescale_q(pkt->duration, l->stream->time_base, ticks);
    int r = sim_program_add(p, dts, pts, key);
    if (r >= 0)
        r = sim_program_add_stream(p, pkt->data, (size_t)pkt->size, l->length_size);
    return r >= 0 && key && l->o->in_band ? prepend_params(p) : r;
}

static int read_packets(struct loader *l, AVFormatContext *f)
{
    AVPacket *pkt = av_packet_alloc();
    int r = pkt ? 0 : -ENOMEM;
    while (r >= 0 && av_read_frame(f, pkt) >= 0) {
        if (pkt->stream_index == l->stream->index)
            r = add_packet(l, pkt);
        av_packet_unref(pkt);
        if (l->p->count &&
            l->p->aus[l->p->count - 1].dts_ticks > (int64_t)MEDIA_SECONDS_MAX * CLOCK_RATE)
            break;
    }
    av_packet_free(&pkt);
    return r;
}

/* The file's name as it may stand in JSON. */
static void set_name(struct sim_program *p, const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(p->name, sizeof(p->name), "%s", slash ? slash + 1 : path);
    for (char *c = p->name; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c > '~' || *c == '"' || *c == '\\')
            *c = '_';
}

static int choose_stream(struct loader *l, AVFormatContext *f, struct err *reterr)
{
    int i = av_find_best_stream(f, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (i < 0)
        return err_set(reterr, E_UNSUPPORTED, "%s: no video inside", l->path);
    l->stream = f->streams[i];
    const AVCodecParameters *c = l->stream->codecpar;
    if (c->codec_id != AV_CODEC_ID_H264 && c->codec_id != AV_CODEC_ID_HEVC)
        return err_set(reterr, E_UNSUPPORTED, "%s: its video is %s, cameras send H.264 or H.265",
                       l->path, avcodec_get_name(c->codec_id));
    AVRational rate = av_guess_frame_rate(f, l->stream, NULL);
    double fps = rate.num && rate.den ? av_q2d(rate) : l->o->fallback_fps;
    l->frame_ticks = (int64_t)(CLOCK_RATE / (fps > 0 ? fps : 25.0));
    l->p = sim_program_new(c->codec_id == AV_CODEC_ID_H264 ? MEDIA_H264 : MEDIA_H265, CLOCK_RATE);
    if (!l->p)
        return -ENOMEM;
    set_name(l->p, l->path);
    l->p->width = (uint16_t)c->width;
    l->p->height = (uint16_t)c->height;
    l->p->ssrc = l->o->ssrc;
    l->p->seq_start = (uint16_t)(l->o->ssrc * 7919u);
    l->p->ts_start = l->o->ssrc * 2654435761u;
    return read_extradata(l);
}

int sim_media_file(const char *path, const struct sim_media_options *o, struct sim_program **ret,
                   struct err *reterr)
{
    struct loader l = {.path = path, .o = o};
    AVFormatContext *f = NULL;
    AVDictionary *options = NULL;
    av_dict_set(&options, "fflags", "+genpts", 0);
    int r = avformat_open_input(&f, path, NULL, &options);
    av_dict_free(&options);
    if (r < 0)
        return av_fail(reterr, path, r);
    r = avformat_find_stream_info(f, NULL);
    if (r < 0)
        r = av_fail(reterr, path, r);
    else if ((r = choose_stream(&l, f, reterr)) >= 0 && (r = read_packets(&l, f)) < 0)
        r = err_set(reterr, r, "%s: %s", path, err_text(r));
    avformat_close_input(&f);
    if (r >= 0 && !l.p->count)
        r = err_set(reterr, E_UNSUPPORTED, "%s: no key picture inside", path);
    if (r >= 0) {
        int64_t last = l.p->aus[l.p->count - 1].dts_ticks;
        r = sim_program_finish(l.p, last + (l.last_duration > 0 ? l.last_duration : l.frame_ticks),
                               o->packet_bytes, o->channel, reterr);
    }
    if (r < 0)
        sim_program_free(l.p);
    else
        *ret = l.p;
    return r < 0 ? r : 0;
}
