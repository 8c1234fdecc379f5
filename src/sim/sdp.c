/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Session descriptions. Source: RFC 4566 §5, RFC 6184 §8.2.1, RFC 7798 §7.1, RFC 3640 §4.1, RFC 2326 appendix C. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "media/params.h"
#include "sim/server.h"

/* Places of the words of the quirk "sdp". */
enum sdp_word {
    NO_ORIGIN,
    DECIMAL_ORIGIN,
    TWO_NAMES,
    BAD_CONNECTION,
    BAD_TIME,
    NO_NEWLINE,
    VENDOR_MEDIA,
    NO_FMTP,
    EMPTY_FMTP,
    BAD_SPROP,
    ANNEXB_SPROP,
    NO_SPROP,
    ONE_SPROP,
    PT35,
    RATE_SPACE,
    ZERO_RATE,
    ABSOLUTE_CONTROL,
    NO_CONTROL,
    SLASH_CONTROL,
    BASE_CONTROL,
    WRONG_DIRECTION,
    LF_ONLY,
    FMTP_OTHER_TRACK,
    MODE0
};

static int append_base64(struct buf *out, const uint8_t *d, size_t len)
{
    char text[4 * ((MEDIA_PARAM_SET_BYTES + 4) / 3 + 1) + 1];
    int n = EVP_EncodeBlock((unsigned char *)text, d, (int)len);
    return buf_append(out, text, (size_t)n);
}

/* All sets of one kind, separated by commas. */
static int append_sets(struct buf *out, const struct sim_program *g, enum media_nal_kind kind,
                       bool *first, const struct sim_quirks *q)
{
    uint8_t tmp[MEDIA_PARAM_SET_BYTES + 4] = {0, 0, 0, 1};
    int r = 0;
    for (int i = 0; i < g->params.count && r >= 0; i++) {
        const struct media_param_set *s = &g->params.set[i];
        if (media_nal_kind(g->codec, s->data, s->len) != kind)
            continue;
        if (!*first)
            r = buf_append(out, ",", 1);
        *first = false;
        memcpy(tmp + 4, s->data, s->len);
        if (sim_quirk_word(q, SIM_Q_SDP, BAD_SPROP))
            memset(tmp + 4 + s->len / 2, 0xee, s->len - s->len / 2);
        bool annexb = sim_quirk_word(q, SIM_Q_SDP, ANNEXB_SPROP);
        if (r >= 0)
            r = append_base64(out, annexb ? tmp : tmp + 4, s->len + (annexb ? 4u : 0u));
    }
    return r;
}

static int append_h264_fmtp(struct buf *out, const struct sim_program *g,
                            const struct sim_quirks *q)
{
    bool first = true;
    struct media_sps sps;
    int r = buf_appendf(out, "packetization-mode=%d", sim_quirk_word(q, SIM_Q_SDP, MODE0) ? 0 : 1);
    if (r >= 0 && media_params_sps(&g->params, g->codec, &sps) >= 0)
        r = buf_appendf(out, "; profile-level-id=%02X%02X%02X", sps.profile_idc,
                        sps.constraint_flags, sps.level_idc);
    if (r < 0 || !g->params.count || sim_quirk_word(q, SIM_Q_SDP, NO_SPROP))
        return r;
    r = buf_appendf(out, "; sprop-parameter-sets=");
    if (r >= 0)
        r = append_sets(out, g, NAL_SPS, &first, q);
    if (r >= 0 && !sim_quirk_word(q, SIM_Q_SDP, ONE_SPROP))
        r = append_sets(out, g, NAL_PPS, &first, q);
    return r;
}

static int append_h265_fmtp(struct buf *out, const struct sim_program *g,
                            const struct sim_quirks *q)
{
    static const struct {
        const char *name;
        enum media_nal_kind kind;
    } parts[] = {{"sprop-vps=", NAL_VPS}, {"; sprop-sps=", NAL_SPS}, {"; sprop-pps=", NAL_PPS}};
    int r = 0, n = sim_quirk_word(q, SIM_Q_SDP, NO_SPROP)    ? 0
                   : sim_quirk_word(q, SIM_Q_SDP, ONE_SPROP) ? 1
                                                             : 3;
    for (int i = 0; i < n && r >= 0; i++) {
        bool first = true;
        r = buf_append(out, parts[i].name, strlen(parts[i].name));
        if (r >= 0)
            r = append_sets(out, g, parts[i].kind, &first, q);
    }
    return r;
}

static int append_control(struct buf *out, int track, const char *base, const struct sim_quirks *q)
{
    if (sim_quirk_word(q, SIM_Q_SDP, NO_CONTROL))
        return 0;
    if (sim_quirk_word(q, SIM_Q_SDP, ABSOLUTE_CONTROL))
        return buf_appendf(out, "a=control:%strackID=%d\r\n", base, track);
    return buf_appendf(out, "a=control:%strackID=%d\r\n",
                       sim_quirk_word(q, SIM_Q_SDP, SLASH_CONTROL) ? "/" : "", track);
}

