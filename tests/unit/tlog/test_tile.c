/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tlog/tile.h"

static void test_tile__paths(void **state)
{
    static const struct {
        struct tlog_tile t;
        const char *path;
    } table[] = {
        {{0, 0, 256}, "tile/0/000"},
        {{0, 0, 1}, "tile/0/000.p/1"},
        {{1, 1234067, 256}, "tile/1/x001/x234/067"}, /* the example of the specification */
        {{0, 273, 112}, "tile/0/273.p/112"},
        {{63, 999, 255}, "tile/63/999.p/255"},
        {{0, 1000, 256}, "tile/0/x001/000"},
        {{TLOG_LEVEL_ENTRIES, 999999, 3}, "tile/entries/x999/999.p/3"},
        {{TLOG_LEVEL_ENTRIES, 0, 256}, "tile/entries/000"},
        {{0, TLOG_SIZE_MAX / 256, 7}, "tile/0/x036/x028/x797/x018/963/967.p/7"},
    };
    for (size_t i = 0; i + 1 < sizeof(table) / sizeof(*table); i++) {
        char path[TLOG_TILE_PATH];
        struct tlog_tile t;
        assert_string_equal(tlog_tile_path(&table[i].t, path), table[i].path);
        assert_int_equal(tlog_tile_path_parse(path, &t), 0);
        assert_true(t.level == table[i].t.level && t.n == table[i].t.n &&
                    t.width == table[i].t.width);
    }
    struct tlog_tile big = {0, TLOG_SIZE_MAX / 256, 7}, t;
    char path[TLOG_TILE_PATH];
    tlog_tile_path(&big, path);
    assert_true(strlen(path) < TLOG_TILE_PATH - 1);
    assert_int_equal(tlog_tile_path_parse(path, &t), 0);
    assert_int_equal(t.n, big.n);
}

static void test_tile__refuses_other_spellings(void **state)
{
    static const char *const table[] = {
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000/",
        "tile/entries/../000",
        "tile/entry/000",
        "/tile/0/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    };
    struct tlog_tile t;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (tlog_tile_path_parse(table[i], &t) != E_SYNTAX)
            fail_msg("%s was taken", table[i]);
}

/* 70,000: 273 full and .p/112 at level 0, one full and .p/17 at level 1, .p/1 at level 2. */
static void test_tile__widths_of_the_example_of_the_specification(void **state)
{
    static const struct {
        int level;
        uint64_t n, size;
        unsigned want;
    } table[] = {
        {0, 0, 70000, 256}, {0, 272, 70000, 256}, {0, 273, 70000, 112},
        {0, 274, 70000, 0}, {1, 0, 70000, 256},   {1, 1, 70000, 17},
        {1, 2, 70000, 0},   {2, 0, 70000, 1},     {3, 0, 70000, 0},
        {0, 0, 256, 256},   {1, 0, 256, 1},       {0, 1, 256, 0},
        {1, 0, 255, 0},     {0, 0, 255, 255},     {-1, 0, 255, 255},
        {-1, 1, 257, 1},    {0, 0, 0, 0},         {1, 0, 65535, 255},
        {1, 0, 65536, 256}, {2, 0, 65536, 1},     {63, 0, TLOG_SIZE_MAX, 0},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        assert_int_equal(tlog_tile_width(table[i].level, table[i].n, table[i].size), table[i].want);
}

static void test_bundle__walks_whole_entries_only(void **state)
{
    struct buf b;
    const uint8_t *entry;
    size_t at = 0, len;
    static uint8_t big[TLOG_ENTRY_BYTES + 1];
    buf_init(&b, TLOG_BUNDLE_BYTES);
    assert_int_equal(tlog_bundle_append(&b, "one", 3), 0);
    assert_int_equal(tlog_bundle_append(&b, "", 0), 0);
    assert_int_equal(tlog_bundle_append(&b, big, TLOG_ENTRY_BYTES), 0);
    assert_int_equal(tlog_bundle_append(&b, big, sizeof(big)), E_LIMIT);
    assert_memory_equal(b.data, "\0\3one\0\0\xff\xff", 9);
    assert_int_equal(tlog_bundle_next(b.data, b.len, &at, &entry, &len), 1);
    assert_memory_equal(entry, "one", len);
    assert_int_equal(tlog_bundle_next(b.data, b.len, &at, &entry, &len), 1);
    assert_int_equal(len, 0);
    assert_int_equal(tlog_bundle_next(b.data, b.len - 1, &at, &entry, &len), E_TRUNCATED);
    assert_int_equal(tlog_bundle_next(b.data, at + 1, &at, &entry, &len), E_TRUNCATED);
    assert_int_equal(tlog_bundle_next(b.data, b.len, &at, &entry, &len), 1);
    assert_int_equal(tlog_bundle_next(b.data, b.len, &at, &entry, &len), 0);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tile__paths),
        cmocka_unit_test(test_tile__refuses_other_spellings),
        cmocka_unit_test(test_tile__widths_of_the_example_of_the_specification),
        cmocka_unit_test(test_bundle__walks_whole_entries_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
