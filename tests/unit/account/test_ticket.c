/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/ticket.h"

static char dir[64];
static struct clock_fake fake;
static struct account *a;

static int setup(void **state)
{
    (void)state;
    struct err e = {0};
    snprintf(dir, sizeof(dir), "%s/lethe-ticket.XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(dir));
    clock_fake_init(&fake, INT64_C(1795660000) * SECOND_US);
    if (account_open(dir, &fake.clock, &a, &e) < 0)
        fail_msg("%s", e.text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char cmd[100];
    account_close(a);
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
    return system(cmd);
}

static struct ticket letter(const char *text)
{
    struct ticket t = {.kind = TICKET_ACCESS};
    snprintf(t.text, sizeof(t.text), "%s", text);
    snprintf(t.camera, sizeof(t.camera), "gate-1");
    return t;
}

static void test_ticket__is_found_by_its_code_and_answered_once(void **state)
{
    (void)state;
    struct ticket t = letter("I was there"), found;
    struct ticket_counts n;
    int64_t wait = 0;
    assert_int_equal(ticket_add(a, "192.0.2.1", &t, &wait, NULL), 0);
    assert_int_equal(strlen(t.code), TICKET_CODE - 1);
    assert_true(t.due_us - t.made_us == TICKET_DAYS * DAY_US);
    assert_int_equal(ticket_find(a, t.code, &found, NULL), 0);
    assert_string_equal(found.text, "I was there");
    assert_int_equal(ticket_find(a, "aaaaaaaaaaaaaaaa", &found, NULL), E_NOTFOUND);
    clock_fake_advance(&fake, 41 * DAY_US);
    assert_int_equal(ticket_count(a, &n, NULL), 0);
    assert_int_equal(n.waiting[TICKET_ACCESS], 1);
    assert_int_equal(n.late, 1);
    assert_int_equal(ticket_close(a, t.id, "Sent to you.", NULL), 0);
    assert_int_equal(ticket_close(a, t.id, "Again.", NULL), E_NOTFOUND);
    assert_int_equal(ticket_find(a, t.code, &found, NULL), 0);
    assert_string_equal(found.outcome, "Sent to you.");
    assert_int_equal(ticket_count(a, &n, NULL), 0);
    assert_int_equal(n.total[TICKET_ACCESS], 1);
    assert_int_equal(n.waiting[TICKET_ACCESS] + n.late, 0);
}

static void test_ticket__words_go_a_year_after_the_answer(void **state)
{
    (void)state;
    struct ticket t = letter("secret of mine"), other = letter("another"), found;
    int64_t wait = 0;
    assert_int_equal(ticket_add(a, "192.0.2.2", &t, &wait, NULL), 0);
    assert_int_equal(ticket_close(a, t.id, "Done.", NULL), 0);
    clock_fake_advance(&fake, 366 * DAY_US);
    assert_int_equal(ticket_add(a, "192.0.2.2", &other, &wait, NULL), 0);
    assert_int_equal(ticket_close(a, other.id, "Done.", NULL), 0);
    assert_int_equal(ticket_find(a, t.code, &found, NULL), 0);
    assert_string_equal(found.text, "");
    assert_int_equal(ticket_find(a, other.code, &found, NULL), 0);
    assert_string_equal(found.text, "another");
}

static void test_ticket__too_many_from_one_address_wait(void **state)
{
    (void)state;
    struct ticket t = letter("x");
    int64_t wait = 0;
    for (int i = 0; i < 5; i++)
        assert_int_equal(ticket_add(a, "192.0.2.3", &t, &wait, NULL), 0);
    assert_int_equal(ticket_add(a, "192.0.2.3", &t, &wait, NULL), E_LIMIT);
    assert_true(wait > 0);
    assert_int_equal(ticket_add(a, "192.0.2.4", &t, &wait, NULL), 0);
    clock_fake_advance(&fake, wait * SECOND_US);
    assert_int_equal(ticket_add(a, "192.0.2.3", &t, &wait, NULL), 0);
}

static void test_ticket__refuses_what_says_nothing(void **state)
{
    (void)state;
    struct ticket t = letter(" \n\t");
    int64_t wait = 0;
    assert_int_equal(ticket_add(a, "192.0.2.5", &t, &wait, NULL), E_RANGE);
    t = letter("\xff\xfe");
    assert_int_equal(ticket_add(a, "192.0.2.5", &t, &wait, NULL), E_RANGE);
    t = letter("fine");
    t.kind = 7;
    assert_int_equal(ticket_add(a, "192.0.2.5", &t, &wait, NULL), E_RANGE);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(test_ticket__is_found_by_its_code_and_answered_once),
        ROW(test_ticket__words_go_a_year_after_the_answer),
        ROW(test_ticket__too_many_from_one_address_wait),
        ROW(test_ticket__refuses_what_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
