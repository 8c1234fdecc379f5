/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/sdp.h"

#include <string.h>

#include "base/err.h"
#include "media/params.h"

/* m= line under way: its formats, before a=rtpmap says which one is meant. */
struct media_line {
    struct rtsp_sdp_media *m;
    uint8_t format[RTSP_SDP_FORMATS];
    int formats;
};

static enum media_codec codec_of(struct span name)
{
    static const struct {
        const char *name;
        enum media_codec codec;
    } table[] = {
        {"H264", MEDIA_H264},         {"H265", MEDIA_H265}, {"HEVC", MEDIA_H265},
        {"MPEG4-GENERIC", MEDIA_AAC}, {"PCMU", MEDIA_PCMU}, {"PCMA", MEDIA_PCMA},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (span_is(name, table[i].name))
            return table[i].codec;
    return MEDIA_NONE;
}

static void static_format(struct rtsp_sdp_media *m, uint8_t pt)
{
    if (pt != 0 && pt != 8)
        return;
    m->codec = pt ? MEDIA_PCMA : MEDIA_PCMU;
    m->name = span_of(pt ? "PCMA" : "PCMU");
    m->clock_rate = 8000;
    m->channels = 1;
}

/* "m=video 0 RTP/AVP 96 97" */
static void on_media(struct rtsp_sdp *sdp, struct span v, struct media_line *line)
{
    struct span word, port, proto;
    line->m = NULL;
    line->formats = 0;
    if (sdp->medias == RTSP_SDP_MEDIA || !span_cut(&v, ' ', &word)) {
        sdp->odd = true;
        return;
    }
    struct rtsp_sdp_media *m = &sdp->media[sdp->medias++];
    *m = (struct rtsp_sdp_media){0};
    m->kind = span_is(word, "video")   ? RTSP_MEDIA_VIDEO
              : span_is(word, "audio") ? RTSP_MEDIA_AUDIO
                                       : RTSP_MEDIA_OTHER;
    if (!span_cut(&v, ' ', &port) || !span_cut(&v, ' ', &proto)) {
        sdp->odd = true;
        sdp->medias--;
        return;
    }
    line->m = m;
    while (line->formats < RTSP_SDP_FORMATS && span_cut(&v, ' ', &word)) {
        uint64_t pt;
        if (word.n && span_number(word, 10, 127, &pt) >= 0)
            line->format[line->formats++] = (uint8_t)pt;
        else if (word.n)
            sdp->odd = true;
    }
    if (line->formats) {
        m->payload_type = line->format[0];
        static_format(m, m->payload_type);
    }
}

/* "96 H264/90000" ; a known codec wins over an unknown one that came before. */
static void on_rtpmap(struct rtsp_sdp *sdp, struct span v, struct media_line *line)
{
    uint64_t pt, n;
    struct span number, name, rate;
    struct rtsp_sdp_media *m = line->m;
    if (!m || !span_cut(&v, ' ', &number) || span_number(number, 10, 127, &pt) < 0) {
        sdp->odd = true;
        return;
    }
    v = span_trim(v);
    if (!span_cut(&v, '/', &name))
        return;
    enum media_codec codec = codec_of(name);
    if (m->codec != MEDIA_NONE && m->name.n && (uint8_t)pt != m->payload_type)
        return;
    m->payload_type = (uint8_t)pt;
    m->codec = codec;
    m->name = name;
    m->clock_rate = codec == MEDIA_H264 || codec == MEDIA_H265 ? 90000 : 8000;
    m->channels = m->kind == RTSP_MEDIA_AUDIO;
    if (span_cut(&v, '/', &rate) && span_leading_number(rate, 1000000, &n) >= 0 && n > 0)
        m->clock_rate = (uint32_t)n;
    else
        sdp->odd = true;
    if (v.n && span_leading_number(v, 64, &n) >= 0 && n > 0)
        m->channels = (uint16_t)n;
}

static void on_fmtp(struct rtsp_sdp *sdp, struct span v, struct rtsp_sdp_media *m)
{
    uint64_t pt;
    v = span_trim(v);
    size_t blank = span_find(v, ' ');
    if (span_leading_number(v, 127, &pt) < 0 || (uint8_t)pt != m->payload_type) {
        sdp->odd = true;
        return;
    }
    m->fmtp = span_trim((struct span){v.p + blank, v.n - blank});
}

static void on_attribute(struct rtsp_sdp *sdp, struct span v, struct media_line *line)
{
    size_t colon = span_find(v, ':');
    struct span name = span_trim((struct span){v.p, colon});
    struct span value =
        colon < v.n ? (struct span){v.p + colon + 1, v.n - colon - 1} : (struct span){0};
    if (span_is(name, "control")) {
        if (line->m)
            line->m->control = span_trim(value);
        else
            sdp->control = span_trim(value);
    } else if (span_is(name, "rtpmap")) {
        on_rtpmap(sdp, span_trim(value), line);
    } else if (line->m && span_is(name, "fmtp")) {
        on_fmtp(sdp, value, line->m);
    } else if (line->m && span_is(name, "sendonly")) {
        line->m->sendonly = true;
    }
}

int rtsp_sdp_parse(const char *text, size_t len, struct rtsp_sdp *ret)
{
    struct media_line line = {0};
    struct span rest = {text, len};
    *ret = (struct rtsp_sdp){0};
    bool lost_media = false;
    while (rest.n) {
        size_t n = 0;
        while (n < rest.n && rest.p[n] != '\n' && rest.p[n] != '\r')
            n++;
        struct span l = span_trim((struct span){rest.p, n});
        size_t used = n < rest.n ? n + 1 : n;
        rest.p += used;
        rest.n -= used;
        if (l.n < 2 || l.p[1] != '=')
            continue;
        struct span value = {l.p + 2, l.n - 2};
        if (l.p[0] == 'm') {
            on_media(ret, value, &line);
            lost_media = line.m == NULL;
        } else if (l.p[0] == 'a' && !lost_media) {
            on_attribute(ret, value, &line);
        }
    }
    return ret->medias ? 0 : E_NOTFOUND;
}

int rtsp_sdp_choose(const struct rtsp_sdp *sdp, enum rtsp_media_kind kind)
{
    for (int i = 0; i < sdp->medias; i++) {
        const struct rtsp_sdp_media *m = &sdp->media[i];
        bool video = m->codec == MEDIA_H264 || m->codec == MEDIA_H265;
        if (m->kind != kind || m->codec == MEDIA_NONE || video != (kind == RTSP_MEDIA_VIDEO))
            continue;
        if (kind == RTSP_MEDIA_VIDEO || !m->sendonly)
            return i;
    }
    return E_NOTFOUND;
}

struct span rtsp_fmtp_get(struct span fmtp, const char *name)
{
    struct span item;
    while (span_cut(&fmtp, ';', &item)) {
        size_t eq = span_find(item, '=');
        if (eq < item.n && span_is(span_trim((struct span){item.p, eq}), name))
            return span_unquote(span_trim((struct span){item.p + eq + 1, item.n - eq - 1}));
    }
    return (struct span){0};
}

static bool start_code(const uint8_t *p, size_t n, size_t i)
{
    return i + 3 <= n && p[i] == 0 && p[i + 1] == 0 && p[i + 2] == 1;
}

/* One decoded sprop value: a NAL unit, or several behind Annex B start codes, or zeros behind it. */
static void put_nals(struct media_params *params, enum media_codec codec, const uint8_t *p,
                     size_t n, int *taken, int *bad)
{
    size_t at = 0;
    while (at < n) {
        while (at < n && (p[at] == 0 || start_code(p, n, at)))
            at += start_code(p, n, at) ? 3 : 1;
        size_t end = at;
        while (end < n && !start_code(p, n, end))
            end++;
        size_t last = end;
        while (last > at && p[last - 1] == 0)
            last--;
        if (last > at) {
            enum media_nal_kind kind = media_nal_kind(codec, p + at, last - at);
            bool set = kind == NAL_VPS || kind == NAL_SPS || kind == NAL_PPS;
            if (set && media_params_put(params, codec, p + at, last - at) >= 0)
                (*taken)++;
            else
                (*bad)++;
        }
        at = end;
    }
}

int rtsp_fmtp_params(const struct rtsp_sdp_media *m, struct media_params *params, int *ret_bad)
{
    static const char *const names[] = {"sprop-vps", "sprop-sps", "sprop-pps",
                                        "sprop-parameter-sets"};
    uint8_t nal[2 * MEDIA_PARAM_SET_BYTES];
    int taken = 0;
    *ret_bad = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((m->codec == MEDIA_H264) != (i == 3))
            continue;
        struct span list = rtsp_fmtp_get(m->fmtp, names[i]), item;
        while (span_cut(&list, ',', &item)) {
            int n = span_base64(item, nal, sizeof(nal));
            if (n > 0)
                put_nals(params, m->codec, nal, (size_t)n, &taken, ret_bad);
            else if (item.n)
                (*ret_bad)++;
        }
    }
    return taken;
}
