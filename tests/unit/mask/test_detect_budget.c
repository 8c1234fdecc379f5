/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/detect.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mask/detect_budget.h"
#include "mask/detect_engine.h"

/* A detector that takes what the script says. */
struct script {
    int64_t cpu_us, takes_us, estimate_us;
    int result, looks;
    bool freed;
};

static bool script_has(void *user, enum detect_class c)
{
    (void)user;
    return c == DETECT_PERSON;
}
static int64_t script_cost(void *user, int w, int h, const struct detect_part *part, bool urgent)
{
    (void)w, (void)h, (void)part, (void)urgent;
    return ((struct script *)user)->estimate_us;
}
static int script_look(void *user, const struct detect_picture *pic, const struct detect_part *part,
                       bool urgent, struct detect_box ret[DETECT_BOXES])
{
    struct script *s = user;
    (void)pic, (void)part, (void)urgent;
    s->cpu_us += s->takes_us;
    s->looks++;
    ret[0] = (struct detect_box){.class = DETECT_PERSON, .score = 1, .x1 = 1, .y1 = 1};
    return s->result;
}
static int64_t script_cpu(void *user)
{
    return ((struct script *)user)->cpu_us;
}
static void script_free(void *user)
{
    ((struct script *)user)->freed = true;
}

static struct detector_pool *pool_with(struct script *s, double budget)
{
    const struct detect_engine e = {s,           script_has, script_cost,
                                    script_look, script_cpu, script_free};
    struct detector_pool *p = NULL;
    assert_int_equal(detector_pool_make(&e, budget, &p, NULL), 0);
    return p;
}

static uint8_t grey[64 * 64];
static const struct detect_picture picture = {64, 64, {grey, grey, grey}, {64, 32, 32}};

static int look(struct detector_pool *p, uint64_t camera, bool urgent, int64_t now_us)
{
    struct detect_box b[DETECT_BOXES];
    return detector_pool_look(p, camera, &picture, 0, 0, 1, 1, urgent, now_us, b);
}

/* In no second of ten is more CPU spent than the budget, whoever asks and how often. */
static void test_pool__keeps_its_budget_in_every_second(void **state)
{
    enum { STEPS = 10000 };
    static int64_t spent[STEPS];
    struct script s = {.takes_us = 37000, .estimate_us = 37000, .result = 1};
    struct detector_pool *p = pool_with(&s, 0.5);
    int64_t most = 0;
    for (int ms = 0; ms < STEPS; ms++) {
        int64_t before = s.cpu_us;
        look(p, (uint64_t)ms % 7, ms % 3 == 0, (int64_t)ms * 1000);
        spent[ms] = s.cpu_us - before;
        int64_t window = 0;
        for (int k = ms; k > ms - 1000 && k >= 0; k--)
            window += spent[k];
        most = window > most ? window : most;
    }
    assert_true(most <= 500000);
    assert_true(s.cpu_us >= 9 * 440000); /* and it is not left lying about */
    detector_pool_free(p);
    assert_true(s.freed);
}

/* A look that costs more than a second's budget is allowed when nothing else counts, and is paid off before the next. */
static void test_pool__a_dear_look_is_paid_off(void **state)
{
    struct script s = {.takes_us = 300000, .estimate_us = 300000, .result = 0};
    struct detector_pool *p = pool_with(&s, 0.1);
    assert_int_equal(look(p, 1, true, 0), 0);
    assert_int_equal(look(p, 1, true, 2900000), E_BUSY);
    assert_int_equal(look(p, 1, true, 3000000), 0);
    detector_pool_free(p);
}

static void served(double share, int cameras, int64_t cost_us, bool (*urgent)(int camera),
                   int seconds, int *ret)
{
    struct script s = {.takes_us = cost_us, .estimate_us = cost_us};
    struct detector_pool *p = pool_with(&s, share);
    memset(ret, 0, (size_t)cameras * sizeof(*ret));
    for (int tick = 0; tick < seconds * 10; tick++)
        for (int c = 0; c < cameras;
             c++) /* always in the same order: the first must gain nothing by it */
            ret[c] +=
                look(p, (uint64_t)c, urgent && urgent(c), (int64_t)tick * 100000 + c * 100) >= 0;
    detector_pool_free(p);
}

static void test_pool__serves_cameras_in_turn(void **state)
{
    int n[20];
    served(0.5, 20, 50000, NULL, 60,
           n); /* room for 10 looks a second: each camera every other second */
    for (int c = 0; c < 20; c++)
        assert_in_range(n[c], 26, 34);
}

static bool first_is_urgent(int camera)
{
    return camera == 0;
}

static void test_pool__constant_motion_does_not_starve_the_others(void **state)
{
    int n[20];
    served(0.5, 20, 50000, first_is_urgent, 60, n);
    for (int c = 1; c < 20; c++)
        assert_true(n[c] >= 24);
    assert_true(n[0] >= n[1]);
}

