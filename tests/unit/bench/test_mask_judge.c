/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bench/mask_judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/mask_tally.h"
#include "sim/scene.h"

#define W 640
#define H 360

/* A moment of the street with a person large enough to look at. */
struct moment {
    struct sim_picture s, b, o;
    struct sim_object object;
    uint8_t label;
    struct judge_scratch scratch;
};

static void moment_make(struct moment *m)
{
    const struct sim_scene_config c = {
        .kind = SIM_SCENE_SEATED, .seed = 1, .period_s = 60, .empty_s = 5};
    struct sim_scene *scene = sim_scene_make(&c);
    struct sim_object o[SIM_SCENE_OBJECTS];
    *m = (struct moment){.label = 0};
    sim_picture_init(&m->s, W, H);
    sim_picture_add_label(&m->s);
    sim_picture_init(&m->b, W, H);
    sim_picture_init(&m->o, W, H);
    int n = sim_scene_draw(scene, &m->s, 25, 1, 3, o);
    for (int i = 0; i < n; i++)
        if (o[i].state == SIM_SITTING)
            m->label = (uint8_t)(i + 1), m->object = o[i];
    assert_true(m->label > 0);
    sim_scene_draw_place(scene, &m->b, 25);
    sim_scene_free(scene);
}

static void moment_free(struct moment *m)
{
    sim_picture_release(&m->s);
    sim_picture_release(&m->b);
    sim_picture_release(&m->o);
    judge_scratch_release(&m->scratch);
}

/* O = B + part of the way to S, everywhere. */
static void blend(struct moment *m, float part)
{
    for (int i = 0; i < W * H * 3 / 2; i++)
        m->o.y[i] =
            (uint8_t)((float)m->b.y[i] + part * ((float)m->s.y[i] - (float)m->b.y[i]) + 0.5f);
}

static float exposed(struct moment *m)
{
    const float box[4] = {m->object.x0, m->object.y0, m->object.x1, m->object.y1};
    struct judge_area a;
    int light = judge_light(&m->b, &m->o);
    assert_int_equal(judge_person(&m->scratch, &m->s, &m->b, &m->o, light, m->label, box, &a), 0);
    assert_true(a.pixels > 300);
    return (float)a.exposed / (float)a.pixels;
}

static void test_judge__live_is_exposed_and_place_is_not(void **state)
{
    struct moment m;
    moment_make(&m);
    blend(&m, 1);
    assert_true(exposed(&m) > 0.8f);
    blend(&m, 0.6f); /* a ghost */
    assert_true(exposed(&m) > 0.8f);
    blend(&m, 0.2f);
    assert_true(exposed(&m) < 0.02f);
    blend(&m, 0);
    assert_true(exposed(&m) < 0.001f);
    moment_free(&m);
}

/* A flat fill of any colour that is not theirs hides them; the place in older light too. */
static void test_judge__fills_hide(void **state)
{
    static const struct sim_colour fills[] = {
        {52, 132, 124}, {110, 150, 110}, {90, 100, 150}, {180, 128, 128}, {16, 128, 128}};
    struct moment m;
    moment_make(&m);
    for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
        sim_draw_rect(&m.o, 0, 0, W, H, fills[i]);
        assert_true(exposed(&m) < 0.1f);
    }
    for (int light = 70; light <= 140; light += 10) {
        for (int i = 0; i < W * H; i++)
            m.o.y[i] = (uint8_t)(16 + (m.b.y[i] - 16) * light / 100);
        memcpy(m.o.u, m.b.u, W * H / 2);
        assert_true(exposed(&m) < 0.1f);
    }
    moment_free(&m);
}

