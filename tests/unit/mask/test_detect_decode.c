/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/detect_decode.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mask/detect_input.h"

static struct detect_box box(enum detect_class c, float score, float x0, float y0, float x1,
                             float y1)
{
    return (struct detect_box){c, score, x0, y0, x1, y1};
}

static void test_suppress__keeps_the_best_of_a_class(void **state)
{
    struct detect_box b[] = {
        box(DETECT_PERSON, 0.5f, 0, 0, 10, 10),  box(DETECT_PERSON, 0.9f, 1, 1, 11, 11),
        box(DETECT_VEHICLE, 0.4f, 1, 1, 11, 11), /* another class stays */
        box(DETECT_PERSON, 0.6f, 8, 0, 18, 10),  /* overlaps little */
        box(DETECT_PERSON, 0.3f, 8, 0, 18, 10),
    };
    int n = detect_suppress(b, 5, 0.5f);
    assert_int_equal(n, 3);
    assert_float_equal(b[0].score, 0.9f, 1e-6);
    assert_float_equal(b[1].score, 0.6f, 1e-6);
    assert_int_equal(b[2].class, DETECT_VEHICLE);
    assert_int_equal(detect_suppress(b, 0, 0.5f), 0);
}

static void test_overlap__of_odd_boxes(void **state)
{
    struct detect_box a = box(DETECT_PERSON, 1, 0, 0, 10, 10),
                      b = box(DETECT_PERSON, 1, 5, 0, 15, 10);
    assert_float_equal(detect_overlap(&a, &b), 1.0 / 3, 1e-6);
    assert_float_equal(detect_overlap(&a, &a), 1, 1e-6);
    b.x0 = b.x1 = NAN;
    assert_float_equal(detect_overlap(&a, &b), 0, 1e-6);
    b = box(DETECT_PERSON, 1, 10, 10, 0, 0);
    assert_float_equal(detect_overlap(&a, &b), 0, 1e-6);
}

/* One face in cell (3, 2) of stride 16, the rest silent. */
static void test_decode__yunet(void **state)
{
    enum { W = 64, H = 64 };
    static float cls[64], obj[64], bbox[3][256];
    struct detect_tensor t[9];
    memset(cls, 0, sizeof(cls));
    static float none[64];
    int cells[3] = {64, 16, 4};
    for (int k = 0; k < 3; k++) {
        t[k * 3] = (struct detect_tensor){k == 1 ? cls : none, cells[k], 1};
        t[k * 3 + 1] = (struct detect_tensor){k == 1 ? obj : none, cells[k], 1};
        t[k * 3 + 2] = (struct detect_tensor){bbox[k], cells[k], 4};
    }
    int cell = 2 * (W / 16) + 3;
    cls[cell] = 0.81f;
    obj[cell] = 1.7f; /* above 1 counts as 1 */
    bbox[1][cell * 4] = 0.5f;
    bbox[1][cell * 4 + 1] = 0.25f;
    bbox[1][cell * 4 + 2] = 0; /* one cell wide */
    bbox[1][cell * 4 + 3] = logf(2);
    struct detect_box b[DETECT_BOXES];
    assert_int_equal(detect_decode(DETECT_YUNET, t, W, H, 0.5f, b), 1);
    assert_int_equal(b[0].class, DETECT_FACE);
    assert_float_equal(b[0].score, 0.9f, 1e-5);
    assert_float_equal(b[0].x0, 48, 1e-3);
    assert_float_equal(b[0].x1, 64, 1e-3);
    assert_float_equal(b[0].y0, 20, 1e-3);
    assert_float_equal(b[0].y1, 52, 1e-3);
    assert_int_equal(detect_decode(DETECT_YUNET, t, W, H, 0.95f, b), 0);
    bbox[1][cell * 4 + 2] = NAN;
    assert_int_equal(detect_decode(DETECT_YUNET, t, W, H, 0.5f, b), 0);
    bbox[1][cell * 4 + 2] = 1000; /* e to that is infinite */
    assert_int_equal(detect_decode(DETECT_YUNET, t, W, H, 0.5f, b), 0);
    t[4].rows--;
    assert_int_equal(detect_decode(DETECT_YUNET, t, W, H, 0.5f, b), E_MISMATCH);
}

