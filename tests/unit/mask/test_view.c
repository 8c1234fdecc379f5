/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is shown: exposure, dusk, knocks, zones, chroma, and that live pixels are in none of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "set.h"

static void open_declared(struct set *s, struct mask_config cfg)
{
    cfg.declared_empty = true;
    set_open(s, &cfg, false);
    set_run(s, 30, 200000);
    assert_int_equal(s->stage.state, MASK_DECLARED);
    assert_true(s->stage.covered_permille < (cfg.zone_count ? 150 : 20));
}

static void test_view__exposure_step_is_explained_at_once(void **state)
{
    static const float gains[] = {1.3F, 0.7F, 1.1F};
    struct set s;
    open_declared(&s, (struct mask_config){0});
    for (int i = 0; i < 3; i++) {
        s.gain = gains[i];
        s.offset = (float)(i * 6 - 6);
        set_run(&s, 5, 100000);
        assert_int_equal(s.stage.state, MASK_DECLARED);
        assert_true(s.stage.covered_permille < 50);
    }
    set_close(&s);
}

/* The step comes with somebody in the picture: they stay covered. */
static void test_view__exposure_step_uncovers_nobody(void **state)
{
    struct set s;
    open_declared(&s, (struct mask_config){0});
    s.there = true;
    assert_int_equal(set_run(&s, 5, 100000), 0);
    s.gain = 1.3F;
    assert_int_equal(set_run(&s, 5, 100000), 0);
    assert_true(s.stage.covered_permille < 250);
    s.gain = 0.75F;
    assert_int_equal(set_run(&s, 5, 100000), 0);
    set_close(&s);
}

static void test_view__dusk_is_followed(void **state)
{
    struct set s;
    open_declared(&s, (struct mask_config){0});
    for (; s.gain > 0.3F; s.gain -= 0.002F) {
        set_step(&s, 500000);
        assert_int_equal(s.stage.state, MASK_DECLARED);
        assert_true(s.stage.covered_permille < 100);
    }
    s.there = true;
    assert_int_equal(set_run(&s, 5, 100000), 0);
    set_close(&s);
}

static void test_view__knock_covers_until_learnt_anew(void **state)
{
    struct set s;
    open_declared(&s, (struct mask_config){.learn_us = 10 * SECOND_US});
    s.shift = 60;
    set_step(&s, 100000);
    set_step(&s, 100000);
    assert_int_equal(s.stage.state, MASK_COVERED);
    set_run(&s, 15, 200000);
    assert_int_equal(s.stage.state, MASK_COVERED);
    set_run(&s, 60, 200000);
    assert_int_equal(s.stage.state, MASK_MOSAIC); /* nobody declared that this place is empty */
    set_close(&s);
}

static void test_view__a_view_that_comes_back_is_the_old_one(void **state)
{
    struct set s;
    open_declared(&s, (struct mask_config){0});
    s.shift = 60; /* or a lorry before the lens */
    set_run(&s, 5, 200000);
    assert_int_equal(s.stage.state, MASK_COVERED);
    s.shift = 0;
    set_run(
        &s, 12,
        200000); /* until the next key picture: what the encoder made of the jump is gone then */
    assert_int_equal(s.stage.state, MASK_DECLARED);
    assert_true(s.stage.covered_permille < 20);
    set_close(&s);
}

/* As bright as what is behind them, told by colour alone. */
static void test_view__chroma_alone_is_seen(void **state)
{
    struct set s;
    open_declared(&s, (struct mask_config){0});
    s.there = true;
    const struct mask_picture *pred = &s.stage.mask->plate.pred;
    s.coat = (struct sim_colour){pred->plane[0][(ptrdiff_t)110 * pred->stride[0] + 160], 100, 156};
    set_run(&s, 1, 100000);
    for (int y = 100; y < 120; y++) /* the coat, without its rim */
        for (int x = 150; x < 170; x++)
            assert_true(stage_opaque(&s.stage, x, y));
    set_close(&s);
}

