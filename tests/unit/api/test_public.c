/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Public pages without a server: every kind of entry has words in both languages, levels are those of the standard. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "api/public_words.h"

static void test_public__every_kind_has_words(void **state)
{
    (void)state;
    for (size_t i = 0; tlog_kinds[i].name; i++)
        if (!public_entry_has_words(tlog_kinds[i].name))
            fail_msg("the kind \"%s\" has no sentence in src/api/public_words.c",
                     tlog_kinds[i].name);
}

static void test_public__words_show_the_values_and_escape_them(void **state)
{
    (void)state;
    static const char entry[] = "lethe-log/v1 masking\nid masking-1020304050607080\n"
                                "at 2026-11-26T09:15:00Z\ncamera gate-1\nchange declared-empty\n";
    static struct tlog_parsed e;
    struct buf out;
    buf_init(&out, 0);
    struct public_page p = {.h = {&out, 0}};
    assert_int_equal(tlog_entry_parse(entry, sizeof(entry) - 1, &e, NULL), 0);
    public_entry_words(&p, &e);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_non_null(strstr((char *)out.data, "<bdi>gate-1</bdi>"));
    assert_non_null(strstr((char *)out.data, "declared empty"));
    out.len = 0;
    html_lines(&p.h, "a<b>\n\x01\"c\"");
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal((char *)out.data, "a&lt;b&gt;\n &quot;c&quot;");
    buf_release(&out);
}

static void test_public__levels_begin_where_the_standard_says(void **state)
{
    (void)state;
    assert_null(public_level_of(19.9));
    assert_string_equal(public_level_of(20)->en, "Overview");
    assert_string_equal(public_level_of(124.9)->en, "Discern");
    assert_string_equal(public_level_of(250)->en, "Characterise");
    /* 2014 begins its levels elsewhere: the same density may be further up there, or further down. */
    assert_string_equal(public_old_level(24.9), "below Detect");
    assert_string_equal(public_old_level(30), "Detect");
    assert_string_equal(public_old_level(62.5), "Observe");
    assert_string_equal(public_old_level(124.9), "Observe");
    assert_string_equal(public_old_level(125), "Recognise");
    assert_string_equal(public_old_level(250), "Identify");
    assert_string_equal(public_level_of(5000)->en, "Scrutinise");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public__every_kind_has_words),
        cmocka_unit_test(test_public__words_show_the_values_and_escape_them),
        cmocka_unit_test(test_public__levels_begin_where_the_standard_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
