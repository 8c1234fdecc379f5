/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mask/wire.h"

static struct mask_wire sent, got;
static struct buf bytes;

static void pass(enum mask_wire_side side)
{
    bytes.len = 0;
    sent.camera = 7;
    sent.generation = 0xfffffffe;
    assert_true(mask_wire_build(&sent, &bytes) >= 0);
    for (size_t n = 0; n < bytes.len; n++)
        assert_int_equal(mask_wire_parse(bytes.data, n, side, &got), 0);
    assert_int_equal(mask_wire_parse(bytes.data, bytes.len, side, &got), bytes.len);
    assert_int_equal(mask_wire_parse(bytes.data, bytes.len, !side, &got), E_SYNTAX); /* wrong way */
    assert_int_equal(mask_wire_parse(bytes.data, bytes.len, side, &got), bytes.len);
    assert_int_equal(got.type, sent.type);
    assert_int_equal(got.camera, 7);
    assert_int_equal(got.generation, 0xfffffffe);
}

static void test_wire__hello(void **state)
{
    sent = (struct mask_wire){.type = MASK_WIRE_HELLO,
                              .hello = {MASK_WIRE_VERSION, 3, .person = true, .vehicle = true}};
    pass(MASK_WIRE_FROM_MASKER);
    assert_int_equal(got.hello.version, MASK_WIRE_VERSION);
    assert_int_equal(got.hello.number, 3);
    assert_true(got.hello.person && got.hello.vehicle && !got.hello.face);
}

static void test_wire__open(void **state)
{
    sent = (struct mask_wire){.type = MASK_WIRE_OPEN};
    sent.open = (struct mask_config){.width = 640,
                                     .fps = 10,
                                     .learn_us = 120000000,
                                     .declared_empty = true,
                                     .zone_count = 1,
                                     .zone = {{3, {0, 1, 0.5F}, {0, 0.25F, NAN}}}};
    pass(MASK_WIRE_FROM_RECORDER);
    assert_int_equal(got.open.width, 640);
    assert_int_equal(got.open.learn_us, 120000000);
    assert_true(got.open.declared_empty);
    assert_int_equal(got.open.zone[0].points, 3);
    assert_true(fabsf(got.open.zone[0].y[1] - 0.25F) < 0.0001F);
    assert_true(got.open.zone[0].y[2] == 0); /* not a number is no place */
}

static struct media_params params = {2, {{4, {0x67, 1, 2, 3}}, {3, {0x68, 4, 5}}}};

static void test_wire__track_and_unit(void **state)
{
    sent = (struct mask_wire){.type = MASK_WIRE_TRACK};
    sent.track = (struct media_track){MEDIA_H265, 90000, 3840, 2160, .params = &params};
    pass(MASK_WIRE_FROM_RECORDER);
    assert_int_equal(got.track.codec, MEDIA_H265);
    assert_int_equal(got.track.width, 3840);
    assert_int_equal(got.track.params->count, 2);
    assert_memory_equal(got.track.params->set[1].data, params.set[1].data, 3);

    sent = (struct mask_wire){.type = MASK_WIRE_UNIT};
    sent.unit.sequence = 99;
    sent.unit.utc_us = 1790000000000001;
    sent.unit.au = (struct media_au){(const uint8_t *)"abc", 3, -5, .key = true, .loss = true};
    pass(MASK_WIRE_FROM_RECORDER);
    assert_int_equal(got.unit.sequence, 99);
    assert_true(got.unit.au.key && got.unit.au.loss && !got.unit.au.params_changed);
    assert_int_equal(got.unit.au.pts_ticks, -5);
    assert_int_equal(got.unit.utc_us, 1790000000000001);
    assert_int_equal(got.unit.au.size, 3);
    assert_memory_equal(got.unit.au.data, "abc", 3);
}

static void test_wire__small_ones(void **state)
{
    sent = (struct mask_wire){.type = MASK_WIRE_FORGET, .forget = {"the stream broke"}};
    pass(MASK_WIRE_FROM_RECORDER);
    assert_string_equal(got.forget.reason, "the stream broke");
    sent = (struct mask_wire){.type = MASK_WIRE_CLOSE};
    pass(MASK_WIRE_FROM_RECORDER);
    sent = (struct mask_wire){.type = MASK_WIRE_DONE, .done = {12}};
    pass(MASK_WIRE_FROM_MASKER);
    assert_int_equal(got.done.sequence, 12);
    sent = (struct mask_wire){.type = MASK_WIRE_TROUBLE, .trouble = {E_UNSUPPORTED, "a\x1b[31mb"}};
    pass(MASK_WIRE_FROM_MASKER);
    assert_int_equal(got.trouble.code, E_UNSUPPORTED);
    assert_string_equal(got.trouble.text, "a?[31mb"); /* no control characters into logs */
}

static const uint8_t idr[] = {0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 0x06},
                     inter[] = {0, 0, 0, 3, 0x41, 1, 2};

static void picture(const uint8_t *data, uint32_t size, bool key)
{
    static const struct mask_object one = {5,    DETECT_PERSON, 0.25F, 0.5F,
                                           0.5F, 1.0F,          -0.5F, 100.0F};
    sent = (struct mask_wire){.type = MASK_WIRE_PICTURE};
    sent.picture = (struct mask_output){.data = data,
                                        .size = size,
                                        .key = key,
                                        .pts_ticks = 90000,
                                        .utc_us = 1790000000000000,
                                        .width = 640,
                                        .height = 360,
                                        .params = &params,
                                        .state = MASK_MOSAIC,
                                        .reason = "no detector",
                                        .covered_permille = 1000,
                                        .motion_permille = 3,
                                        .object_count = 1,
                                        .objects = &one};
}

