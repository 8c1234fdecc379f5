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

struct view {
    struct sim_scene *scene;
    struct sim_picture p;
    struct sim_object o[SIM_SCENE_OBJECTS];
    int n;
};

static void view_open(struct view *v, enum sim_scene_kind kind, double period_s, double empty_s)
{
    const struct sim_scene_config c = {
        .kind = kind, .seed = 5, .period_s = period_s, .empty_s = empty_s};
    v->scene = sim_scene_make(&c);
    assert_int_equal(sim_picture_init(&v->p, 320, 180), 0);
    assert_int_equal(sim_picture_add_label(&v->p), 0);
}

static void view_close(struct view *v)
{
    sim_picture_release(&v->p);
    sim_scene_free(v->scene);
}

static int persons_at(struct view *v, double t, int state)
{
    int persons = 0;
    v->n = sim_scene_draw(v->scene, &v->p, t, 1, 0, v->o);
    for (int i = 0; i < v->n; i++)
        persons += v->o[i].class == SIM_PERSON && (state < 0 || (int)v->o[i].state == state);
    return persons;
}

static long mean_luma(const struct view *v)
{
    long sum = 0;
    for (int i = 0; i < 320 * 180; i++)
        sum += v->p.y[i];
    return sum / (320 * 180);
}

/* All but the street: nobody in the first part, somebody after it, nobody when the period ends. */
static void test_scene__begins_and_ends_empty(void **state)
{
    for (enum sim_scene_kind k = SIM_SCENE_CROWD; k <= SIM_SCENE_EMPTY_FIRST; k++) {
        struct view v;
        int most = 0;
        view_open(&v, k, 120, 20);
        for (double t = 0; t < 20; t += 0.5)
            assert_int_equal(persons_at(&v, t, -1), 0);
        for (double t = 20; t < 118; t += 1) {
            int n = persons_at(&v, t, -1);
            most = n > most ? n : most;
        }
        assert_true(most >= (k == SIM_SCENE_CROWD ? 22 : k == SIM_SCENE_SEATED ? 1 : 6));
        assert_int_equal(persons_at(&v, 119.9, -1), 0);
        view_close(&v);
    }
}

static void test_scene__seated_sits_for_the_whole_time(void **state)
{
    struct view v;
    view_open(&v, SIM_SCENE_SEATED, 1830, 30);
    for (double t = 50; t < 1800; t += 7)
        assert_int_equal(persons_at(&v, t, SIM_SITTING), 1);
    view_close(&v);
}

/* Labels name the objects, lie inside their boxes, and are missing in the empty picture. */
static void test_scene__labels_agree_with_boxes(void **state)
{
    for (enum sim_scene_kind k = SIM_SCENE_STREET; k <= SIM_SCENE_EMPTY_FIRST; k++) {
        struct view v;
        long labelled = 0;
        view_open(&v, k, 90, 10);
        for (double t = 30; t < 90; t += 6) { /* in the middle the camera is knocked */
            persons_at(&v, t, -1);
            for (int i = 0; i < 320 * 180; i++) {
                int l = v.p.label[i], x = i % 320, y = i / 320;
                if (!l)
                    continue;
                assert_in_range(l, 1, v.n);
                const struct sim_object *o = &v.o[l - 1];
                assert_true(x >= o->x0 - 1 && x <= o->x1 && y >= o->y0 - 1 && y <= o->y1);
                labelled++;
            }
        }
        assert_true(labelled > 500);
        persons_at(&v, 2, -1);
        view_close(&v);
    }
}

static void test_scene__is_a_function_of_its_time(void **state)
{
    struct view a, b;
    view_open(&a, SIM_SCENE_CROWD, 60, 5);
    view_open(&b, SIM_SCENE_CROWD, 60, 5);
    persons_at(&a, 55, -1);
    persons_at(&a, 31, -1);
    persons_at(&b, 31, -1);
    assert_memory_equal(a.p.y, b.p.y, 320 * 180 * 3 / 2);
    assert_memory_equal(a.p.label, b.p.label, 320 * 180);
    view_close(&a);
    view_close(&b);
}

static void test_scene__light_falls_and_steps(void **state)
{
    struct view v;
    view_open(&v, SIM_SCENE_DUSK, 100, 10);
    persons_at(&v, 5, -1);
    long day = mean_luma(&v);
    persons_at(&v, 97, -1);
    assert_true((mean_luma(&v) - 16) * 4 < day - 16 && mean_luma(&v) > 20);
    view_close(&v);
    view_open(&v, SIM_SCENE_EXPOSURE, 100, 10);
    persons_at(&v, 29.9, -1);
    long before = mean_luma(&v);
    persons_at(&v, 30.1, -1);
    assert_true(labs(mean_luma(&v) - before) > before / 6);
    view_close(&v);
}

static void test_scene__knock_moves_all_and_stays(void **state)
{
    struct view v;
    static uint8_t before[320 * 180];
    view_open(&v, SIM_SCENE_KNOCK, 100, 20);
    persons_at(&v, 0, -1);
    memcpy(before, v.p.y, sizeof(before));
    persons_at(
        &v, 99.9,
        -1); /* empty again, but 10 pixels to the right and 4 down; the light is within 4 % */
    int x = 100, y = 90, near = 0;
    for (int i = 0; i < 100; i++)
        near += abs(v.p.y[(y + 4) * 320 + x + 10 + i] - before[y * 320 + x + i]) <= 8;
    assert_true(near >= 95);
    view_close(&v);
}

static void test_picture__shift_repeats_edges(void **state)
{
    struct sim_picture p;
    for (int dx = -6; dx <= 6; dx += 2)
        for (int dy = -4; dy <= 4; dy += 2) {
            sim_picture_init(&p, 16, 12);
            sim_picture_add_label(&p);
            for (int i = 0; i < 16 * 12; i++)
                p.y[i] = (uint8_t)i, p.label[i] = 7;
            sim_picture_shift(&p, dx, dy);
            for (int i = 0; i < 16 * 12; i++) {
                int fx = i % 16 - dx, fy = i / 16 - dy;
                bool beyond = fx < 0 || fx > 15 || fy < 0 || fy > 11;
                fx = fx < 0 ? 0 : fx > 15 ? 15 : fx;
                fy = fy < 0 ? 0 : fy > 11 ? 11 : fy;
                assert_int_equal(p.y[i], fy * 16 + fx);
                assert_int_equal(p.label[i], beyond ? 0 : 7);
            }
            sim_picture_release(&p);
        }
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
        cmocka_unit_test(test_scene__begins_and_ends_empty),
        cmocka_unit_test(test_scene__seated_sits_for_the_whole_time),
        cmocka_unit_test(test_scene__labels_agree_with_boxes),
        cmocka_unit_test(test_scene__is_a_function_of_its_time),
        cmocka_unit_test(test_scene__light_falls_and_steps),
        cmocka_unit_test(test_scene__knock_moves_all_and_stays),
        cmocka_unit_test(test_picture__shift_repeats_edges),
        cmocka_unit_test(test_scene__odd_places_do_not_leave_the_picture),
        cmocka_unit_test(test_encode__meets_the_bitrate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
