/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Streams as cameras send them when something is wrong: whatever comes, a covered picture or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "set.h"

static void open_declared(struct set *s)
{
    struct mask_config cfg = {.declared_empty = true};
    set_open(s, &cfg, false);
    set_run(s, 20, 200000);
    assert_int_equal(s->stage.state, MASK_DECLARED);
}

/* Draw and encode, but do not feed. */
static bool encode_next(struct set *s)
{
    struct sim_object objects[SIM_SCENE_OBJECTS];
    sim_scene_draw(s->scene, &s->picture, 1, s->frame++, s->noise, objects);
    return stage_encode(&s->stage, &s->picture);
}

static void assert_covered(const struct set *s)
{
    const struct mask_picture *p = &s->stage.mask->canvas.picture;
    assert_int_equal(s->stage.state, MASK_COVERED);
    assert_int_equal(s->stage.covered_permille, 1000);
    assert_int_equal(s->stage.objects, 0);
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < (i ? p->height / 2 : p->height); y++)
            for (int x = 0; x < (i ? p->width / 2 : p->width); x++)
                assert_int_equal(p->plane[i][(ptrdiff_t)y * p->stride[i] + x], p->plane[i][0]);
}

static void test_mask__begins_covered(void **state)
{
    struct set s;
    struct mask_config cfg = {0};
    set_open(&s, &cfg, false);
    for (int i = 0; i < 50; i++) {
        set_step(&s, 100000);
        assert_covered(&s);
    }
    assert_int_equal(s.stage.outputs, 50);
    set_close(&s);
}

/* Random bytes changed in every kind of place: nothing but covered until a key picture and whole ones behind it. */
static void test_mask__broken_pictures_cover(void **state)
{
    struct set s;
    uint32_t r = 7;
    open_declared(&s);
    for (int round = 0; round < 40; round++) {
        bool key = encode_next(&s);
        for (int i = 0; i < 12; i++) {
            r = r * 1664525u + 1013904223u;
            size_t at = 5 + (r >> 8) % (s.stage.au.len - 5);
            s.stage.au.data[at] ^= (uint8_t)(1u << (r >> 29));
        }
        int before = s.stage.outputs, e = stage_feed(&s.stage, key, 100000);
        if (e < 0 && s.stage.outputs > before)
            assert_covered(&s);
    }
    s.stage.count = 0; /* a key picture comes next */
    int covered = 0;
    for (int i = 0; i < 20; i++) {
        set_step(&s, 100000);
        covered += s.stage.state == MASK_COVERED;
        assert_true(i >= 4 || s.stage.state == MASK_COVERED);
    }
    assert_true(covered < 20);
    assert_int_equal(s.stage.state, MASK_DECLARED); /* what was learnt stays */
    set_close(&s);
}

static void test_mask__lost_packets_cover_until_the_next_key(void **state)
{
    struct set s;
    open_declared(&s);
    s.stage.count = 1; /* the key picture is far */
    bool key = encode_next(&s);
    assert_false(key);
    s.stage.utc_us += 100000;
    struct media_au au = {.data = s.stage.au.data,
                          .size = (uint32_t)s.stage.au.len,
                          .pts_ticks = (s.stage.utc_us - STAGE_BEGIN_US) * 9 / 100,
                          .loss = true};
    mask_feed(s.stage.mask, &s.stage.track, &au, s.stage.utc_us, NULL);
    assert_covered(&s);
    for (int i = 0; i < 30; i++) {
        set_step(&s, 100000);
        assert_covered(&s);
    }
    s.stage.count = 0;
    set_run(&s, 2, 100000);
    assert_int_equal(s.stage.state, MASK_DECLARED);
    set_close(&s);
}

/* Lengths that do not add up, nothing at all, huge: one sentence each. */
static void test_mask__hostile_units(void **state)
{
    static const struct {
        uint8_t data[16];
        uint32_t size;
    } bad[] = {
        {{0, 0, 0, 9, 0x65}, 5},
        {{0xff, 0xff, 0xff, 0xff, 0x65}, 5},
        {{0, 0}, 2},
        {{0, 0, 0, 2, 0x67, 0x42, 0, 0, 0, 1, 0x68}, 11},
        {{0, 0, 0, 5, 0x65, 0xff, 0xff, 0xff, 0xff}, 9},
    };
    struct set s;
    open_declared(&s);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e = {0};
        struct media_au au = {.data = bad[i].data, .size = bad[i].size, .key = true};
        s.stage.utc_us += 100000;
        int r = mask_feed(s.stage.mask, &s.stage.track, &au, s.stage.utc_us, &e);
        assert_true(r < 0 ? e.text[0] : r == 0);
        if (r < 0)
            assert_int_equal(s.stage.mask->state, MASK_COVERED);
    }
    set_close(&s);
}

