/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "media/dts.h"

static void test_dts__follows_presentation_order(void **state)
{
    static const struct {
        const char *name;
        int depth;
        int64_t pts[10], dts[10];
    } rows[] = {
        {"no reordering",
         0,
         {0, 40, 80, 120, 160, 200, 240, 280, 320, 360},
         {0, 40, 80, 120, 160, 200, 240, 280, 320, 360}},
        {"one B-frame",
         1,
         {0, 80, 40, 160, 120, 240, 200, 320, 280, 400},
         {-1, 0, 40, 80, 120, 160, 200, 240, 280, 320}},
        {"pyramid",
         2,
         {0, 160, 80, 40, 120, 320, 240, 200, 280, 360},
         {-2, -1, 0, 40, 80, 120, 160, 200, 240, 280}},
        {"learns one",
         -1,
         {0, 80, 40, 160, 120, 240, 200, 320, 280, 400},
         {0, 80, 81, 82, 120, 160, 200, 240, 280, 320}},
        {"same time twice",
         0,
         {0, 40, 40, 80, 120, 160, 160, 160, 200, 240},
         {0, 40, 41, 80, 120, 160, 161, 162, 200, 240}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct media_dts d;
        print_message("%s\n", rows[i].name);
        media_dts_init(&d, rows[i].depth);
        for (int k = 0; k < 10; k++)
            assert_int_equal(media_dts_next(&d, rows[i].pts[k]), rows[i].dts[k]);
    }
}

static void test_dts__never_goes_back(void **state)
{
    uint64_t seed = 1;
    for (int depth = -1; depth <= 20; depth++) {
        struct media_dts d;
        int64_t last = INT64_MIN;
        media_dts_init(&d, depth);
        for (int i = 0; i < 2000; i++) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            int64_t pts = i % 97 == 0 ? (int64_t)seed : i * 3600 + (int64_t)(seed >> 50);
            pts = i == 500 ? INT64_MAX : i == 501 ? INT64_MIN : pts;
            int64_t dts = media_dts_next(&d, pts);
            assert_true(dts > last);
            last = dts;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dts__follows_presentation_order),
        cmocka_unit_test(test_dts__never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
