/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/csv.h"

/* Fields of all records, '|' behind each field and ';' behind each record. */
static int read_all(const char *text, size_t len, char *out, size_t size, struct err *e)
{
    unsigned char *exact = malloc(len ? len : 1);
    memcpy(exact, text, len);
    struct csv_reader r;
    struct csv_record rec;
    int got;
    size_t at = 0;
    out[0] = 0;
    csv_init(&r, "f.csv", exact, len);
    while ((got = csv_next(&r, &rec, e)) > 0) {
        for (int i = 0; i < rec.count; i++)
            at += (size_t)snprintf(out + at, size - at, "%s|", rec.field[i].text);
        at += (size_t)snprintf(out + at, size - at, ";");
    }
    csv_release(&r);
    free(exact);
    return got;
}

static const struct {
    const char *text, *want;
} good[] = {
    {"", ""},
    {"\n\r\n\n", ""},
    {"a", "a|;"},
    {"a,b\nc,d\n", "a|b|;c|d|;"},
    {"a,b\r\nc,d", "a|b|;c|d|;"},
    {"a,\n,b\n", "a||;|b|;"},
    {",", "||;"},
    {"\"a,b\",\"say \"\"hi\"\"\"\n", "a,b|say \"hi\"|;"},
    {"\"\"\n", "|;"},
    {"\xef\xbb\xbfid,main\n", "id|main|;"},
    {" a , b \n", " a | b |;"},
    {"caf\xc3\xa9,\xe9\xa6\x99\xe6\xb8\xaf\n", "caf\xc3\xa9|\xe9\xa6\x99\xe6\xb8\xaf|;"},
};

static void test_csv__reads(void **state)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        char out[256];
        struct err e = {0};
        int r = read_all(good[i].text, strlen(good[i].text), out, sizeof(out), &e);
        if (r || strcmp(out, good[i].want))
            fail_msg("'%s' gave %d '%s' %s", good[i].text, r, out, e.text);
    }
}

static const struct {
    const char *text, *begins;
} bad[] = {
    {"a,b\"c\n", "f.csv:1:4: a quote inside"},
    {"a\n\"b\"c\n", "f.csv:2:4: text behind a closing quote"},
    {"a\nb,\"c", "f.csv:2:3: this quote is never closed"},
    {"\"a\nb\"\n", "f.csv:1:1: this quote is never closed in its line"},
    {"a\rb\n", "f.csv:1:2: a control character"},
    {"a\tb\n", "f.csv:1:2: a control character"},
    {"\xe9\xa6\x99,\xff\n", "f.csv:1:3: not UTF-8"},
    {"\xc0\x80", "f.csv:1:1: not UTF-8"},
    {"\xed\xa0\x80", "f.csv:1:1: not UTF-8"},
    {"\xf4\x90\x80\x80", "f.csv:1:1: not UTF-8"},
    {"ab\xe9\xa6", "f.csv:1:3: not UTF-8"},
    {",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,", "f.csv:1:33: more than 32"},
};

static void test_csv__refuses_with_line_and_column(void **state)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char out[256];
        struct err e = {0};
        int r = read_all(bad[i].text, strlen(bad[i].text), out, sizeof(out), &e);
        if (r >= 0 || strncmp(e.text, bad[i].begins, strlen(bad[i].begins)))
            fail_msg("%zu gave %d '%s', wanted '%s'", i, r, e.text, bad[i].begins);
    }
}

static void test_csv__refuses_nul_and_long_fields(void **state)
{
    char out[256];
    struct err e = {0};
    assert_int_equal(read_all("a\0b", 3, out, sizeof(out), &e), E_SYNTAX);
    char *text = malloc(200000);
    memset(text, 'x', 200000);
    assert_int_equal(read_all(text, 5000, out, sizeof(out), &e), E_LIMIT);
    assert_string_equal(e.text, "f.csv:1:1: a field longer than 4095 bytes");
    assert_int_equal(read_all(text, 200000, out, sizeof(out), &e), E_LIMIT);
    free(text);
}

static void test_csv__what_is_put_is_read_back(void **state)
{
    static const char *const fields[] = {"plain", "",       "a,b",         "say \"hi\"",
                                         " lead", "trail ", "\xe9\xa6\x99"};
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < 7; i++)
        assert_true(csv_put(&b, fields[i], i == 0) >= 0);
    char out[256];
    struct err e = {0};
    assert_int_equal(read_all((char *)b.data, b.len, out, sizeof(out), &e), 0);
    assert_string_equal(out, "plain||a,b|say \"hi\"| lead|trail |\xe9\xa6\x99|;");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv__reads),
        cmocka_unit_test(test_csv__refuses_with_line_and_column),
        cmocka_unit_test(test_csv__refuses_nul_and_long_fields),
        cmocka_unit_test(test_csv__what_is_put_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
