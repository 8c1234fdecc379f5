/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "row.h"

#include "base/err.h"
#include "rtsp/depay.h"
#include "rtsp/oddity.h"

struct out {
    char text[4096];
};

static void frame(void *user, const uint8_t *data, uint32_t size, uint32_t ts, bool loss)
{
    struct out *o = user;
    char *p = o->text + strlen(o->text);
    p += sprintf(p, "%s", o->text[0] ? " " : "");
    for (uint32_t i = 0; i < size; i++)
        p += sprintf(p, "%02x", data[i]);
    sprintf(p, "@%u%s", ts, loss ? "L" : "");
}

static void push(struct depay_audio *d, const char *hex, uint32_t ts)
{
    size_t n = strlen(hex) / 2;
    uint8_t *b = malloc(n ? n : 1);
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        sscanf(hex + 2 * i, "%2x", &v);
        b[i] = (uint8_t)v;
    }
    struct rtp_packet p = {.payload = b, .len = n, .timestamp = ts};
    depay_audio(d, &p);
    free(b);
}

#define HBR "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1210"

static void test_depay_audio__packets(void **state)
{
    static const struct {
        const char *name;
        enum media_codec codec;
        const char *fmtp, *packet[3], *want;
        bool odd;
    } rows[] = {
        {"G.711", MEDIA_PCMU, "", {"0102"}, "0102@0", false},
        {"G.711 empty", MEDIA_PCMA, "", {""}, "", true},
        {"one unit", MEDIA_AAC, HBR, {"00100010aabb"}, "aabb@0", false},
        {"two units", MEDIA_AAC, HBR, {"002000100008aabbcc"}, "aabb@0 cc@1024", false},
        {"960 samples", MEDIA_AAC, "config=1214", {"002000100008aabbcc"}, "aabb@0 cc@960", false},
        {"without the lengths in fmtp",
         MEDIA_AAC,
         "config=1210",
         {"00100010aabb"},
         "aabb@0",
         false},
        {"without indexlength",
         MEDIA_AAC,
         "sizelength=13;config=1210",
         {"00100010aabb"},
         "aabb@0",
         false},
        {"AAC-lbr",
         MEDIA_AAC,
         "mode=AAC-lbr;sizelength=6;indexlength=2;indexdeltalength=2",
         {"000808aabb"},
         "aabb@0",
         false},
        {"fragmented", MEDIA_AAC, HBR, {"00100020aabb", "00100020ccdd"}, "aabbccdd@0", false},
        {"more than it says", MEDIA_AAC, HBR, {"00100010aabbccdd"}, "aabb@0", false},
        {"header longer than the packet",
         MEDIA_AAC,
         HBR,
         {"ffff0010", "00100008aa"},
         "aa@0L",
         true},
        {"second unit beyond the end", MEDIA_AAC, HBR, {"00200010ffffaabb"}, "aabb@0", true},
        {"one byte", MEDIA_AAC, HBR, {"00"}, "", true},
        {"no header", MEDIA_AAC, HBR, {"0000aabb"}, "", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct out out = {0};
        struct depay_audio d = {.user = &out, .frame = frame};
        struct media_track t = {.codec = rows[i].codec};
        CHECK_INT(&rows[i], depay_audio_init(&d, &t, span_of(rows[i].fmtp)), 0);
        for (int k = 0; k < 3 && rows[i].packet[k]; k++)
            push(&d, rows[i].packet[k], 0);
        CHECK_TEXT(&rows[i], out.text, rows[i].want);
        CHECK_INT(&rows[i], d.oddities != 0, rows[i].odd);
        depay_audio_release(&d);
    }
}

static void test_depay_audio__description(void **state)
{
    struct depay_audio d = {0};
    struct media_track t = {.codec = MEDIA_AAC, .channels = 1};
    assert_int_equal(depay_audio_init(&d, &t, span_of(HBR)), 0);
    assert_int_equal(t.asc_len, 2);
    assert_int_equal(t.channels, 2); /* of the configuration, whatever rtpmap says */
    assert_int_equal(depay_audio_init(&d, &t, span_of("sizelength=0")), E_UNSUPPORTED);
    assert_int_equal(depay_audio_init(&d, &t, span_of("sizelength=32")), E_UNSUPPORTED);
    assert_int_equal(depay_audio_init(&d, &t, span_of("config=xyz")), 0);
    assert_int_equal(t.asc_len, 0);
}

static void test_depay_audio__gap_drops_the_fragment(void **state)
{
    struct out out = {0};
    struct depay_audio d = {.user = &out, .frame = frame};
    struct media_track t = {.codec = MEDIA_AAC};
    depay_audio_init(&d, &t, span_of(HBR));
    push(&d, "00100020aabb", 0);
    depay_audio_gap(&d);
    push(&d, "00100008ee", 9);
    assert_string_equal(out.text, "ee@9L");
    depay_audio_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depay_audio__packets),
        cmocka_unit_test(test_depay_audio__description),
        cmocka_unit_test(test_depay_audio__gap_drops_the_fragment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