/* Something new is looked at before what stays, even if others waited first. */
static void test_pool__new_goes_before_slow(void **state)
{
    struct script s = {.takes_us = 100000, .estimate_us = 100000};
    struct detector_pool *p = pool_with(&s, 0.1);
    assert_int_equal(look(p, 1, false, 0), 0);
    assert_int_equal(look(p, 2, false, 500000), E_BUSY);
    assert_int_equal(look(p, 3, true, 600000), E_BUSY);
    assert_int_equal(look(p, 2, false, 1000000), E_BUSY); /* there is room, but 3 goes first */
    assert_int_equal(look(p, 3, true, 1100000), 0);
    assert_int_equal(look(p, 2, false, 2100000), 0);
    detector_pool_free(p);
}

/* A camera that waited and then vanished holds nobody up for longer than a second. */
static void test_pool__who_is_gone_does_not_wait(void **state)
{
    struct script s = {.takes_us = 100000, .estimate_us = 100000};
    struct detector_pool *p = pool_with(&s, 0.1);
    assert_int_equal(look(p, 1, false, 0), 0);
    assert_int_equal(look(p, 2, false, 100000), E_BUSY);
    assert_int_equal(look(p, 1, false, 1050000), E_BUSY);
    assert_int_equal(look(p, 1, false, 1200000), 0);
    detector_pool_free(p);
}

static void test_pool__rests_after_a_look_that_took_far_too_long(void **state)
{
    struct script s = {.takes_us = DETECT_TOO_LONG_US + 1, .estimate_us = 40000, .result = 1};
    struct detector_pool *p = pool_with(&s, 1);
    assert_int_equal(look(p, 1, true, 0), E_TIMEOUT);
    assert_int_equal(s.looks, 1);
    s.takes_us = 1000;
    assert_int_equal(look(p, 2, true, DETECT_OFF_US - 1), E_TIMEOUT);
    assert_int_equal(s.looks, 1);
    assert_int_equal(look(p, 2, true, DETECT_OFF_US), 1);
    detector_pool_free(p);
}

static void test_pool__rests_after_a_failure(void **state)
{
    struct script s = {.takes_us = 1000, .estimate_us = 1000, .result = E_UNSUPPORTED};
    struct detector_pool *p = pool_with(&s, 1);
    assert_int_equal(look(p, 1, true, 5000000), E_TIMEOUT);
    s.result = 0;
    assert_int_equal(look(p, 1, true, 6000000), E_TIMEOUT);
    assert_int_equal(look(p, 1, true, 1000000),
                     0); /* the clock was set back: the rest would never end */
    detector_pool_free(p);
}

static void test_pool__refuses_budgets_out_of_range(void **state)
{
    static const double bad[] = {0, -1, 1.01, (double)INFINITY, (double)NAN};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct script s = {0};
        const struct detect_engine e = {&s,          script_has, script_cost,
                                        script_look, script_cpu, script_free};
        struct detector_pool *p = NULL;
        struct err err = {0};
        assert_int_equal(detector_pool_make(&e, bad[i], &p, &err), E_RANGE);
        assert_true(err.text[0] && s.freed && !p);
    }
}

/* More cameras than places: the oldest is forgotten, nothing is written beyond the table. */
static void test_budget__many_cameras_and_odd_clocks(void **state)
{
    struct detect_budget *b = malloc(sizeof(*b));
    detect_budget_init(b, 1);
    for (uint64_t c = 0; c < 4 * DETECT_CAMERAS; c++)
        if (detect_budget_ask(b, c * UINT64_C(0x9e3779b97f4a7c15), c % 2, 1, (int64_t)c))
            detect_budget_spend(b, c, 1, (int64_t)c);
    assert_true(b->looks <= DETECT_LOOKS);
    assert_true(detect_budget_spent(b, INT64_MAX / 2) == 0);
    assert_true(detect_budget_ask(b, 1, true, 1000, 0)); /* half an eternity back */
    detect_budget_spend(b, 1, 1000, 0);
    assert_int_equal(detect_budget_spent(b, 0), 1000);
    assert_int_equal(detect_budget_spent(b, SECOND_US), 0);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool__keeps_its_budget_in_every_second),
        cmocka_unit_test(test_pool__a_dear_look_is_paid_off),
        cmocka_unit_test(test_pool__serves_cameras_in_turn),
        cmocka_unit_test(test_pool__constant_motion_does_not_starve_the_others),
        cmocka_unit_test(test_pool__new_goes_before_slow),
        cmocka_unit_test(test_pool__who_is_gone_does_not_wait),
        cmocka_unit_test(test_pool__rests_after_a_look_that_took_far_too_long),
        cmocka_unit_test(test_pool__rests_after_a_failure),
        cmocka_unit_test(test_pool__refuses_budgets_out_of_range),
        cmocka_unit_test(test_budget__many_cameras_and_odd_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
