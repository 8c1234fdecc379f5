/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers of cameras and their packets without memory: what cannot be kept is lost and named, nothing else happens. */
#include "row.h"

#include <errno.h>
#include <openssl/crypto.h>

#include "base/buf.h"
#include "base/err.h"
#include "rtsp/auth.h"
#include "rtsp/depay.h"
#include "rtsp/reorder.h"
#include "rtsp/sdp.h"
#include "torture.h"

static int read_answers(void)
{
    static const char text[] =
        "RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nWWW-Authenticate: Digest realm=\"r\", "
        "nonce=\"n\", qop=\"auth\", algorithm=SHA-256\r\n\r\n";
    static const char sdp_text[] =
        "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;"
        "sprop-parameter-sets=Z0LAHtkAoD2hAAADAAEAAAMAMg8WLkg=,aMuMsg==\r\n"
        "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/16000/1\r\n"
        "a=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408\r\n";
    static struct media_params params;
    struct rtsp_message m;
    struct rtsp_sdp sdp;
    struct rtsp_auth a = {.user = "user", .password = "password"};
    struct depay_audio audio = {0};
    struct media_track track = {.codec = MEDIA_AAC};
    char answer[1024];
    int bad;
    int r = rtsp_message_parse(text, sizeof(text) - 1, &m);
    if (r > 0)
        r = rtsp_auth_challenge(&a, &m);
    if (r >= 0)
        r = rtsp_auth_answer(&a, "PLAY", "rtsp://camera/live", "0011", answer, sizeof(answer));
    if (r >= 0)
        r = rtsp_sdp_parse(sdp_text, sizeof(sdp_text) - 1, &sdp);
    params.count = 0;
    if (r >= 0)
        r = rtsp_fmtp_params(&sdp.media[0], &params, &bad);
    if (r >= 0)
        r = depay_audio_init(&audio, &track, sdp.media[1].fmtp);
    depay_audio_release(&audio);
    rtsp_auth_release(&a);
    OPENSSL_thread_stop(); /* frees its error queue */
    return r;
}

static uint32_t next;

static void check_unit(struct assembler *a, const uint8_t *data, uint32_t size, uint32_t ts,
                       bool key, bool changed, bool loss)
{
    uint32_t at = 0;
    while (at + 4 <= size)
        at += 4 + rd32(data + at);
    assert_int_equal(at, size);
    assert_true(loss || ts == next); /* a picture that is missing is told with the next one */
    next = ts + 3600;
}

static const struct assembler_events events = {check_unit};

/* Pictures of two packets each, of 200 bytes and more, parked in the middle. */
static int pictures(enum media_codec codec, size_t size)
{
    static struct media_params params;
    static uint8_t packet[100000];
    struct au_scratch scratch = {malloc(64), 64};
    struct assembler a;
    if (!scratch.data)
        return -ENOMEM;
    next = 0;
    params.count = 0;
    assembler_init(&a, codec, &params, &scratch, &events);
    for (uint32_t i = 0; i < 6; i++) {
        for (int part = 0; part < 2; part++) {
            struct rtp_packet p = {
                .payload = packet, .len = size << i / 2, .timestamp = i * 3600, .marker = part};
            if (codec == MEDIA_H264) {
                packet[0] = 28 | 0x60;
                packet[1] = (uint8_t)((part ? 0x40 : 0x80) | (i ? 1 : 5));
            } else {
                packet[0] = 49 << 1;
                packet[1] = 1;
                packet[2] = (uint8_t)((part ? 0x40 : 0x80) | (i ? 1 : 19));
            }
            packet[3] = 0x88;
            assembler_unpark(&a);
            if (codec == MEDIA_H264)
                depay_h264(&a, &p);
            else
                depay_h265(&a, &p, false);
            assembler_park(&a);
        }
    }
    assembler_release(&a);
    free(scratch.data);
    return 0;
}

static int h264(void)
{
    return pictures(MEDIA_H264, 200);
}

static int h265(void)
{
    return pictures(MEDIA_H265, 20000);
}

static void hear(void *user, const uint8_t *data, uint32_t size, uint32_t ts, bool loss)
{
    assert_true(size == 96 || loss);
}

static int audio(void)
{
    uint8_t packet[4 + 48] = {0, 16, 96 >> 5, (uint8_t)(96 << 3)}; /* half of a frame of 96 bytes */
    struct depay_audio d = {.codec = MEDIA_AAC,
                            .size_bits = 13,
                            .index_bits = 3,
                            .delta_bits = 3,
                            .samples = 1024,
                            .frame = hear};
    for (uint32_t i = 0; i < 6; i++) {
        struct rtp_packet p = {
            .payload = packet, .len = sizeof(packet), .timestamp = i / 2 * 1024, .marker = i % 2};
        depay_audio(&d, &p);
    }
    depay_audio_release(&d);
    return 0;
}

static void count_packet(void *user, const uint8_t *p, size_t n)
{
    ++*(int *)user;
    assert_int_equal(n, 8);
}

static int order(void)
{
    static const uint16_t seq[] = {1, 3, 2, 6, 5, 4, 7};
    struct reorder r;
    uint8_t packet[8] = {0};
    int count = 0, lost = 0;
    reorder_init(&r);
    for (size_t i = 0; i < COUNT(seq); i++)
        lost +=
            reorder_push(&r, seq[i], packet, sizeof(packet), (int64_t)i, count_packet, &count) < 0;
    reorder_expire(&r, 1000000, count_packet, &count);
    assert_int_equal(count + lost, COUNT(seq));
    reorder_release(&r);
    return 0;
}

static void test_allocations__answers(void **state)
{
    torture(read_answers, true); /* OpenSSL has names of its own for it */
}

static void test_allocations__pictures(void **state)
{
    torture(h264, true);
    torture(h265, true);
}

static void test_allocations__audio(void **state)
{
    torture(audio, true);
}

static void test_allocations__order(void **state)
{
    torture(order, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations__answers),
        cmocka_unit_test(test_allocations__pictures),
        cmocka_unit_test(test_allocations__audio),
        cmocka_unit_test(test_allocations__order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
