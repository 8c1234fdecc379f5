/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "row.h"

#include "base/clock.h"
#include "base/err.h"
#include "rtsp/timeline.h"

#define STEP 3600

static void test_timeline__rows(void **state)
{
    static const struct {
        const char *name;
        uint32_t raw[8];
        int n;
        int64_t pts[8]; /* relative to the first */
        int stamped;
    } rows[] = {
        {"even", {0, 3600, 7200, 10800}, 4, {0, 3600, 7200, 10800}, 0},
        {"wraps at 32 bit", {0xfffff000, 0xfffffe10, 0xc20}, 3, {0, 3600, 7200}, 0},
        {"B-frames go back", {0, 10800, 3600, 7200, 14400}, 5, {0, 10800, 3600, 7200, 14400}, 0},
        {"a pause below 10 s", {0, 3600, 900000, 903600}, 4, {0, 3600, 900000, 903600}, 0},
        {"isolated frame far away is stamped anew",
         {0, 3600, 900000000, 10800, 14400},
         5,
         {0, 3600, 7200, 10800, 14400},
         1},
        {"isolated frame far back",
         {1000000000, 1000003600, 5, 1000010800},
         4,
         {0, 3600, 7200, 10800},
         1},
        {"two far frames that disagree",
         {0, 3600, 900000000, 2000000000, 14400},
         5,
         {0, 3600, 7200, 10800, 14400},
         2},
        {"three in a row begin a new epoch",
         {0, 3600, 900000000, 900003600, 900007200, 900010800},
         6,
         {0, 3600, 7200, 10800, 14400, 18000},
         3},
        {"clock set back",
         {1000000000, 1000003600, 500000000, 500003600, 500007200, 500010800},
         6,
         {0, 3600, 7200, 10800, 14400, 18000},
         3},
        {"stands still", {5, 5, 5}, 3, {0, 0, 0}, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct timeline t;
        int stamped = 0;
        int64_t first = 0;
        timeline_init(&t, 90000);
        for (int k = 0; k < rows[i].n; k++) {
            bool s;
            int64_t pts = timeline_next(&t, rows[i].raw[k], k * 40000, &s);
            first = k ? first : pts;
            stamped += s;
            CHECK_INT(&rows[i], pts - first, rows[i].pts[k]);
        }
        CHECK_INT(&rows[i], stamped, rows[i].stamped);
    }
}

/* 200 days at 25 frames per second cross the wrap of 32 bits hundreds of times (every 13 h). */
static void test_timeline__wraps_for_months(void **state)
{
    struct timeline t;
    timeline_init(&t, 90000);
    int64_t first = timeline_next(&t, 12345, 0, NULL);
    uint32_t raw = 12345;
    for (int64_t k = 1; k < 200 * 24 * 3600 / 5; k++) {
        raw += 5 * 90000;
        assert_true(timeline_next(&t, raw, k * 5 * SECOND_US, NULL) - first == k * 5 * 90000);
    }
}

static void test_timeline__real_pause_is_no_outlier(void **state)
{
    struct timeline t;
    bool stamped;
    timeline_init(&t, 90000);
    int64_t first = timeline_next(&t, 0, 0, NULL);
    assert_true(timeline_next(&t, 20 * 90000, 20 * SECOND_US, &stamped) - first == 20 * 90000);
    assert_false(stamped);
}

static void test_timeline__sender_report(void **state)
{
    struct timeline t;
    int64_t pts, first;
    timeline_init(&t, 90000);
    assert_int_equal(timeline_at(&t, 5, &pts), E_RANGE); /* before the first packet */
    first = timeline_next(&t, 1000, 0, NULL);
    assert_int_equal(timeline_at(&t, 1000 - 90, &pts), 0);
    assert_true(pts == first - 90);
    assert_int_equal(timeline_at(&t, 1000000000, &pts), E_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeline__rows),
        cmocka_unit_test(test_timeline__wraps_for_months),
        cmocka_unit_test(test_timeline__real_pause_is_no_outlier),
        cmocka_unit_test(test_timeline__sender_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
