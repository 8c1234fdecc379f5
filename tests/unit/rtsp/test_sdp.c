/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "row.h"

#include "base/err.h"
#include "media/params.h"
#include "rtsp/sdp.h"

/* SPS and PPS of a 640x480 stream, made with x264. */
#define SPS "Z0LAHtkAoD2hAAADAAEAAAMAMg8WLkg="
#define PPS "aMuMsg=="

static void test_sdp__tolerates(void **state)
{
    static const struct {
        const char *name, *text;
        enum media_codec codec;
        int payload_type;
        unsigned clock;
        const char *control;
    } rows[] = {
        {"plain",
         "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 "
         "H264/90000\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
        {"missing o=", "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
        {"decimals in origin, several s=",
         "o=- 1.5 2.25 IN IP4 x\r\ns=a\r\ns=b\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 "
         "H264/90000\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
        {"broken c=, t= and r=",
         "c=IN \r\nt=x\r\nr=\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4\r\na=rtpmap:96 "
         "H264/90000\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
        {"no newline at the end", "m=video 0 RTP/AVP 96\na=control:t1\na=rtpmap:96 H264/90000",
         MEDIA_H264, 96, 90000, "t1"},
        {"carriage returns only", "m=video 0 RTP/AVP 96\ra=rtpmap:96 H264/90000\ra=control:t1\r",
         MEDIA_H264, 96, 90000, "t1"},
        {"vendor media before",
         "m=application/TP-LINK 0 RTP/AVP smart/1/90000\r\na=control:x\r\nm=video 0 RTP/AVP "
         "96\r\na=rtpmap:96 "
         "H264/90000\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
        {"MP2T in the protocol",
         "m=video 0 MP2T/RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t1\r\n", MEDIA_H264, 96,
         90000, "t1"},
        {"meta stream before",
         "m=meta 0 RTP/AVP 107\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 "
         "H264/90000\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
        {"unparseable media before",
         "m=video\r\na=rtpmap:96 H264/90000\r\nm=video 0 RTP/AVP 97\r\na=rtpmap:97 H265/90000\r\n"
         "a=control:t1\r\n",
         MEDIA_H265, 97, 90000, "t1"},
        {"blank behind the clock rate",
         "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000 \r\na=control:t1\r\n", MEDIA_H264, 96,
         90000, "t1"},
        {"zero clock rate", "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/0\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
        {"missing clock rate", "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
        {"payload type 35", "m=video 0 RTP/AVP 35\r\na=rtpmap:35 H264/90000\r\na=control:t1\r\n",
         MEDIA_H264, 35, 90000, "t1"},
        {"several formats",
         "m=video 0 RTP/AVP 26 97\r\na=rtpmap:26 JPEG/90000\r\na=rtpmap:97 "
         "H265/90000\r\na=control:t1\r\n",
         MEDIA_H265, 97, 90000, "t1"},
        {"video marked sendonly",
         "m=video 0 RTP/AVP 96\r\na=sendonly\r\na=rtpmap:96 H264/90000\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
        {"rtpmap in small letters",
         "m=video 0 RTP/AVP 96\r\na=rtpmap:96 h264/90000\r\na=control:t1\r\n", MEDIA_H264, 96,
         90000, "t1"},
        {"empty fmtp",
         "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
        {"fmtp of another payload type",
         "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:97 x=y\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
        {"base URL inside control",
         "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:rtsp://cam/live/t1\r\n",
         MEDIA_H264, 96, 90000, "rtsp://cam/live/t1"},
        {"ssrc attribute lines",
         "m=video 0 RTP/AVP 96\r\na=ssrc:1234 cname:x\r\na=rtpmap:96 "
         "H264/90000\r\na=control:t1\r\n",
         MEDIA_H264, 96, 90000, "t1"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtsp_sdp sdp;
        char control[256];
        CHECK_INT(&rows[i], rtsp_sdp_parse(rows[i].text, strlen(rows[i].text), &sdp), 0);
        int v = rtsp_sdp_choose(&sdp, RTSP_MEDIA_VIDEO);
        CHECK(&rows[i], v >= 0);
        CHECK_INT(&rows[i], sdp.media[v].codec, rows[i].codec);
        CHECK_INT(&rows[i], sdp.media[v].payload_type, rows[i].payload_type);
        CHECK_INT(&rows[i], sdp.media[v].clock_rate, rows[i].clock);
        span_copy(sdp.media[v].control, control, sizeof(control));
        CHECK_TEXT(&rows[i], control, rows[i].control);
    }
}

static void test_sdp__audio(void **state)
{
    static const struct {
        const char *name, *text;
        int codec; /* MEDIA_NONE: nothing to be had */
        unsigned clock, channels;
    } rows[] = {
        {"static PCMU", "m=audio 0 RTP/AVP 0\r\n", MEDIA_PCMU, 8000, 1},
        {"static PCMA with rtpmap", "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000/1\r\n", MEDIA_PCMA,
         8000, 1},
        {"PCMU at an odd rate", "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 PCMU/16000\r\n", MEDIA_PCMU,
         16000, 1},
        {"AAC stereo", "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/44100/2\r\n", MEDIA_AAC,
         44100, 2},
        {"Opus that says 48000/1 is not taken",
         "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 OPUS/48000/1\r\n", MEDIA_NONE, 0, 0},
        {"talk-back channel is not taken", "m=audio 0 RTP/AVP 0\r\na=sendonly\r\n", MEDIA_NONE, 0,
         0},
        {"listening beside talk-back",
         "m=audio 0 RTP/AVP 0\r\na=sendonly\r\nm=audio 0 RTP/AVP 8\r\na=recvonly\r\n", MEDIA_PCMA,
         8000, 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtsp_sdp sdp;
        CHECK_INT(&rows[i], rtsp_sdp_parse(rows[i].text, strlen(rows[i].text), &sdp), 0);
        int a = rtsp_sdp_choose(&sdp, RTSP_MEDIA_AUDIO);
        CHECK_INT(&rows[i], a >= 0, rows[i].codec != MEDIA_NONE);
        if (a < 0)
            continue;
        CHECK_INT(&rows[i], sdp.media[a].codec, rows[i].codec);
        CHECK_INT(&rows[i], sdp.media[a].clock_rate, rows[i].clock);
        CHECK_INT(&rows[i], sdp.media[a].channels, rows[i].channels);
    }
}

static void test_sdp__parameter_sets(void **state)
{
    static const struct {
        const char *name, *fmtp;
        int taken, bad;
    } rows[] = {
        {"plain", "packetization-mode=1;sprop-parameter-sets=" SPS "," PPS, 2, 0},
        {"blanks around", " packetization-mode=1; sprop-parameter-sets = " SPS " , " PPS " ", 2, 0},
        {"missing", "packetization-mode=1", 0, 0},
        {"comma at the end", "sprop-parameter-sets=" SPS "," PPS ",", 2, 0},
        {"not base64", "sprop-parameter-sets=!!!!," PPS, 1, 1},
        {"not a parameter set", "sprop-parameter-sets=ZYiEAAA=," PPS, 1, 1},
        {"Annex B inside",
         "sprop-parameter-sets=AAAAAWdCwB7ZAKA9oQAAAwABAAADADIPFi5IAAAAAWjLjLI=", 2, 0},
        {"zeros behind the set", "sprop-parameter-sets=" SPS ",aMuMsgAA", 2, 0},
        {"without padding", "sprop-parameter-sets=Z0LAHtkAoD2hAAADAAEAAAMAMg8WLkg,aMuMsg", 2, 0},
        {"empty", "sprop-parameter-sets=", 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct media_params *params = calloc(1, sizeof(*params));
        struct rtsp_sdp_media m = {.codec = MEDIA_H264, .fmtp = span_of(rows[i].fmtp)};
        int bad = 0;
        CHECK_INT(&rows[i], rtsp_fmtp_params(&m, params, &bad), rows[i].taken);
        CHECK_INT(&rows[i], bad, rows[i].bad);
        CHECK_INT(&rows[i], params->count, rows[i].taken);
        free(params);
    }
}

static void test_sdp__hostile(void **state)
{
    struct rtsp_sdp sdp;
    assert_int_equal(rtsp_sdp_parse("", 0, &sdp), E_NOTFOUND);
    assert_int_equal(rtsp_sdp_parse("v=0\r\n", 5, &sdp), E_NOTFOUND);
    char many[8192];
    size_t n = 0;
    for (int i = 0; i < 200; i++)
        n += (size_t)snprintf(many + n, sizeof(many) - n, "m=audio 0 RTP/AVP 0\r\n");
    n += (size_t)snprintf(many + n, sizeof(many) - n, "a=control:lost\r\n");
    assert_int_equal(rtsp_sdp_parse(many, n, &sdp), 0);
    assert_int_equal(sdp.medias, RTSP_SDP_MEDIA);
    assert_int_equal(sdp.media[RTSP_SDP_MEDIA - 1].control.n, 0); /* not put on the wrong track */
    assert_true(sdp.odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sdp__tolerates),
        cmocka_unit_test(test_sdp__audio),
        cmocka_unit_test(test_sdp__parameter_sets),
        cmocka_unit_test(test_sdp__hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
