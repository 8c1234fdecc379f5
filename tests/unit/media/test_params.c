/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/params.h"

static size_t unhex(const char *hex, uint8_t *out, size_t cap)
{
    size_t n = strlen(hex) / 2;
    assert_true(n <= cap);
    for (size_t i = 0; i < n; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

/* SPS of encoders and cameras; the expected numbers are those that ffprobe prints for the same streams. */
static const struct {
    const char *name, *hex;
    enum media_codec codec;
    int width, height, profile, level, reorder;
} sps_rows[] = {
    {"x264 high, B-pyramid", "6764000dacd94141fb011000000300100000030320f1429960", MEDIA_H264, 320,
     240, 100, 13, 2},
    {"x264 baseline, cropped", "6742c028d900780227e5c044000003000400000300c83c60c920", MEDIA_H264,
     1920, 1080, 66, 40, 0},
    {"x264 interlaced", "6764001eace402d0936022000003000200000300643e285490", MEDIA_H264, 720, 576,
     100, 30, 0},
    {"x264 street camera", "6764000dacb202c12d80880000030008000003019478a15240", MEDIA_H264, 352,
     288, 100, 13, 0},
    {"x265 main, B-frames",
     "42010101600000030090000003000003003fa0050201696595924932bc05a02000000300200000030321",
     MEDIA_H265, 640, 360, 1, 63, 2},
    {"x265 temporal layers",
     "420101016000000300900000030000030078a003c08010e5964a924caf016808000003000800000300c840",
     MEDIA_H265, 1920, 1080, 1, 120, 0},
    {"x265 cropped",
     "42010101600000030090000003000003003fa00f080447d6592a4932b9a7080000030008000003007840",
     MEDIA_H265, 480, 270, 1, 63, 0},
    {"camera SoC",
     "42010121400000030080000003000003007ba0050201e16793b91283caae6e02020208006ddd000cdfe60040",
     MEDIA_H265, 640, 480, 1, 123, 0},
};
#define SPS_ROWS (sizeof(sps_rows) / sizeof(sps_rows[0]))

static void test_params__reads_sps(void **state)
{
    for (size_t i = 0; i < SPS_ROWS; i++) {
        uint8_t nal[256];
        struct media_sps s;
        print_message("%s\n", sps_rows[i].name);
        size_t n = unhex(sps_rows[i].hex, nal, sizeof(nal));
        assert_int_equal(media_sps_parse(sps_rows[i].codec, nal, n, &s), 0);
        assert_int_equal(s.width, sps_rows[i].width);
        assert_int_equal(s.height, sps_rows[i].height);
        assert_int_equal(s.profile_idc, sps_rows[i].profile);
        assert_int_equal(s.level_idc, sps_rows[i].level);
        assert_int_equal(s.max_reorder, sps_rows[i].reorder);
        assert_int_equal(s.chroma_format_idc, 1);
        assert_int_equal(s.bit_depth_luma, 8);
        assert_int_equal(s.id, 0);
        if (sps_rows[i].codec == MEDIA_H265)
            assert_int_equal(s.h265_general[11], sps_rows[i].level);
    }
}

/* Every prefix and every flipped bit: an error or plausible numbers, never a read outside (the sanitiser watches). */
static void test_params__survives_damaged_sps(void **state)
{
    for (size_t i = 0; i < SPS_ROWS; i++) {
        uint8_t nal[256];
        struct media_sps s;
        size_t n = unhex(sps_rows[i].hex, nal, sizeof(nal));
        for (size_t len = 0; len <= n; len++) {
            uint8_t *exact = malloc(len + 1);
            memcpy(exact, nal, len);
            int r = media_sps_parse(sps_rows[i].codec, exact, len, &s);
            assert_true(r == 0 || r == E_SYNTAX || r == E_TRUNCATED || r == E_RANGE);
            free(exact);
        }
        for (size_t bit = 0; bit < n * 8; bit++) {
            nal[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (media_sps_parse(sps_rows[i].codec, nal, n, &s) == 0)
                assert_true(s.width > 0 && s.width <= 16384 && s.max_reorder >= -1 &&
                            s.max_reorder <= 16);
            nal[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void test_params__short_vui_costs_only_the_reorder_depth(void **state)
{
    uint8_t nal[64];
    struct media_sps s;
    unhex(sps_rows[0].hex, nal, sizeof(nal));
    assert_int_equal(media_sps_parse(MEDIA_H264, nal, 12, &s), 0);
    assert_int_equal(s.width, 320);
    assert_int_equal(s.max_reorder, -1);
}

static void test_params__nal_kinds(void **state)
{
    static const struct {
        enum media_codec codec;
        uint8_t type;
        enum media_nal_kind kind;
    } rows[] = {
        {MEDIA_H264, 1, NAL_SLICE},      {MEDIA_H264, 3, NAL_SLICE},
        {MEDIA_H264, 5, NAL_KEY_SLICE},  {MEDIA_H264, 6, NAL_SEI},
        {MEDIA_H264, 7, NAL_SPS},        {MEDIA_H264, 8, NAL_PPS},
        {MEDIA_H264, 9, NAL_DELIMITER},  {MEDIA_H264, 12, NAL_OTHER},
        {MEDIA_H264, 20, NAL_SLICE},     {MEDIA_H264, 24, NAL_OTHER},
        {MEDIA_H265, 0, NAL_SLICE},      {MEDIA_H265, 9, NAL_SLICE},
        {MEDIA_H265, 16, NAL_KEY_SLICE}, {MEDIA_H265, 20, NAL_KEY_SLICE},
        {MEDIA_H265, 21, NAL_KEY_SLICE}, {MEDIA_H265, 22, NAL_SLICE},
        {MEDIA_H265, 32, NAL_VPS},       {MEDIA_H265, 33, NAL_SPS},
        {MEDIA_H265, 34, NAL_PPS},       {MEDIA_H265, 35, NAL_DELIMITER},
        {MEDIA_H265, 39, NAL_SEI},       {MEDIA_H265, 40, NAL_SEI},
        {MEDIA_H265, 48, NAL_OTHER},     {MEDIA_AAC, 5, NAL_OTHER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t nal[2] = {rows[i].codec == MEDIA_H265 ? (uint8_t)(rows[i].type << 1) : rows[i].type,
                          1};
        assert_int_equal(media_nal_kind(rows[i].codec, nal, 2), rows[i].kind);
        assert_int_equal(media_nal_kind(rows[i].codec, nal, 0), NAL_OTHER);
    }
    uint8_t one = 33 << 1;
    assert_int_equal(media_nal_kind(MEDIA_H265, &one, 1), NAL_OTHER);
}

static int put(struct media_params *p, enum media_codec codec, const char *hex)
{
    uint8_t nal[256];
    size_t n = unhex(hex, nal, sizeof(nal));
    return media_params_put(p, codec, nal, n);
}

static void test_params__keeps_sets_by_kind_and_id(void **state)
{
    struct media_params *p = calloc(1, sizeof(*p));
    struct media_sps s;
    assert_int_equal(media_params_sps(p, MEDIA_H265, &s), E_NOTFOUND);
    assert_int_equal(put(p, MEDIA_H265, "4401c172b46240"), 1); /* PPS first: order is restored */
    assert_int_equal(put(p, MEDIA_H265, sps_rows[4].hex), 1);
    assert_false(media_params_complete(p, MEDIA_H265));
    assert_int_equal(put(p, MEDIA_H265, "40010c01ffff01600000030090000003000003003f959009"), 1);
    assert_true(media_params_complete(p, MEDIA_H265));
    assert_int_equal(p->count, 3);
    assert_int_equal(media_nal_kind(MEDIA_H265, p->set[0].data, p->set[0].len), NAL_VPS);
    assert_int_equal(media_nal_kind(MEDIA_H265, p->set[1].data, p->set[1].len), NAL_SPS);
    assert_int_equal(put(p, MEDIA_H265, sps_rows[4].hex), 0);
    assert_int_equal(put(p, MEDIA_H265, "4401c172b462400000"), 0); /* padded with zeros */
    assert_int_equal(put(p, MEDIA_H265, sps_rows[5].hex), 1);      /* same id, other picture size */
    assert_int_equal(p->count, 3);
    assert_int_equal(media_params_sps(p, MEDIA_H265, &s), 0);
    assert_int_equal(s.width, 1920);
    free(p);
}

static void test_params__refuses_what_is_no_set(void **state)
{
    struct media_params *p = calloc(1, sizeof(*p));
    uint8_t big[MEDIA_PARAM_SET_BYTES + 8];
    assert_int_equal(put(p, MEDIA_H264, ""), E_SYNTAX);
    assert_int_equal(put(p, MEDIA_H264, "0000"), E_SYNTAX);
    assert_int_equal(put(p, MEDIA_H264, "65888400"), E_SYNTAX);
    assert_int_equal(put(p, MEDIA_H264, "67640d"), E_SYNTAX);
    assert_int_equal(put(p, MEDIA_H264, "68"), E_SYNTAX);
    memset(big, 0xff, sizeof(big));
    big[0] = 0x68;
    assert_int_equal(media_params_put(p, MEDIA_H264, big, sizeof(big)), E_LIMIT);
    for (unsigned i = 0; i < 40; i++) { /* PPS ids 0..39 as five-bit-and-more Exp-Golomb codes */
        uint8_t pps[4] = {0x68, 0, 0, 0x80};
        uint32_t code = i + 1, bits = 0;
        while (code >> bits)
            bits++;
        uint32_t word = code << (16 - (2 * bits - 1));
        pps[1] = (uint8_t)(word >> 8), pps[2] = (uint8_t)word;
        assert_int_equal(media_params_put(p, MEDIA_H264, pps, 4),
                         i < MEDIA_PARAM_SETS ? 1 : E_LIMIT);
    }
    assert_int_equal(p->count, MEDIA_PARAM_SETS);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_params__reads_sps),
        cmocka_unit_test(test_params__survives_damaged_sps),
        cmocka_unit_test(test_params__short_vui_costs_only_the_reorder_depth),
        cmocka_unit_test(test_params__nal_kinds),
        cmocka_unit_test(test_params__keeps_sets_by_kind_and_id),
        cmocka_unit_test(test_params__refuses_what_is_no_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