/* A fill that has the colour of their coat hides them all the same; their coat alone, with the rest filled, does not. */
static void test_judge__a_fill_like_the_coat(void **state)
{
    struct moment m;
    moment_make(&m);
    int y = (int)(m.object.y0 + (m.object.y1 - m.object.y0) * 0.45f), x = (int)m.object.x0;
    for (int run = 0; run < 6; x++) /* well inside the trunk */
        run = m.s.label[y * W + x] == m.label ? run + 1 : 0;
    int half = (y / 2) * (W / 2) + x / 2;
    const struct sim_colour coat = {m.s.y[y * W + x], m.s.u[half], m.s.v[half]};
    sim_draw_rect(&m.o, 0, 0, W, H, coat);
    assert_true(exposed(&m) < 0.001f);
    blend(&m, 1);
    sim_draw_rect(&m.o, 0, 0, W, m.object.y0 + (m.object.y1 - m.object.y0) * 0.3f,
                  (struct sim_colour){52, 132, 124});
    assert_true(exposed(&m) > 0.3f);
    moment_free(&m);
}

/* A mark on a silhouette that has the colour of a coat; and a hole in a silhouette through which somebody looks. */
static void test_judge__marks_and_holes(void **state)
{
    struct moment m;
    moment_make(&m);
    const struct sim_object *b = &m.object;
    const struct sim_colour fill = {100, 134, 122};
    float x = (b->x0 + b->x1) / 2, h = b->y1 - b->y0;
    int at = (int)(b->y0 + h * 0.5f) * W + (int)(b->x0 + (b->x1 - b->x0) * 0.4f),
        half = at / W / 2 * (W / 2) + at % W / 2;
    sim_draw_rect(&m.o, 0, 0, W, H, fill);
    sim_draw_rect(&m.o, b->x0 + 8, b->y0 + h * 0.3f, x, b->y0 + h * 0.7f,
                  (struct sim_colour){m.s.y[at], m.s.u[half], m.s.v[half]});
    assert_true(exposed(&m) < 0.001f);
    sim_draw_rect(&m.o, 0, 0, W, H, fill);
    for (int y = (int)b->y0; y < (int)(b->y0 + h * 0.5f); y++) { /* head and shoulders */
        memcpy(m.o.y + y * W + (int)b->x0, m.s.y + y * W + (int)b->x0, (size_t)(b->x1 - b->x0));
        memcpy(m.o.u + y / 2 * W / 2 + (int)b->x0 / 2, m.s.u + y / 2 * W / 2 + (int)b->x0 / 2,
               (size_t)(b->x1 - b->x0) / 2);
        memcpy(m.o.v + y / 2 * W / 2 + (int)b->x0 / 2, m.s.v + y / 2 * W / 2 + (int)b->x0 / 2,
               (size_t)(b->x1 - b->x0) / 2);
    }
    assert_true(exposed(&m) > 0.2f);
    moment_free(&m);
}

/* Half of somebody is seen: a miss. A few scattered pixels are not. */
static void test_judge__half_a_person_is_a_miss(void **state)
{
    struct moment m;
    struct judge_area a;
    moment_make(&m);
    blend(&m, 1);
    const float middle = (m.object.y0 + m.object.y1) / 2;
    sim_draw_rect(&m.o, 0, middle, W, H, (struct sim_colour){52, 132, 124});
    const float box[4] = {m.object.x0, m.object.y0, m.object.x1, m.object.y1};
    judge_person(&m.scratch, &m.s, &m.b, &m.o, 64, m.label, box, &a);
    assert_true(judge_missed(&a));
    blend(&m, 0);
    for (int i = 0; i < W * H; i += 5)
        m.o.y[i] = m.s.y[i];
    judge_person(&m.scratch, &m.s, &m.b, &m.o, 64, m.label, box, &a);
    assert_int_equal(a.exposed, 0);
    moment_free(&m);
}