static void test_decode__yolox_reads_persons_and_vehicles_only(void **state)
{
    enum { W = 64, H = 32, ROWS = 8 * 4 + 4 * 2 + 2 };
    static float d[ROWS][85];
    memset(d, 0, sizeof(d));
    const struct detect_tensor t = {&d[0][0], ROWS, 85};
    int person = 1 * 8 + 5, lorry = 32 + 3, dog = 40;
    d[person][4] = 0.8f, d[person][5 + 0] = 0.9f, d[person][2] = logf(2);
    d[lorry][4] = 1, d[lorry][5 + 7] = 0.5f, d[lorry][5 + 2] = 0.4f;
    d[dog][4] = 1, d[dog][5 + 16] = 1;
    struct detect_box b[DETECT_BOXES];
    assert_int_equal(detect_decode(DETECT_YOLOX, &t, W, H, 0.3f, b), 2);
    assert_int_equal(b[0].class, DETECT_PERSON);
    assert_float_equal(b[0].score, 0.72f, 1e-5);
    assert_float_equal(b[0].x0, 5 * 8 - 8, 1e-3);
    assert_float_equal(b[0].y1, 1 * 8 + 4, 1e-3);
    assert_int_equal(b[1].class, DETECT_VEHICLE);
    assert_float_equal(b[1].x0, 3 * 16 - 8, 1e-3);
    const struct detect_tensor narrow = {&d[0][0], ROWS, 84};
    assert_int_equal(detect_decode(DETECT_YOLOX, &narrow, W, H, 0.3f, b), E_MISMATCH);
}

static void test_decode__nanodet_distances(void **state)
{
    enum { W = 32, H = 32 };
    static float cls[3][16 * 80], reg[3][16 * 32];
    struct detect_tensor t[6];
    int cells[3] = {16, 4, 1};
    for (int k = 0; k < 3; k++) {
        t[2 * k] = (struct detect_tensor){cls[k], cells[k], 80};
        t[2 * k + 1] = (struct detect_tensor){reg[k], cells[k], 32};
    }
    cls[0][5 * 80 + 2] = 0.6f; /* a car in cell (1, 1) of stride 8 */
    for (int edge = 0; edge < 4; edge++)
        reg[0][5 * 32 + edge * 8 + edge + 1] = 80; /* all weight on 1, 2, 3 and 4 cells */
    struct detect_box b[DETECT_BOXES];
    assert_int_equal(detect_decode(DETECT_NANODET, t, W, H, 0.5f, b), 1);
    assert_int_equal(b[0].class, DETECT_VEHICLE);
    assert_float_equal(b[0].x0, 11.5f - 8, 1e-3);
    assert_float_equal(b[0].y0, 11.5f - 16, 1e-3);
    assert_float_equal(b[0].x1, 11.5f + 24, 1e-3);
    assert_float_equal(b[0].y1, 11.5f + 32, 1e-3);
}

/* Nothing is lost or written beyond the arrays when every cell cries. */
static void test_decode__more_boxes_than_room(void **state)
{
    enum { W = 640, H = 384, ROWS = 80 * 48 + 40 * 24 + 20 * 12 };
    float *d = calloc(ROWS, 85 * sizeof(float));
    for (int i = 0; i < ROWS; i++) {
        d[i * 85 + 4] = 1;
        d[i * 85 + 5] = 0.5f + (float)i / ROWS / 2;
        d[i * 85 + 2] = d[i * 85 + 3] = -3; /* tiny: none overlaps */
    }
    const struct detect_tensor t = {d, ROWS, 85};
    struct detect_box b[DETECT_BOXES];
    assert_int_equal(detect_decode(DETECT_YOLOX, &t, W, H, 0.3f, b), DETECT_BOXES);
    assert_true(b[0].score > 0.9999f);
    for (int i = 1; i < DETECT_BOXES; i++)
        assert_true(b[i].score <= b[i - 1].score);
    free(d);
}

struct canvas {
    int w, h;
    uint8_t *y, *u, *v;
    struct detect_picture pic;
};

static void canvas_make(struct canvas *c, int w, int h)
{
    int cw = (w + 1) / 2, ch = (h + 1) / 2;
    *c = (struct canvas){.w = w, .h = h};
    c->y = malloc((size_t)w * h);
    c->u = malloc((size_t)cw * ch);
    c->v = malloc((size_t)cw * ch);
    memset(c->y, 16, (size_t)w * h);
    memset(c->u, 128, (size_t)cw * ch);
    memset(c->v, 128, (size_t)cw * ch);
    c->pic = (struct detect_picture){w, h, {c->y, c->u, c->v}, {w, cw, cw}};
}

static void canvas_free(struct canvas *c)
{
    free(c->y);
    free(c->u);
    free(c->v);
}