static void test_wire__picture(void **state)
{
    picture(idr, sizeof(idr), true);
    pass(MASK_WIRE_FROM_MASKER);
    const struct mask_output *o = &got.picture;
    assert_true(o->key && o->state == MASK_MOSAIC && o->width == 640 && o->height == 360);
    assert_string_equal(o->reason, "no detector");
    assert_int_equal(o->covered_permille, 1000);
    assert_int_equal(o->object_count, 1);
    assert_int_equal(o->objects[0].class, DETECT_PERSON);
    assert_true(fabsf(o->objects[0].x0 - 0.25F) < 0.001F && o->objects[0].y1 == 1);
    assert_true(fabsf(o->objects[0].dx + 0.5F) < 0.001F && o->objects[0].dy < 8.1F);
    assert_non_null(o->params);
    assert_int_equal(o->size, sizeof(idr));
    picture(inter, sizeof(inter), false);
    pass(MASK_WIRE_FROM_MASKER);
    assert_null(got.picture.params);
}

static int parse_picture(const uint8_t *data, uint32_t size, bool key)
{
    picture(data, size, key);
    bytes.len = 0;
    assert_true(mask_wire_build(&sent, &bytes) >= 0);
    return mask_wire_parse(bytes.data, bytes.len, MASK_WIRE_FROM_MASKER, &got);
}

static void test_wire__refuses_pictures(void **state)
{
    static const uint8_t torn[] = {0, 0, 0, 9, 0x65, 1}, empty[] = {0, 0, 0, 0},
                         partition[] = {0, 0, 0, 2, 0x62, 1}, no_slice[] = {0, 0, 0, 2, 0x67, 1};
    assert_int_equal(parse_picture(idr, sizeof(idr), false), E_SYNTAX);
    assert_int_equal(parse_picture(inter, sizeof(inter), true), E_SYNTAX);
    assert_int_equal(parse_picture(torn, sizeof(torn), true), E_SYNTAX);
    assert_int_equal(parse_picture(empty, sizeof(empty), false), E_SYNTAX);
    assert_int_equal(parse_picture(partition, sizeof(partition), false), E_SYNTAX);
    assert_int_equal(parse_picture(no_slice, sizeof(no_slice), false), E_SYNTAX);
    assert_int_equal(parse_picture(idr, 0, false), E_SYNTAX);
    picture(idr, sizeof(idr), true);
    sent.picture.params = NULL; /* a key frame without parameter sets */
    bytes.len = 0;
    mask_wire_build(&sent, &bytes);
    assert_int_equal(mask_wire_parse(bytes.data, bytes.len, MASK_WIRE_FROM_MASKER, &got), E_SYNTAX);
    picture(idr, sizeof(idr), true);
    sent.picture.state = 4;
    bytes.len = 0;
    mask_wire_build(&sent, &bytes);
    assert_int_equal(mask_wire_parse(bytes.data, bytes.len, MASK_WIRE_FROM_MASKER, &got), E_SYNTAX);
}

static void test_wire__refuses(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum mask_wire_side side;
        int want;
    } cases[] = {
        {"\xff\xff\xff\xff", 4, MASK_WIRE_FROM_MASKER, E_LIMIT},
        {"\0\0\0\0", 4, MASK_WIRE_FROM_MASKER, E_SYNTAX},
        {"\0\0\0\x8XXXXXXXX", 12, MASK_WIRE_FROM_RECORDER, E_SYNTAX},
        {"\0\0\0\x9\0\0\0\0\0\0\0\0\0", 13, MASK_WIRE_FROM_RECORDER, E_SYNTAX},
        {"\0\0\0\x9Z\0\0\0\0\0\0\0\0", 13, MASK_WIRE_FROM_RECORDER, E_SYNTAX},
        {"\0\0\0\xaX\0\0\0\0\0\0\0\0x", 14, MASK_WIRE_FROM_RECORDER, E_SYNTAX}, /* too long */
        {"\0\0\0\x9K\0\0\0\0\0\0\0\0", 13, MASK_WIRE_FROM_MASKER, E_SYNTAX},    /* too short */
        {"\0\0\0\x12H\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\x40\0", 22, MASK_WIRE_FROM_MASKER, E_SYNTAX},
        {"\0\0\0\xa\x46\0\0\0\0\0\0\0\0\xff", 14, MASK_WIRE_FROM_RECORDER, E_SYNTAX}, /* text */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int r = mask_wire_parse((const uint8_t *)cases[i].bytes, cases[i].len, cases[i].side, &got);
        if (r != cases[i].want)
            fail_msg("case %zu: %s", i, err_name(r));
    }
}

static int set_up(void **state)
{
    buf_init(&bytes, 0);
    return 0;
}

static int tear_down(void **state)
{
    buf_release(&bytes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire__hello),          cmocka_unit_test(test_wire__open),
        cmocka_unit_test(test_wire__track_and_unit), cmocka_unit_test(test_wire__small_ones),
        cmocka_unit_test(test_wire__picture),        cmocka_unit_test(test_wire__refuses_pictures),
        cmocka_unit_test(test_wire__refuses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
