/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000)

static struct sim_faults *good(const char *text)
{
    struct sim_faults *f = NULL;
    struct err e = {0};
    if (sim_faults_parse("f.txt", text, strlen(text), &f, &e) < 0)
        fail_msg("%s", e.text);
    return f;
}

static void test_fault__reads_rules(void **state)
{
    struct sim_faults *f =
        good("# a comment\n\nat 10s cam3 drop\nevery 30s cam0-9/sub stall 5s times 4 chance 50%\r\n"
             "on setup cam4,cam6 reply 461 # why\nalways cam* marker never for 2m\nafter 1s cam1 "
             "garbage");
    assert_int_equal(f->count, 5);
    assert_int_equal(f->rule[0].when, SIM_AT);
    assert_int_equal(f->rule[0].time_us, 10000 * MS);
    assert_int_equal(f->rule[0].action, SIM_E_DROP);
    assert_int_equal(f->rule[0].line, 3);
    assert_int_equal(f->rule[1].stream, 1);
    assert_int_equal(f->rule[1].arg, 5000 * MS);
    assert_int_equal(f->rule[1].times, 4);
    assert_int_equal(f->rule[1].chance, 500000);
    assert_int_equal(f->rule[2].method, SIM_SETUP);
    assert_int_equal(f->rule[2].arg, 461);
    assert_int_equal(f->rule[3].kind, SIM_QUIRK);
    assert_int_equal(f->rule[3].arg, 1);
    assert_int_equal(f->rule[3].last_us, 120000 * MS);
    assert_int_equal(f->rule[4].arg, 1000); /* the default size */
    assert_true(sim_faults_have_event(f, SIM_E_STALL));
    assert_false(sim_faults_have_event(f, SIM_E_PARAM_CHANGE));
    sim_faults_free(f);
}

static void test_fault__covers_what_it_names(void **state)
{
    struct sim_faults *f = good("at 1s cam4,cam6-cam8/main drop\nat 1s cam* drop\n");
    assert_true(sim_rule_covers(&f->rule[0], 4, 0));
    assert_true(sim_rule_covers(&f->rule[0], 8, 0));
    assert_false(sim_rule_covers(&f->rule[0], 4, 1));
    assert_false(sim_rule_covers(&f->rule[0], 5, 0));
    assert_true(sim_rule_covers(&f->rule[1], 99999, 1));
    sim_faults_free(f);
}

static void test_fault__words_become_bits(void **state)
{
    struct sim_faults *f = good(
        "always cam0 sdp no-origin\nalways cam0 sdp pt35\nalways cam0 content-base no-slash\n");
    struct sim_quirks q = {0};
    for (size_t i = 0; i < f->count; i++)
        q.arg[f->rule[i].action] |= f->rule[i].arg;
    assert_true(sim_quirk_word(&q, SIM_Q_SDP, 0));
    assert_true(sim_quirk_word(&q, SIM_Q_SDP, 13));
    assert_false(sim_quirk_word(&q, SIM_Q_SDP, 1));
    assert_true(sim_quirk_word(&q, SIM_Q_CONTENT_BASE, 5));
    assert_true(sim_quirk_is_word(SIM_Q_SDP));
    assert_false(sim_quirk_is_word(SIM_Q_LOSS));
    sim_faults_free(f);
}

static void test_fault__refuses_and_names_the_line(void **state)
{
    static const char *const rows[] = {
        "soon cam0 drop",
        "at cam0 drop",
        "at 10 cam0 drop",
        "at 10s",
        "at 10s cam drop",
        "at 10s cam9-3 drop",
        "at 10s cam1/third drop",
        "at 10s cam1 explode",
        "at 10s cam1",
        "always cam1 drop",
        "after 1s cam1 no-sr",
        "on play cam1 drop",
        "at 1s cam1 reply 404",
        "on party cam1 reply 404",
        "at 1s cam1 stall",
        "at 1s cam1 drop now",
        "always cam1 marker maybe",
        "always cam1 marker",
        "always cam1 loss 101%",
        "always cam1 loss 2",
        "at 1s cam1 drop for 2s",
        "at 1s cam1 drop times 0",
        "at 1s cam1 drop chance 2",
        "every 0s cam1 drop",
        "on play cam1 reply",
        "at 1s cam1 garbage 0",
        "at 1s cam99999999999999999999 drop",
        "on describe cam1 redirect",
        "at 1s cam1 stall 5s 6s",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_faults *f = NULL;
        struct err e = {0};
        char text[200];
        snprintf(text, sizeof(text), "\n# one\n%s\n", rows[i]);
        if (sim_faults_parse("f.txt", text, strlen(text), &f, &e) >= 0)
            fail_msg("accepted: %s", rows[i]);
        assert_null(f);
        if (strncmp(e.text, "f.txt:3: ", 9) != 0)
            fail_msg("'%s' says: %s", rows[i], e.text);
    }
}

static void test_fault__survives_random_text(void **state)
{
    static const char *const words[] = {"at",  "every", "on",     "always", "cam0",  "cam*",
                                        ",",   "-",     "10s",    "drop",   "stall", "%",
                                        "for", "times", "chance", "marker", "never", "\n",
                                        "#",   "/main", "-1",     "reply",  "play"};
    unsigned x = 12345;
    for (int round = 0; round < 20000; round++) {
        char text[300] = "";
        struct sim_faults *f = NULL;
        for (int i = 0; i < 12; i++) {
            x = x * 1664525u + 1013904223u;
            strcat(text, words[(x >> 16) % (sizeof(words) / sizeof(words[0]))]);
            if (x & 0x1000)
                strcat(text, " ");
        }
        if (sim_faults_parse("f", text, strlen(text), &f, NULL) >= 0)
            sim_faults_free(f);
    }
    struct sim_faults *f = NULL;
    assert_true(sim_faults_parse("f", "at 1s\0cam0 drop", 15, &f, NULL) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault__reads_rules),
        cmocka_unit_test(test_fault__covers_what_it_names),
        cmocka_unit_test(test_fault__words_become_bits),
        cmocka_unit_test(test_fault__refuses_and_names_the_line),
        cmocka_unit_test(test_fault__survives_random_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
