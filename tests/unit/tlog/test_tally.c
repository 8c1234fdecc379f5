/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Entries as they stand in docs/format/log-entries.md, added up. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tlog/tally.h"

#define H "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static void add(struct tlog_tally *t, const char *text)
{
    assert_int_equal(tlog_tally_add(t, text, strlen(text)), 0);
}

static void order(struct tlog_tally *t, const char *id, const char *purpose, const char *made,
                  const char *cameras)
{
    char text[2000];
    snprintf(text, sizeof(text),
             "lethe-log/v1 order\nid order-%s\ncase %s\norder " H "\nnode town-hall\n%s"
             "from 2026-11-25T22:00:00Z\nto 2026-11-25T22:30:00Z\npurpose %s\nbasis eu.led-8\n"
             "reference " H "\nmade %s\nnot-after 2026-12-03T09:00:00Z\nurgent no\n",
             id, id, cameras, purpose, made);
    add(t, text);
}

static void opening(struct tlog_tally *t, const char *id, const char *at)
{
    char text[1000];
    snprintf(text, sizeof(text),
             "lethe-log/v1 opening\nid opening-%s\ncase %s\norder " H "\napproval " H
             "\napproval " H "\nat %s\n",
             id, id, at);
    add(t, text);
}

static void test_tally__counts_cases_and_their_camera_time(void **state)
{
    (void)state;
    static struct tlog_tally t;
    int64_t us;
    tlog_tally_init(&t, 0, 0);
    order(&t, "0123456789abcdef", "robbery", "2026-11-26T09:00:00Z",
          "camera gate-1\ncamera gate-2\n");
    order(&t, "0023456789abcdef", "robbery", "2026-11-26T10:00:00Z", "camera gate-1\n");
    order(&t, "0223456789abcdef", "missing", "2026-11-26T11:00:00Z", "camera gate-1\n");
    opening(&t, "0123456789abcdef", "2026-11-26T09:10:00Z");
    opening(&t, "0223456789abcdef", "2026-11-26T11:20:00Z");
    assert_int_equal(t.entries, 5);
    assert_int_equal(tlog_tally_kind(&t, "order"), 3);
    assert_int_equal(t.purposes.count, 2);
    assert_string_equal(t.purposes.code[0].code, "robbery");
    assert_int_equal(t.purposes.code[0].n, 2);
    assert_int_equal(t.purposes.code[0].camera_us, 90 * MINUTE_US);
    assert_int_equal(tlog_tally_opened(&t, &us), 2);
    assert_int_equal(us, 90 * MINUTE_US); /* an hour of two cameras, half an hour of one */
    assert_int_equal(tlog_tally_median_us(&t, &us), 0);
    assert_int_equal(us, 15 * MINUTE_US);
    tlog_tally_release(&t);
}

static void test_tally__keeps_to_its_time_and_counts_what_it_cannot_read(void **state)
{
    (void)state;
    static struct tlog_tally t;
    tlog_tally_init(&t, INT64_C(1767225600) * SECOND_US,
                    INT64_C(1798761600) * SECOND_US); /* 2026 */
    order(&t, "0123456789abcdef", "robbery", "2026-11-26T09:00:00Z", "camera gate-1\n");
    order(&t, "0223456789abcdef", "robbery", "2027-01-01T00:00:00Z", "camera gate-1\n");
    order(&t, "0323456789abcdef", "robbery", "2025-12-31T23:59:59Z", "camera gate-1\n");
    add(&t, "lethe-log/v9 something else\n");
    assert_int_equal(t.case_count, 1);
    assert_int_equal(t.entries, 2);
    assert_int_equal(t.unreadable, 1);
    tlog_tally_release(&t);
}

static void test_tally__other_codes_have_one_name(void **state)
{
    (void)state;
    static struct tlog_tally t;
    tlog_tally_init(&t, 0, 0);
    for (int i = 0; i < TLOG_TALLY_CODES + 10; i++) {
        char id[17], purpose[24];
        snprintf(id, sizeof(id), "%016x", i);
        snprintf(purpose, sizeof(purpose), "p-%d", i);
        order(&t, id, purpose, "2026-11-26T09:00:00Z", "camera gate-1\n");
    }
    assert_int_equal(t.purposes.count, TLOG_TALLY_CODES);
    assert_string_equal(t.purposes.code[TLOG_TALLY_CODES - 1].code, "other");
    assert_int_equal(t.purposes.code[TLOG_TALLY_CODES - 1].n, 11);
    tlog_tally_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tally__counts_cases_and_their_camera_time),
        cmocka_unit_test(test_tally__keeps_to_its_time_and_counts_what_it_cannot_read),
        cmocka_unit_test(test_tally__other_codes_have_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
