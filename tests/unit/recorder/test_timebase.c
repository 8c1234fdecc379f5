/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "recorder/node_clock.h"
#include "recorder/timebase.h"

#define T0 INT64_C(1790000000000000)
#define RATE 90000

/* Feeds frames at 25 fps whose clock runs @ppm fast, with @jitter_us added to every arrival but each tenth. */
static int64_t run_stream(struct timebase *tb, int seconds, int ppm, int64_t jitter_us)
{
    int64_t worst = 0;
    for (int i = 0; i < seconds * 25; i++) {
        int64_t true_us = T0 + (int64_t)i * 40000;
        int64_t ticks = (int64_t)i * 3600 + (int64_t)i * 3600 * ppm / 1000000;
        assert_true(timebase_observe(tb, ticks, true_us + (i % 10 ? jitter_us : 0)));
        int64_t error = timebase_utc(tb, ticks) - true_us;
        worst = error > worst ? error : -error > worst ? -error : worst;
    }
    return worst;
}

static void test_timebase__maps_ticks_to_arrival(void **state)
{
    struct timebase tb;
    timebase_reset(&tb, RATE);
    assert_true(timebase_observe(&tb, 1000, T0));
    assert_int_equal(timebase_utc(&tb, 1000), T0);
    assert_int_equal(timebase_utc(&tb, 1000 + RATE), T0 + SECOND_US);
    assert_int_equal(timebase_utc(&tb, 1000 - RATE / 2), T0 - SECOND_US / 2);
}

static void test_timebase__follows_a_drifting_camera(void **state)
{
    static const int drift[] = {0, 20, -20, 200, -200};
    for (size_t i = 0; i < sizeof(drift) / sizeof(*drift); i++) {
        struct timebase tb;
        timebase_reset(&tb, RATE);
        assert_true(run_stream(&tb, 3600, drift[i], 80000) < 20000);
    }
}

static void test_timebase__slews_and_never_steps(void **state)
{
    struct timebase tb;
    timebase_reset(&tb, RATE);
    run_stream(&tb, 30, 0, 0);
    int64_t last = timebase_utc(&tb, 30 * 90000 - 3600), ticks = 30 * 90000;
    for (int i = 0; i < 25 * 60; i++, ticks += 3600) { /* from now on everything is 1 s late */
        assert_true(
            timebase_observe(&tb, ticks, T0 + 30 * SECOND_US + (int64_t)i * 40000 + SECOND_US));
        int64_t now = timebase_utc(&tb, ticks);
        assert_true(now - last >= 40000 - 1 && now - last <= 40000 + 5001);
        last = now;
    }
}

static void test_timebase__tells_jumps(void **state)
{
    static const struct {
        const char *name;
        int64_t ticks_s, arrival_s;
        bool ok;
    } rows[] = {{"next second", 1, 1, true},
                {"late burst", 1, 20, true},
                {"camera an hour ahead", 3600, 1, false},
                {"camera an hour back", -3600, 1, false},
                {"6 s in the future", 7, 1, false},
                {"31 s late", 1, 32, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct timebase tb;
        timebase_reset(&tb, RATE);
        timebase_observe(&tb, 0, T0);
        assert_int_equal(
            timebase_observe(&tb, rows[i].ticks_s * RATE, T0 + rows[i].arrival_s * SECOND_US),
            rows[i].ok);
    }
}

static void test_node_clock__slews_small_errors(void **state)
{
    struct clock_fake sys;
    struct node_clock n;
    clock_fake_init(&sys, T0);
    node_clock_init(&n, &sys.clock);
    sys.wall += SECOND_US; /* the system clock was set 1 s forward: followed slowly */
    for (int i = 0; i < 100; i++) {
        clock_fake_advance(&sys, SECOND_US);
        assert_int_equal(node_clock_discipline(&n), 0);
    }
    int64_t behind = sys.wall - clock_wall_us(&n.clock);
    assert_true(behind > 900000 && behind < 960000); /* 100 s at 500 ppm: 50 ms made good */
}

static void test_node_clock__takes_over_a_step_and_says_so(void **state)
{
    static const int64_t steps[] = {HOUR_US, -HOUR_US, 3 * SECOND_US};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct clock_fake sys;
        struct node_clock n;
        clock_fake_init(&sys, T0);
        node_clock_init(&n, &sys.clock);
        sys.wall += steps[i];
        assert_int_equal(node_clock_discipline(&n), steps[i]);
        assert_int_equal(n.generation, 1);
        assert_int_equal(clock_wall_us(&n.clock), sys.wall);
        assert_int_equal(node_clock_discipline(&n), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timebase__maps_ticks_to_arrival),
        cmocka_unit_test(test_timebase__follows_a_drifting_camera),
        cmocka_unit_test(test_timebase__slews_and_never_steps),
        cmocka_unit_test(test_timebase__tells_jumps),
        cmocka_unit_test(test_node_clock__slews_small_errors),
        cmocka_unit_test(test_node_clock__takes_over_a_step_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
