/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The vector code yields the bits of the plain code, for any pixels, at any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mask/compare.h"

static uint32_t rng = 1;

static uint32_t next(void)
{
    rng = rng * 1664525u + 1013904223u;
    return rng >> 8;
}

/* Mostly small differences, now and then the extremes, where saturation shows. */
static void fill(struct mask_picture *a, struct mask_picture *b)
{
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; k < (size_t)a->stride[i] * (size_t)a->lines[i]; k++) {
            uint32_t r = next();
            a->plane[i][k] = (uint8_t)r;
            b->plane[i][k] = r % 5 ? (uint8_t)(r + (r >> 9) % 9) : (uint8_t)(r % 2 ? 255 : 0);
        }
}

static void test_compare__rows_are_those_of_plain_code(void **state)
{
    static const int sizes[][2] = {{640, 360}, {2, 2}, {62, 34}, {66, 38}, {350, 286}, {1918, 70}};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct mask_picture a, b;
        struct mask_grid g = mask_grid_of(sizes[s][0], sizes[s][1]);
        assert_int_equal(mask_picture_init(&a, g.width, g.height), 0);
        assert_int_equal(mask_picture_init(&b, g.width, g.height), 0);
        fill(&a, &b);
        size_t n = (size_t)g.stride, bytes = n * sizeof(uint16_t);
        uint16_t *got = calloc(6 * n, sizeof(uint16_t));
        for (int y = 0; y < g.rows; y++) {
            struct mask_row fast = {got, got + n, got + 2 * n},
                            plain = {got + 3 * n, got + 4 * n, got + 5 * n};
            mask_compare_row(&a, &b, y, &fast);
            mask_compare_row_plain(&a, &b, y, &plain);
            assert_memory_equal(fast.luma_sad, plain.luma_sad, bytes);
            assert_memory_equal(fast.luma_sum, plain.luma_sum, bytes);
            assert_memory_equal(fast.chroma_sad, plain.chroma_sad, bytes);
        }
        free(got);
        mask_picture_release(&a);
        mask_picture_release(&b);
    }
}

static void test_compare__affine_is_that_of_plain_code(void **state)
{
    _Alignas(64) static uint8_t in[4096], fast[4096], plain[4096];
    int16_t extra[4096 / 16];
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(in); i++)
            in[i] = (uint8_t)next();
        for (size_t i = 0; i < sizeof(extra) / sizeof(extra[0]); i++)
            extra[i] = (int16_t)(next() % 289) - 144;
        struct mask_affine a = {.gain = (uint16_t)(next() % 32768),
                                .offset = (int16_t)((int)(next() % 30001) - 15000),
                                .low = (uint8_t)(next() % 32),
                                .high = (uint8_t)(200 + next() % 56)};
        mask_affine_row(in, fast, sizeof(in), a, round % 2 ? extra : NULL);
        mask_affine_row_plain(in, plain, sizeof(in), a, round % 2 ? extra : NULL);
        assert_memory_equal(fast, plain, sizeof(fast));
    }
    struct mask_affine one = {.gain = MASK_GAIN_ONE, .high = 255};
    mask_affine_row(in, fast, sizeof(in), one, NULL);
    assert_memory_equal(fast, in, sizeof(in));
}

static void test_compare__approach_is_that_of_plain_code(void **state)
{
    _Alignas(64) static uint8_t to[4096], plain[4096], pred[4096], live[4096], pull[4096];
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof(to); i++) {
            to[i] = plain[i] = (uint8_t)(next() % 4 ? next() : next() % 2 ? 255 : 0);
            pred[i] = (uint8_t)(next() % 3 ? to[i] : next());
            live[i] = (uint8_t)(next() % 3 ? pred[i] : next());
            pull[i] = next() % 2 ? 255 : 0;
        }
        mask_approach(to, pred, live, pull, sizeof(to));
        mask_approach_plain(plain, pred, live, pull, sizeof(to));
        assert_memory_equal(to, plain, sizeof(to));
    }
}

static void test_compare__verdicts_are_those_of_plain_code(void **state)
{
    uint16_t luma[256], chroma[256], limit[256], other[256], sum[256], before[256];
    uint8_t known[256], fast[4][256], plain[4][256];
    for (int round = 0; round < 2000; round++) {
        for (int i = 0; i < 256; i++) {
            limit[i] = (uint16_t)(40 + next() % 169), other[i] = (uint16_t)(24 + next() % 89);
            luma[i] = (uint16_t)(next() % 2 ? limit[i] * (next() % 14) / 4 : next() % 1021);
            chroma[i] = (uint16_t)(next() % 2 ? other[i] * (next() % 14) / 4 : next() % 1021);
            known[i] = next() % 3 ? 255 : 0;
            sum[i] = (uint16_t)(next() % 4081),
            before[i] = (uint16_t)(next() % 2 ? sum[i] : next() % 4081);
        }
        struct mask_verdict a = {luma,    chroma,  limit,   other,  known,
                                 fast[0], fast[1], fast[2], fast[3]};
        struct mask_verdict b = {luma,     chroma,   limit,    other,   known,
                                 plain[0], plain[1], plain[2], plain[3]};
        mask_judge(&a, 256);
        mask_judge_plain(&b, 256);
        assert_memory_equal(fast, plain, sizeof(fast));
        mask_motion(sum, before, limit, fast[0], 256);
        mask_motion_plain(sum, before, limit, plain[0], 256);
        assert_memory_equal(fast[0], plain[0], 256);
    }
}

/* A cell sees what is in any of its pixels, in any plane, and nothing of its neighbours. */
static void test_compare__each_pixel_counts_in_its_cell(void **state)
{
    struct mask_picture a, b;
    struct mask_grid g = mask_grid_of(66, 38);
    assert_int_equal(mask_picture_init(&a, g.width, g.height), 0);
    assert_int_equal(mask_picture_init(&b, g.width, g.height), 0);
    uint16_t sad[64], sum[64], chroma[64];
    struct mask_row row = {sad, sum, chroma};
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < (i ? g.height / 2 : g.height); y++)
            for (int x = 0; x < (i ? g.width / 2 : g.width); x++) {
                uint8_t *p = &a.plane[i][(ptrdiff_t)y * a.stride[i] + x];
                int side = i ? 2 : 4;
                *p = 168;
                mask_compare_row(&a, &b, y / side, &row);
                for (int c = 0; c < g.stride; c++) {
                    assert_int_equal(sad[c], i == 0 && c == x / side ? 40 : 0);
                    assert_int_equal(chroma[c], i && c == x / side ? 40 : 0);
                }
                *p = 128;
            }
    mask_picture_release(&a);
    mask_picture_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare__rows_are_those_of_plain_code),
        cmocka_unit_test(test_compare__affine_is_that_of_plain_code),
        cmocka_unit_test(test_compare__approach_is_that_of_plain_code),
        cmocka_unit_test(test_compare__verdicts_are_those_of_plain_code),
        cmocka_unit_test(test_compare__each_pixel_counts_in_its_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
