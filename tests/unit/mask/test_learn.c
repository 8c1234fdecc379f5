/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Who comes and stays does not fade in; what nobody has looked at is not learnt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "set.h"

#define SLOW_US SECOND_US /* a picture a second, so that an hour is 3600 pictures */

/* Learn the empty street by declaration. */
static void open_declared(struct set *s, bool detector)
{
    struct mask_config cfg = {.declared_empty = true};
    set_open(s, &cfg, detector);
    set_run(s, 20, 200000);
    assert_int_equal(s->stage.state, detector ? MASK_DETECTOR : MASK_DECLARED);
    assert_true(s->stage.covered_permille < 20);
}

/* Half an hour without moving a finger, which nobody can: the hardest case. */
static void stay_and_leave(struct set *s)
{
    s->there = true;
    for (s->x = -20; s->x < 160; s->x += 4)
        assert_int_equal(set_step(s, 100000), 0);
    assert_int_equal(set_run(s, 1900, SLOW_US), 0);
    assert_false(set_learnt_figure(s));
    for (; s->x < 360; s->x += 4)
        assert_int_equal(set_step(s, 100000), 0);
    set_run(s, 4, 100000);
    assert_true(s->stage.covered_permille < 20);
}

static void test_learn__still_person_in_declared_place(void **state)
{
    struct set s;
    open_declared(&s, false);
    stay_and_leave(&s);
    set_close(&s);
}

static void test_learn__still_person_before_a_blind_detector(void **state)
{
    struct set s;
    open_declared(&s, true);
    s.blind = true;
    stay_and_leave(&s);
    assert_true(s.looks > 100);
    set_close(&s);
}

static void test_learn__still_person_in_a_mosaic(void **state)
{
    struct set s;
    struct mask_config cfg = {0};
    set_open(&s, &cfg, false);
    set_run(&s, 150, 500000);
    assert_int_equal(s.stage.state, MASK_MOSAIC);
    stay_and_leave(&s);
    set_close(&s);
}

/* The rule that the tests above hold to is a time: long enough, and they would fail. */
static void test_learn__what_stays_for_an_hour_and_more_is_furniture(void **state)
{
    struct set s;
    struct mask_config cfg = {.learn_us = 4 * SECOND_US};
    set_open(&s, &cfg, false);
    set_run(&s, 120, 200000);
    assert_int_equal(s.stage.state, MASK_MOSAIC);
    s.there = true;
    assert_int_equal(set_run(&s, 100, 500000), 0); /* 30 times 4 s */
    set_run(&s, 200, 500000);
    assert_true(set_learnt_figure(&s));
    set_close(&s);
}

static void test_learn__declared_place_never_learns_what_came_later(void **state)
{
    struct set s;
    struct mask_config cfg = {.learn_us = 4 * SECOND_US, .declared_empty = true};
    set_open(&s, &cfg, false);
    set_run(&s, 20, 200000);
    s.there = true;
    assert_int_equal(set_run(&s, 600, 500000), 0);
    assert_false(set_learnt_figure(&s));
    set_close(&s);
}

/* Fidgeting in one place starts the time anew for the whole silhouette. */
static void test_learn__who_moves_does_not_become_furniture(void **state)
{
    struct set s;
    struct mask_config cfg = {.learn_us = 4 * SECOND_US};
    set_open(&s, &cfg, false);
    set_run(&s, 20, 200000);
    s.there = true;
    for (int i = 0; i < 12; i++) {
        s.height = i % 2 ? 70 : 76; /* sits up, slumps */
        assert_int_equal(set_run(&s, 60, 500000), 0);
    }
    assert_false(set_learnt_figure(&s));
    set_close(&s);
}

/* Somebody is there from the first picture on. */
static void test_learn__person_at_the_start_is_kept_out_by_the_detector(void **state)
{
    struct set s;
    struct mask_config cfg = {.learn_us = 10 * SECOND_US};
    set_open(&s, &cfg, true);
    s.there = true;
    assert_int_equal(set_run(&s, 120, 200000), 0);
    assert_int_equal(s.stage.state, MASK_DETECTOR);
    assert_false(set_learnt_figure(&s));
    set_close(&s);
}

/* The detector had missed somebody who was learnt with the place; then it sees them: they vanish at once. */
static void test_learn__person_in_the_plate_is_taken_out_when_seen(void **state)
{
    struct set s;
    struct mask_config cfg = {.learn_us = 10 * SECOND_US};
    set_open(&s, &cfg, true);
    s.there = s.blind = true;
    set_run(&s, 60, 200000);
    assert_true(set_learnt_figure(&s));
    s.blind = false;
    set_run(&s, 3, 200000);
    assert_false(set_learnt_figure(&s));
    assert_int_equal(set_run(&s, 60, 200000), 0);
    set_close(&s);
}

static void test_learn__nothing_while_the_detector_is_late(void **state)
{
    struct set s;
    struct mask_config cfg = {.learn_us = 4 * SECOND_US};
    set_open(&s, &cfg, true);
    s.broken = true; /* the pool rests for a minute then */
    set_run(&s, 50, 200000);
    assert_int_equal(s.stage.state, MASK_COVERED);
    assert_int_equal(s.stage.mask->plate.learnt_count, 0);
    s.broken = false;
    set_run(&s, 60, 200000);
    assert_int_equal(s.stage.state, MASK_DETECTOR);
    s.broken = true;
    set_run(&s, 20, 200000);
    assert_int_equal(s.stage.state, MASK_MOSAIC);
    set_close(&s);
}

/* Nobody knows who came while no pictures did. */
static void test_learn__a_gap_starts_the_quiet_time_anew(void **state)
{
    struct set s;
    struct mask_config cfg = {.learn_us = 30 * SECOND_US};
    set_open(&s, &cfg, false);
    set_run(&s, 20, 200000);
    set_step(&s, 3600 * SECOND_US);
    set_run(&s, 20, 200000);
    assert_int_equal(s.stage.mask->plate.learnt_count, 0);
    set_run(&s, 20, 200000);
    assert_int_equal(s.stage.state, MASK_MOSAIC);
    set_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learn__still_person_in_declared_place),
        cmocka_unit_test(test_learn__still_person_before_a_blind_detector),
        cmocka_unit_test(test_learn__still_person_in_a_mosaic),
        cmocka_unit_test(test_learn__what_stays_for_an_hour_and_more_is_furniture),
        cmocka_unit_test(test_learn__declared_place_never_learns_what_came_later),
        cmocka_unit_test(test_learn__who_moves_does_not_become_furniture),
        cmocka_unit_test(test_learn__person_at_the_start_is_kept_out_by_the_detector),
        cmocka_unit_test(test_learn__person_in_the_plate_is_taken_out_when_seen),
        cmocka_unit_test(test_learn__nothing_while_the_detector_is_late),
        cmocka_unit_test(test_learn__a_gap_starts_the_quiet_time_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