/* Another size without a word: the place is another one. Odd sizes lose a column. */
static void test_mask__size_changes(void **state)
{
    static const int sizes[][4] = {{640, 360, 640, 360},
                                   {352, 286, 352, 286},
                                   {1280, 720, 640, 360},
                                   {98, 66, 98, 66},
                                   {806, 454, 640, 360}};
    struct set s;
    open_declared(&s);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct sim_picture p;
        stage_camera(&s.stage, sizes[i][0], sizes[i][1]);
        if (i % 2) /* the caller did not notice */
            s.stage.track.width = SET_WIDTH, s.stage.track.height = SET_HEIGHT;
        assert_int_equal(sim_picture_init(&p, sizes[i][0], sizes[i][1]), 0);
        for (int k = 0; k < 12; k++) {
            stage_show(&s.stage, &p, 100000);
            assert_covered(&s);
            assert_true(k > 0 || s.stage.key);
        }
        assert_int_equal(s.stage.width, sizes[i][2]);
        assert_int_equal(s.stage.height, sizes[i][3]);
        sim_picture_release(&p);
    }
    set_close(&s);
}

static void test_mask__too_small_is_refused(void **state)
{
    struct set s;
    struct sim_picture p;
    struct mask_config cfg = {0};
    set_open(&s, &cfg, false);
    stage_camera(&s.stage, 16, 16);
    assert_int_equal(sim_picture_init(&p, 16, 16), 0);
    bool key = stage_encode(&s.stage, &p);
    assert_int_equal(stage_feed(&s.stage, key, 100000), E_UNSUPPORTED);
    assert_int_equal(s.stage.outputs, 0);
    sim_picture_release(&p);
    set_close(&s);
}

static void test_mask__frame_rate_is_limited(void **state)
{
    struct set s;
    struct mask_config cfg = {.fps = 5};
    set_open(&s, &cfg, false);
    set_run(&s, 10, 40000);
    assert_in_range(s.stage.outputs, 48, 52);
    set_close(&s);
}

static void test_mask__key_pictures_carry_parameter_sets(void **state)
{
    struct set s;
    struct mask_config cfg = {0};
    set_open(&s, &cfg, false);
    int keys = 0;
    for (int i = 0; i < 100; i++) {
        set_step(&s, 100000);
        keys += s.stage.key;
    }
    assert_in_range(keys, 3, 4); /* every 4 s, and at the start */
    struct media_sps sps;
    assert_int_equal(media_params_sps(&s.stage.out_params, MEDIA_H264, &sps), 0);
    assert_int_equal(sps.profile_idc, 66);
    assert_int_equal(sps.width, SET_WIDTH);
    mask_want_key(s.stage.mask);
    set_step(&s, 100000);
    assert_true(s.stage.key);
    set_close(&s);
}

static void test_mask__forgets_when_told(void **state)
{
    struct set s;
    open_declared(&s);
    mask_forget(s.stage.mask, "the camera was swapped");
    set_step(&s, 100000);
    assert_covered(&s);
    set_run(&s, 20, 200000);
    assert_covered(&s); /* the declaration was for another place */
    mask_declare_empty(s.stage.mask, true);
    set_run(&s, 15, 200000);
    mask_declare_empty(s.stage.mask, false);
    set_run(&s, 1, 200000);
    assert_int_equal(s.stage.state, MASK_DECLARED);
    set_close(&s);
}

static void test_mask__bad_settings_are_refused(void **state)
{
    static const struct mask_config bad[] = {
        {.width = 65},      {.width = 20},
        {.width = 9000},    {.fps = 200},
        {.fps = -1},        {.learn_us = -1},
        {.zone_count = 99}, {.zone_count = 1, .zone = {{.points = 2}}}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mask *m = NULL;
        struct err e = {0};
        assert_int_equal(mask_new(&bad[i], stage_out, NULL, &m, &e), E_RANGE);
        assert_true(e.text[0]);
        assert_null(m);
    }
    mask_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mask__begins_covered),
        cmocka_unit_test(test_mask__broken_pictures_cover),
        cmocka_unit_test(test_mask__lost_packets_cover_until_the_next_key),
        cmocka_unit_test(test_mask__hostile_units),
        cmocka_unit_test(test_mask__size_changes),
        cmocka_unit_test(test_mask__too_small_is_refused),
        cmocka_unit_test(test_mask__frame_rate_is_limited),
        cmocka_unit_test(test_mask__key_pictures_carry_parameter_sets),
        cmocka_unit_test(test_mask__forgets_when_told),
        cmocka_unit_test(test_mask__bad_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
