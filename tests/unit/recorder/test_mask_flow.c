/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder/mask_flow.h"

#define MS INT64_C(1000)
#define T0 (INT64_C(1000) * SECOND_US)

static struct mask_flow f;
static int64_t now, utc;
static uint32_t sequence;
static bool loss;

static int set_up(void **state)
{
    f = (struct mask_flow){0};
    now = T0;
    utc = 0;
    mask_flow_begin(&f, now);
    return 0;
}

/* One unit, 40 ms after the one before; its pts is its utc. */
static bool send(bool key)
{
    now += 40 * MS;
    utc += 40 * MS;
    return mask_flow_send(&f, key, 1000, utc, utc, now, &sequence, &loss);
}

static bool picture(int64_t pts)
{
    int64_t got;
    return mask_flow_picture(&f, f.generation, pts, now, &got) && got == pts;
}

static void test_flow__begins_with_a_key_frame(void **state)
{
    assert_false(send(false));
    assert_true(send(true));
    assert_false(loss); /* nothing of this generation came before */
    assert_true(send(false));
    assert_false(loss);
    assert_int_equal(f.dropped, 1);
}

static void test_flow__pictures_are_of_units_that_were_sent(void **state)
{
    send(true);
    int64_t first = utc;
    send(false);
    assert_false(picture(first - 1)); /* never sent */
    assert_true(picture(first));
    assert_false(picture(first)); /* twice */
    assert_true(mask_flow_done(&f, f.generation, sequence));
    assert_true(picture(utc)); /* a decoder may be behind: done, and its picture later */
}

static void test_flow__pictures_never_go_back(void **state)
{
    send(true);
    int64_t first = utc;
    send(false);
    assert_true(picture(utc));
    assert_false(picture(first));
}

static void test_flow__old_generations_are_dropped(void **state)
{
    send(true);
    uint32_t old = f.generation, old_sequence = sequence;
    int64_t before = utc, got;
    mask_flow_begin(&f, now);
    assert_int_equal(f.generation, old + 1);
    assert_false(mask_flow_picture(&f, old, before, now, &got));
    assert_false(mask_flow_picture(&f, old + 1, before, now, &got)); /* not sent in this one */
    assert_true(mask_flow_done(&f, old, old_sequence));
    assert_false(send(false));
    assert_true(send(true));
    assert_false(mask_flow_picture(&f, old, utc, now, &got));
    assert_true(picture(utc));
}

static void test_flow__done_of_what_was_never_sent_is_a_breach(void **state)
{
    send(true);
    assert_false(mask_flow_done(&f, f.generation, sequence + 1));
    assert_false(mask_flow_done(&f, f.generation, sequence - 1));
    assert_true(mask_flow_done(&f, f.generation, sequence));
    assert_false(mask_flow_done(&f, f.generation, sequence));
    assert_int_equal(f.bytes, 0);
}

static void test_flow__late_after_two_seconds(void **state)
{
    send(true);
    uint32_t first = sequence;
    int64_t first_utc = utc;
    for (int i = 0; i < 49; i++)
        assert_true(send(false));
    assert_false(mask_flow_late(&f, now));
    now += 100 * MS;
    assert_true(mask_flow_late(&f, now));
    assert_false(picture(first_utc)); /* came too late to be shown */
    assert_true(picture(utc));        /* this one did not */
    assert_false(send(true));         /* nothing more until it has caught up */
    assert_true(mask_flow_done(&f, f.generation, first + 3));
    assert_false(mask_flow_late(&f, now));
    assert_false(send(true));
    assert_true(mask_flow_done(&f, f.generation, sequence));
    assert_false(send(false));
    assert_true(send(true));
    assert_true(loss);
}

static void test_flow__silence_is_late_too(void **state)
{
    send(true);
    for (int i = 0; i < 99; i++) {
        mask_flow_done(&f, f.generation, sequence);
        assert_false(mask_flow_late(&f, now));
        send(false);
    }
    send(false);
    send(false);
    mask_flow_done(&f, f.generation, sequence);
    assert_true(mask_flow_late(&f, now)); /* done, but no picture for 4 s */
    assert_true(picture(utc));
    assert_false(mask_flow_late(&f, now));
    now += 60 * SECOND_US; /* the camera says nothing: that is not the masker's fault */
    assert_false(mask_flow_late(&f, now));
    assert_true(send(false));
    assert_false(mask_flow_late(&f, now));
}

static void test_flow__is_bounded(void **state)
{
    assert_true(send(true));
    for (int i = 1; i < 128; i++) {
        now -= 40 * MS; /* a burst: no time passes */
        assert_true(send(false));
    }
    now -= 40 * MS;
    assert_false(send(false));
    mask_flow_done(&f, f.generation, f.sent - 2);
    assert_false(send(true)); /* one is still there */
    mask_flow_done(&f, f.generation, f.sent - 1);
    assert_true(send(true));
    mask_flow_done(&f, f.generation, sequence);
    assert_false(
        mask_flow_send(&f, false, MASK_FLOW_BYTES + 1, utc + 1, utc + 1, now, &sequence, &loss));
    assert_false(send(false));
    assert_true(send(true));
}

static void test_flow__sequences_wrap(void **state)
{
    f.sent = f.done = 0xffffff80;
    for (int i = 0; i < 512; i++) {
        assert_true(send(i % 25 == 0));
        assert_true(picture(utc));
        assert_true(mask_flow_done(&f, f.generation, sequence));
    }
    assert_int_equal(f.bytes, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(test_flow__##name, set_up)
    const struct CMUnitTest tests[] = {
        CASE(begins_with_a_key_frame),
        CASE(pictures_are_of_units_that_were_sent),
        CASE(pictures_never_go_back),
        CASE(old_generations_are_dropped),
        CASE(done_of_what_was_never_sent_is_a_breach),
        CASE(late_after_two_seconds),
        CASE(silence_is_late_too),
        CASE(is_bounded),
        CASE(sequences_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
