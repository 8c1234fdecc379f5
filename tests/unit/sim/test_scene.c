/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/encode.h"

static void test_scene__boxes_lie_in_the_picture_and_hold_what_changes(void **state)
{
    for (uint32_t seed = 1; seed < 6; seed++) {
        struct sim_scene *s = sim_scene_new(seed, 20);
        struct sim_picture p;
        struct sim_object o[SIM_SCENE_OBJECTS];
        int sitting = 0, walking = 0, vehicles = 0;
        assert_int_equal(sim_picture_init(&p, 640, 360), 0);
        for (int i = 0; i < 40; i++) {
            int n = sim_scene_draw(s, &p, i * 0.5, (uint32_t)i, 3, o);
            assert_in_range(n, 3, SIM_SCENE_OBJECTS);
            for (int k = 0; k < n; k++) {
                assert_true(o[k].x0 >= 0 && o[k].y0 >= 0 && o[k].x1 <= 640 && o[k].y1 <= 360);
                assert_true(o[k].x1 > o[k].x0 && o[k].y1 > o[k].y0);
                sitting += o[k].state == SIM_SITTING;
                walking += o[k].state == SIM_WALKING;
                vehicles += o[k].class == SIM_VEHICLE;
            }
        }
        assert_true(sitting >= 40 && walking > 40 && vehicles >= 40);
        sim_picture_release(&p);
        sim_scene_free(s);
    }
}

/* Without noise, two moments differ only inside the boxes of either moment (the light is the same at both). */
static void test_scene__nothing_moves_outside_the_boxes(void **state)
{
    struct sim_scene *s = sim_scene_new(3, 20);
    struct sim_picture a, b;
    struct sim_object oa[SIM_SCENE_OBJECTS], ob[SIM_SCENE_OBJECTS];
    sim_picture_init(&a, 1280, 720);
    sim_picture_init(&b, 1280, 720);
    int na = sim_scene_draw(s, &a, 0.001, 0, 0, oa),
        nb = sim_scene_draw(s, &b, 20.0 + 0.041, 0, 0, ob), moved = 0;
    for (int y = 0; y < 720; y++)
        for (int x = 0; x < 1280; x++) {
            bool inside = false;
            if (abs(a.y[y * 1280 + x] - b.y[y * 1280 + x]) <= 2)
                continue;
            for (int i = 0; i < na; i++)
                inside |= x >= oa[i].x0 - 1 && x <= oa[i].x1 && y >= oa[i].y0 - 1 && y <= oa[i].y1;
            for (int i = 0; i < nb; i++)
                inside |= x >= ob[i].x0 - 1 && x <= ob[i].x1 && y >= ob[i].y0 - 1 && y <= ob[i].y1;
            assert_true(inside);
            moved++;
        }
    assert_true(moved > 100);
    sim_picture_release(&a);
    sim_picture_release(&b);
    sim_scene_free(s);
}

static void test_scene__odd_places_do_not_leave_the_picture(void **state)
{
    struct sim_picture p;
    sim_picture_init(&p, 64, 64);
    const struct sim_colour c = {200, 100, 100};
    for (int i = -200; i < 200; i += 7) {
        sim_draw_ellipse(&p, (float)i, (float)-i, 90, 40, c);
        sim_draw_limb(&p, (float)i, -500, (float)-i, 500, 30, c);
        sim_draw_rect(&p, (float)i, -10, 1e9f, 1e9f, c);
        sim_draw_limb(&p, (float)i, 5, (float)i, 5, 3, c);
    }
    sim_picture_release(&p);
}

static void test_encode__meets_the_bitrate(void **state)
{
    struct sim_encode_options o = {.codec = MEDIA_H264,
                                   .width = 640,
                                   .height = 360,
                                   .fps = 25,
                                   .gop = 25,
                                   .slices = 2,
                                   .bitrate = 1000000,
                                   .seconds = 4,
                                   .seed = 1,
                                   .packet_bytes = 1400,
                                   .name = "t"};
    for (int noise = 0; noise < 2; noise++)
        for (o.bframes = 0; o.bframes <= 2 && !(noise && o.bframes); o.bframes += 2) {
            struct sim_program *p = NULL;
            struct err e = {0};
            int r = noise ? sim_encode_noise(&o, &p, &e) : sim_encode_street(&o, &p, &e);
            if (r < 0)
                fail_msg("%s", e.text);
            assert_int_equal(p->count, 100);
            assert_in_range(p->bytes * 8 / 4, 950000, 1150000);
            assert_true((p->delay_ticks > 0) == (o.bframes > 0));
            assert_true(p->aus[0].key && p->params.count >= 2);
            sim_program_free(p);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scene__boxes_lie_in_the_picture_and_hold_what_changes),
        cmocka_unit_test(test_scene__nothing_moves_outside_the_boxes),
        cmocka_unit_test(test_scene__odd_places_do_not_leave_the_picture),
        cmocka_unit_test(test_encode__meets_the_bitrate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