/* Every odd size and part fits (ASan watches), and what is put in comes back out where it was. */
static void test_input__letterbox_and_back(void **state)
{
    static const int sizes[][2] = {{640, 360}, {641, 359},   {16, 16},
                                   {17, 23},   {3840, 2160}, {100, 1000}};
    const struct detect_norm plain = {.deviation = {1, 1, 1}, .pad = 114};
    float *out = malloc(3 * 320 * 192 * sizeof(float));
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        struct canvas c;
        canvas_make(&c, sizes[k][0], sizes[k][1]);
        float *scratch = malloc(((size_t)4 * c.w + 16) * sizeof(float));
        for (int part = 0; part < 12; part++) {
            float x0 = (float)part / 12, y0 = (float)(11 - part) / 12;
            struct detect_region r = detect_region_of(&c.pic, x0, y0, x0 + 0.3f, y0 + 0.4f, 32, 32);
            assert_true(r.x >= 0 && r.y >= 0 && r.x + r.width <= c.w && r.y + r.height <= c.h);
            assert_true(r.x <= (int)(x0 * (float)c.w) && r.x % 2 == 0);
            assert_true(r.width >= (c.w < 32 ? c.w - 1 : 32));
            float luma = detect_input_fill(&c.pic, &r, 320, 192, &plain, scratch, out);
            assert_float_equal(luma, 16, 0.01);
            assert_float_equal(out[0], 0, 0.01);
            struct detect_box b = {DETECT_FACE, 1, 0, 0, 320, 192};
            detect_input_map(&c.pic, &r, 320, 192, &b);
            assert_float_equal(b.x0 * (float)c.w, (float)r.x, 0.01);
            assert_float_equal(b.y1 * (float)c.h, (float)(r.y + r.height), 0.01);
            b = box(DETECT_FACE, 1, -1e9f, NAN, 1e9f, INFINITY);
            detect_input_map(&c.pic, &r, 320, 192, &b);
            assert_true(b.x0 >= 0 && b.y0 >= 0 && b.x1 <= 1 && b.y1 <= 1);
        }
        free(scratch);
        canvas_free(&c);
    }
    free(out);
}

/* Colours by BT.601, area means, padding, mean and deviation. */
static void test_input__colours(void **state)
{
    struct canvas c;
    canvas_make(&c, 640, 360);
    float *scratch = malloc((4 * 640 + 16) * sizeof(float)),
          *out = malloc(3 * 320 * 192 * sizeof(float));
    for (int y = 0; y < 360; y++)
        for (int x = 320; x < 640; x++) /* right half: a chequer of black and white */
            c.y[y * 640 + x] = (x + y) % 2 ? 235 : 16;
    for (int y = 0; y < 180; y++)
        for (int x = 0; x < 160; x++) { /* left half: full red */
            c.u[y * 320 + x] = 90;
            c.v[y * 320 + x] = 240;
        }
    for (int y = 0; y < 360; y++)
        memset(c.y + (size_t)y * 640, 82, 320);
    const struct detect_norm norm = {.mean = {10, 20, 30}, .deviation = {2, 4, 5}, .pad = 114};
    struct detect_region r = detect_region_of(&c.pic, -3, NAN, 4, INFINITY, 0, 0);
    assert_int_equal(r.width, 640);
    assert_int_equal(r.height, 360);
    detect_input_fill(&c.pic, &r, 320, 192, &norm, scratch, out);
    int plane = 320 * 192, left = 50 * 320 + 40, right = 50 * 320 + 250, below = 185 * 320 + 10;
    assert_float_equal(out[left] * 2 + 10, 0, 3);
    assert_float_equal(out[plane + left] * 4 + 20, 0, 3);
    assert_float_equal(out[2 * plane + left] * 5 + 30, 255, 3);
    for (int i = 0; i < 3; i++) {
        assert_float_equal(out[i * plane + right] * norm.deviation[i] + norm.mean[i], 127.5, 1);
        assert_float_equal(out[i * plane + below] * norm.deviation[i] + norm.mean[i], 114, 0.1);
    }
    free(scratch);
    free(out);
    canvas_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suppress__keeps_the_best_of_a_class),
        cmocka_unit_test(test_overlap__of_odd_boxes),
        cmocka_unit_test(test_decode__yunet),
        cmocka_unit_test(test_decode__yolox_reads_persons_and_vehicles_only),
        cmocka_unit_test(test_decode__nanodet_distances),
        cmocka_unit_test(test_decode__more_boxes_than_room),
        cmocka_unit_test(test_input__letterbox_and_back),
        cmocka_unit_test(test_input__colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