static void test_judge__box_without_truth_to_the_pixel(void **state)
{
    struct moment m;
    struct judge_area a;
    moment_make(&m);
    const float box[4] = {m.object.x0, m.object.y0, m.object.x1, m.object.y1};
    const float beyond[4] = {-1e6f, -1e6f, 1e6f, 1e6f};
    blend(&m, 1);
    judge_box(&m.scratch, &m.s, &m.o, box, &a);
    assert_true(judge_missed(&a) && a.exposed > a.pixels * 9 / 10);
    sim_draw_rect(&m.o, 0, 0, W, H, (struct sim_colour){52, 132, 124});
    judge_box(&m.scratch, &m.s, &m.o, box, &a);
    assert_false(judge_missed(&a));
    judge_box(&m.scratch, &m.s, &m.o, beyond, &a);
    assert_int_equal(a.pixels, W * H);
    moment_free(&m);
}

static void test_judge__false_area(void **state)
{
    struct moment m;
    float share;
    struct judge_boxes none = {0}, one = {.count = 1, .box = {{100, 100, 200, 200}}};
    moment_make(&m);
    for (int i = 0; i < W * H; i++) /* the plate is older and darker */
        m.o.y[i] = (uint8_t)(16 + (m.b.y[i] - 16) * 80 / 100);
    memcpy(m.o.u, m.b.u, W * H / 2);
    assert_int_equal(judge_false_area(&m.scratch, &m.b, &m.o, &none, 12, &share), 0);
    assert_true(share < 0.005f);
    sim_draw_rect(&m.o, 90, 90, 210, 210, (struct sim_colour){52, 170, 90});
    judge_false_area(&m.scratch, &m.b, &m.o, &none, 12, &share);
    assert_float_equal(share, 120.0 * 120 / (W * H), 0.005);
    judge_false_area(&m.scratch, &m.b, &m.o, &one, 12, &share);
    assert_true(share < 0.005f);
    moment_free(&m);
}

static const struct judge_area hidden = {1000, 10}, seen = {1000, 900}, tiny = {39, 39};

static void test_tally__rates(void **state)
{
    struct mask_tally t = {.fps = 10}, sum = {0};
    for (int i = 0; i < 100; i++, t.frames++) {
        tally_person(&t, 1, 150, true, &hidden);
        tally_person(&t, 2, 50, false, i == 40 ? &seen : &hidden);
        tally_person(&t, 3, 10, false, &tiny);
    }
    t.frames += 50; /* gone for five seconds: somebody else */
    tally_person(&t, 2, 120, false, &seen);
    tally_finish(&t);
    assert_int_equal(t.person_frames, 201);
    assert_int_equal(t.missed_frames, 2);
    assert_int_equal(t.tracks, 3);
    assert_int_equal(t.leaked_tracks, 2);
    assert_int_equal(t.large_tracks, 2);
    assert_int_equal(t.large_leaked_tracks, 1);
    assert_int_equal(t.still_frames, 100);
    assert_int_equal(t.still_missed, 0);
    assert_int_equal(t.bin_frames[1], 100);
    assert_int_equal(t.bin_missed[1], 1);
    assert_int_equal(t.bin_frames[3], 101);
    assert_float_equal(tally_miss_rate(&t), 0.0099502f, 1e-6);
    assert_float_equal(tally_exposed_seconds_per_person_hour(&t), 35.8209f, 1e-3);
    tally_add(&sum, &t);
    tally_add(&sum, &t);
    assert_int_equal(sum.tracks, 6);
    assert_float_equal(tally_track_leak_rate(&sum), 0.6666667f, 1e-6);
    tally_release(&t);
    assert_float_equal(tally_miss_rate(&(struct mask_tally){0}), 0, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge__live_is_exposed_and_place_is_not),
        cmocka_unit_test(test_judge__fills_hide),
        cmocka_unit_test(test_judge__a_fill_like_the_coat),
        cmocka_unit_test(test_judge__marks_and_holes),
        cmocka_unit_test(test_judge__half_a_person_is_a_miss),
        cmocka_unit_test(test_judge__box_without_truth_to_the_pixel),
        cmocka_unit_test(test_judge__false_area),
        cmocka_unit_test(test_tally__rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
