/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "row.h"

#include "rtsp/interleaved.h"

#define F0                                                                                         \
    "$\x00\x00\x05\x80"                                                                            \
    "abcd" /* frame of 9 bytes on channel 0 */

static void test_interleaved__items(void **state)
{
    static const struct {
        const char *name, *bytes;
        size_t n;
        bool in_step;
        enum rtsp_item_type type;
        size_t size; /* 0: not looked at */
    } rows[] = {
        {"frame", F0, 9, true, RTSP_ITEM_FRAME, 9},
        {"frame and more", F0 "$\x01", 11, true, RTSP_ITEM_FRAME, 9},
        {"half a frame", F0, 6, true, RTSP_ITEM_MORE, 0},
        {"head only", "$\x00\x00\x05", 4, true, RTSP_ITEM_MORE, 0},
        {"answer", "RTSP/1.0 200", 12, true, RTSP_ITEM_TEXT, 0},
        {"begin of an answer", "RTS", 3, true, RTSP_ITEM_MORE, 0},
        {"request of the server", "OPTIONS rtsp", 12, true, RTSP_ITEM_TEXT, 0},
        {"line ends before a frame", "\r\n" F0, 11, true, RTSP_ITEM_JUNK, 2},
        {"garbage before a frame", "garbage" F0, 16, true, RTSP_ITEM_JUNK, 7},
        {"garbage before an answer", "xxRTSP/1.0", 10, true, RTSP_ITEM_JUNK, 2},
        {"garbage without an end", "gggggggg", 8, true, RTSP_ITEM_JUNK, 8},
        {"channel that was never set up",
         "$\x07\x00\x05\x80"
         "abcd$",
         10, true, RTSP_ITEM_FRAME, 9},
        {"unknown channel in garbage",
         "$\x07\x00\x05\x80"
         "abcd$",
         10, false, RTSP_ITEM_JUNK, 9},
        {"unknown channel, nothing sensible behind",
         "$\x07\x00\x05\x80"
         "abcdq",
         10, true, RTSP_ITEM_JUNK, 10},
        {"not RTP on a known channel",
         "$\x00\x00\x05\x00"
         "abcdq",
         10, true, RTSP_ITEM_JUNK, 10},
        {"hunting takes a frame with sense behind it", F0 "$", 10, false, RTSP_ITEM_FRAME, 9},
        {"hunting refuses a frame with nonsense behind it", F0 "z", 10, false, RTSP_ITEM_JUNK, 10},
        {"hunting takes a frame of an expected type",
         "$\x00\x00\x05\x80\xe0"
         "bcdz",
         10, false, RTSP_ITEM_FRAME, 9},
        {"empty frame", "$\x00\x00\x00$\x00", 6, true, RTSP_ITEM_FRAME, 4},
        {"nothing", "", 0, true, RTSP_ITEM_MORE, 0},
    };
    struct rtsp_channels known = {0};
    rtsp_channels_add(&known, 0);
    rtsp_channels_add(&known, 1);
    rtsp_channels_add_type(&known, 96);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtsp_item item;
        uint8_t *exact = malloc(rows[i].n + 1);
        memcpy(exact, rows[i].bytes, rows[i].n);
        uint8_t *p = realloc(exact, rows[i].n ? rows[i].n : 1);
        rtsp_interleaved_next(p, rows[i].n, &known, rows[i].in_step, &item);
        CHECK_INT(&rows[i], item.type, rows[i].type);
        if (rows[i].size)
            CHECK_INT(&rows[i], item.size, rows[i].size);
        free(p);
    }
}

static void test_interleaved__frames_over_1500_bytes(void **state)
{
    static uint8_t p[RTSP_FRAME_BYTES] = {'$', 0, 0xff, 0xff, 0x80};
    struct rtsp_channels known = {0};
    struct rtsp_item item;
    rtsp_channels_add(&known, 0);
    rtsp_interleaved_next(p, sizeof(p) - 1, &known, true, &item);
    assert_int_equal(item.type, RTSP_ITEM_MORE);
    rtsp_interleaved_next(p, sizeof(p), &known, true, &item);
    assert_int_equal(item.type, RTSP_ITEM_FRAME);
    assert_int_equal(item.size, sizeof(p));
}

static void test_interleaved__always_moves_on(void **state)
{
    struct rtsp_channels known = {0};
    rtsp_channels_add(&known, 0);
    unsigned seed = 1;
    for (int round = 0; round < 2000; round++) {
        uint8_t p[64];
        for (size_t i = 0; i < sizeof(p); i++)
            p[i] = (uint8_t)("$R\r\nx\x80"[rand_r(&seed) % 7]);
        struct rtsp_item item;
        rtsp_interleaved_next(p, sizeof(p), &known, round & 1, &item);
        if (item.type == RTSP_ITEM_JUNK || item.type == RTSP_ITEM_FRAME)
            assert_true(item.size > 0 && item.size <= sizeof(p));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interleaved__items),
        cmocka_unit_test(test_interleaved__frames_over_1500_bytes),
        cmocka_unit_test(test_interleaved__always_moves_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