static int append_video(struct buf *out, const struct sim_program *g, const char *base,
                        const struct sim_quirks *q)
{
    int pt = sim_quirk_word(q, SIM_Q_SDP, PT35) ? 35 : g->payload_type, r;
    bool no_fmtp = sim_quirk_word(q, SIM_Q_SDP, NO_FMTP),
         empty = sim_quirk_word(q, SIM_Q_SDP, EMPTY_FMTP);
    r = buf_appendf(out, "m=video 0 RTP/AVP %d\r\na=rtpmap:%d %s/%s\r\n", pt, pt,
                    g->codec == MEDIA_H265 ? "H265" : "H264",
                    sim_quirk_word(q, SIM_Q_SDP, ZERO_RATE)    ? "0"
                    : sim_quirk_word(q, SIM_Q_SDP, RATE_SPACE) ? "90000 "
                                                               : "90000");
    if (r >= 0 && !no_fmtp)
        r = buf_appendf(out, "a=fmtp:%d%s", pt, empty ? "" : " ");
    if (r >= 0 && !no_fmtp && !empty)
        r = g->codec == MEDIA_H265 ? append_h265_fmtp(out, g, q) : append_h264_fmtp(out, g, q);
    if (r >= 0 && !no_fmtp)
        r = buf_appendf(out, "\r\n");
    if (r >= 0 && g->width)
        r = buf_appendf(out, "a=framesize:%d %u-%u\r\n", pt, g->width, g->height);
    if (r >= 0)
        r = buf_appendf(out, "a=%s\r\n",
                        sim_quirk_word(q, SIM_Q_SDP, WRONG_DIRECTION) ? "recvonly" : "sendonly");
    return r < 0 ? r : append_control(out, 0, base, q);
}

static int append_audio(struct buf *out, const struct sim_program *g, const char *base,
                        const struct sim_quirks *q)
{
    char hex[2 * sizeof(g->asc) + 1];
    int r = buf_appendf(out, "m=audio 0 RTP/AVP %d\r\n", g->payload_type);
    if (r >= 0 && g->codec == MEDIA_AAC)
        r = buf_appendf(out,
                        "a=rtpmap:%d MPEG4-GENERIC/%u/%u\r\na=fmtp:%d streamtype=5; "
                        "profile-level-id=1; mode=AAC-hbr; "
                        "sizelength=13; indexlength=3; indexdeltalength=3; config=%s\r\n",
                        g->payload_type, g->clock_rate, g->channels, g->payload_type,
                        hex_encode(g->asc, g->asc_len, hex));
    else if (r >= 0)
        r = buf_appendf(out, "a=rtpmap:%d PCMU/8000\r\n", g->payload_type);
    if (r >= 0 && sim_quirk_word(q, SIM_Q_SDP, FMTP_OTHER_TRACK))
        r = buf_appendf(out, "a=fmtp:96 profile=1\r\n");
    return r < 0 ? r : append_control(out, 1, base, q);
}

static int append_head(struct buf *out, const struct sim_server *s, const struct sim_camera *cam,
                       const char *base, const struct sim_quirks *q)
{
    int r = buf_appendf(out, "v=0\r\n");
    if (r >= 0 && !sim_quirk_word(q, SIM_Q_SDP, NO_ORIGIN))
        r = buf_appendf(out, "o=- %s 1 IN IP4 %s\r\n",
                        sim_quirk_word(q, SIM_Q_SDP, DECIMAL_ORIGIN) ? "1700000000.123456"
                                                                     : "1700000000",
                        s->o->address);
    if (r >= 0)
        r = buf_appendf(out, "s=Simulated camera %d\r\n%sc=%s\r\nt=%s\r\n", cam->id,
                        sim_quirk_word(q, SIM_Q_SDP, TWO_NAMES) ? "s=A second name\r\n" : "",
                        sim_quirk_word(q, SIM_Q_SDP, BAD_CONNECTION) ? "IN " : "IN IP4 0.0.0.0",
                        sim_quirk_word(q, SIM_Q_SDP, BAD_TIME) ? "now" : "0 0");
    if (r >= 0)
        r = buf_appendf(out, "a=tool:sim\r\na=range:npt=0-\r\na=control:%s\r\n",
                        sim_quirk_word(q, SIM_Q_SDP, BASE_CONTROL) ? base : "*");
    return r;
}

int sim_sdp_write(const struct sim_server *s, const struct sim_camera *cam, int stream,
                  const char *base, struct buf *out)
{
    const struct sim_quirks *q = cam->quirks[stream];
    const struct sim_stream *st = &cam->stream[stream];
    int r = append_head(out, s, cam, base, q);
    if (r >= 0)
        r = append_video(out, st->track[0], base, q);
    if (r >= 0 && sim_quirk_word(q, SIM_Q_SDP, VENDOR_MEDIA))
        r = buf_appendf(
            out, "m=application/TP-LINK 0 RTP/AVP smart/1/90000\r\na=rtpmap:95 TP-LINK/90000\r\n"
                 "a=control:trackID=7\r\nm=meta\r\n");
    if (r >= 0 && st->track[1])
        r = append_audio(out, st->track[1], base, q);
    if (r < 0)
        return r;
    if (sim_quirk_word(q, SIM_Q_SDP, NO_NEWLINE) && out->len >= 2)
        out->len -= 2;
    if (sim_quirk_word(q, SIM_Q_SDP, LF_ONLY)) {
        size_t n = 0;
        for (size_t i = 0; i < out->len; i++)
            if (out->data[i] != '\r')
                out->data[n++] = out->data[i];
        out->len = n;
    }
    return 0;
}
