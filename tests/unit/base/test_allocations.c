/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Settings and tables without memory: -ENOMEM, nothing left behind, the settings of before untouched. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/csv.h"
#include "base/schema.h"
#include "torture.h"

static int read_config(void)
{
    /* 15 nodes: when a mapping is the 17th, libyaml 0.2.5 leaks it if its array of nodes cannot grow */
    static const char text[] =
        "node: yard\nepoch_minutes: 5\ndisk: {reserve: 2G, when_full: stop}\n"
        "public_log:\n  witnesses: w.policy\n";
    struct config c;
    struct err e = {0};
    memset(&c, 0x5a, sizeof(c));
    int r = config_parse("yard/lethe.yaml", text, sizeof(text) - 1, &c, &e);
    for (size_t i = 0; r < 0 && i < sizeof(c); i++)
        assert_int_equal(((const uint8_t *)&c)[i], 0x5a);
    return r;
}

static int read_list(void)
{
    static const char text[] = "cameras:\n- {id: yard}\n- {id: door}\n- {id: hall}\n";
    struct item {
        char id[16];
    } item;
    static const struct schema_field fields[] = {
        {"id", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct item, id), .required = true}, {0}};
    struct schema_doc *d = NULL;
    struct schema_place at;
    struct err e = {0};
    int r = schema_parse("list.yaml", text, sizeof(text) - 1, &d, &e);
    int count = r < 0 ? r : schema_list(d, "cameras", &e);
    for (int i = 0; r >= 0 && i < count; i++)
        r = schema_bind_item(d, i, fields, &item, &at, &e);
    schema_free(d);
    return r < 0 ? r : count < 0 ? count : 0;
}

static int copy_table(void)
{
    static const char text[] = "id,main\n\"a,b\",\"say \"\"x\"\"\"\ndoor,rtsp://192.0.2.1/main\n";
    struct csv_reader r;
    struct csv_record rec;
    struct buf out;
    struct err e = {0};
    buf_init(&out, 0);
    csv_init(&r, "cameras.csv", text, sizeof(text) - 1);
    int got, put = 0;
    while (put >= 0 && (got = csv_next(&r, &rec, &e)) > 0)
        for (int i = 0; put >= 0 && i < rec.count; i++)
            put = csv_put(&out, rec.field[i].text, i == 0);
    csv_release(&r);
    buf_release(&out);
    return put < 0 ? put : got;
}

static void test_allocations__settings(void **state)
{
    torture(read_config, false);
}

static void test_allocations__lists(void **state)
{
    torture(read_list, false);
}

static void test_allocations__tables(void **state)
{
    torture(copy_table, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations__settings),
        cmocka_unit_test(test_allocations__lists),
        cmocka_unit_test(test_allocations__tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