/* Somebody walks through; no pixel of the picture that is encoded is theirs, in any plane. */
static void test_view__no_live_pixel_in_any_plane(void **state)
{
    struct set s;
    open_declared(&s, (struct mask_config){0});
    s.there = true;
    struct mask_picture *out = &s.stage.mask->canvas.picture, *live = &s.stage.mask->live;
    for (s.x = -10; s.x < 330; s.x += 7) {
        set_step(&s, 100000);
        for (int i = 0; i < SET_WIDTH * SET_HEIGHT; i++) {
            int x = i % SET_WIDTH, y = i / SET_WIDTH;
            if (s.picture.label[i] != 1 || y < s.y - s.height * 0.78F || y > s.y - s.height * 0.4F)
                continue;
            ptrdiff_t c = (ptrdiff_t)(y / 2) * out->stride[2] + x / 2;
            assert_true(abs(out->plane[2][c] - s.coat.v) > 40);
            (void)live;
        }
    }
    set_close(&s);
}

static void test_view__objects_are_told(void **state)
{
    struct set s;
    open_declared(&s, (struct mask_config){0});
    s.there = true;
    for (s.x = 60; s.x < 220; s.x += 6)
        set_step(&s, 100000);
    assert_int_equal(s.stage.objects, 1);
    const struct mask_object *o = &s.stage.object[0];
    assert_true(o->x0 * SET_WIDTH < s.x - 14 && o->x1 * SET_WIDTH > s.x);
    assert_true(o->dx > 0.05F &&
                o->dx < 0.4F); /* 60 pixels a second of 320, less while the trail is held */
    assert_true(o->dy > -0.05F && o->dy < 0.05F);
    assert_int_equal(o->class, DETECT_UNKNOWN);
    uint32_t track = o->track;
    set_step(&s, 100000);
    assert_int_equal(s.stage.object[0].track, track);
    set_close(&s);
}

static void test_view__zones_are_filled_always(void **state)
{
    struct set s;
    struct mask_config cfg = {
        .zone_count = 1,
        .zone = {
            {.points = 4, .x = {0.25F, 0.5F, 0.5F, 0.25F}, .y = {0.25F, 0.25F, 0.75F, 0.75F}}}};
    open_declared(&s, (struct mask_config){.zone_count = 1, .zone = {cfg.zone[0]}});
    s.there = true;
    for (s.x = 60; s.x < 180; s.x += 10) { /* walks through it, behind it nothing is to be told */
        set_step(&s, 100000);
        const struct mask_picture *out = &s.stage.mask->canvas.picture, *live = &s.stage.mask->live;
        for (int y = 48; y < 132; y++)
            for (int x = 84; x < 156; x++) {
                assert_int_equal(live->plane[0][(ptrdiff_t)y * live->stride[0] + x], 64);
                assert_int_equal(live->plane[2][(ptrdiff_t)(y / 2) * live->stride[2] + x / 2], 130);
                assert_int_equal(
                    s.stage.mask->canvas.backdrop.plane[0][(ptrdiff_t)y * out->stride[0] + x], 64);
            }
    }
    set_close(&s);
}

/* 16 pixels and more become one colour. */
static void test_view__mosaic_is_coarse(void **state)
{
    struct set s;
    struct mask_config cfg = {.learn_us = 10 * SECOND_US};
    set_open(&s, &cfg, false);
    set_run(&s, 30, 200000);
    assert_int_equal(s.stage.state, MASK_MOSAIC);
    const struct mask_picture *b = &s.stage.mask->canvas.backdrop;
    for (int y = 8; y < 176; y += 8) /* blocks of 8 pixels: 40 across 320 */
        for (int x = 0; x < 320; x += 8)
            for (int k = 0; k < 64; k++)
                assert_int_equal(b->plane[0][(ptrdiff_t)y * b->stride[0] + x],
                                 b->plane[0][(ptrdiff_t)(y + k / 8) * b->stride[0] + x + k % 8]);
    set_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view__exposure_step_is_explained_at_once),
        cmocka_unit_test(test_view__exposure_step_uncovers_nobody),
        cmocka_unit_test(test_view__dusk_is_followed),
        cmocka_unit_test(test_view__knock_covers_until_learnt_anew),
        cmocka_unit_test(test_view__a_view_that_comes_back_is_the_old_one),
        cmocka_unit_test(test_view__chroma_alone_is_seen),
        cmocka_unit_test(test_view__no_live_pixel_in_any_plane),
        cmocka_unit_test(test_view__objects_are_told),
        cmocka_unit_test(test_view__zones_are_filled_always),
        cmocka_unit_test(test_view__mosaic_is_coarse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
