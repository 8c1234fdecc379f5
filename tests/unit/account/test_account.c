/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "account/account.h"

#define PASSWORD "correct horse battery"
#define NOW INT64_C(1795600000000000)

struct fixture {
    char dir[64];
    struct clock_fake clock;
    struct account *a;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/lethe-account-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    clock_fake_init(&f->clock, NOW);
    *state = f;
    return account_open(f->dir, &f->clock.clock, &f->a, NULL);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    account_close(f->a);
    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    int r = system(command);
    free(f);
    return r;
}

static void add(struct fixture *f, const char *name, const char *role, const char *group)
{
    struct account_grant g = {0};
    snprintf(g.role, sizeof(g.role), "%s", role);
    snprintf(g.group, sizeof(g.group), "%s", group);
    assert_int_equal(account_user_add(f->a, name, PASSWORD, &g, 1, NULL), 0);
}

static int sign_in(struct fixture *f, const char *name, const char *password, char secret[64])
{
    int64_t wait = 0;
    return account_sign_in(f->a, name, password, "192.0.2.1", secret, &wait, NULL);
}

static void test_session__lives_and_ends(void **state)
{
    struct fixture *f = *state;
    char secret[ACCOUNT_SECRET], other[ACCOUNT_SECRET];
    struct account_who *who = NULL;
    add(f, "ann", "viewer", "all");
    assert_int_equal(sign_in(f, "ann", "something else", secret), E_AUTH);
    assert_int_equal(sign_in(f, "nobody", PASSWORD, secret), E_AUTH);
    assert_int_equal(sign_in(f, "ann", PASSWORD, secret), 0);
    assert_int_equal(sign_in(f, "ann", PASSWORD, other), 0);
    assert_string_not_equal(secret, other);
    assert_int_equal(strlen(secret), 43);
    assert_int_equal(account_by_session(f->a, secret, &who), 0);
    assert_string_equal(who->user.name, "ann");
    account_who_free(who);
    /* used every day it lasts; left alone it ends */
    for (int day = 0; day < 20; day++) {
        clock_fake_advance(&f->clock, DAY_US);
        assert_int_equal(account_by_session(f->a, secret, &who), 0);
        account_who_free(who);
    }
    clock_fake_advance(&f->clock, ACCOUNT_SESSION_US + 1);
    assert_int_equal(account_by_session(f->a, secret, &who), E_AUTH);
    assert_int_equal(account_by_session(f->a, other, &who), E_AUTH);
}

static void test_session__ends_with_its_account(void **state)
{
    struct fixture *f = *state;
    char secret[ACCOUNT_SECRET];
    struct account_who *who = NULL;
    add(f, "root", "administrator", "all");
    add(f, "ann", "viewer", "all");
    assert_int_equal(sign_in(f, "ann", PASSWORD, secret), 0);
    struct account_change c = {.grant_count = -1, .disabled = 1};
    assert_int_equal(account_user_change(f->a, "ann", &c, NULL), 0);
    assert_int_equal(account_by_session(f->a, secret, &who), E_AUTH);
    assert_int_equal(sign_in(f, "ann", PASSWORD, secret), E_AUTH);
    c.disabled = 0;
    assert_int_equal(account_user_change(f->a, "ann", &c, NULL), 0);
    assert_int_equal(sign_in(f, "ann", PASSWORD, secret), 0);
    assert_int_equal(account_user_remove(f->a, "ann", NULL), 0);
    assert_int_equal(account_by_session(f->a, secret, &who), E_AUTH);
}

static void test_limit__fills_and_empties(void **state)
{
    struct fixture *f = *state;
    char secret[ACCOUNT_SECRET];
    int64_t wait = 0;
    struct err e = {0};
    int tries = 0;
    add(f, "ann", "viewer", "all");
    while (sign_in(f, "ann", "wrong wrong wrong", secret) == E_AUTH)
        assert_in_range(++tries, 1, 8);
    assert_int_equal(tries, 8);
    assert_int_equal(account_sign_in(f->a, "ann", PASSWORD, "198.51.100.7", secret, &wait, &e),
                     E_LIMIT);
    assert_in_range(wait, 1, 60);
    assert_non_null(strstr(e.text, "try again in"));
    /* it is in the database: opening it anew does not help */
    account_close(f->a);
    assert_int_equal(account_open(f->dir, &f->clock.clock, &f->a, NULL), 0);
    assert_int_equal(sign_in(f, "ann", PASSWORD, secret), E_LIMIT);
    clock_fake_advance(&f->clock, wait * SECOND_US);
    assert_int_equal(sign_in(f, "ann", PASSWORD, secret), 0);
    /* and success forgets the failures of the account */
    for (int i = 0; i < 5; i++)
        assert_int_equal(sign_in(f, "ann", "wrong wrong wrong", secret), E_AUTH);
}

static void test_limit__counts_a_network_of_ipv6(void **state)
{
    struct fixture *f = *state;
    char secret[ACCOUNT_SECRET], peer[64], name[32];
    int64_t wait = 0;
    int r = E_AUTH, tries = 0;
    for (; r == E_AUTH && tries < 40; tries++) {
        snprintf(peer, sizeof(peer), "2001:db8:1:2::%x", tries + 1);
        snprintf(name, sizeof(name), "no-%d", tries);
        r = account_sign_in(f->a, name, PASSWORD, peer, secret, &wait, NULL);
    }
    assert_int_equal(r, E_LIMIT);
    assert_in_range(tries, 20, 30);
    assert_int_equal(account_sign_in(f->a, "x", PASSWORD, "2001:db8:1:3::1", secret, &wait, NULL),
                     E_AUTH);
}

/* A name that does not exist costs as much as one that does: nobody can find out names by the clock. */
static void test_password__unknown_user_takes_as_long(void **state)
{
    struct fixture *f = *state;
    char secret[ACCOUNT_SECRET];
    struct timespec t[3];
    add(f, "ann", "viewer", "all");
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t[0]);
    sign_in(f, "ann", "wrong wrong wrong", secret);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t[1]);
    sign_in(f, "nobody", "wrong wrong wrong", secret);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t[2]);
    double known =
        (double)(t[1].tv_sec - t[0].tv_sec) + (double)(t[1].tv_nsec - t[0].tv_nsec) / 1e9;
    double unknown =
        (double)(t[2].tv_sec - t[1].tv_sec) + (double)(t[2].tv_nsec - t[1].tv_nsec) / 1e9;
    assert_true(unknown > known / 3 && unknown < known * 3);
}

static void test_setup__once(void **state)
{
    struct fixture *f = *state;
    char first[ACCOUNT_SECRET], second[ACCOUNT_SECRET], secret[ACCOUNT_SECRET];
    int64_t wait = 0;
    bool needed = false;
    account_setup_needed(f->a, &needed);
    assert_true(needed);
    assert_int_equal(account_setup_token(f->a, first, NULL), 0);
    assert_int_equal(account_setup_token(f->a, second, NULL), 0);
    assert_int_equal(account_setup(f->a, first, "root", PASSWORD, "p", secret, &wait, NULL),
                     E_DENIED);
    assert_int_equal(account_setup(f->a, "", "root", PASSWORD, "p", secret, &wait, NULL), E_DENIED);
    assert_int_equal(account_setup(f->a, second, "root", "short", "p", secret, &wait, NULL),
                     E_RANGE);
    assert_int_equal(account_setup(f->a, second, "root", PASSWORD, "p", secret, &wait, NULL), 0);
    struct account_who *who = NULL;
    assert_int_equal(account_by_session(f->a, secret, &who), 0);
    assert_true(account_everywhere(who, ACCOUNT_ADMINISTER, NOW));
    account_who_free(who);
    assert_int_equal(account_setup(f->a, second, "two", PASSWORD, "p", secret, &wait, NULL),
                     E_DENIED);
    assert_int_equal(account_setup_token(f->a, first, NULL), E_EXISTS);
}

static void test_users__keep_an_administrator(void **state)
{
    struct fixture *f = *state;
    struct account_change nothing = {.grant_count = 0, .disabled = -1},
                          off = {.grant_count = -1, .disabled = 1};
    add(f, "root", "administrator", "all");
    add(f, "north", "administrator", "north"); /* of one group: does not count */
    assert_int_equal(account_user_remove(f->a, "root", NULL), E_MISMATCH);
    assert_int_equal(account_user_change(f->a, "root", &nothing, NULL), E_MISMATCH);
    assert_int_equal(account_user_change(f->a, "root", &off, NULL), E_MISMATCH);
    add(f, "other", "administrator", "all");
    assert_int_equal(account_user_change(f->a, "root", &off, NULL), 0);
    assert_int_equal(account_user_remove(f->a, "other", NULL), E_MISMATCH);
}

static void test_token__is_less_than_its_user(void **state)
{
    struct fixture *f = *state;
    struct account_token t;
    struct account_who *who = NULL;
    char secret[ACCOUNT_SECRET];
    add(f, "root", "administrator", "all");
    add(f, "ann", "operator", "all");
    assert_int_equal(account_token_add(f->a, "ann", "t", ACCOUNT_ADMINISTER, 1, &t, secret, NULL),
                     E_RANGE);
    assert_int_equal(account_token_add(f->a, "ann", "t", 0, 1, &t, secret, NULL), E_RANGE);
    assert_int_equal(account_token_add(f->a, "ann", "", ACCOUNT_LIVE, 1, &t, secret, NULL),
                     E_RANGE);
    assert_int_equal(account_token_add(f->a, "bob", "t", ACCOUNT_LIVE, 1, &t, secret, NULL),
                     E_NOTFOUND);
    assert_int_equal(
        account_token_add(f->a, "ann", "t", ACCOUNT_LIVE | ACCOUNT_EXPORT, 1, &t, secret, NULL), 0);
    assert_int_equal(account_by_token(f->a, secret, &who), 0);
    assert_int_equal(account_verbs(who, "north", NOW), ACCOUNT_LIVE);
    account_who_free(who);
    assert_int_equal(account_by_session(f->a, secret, &who), E_AUTH);
    assert_int_equal(account_by_token(f->a, "lethe_", &who), E_AUTH);
    clock_fake_advance(&f->clock, DAY_US + 1);
    assert_int_equal(account_by_token(f->a, secret, &who), E_AUTH);
}

static struct account_who asker(const char *role, const char *group, int64_t from, int64_t to)
{
    struct account_who w = {.verbs = ACCOUNT_ALL_VERBS, .user.grant_count = 1};
    snprintf(w.user.grant[0].role, sizeof(w.user.grant[0].role), "%s", role);
    snprintf(w.user.grant[0].group, sizeof(w.user.grant[0].group), "%s", group);
    w.user.grant[0].from_us = from;
    w.user.grant[0].to_us = to;
    return w;
}

static void test_grant__group_and_time(void **state)
{
    struct account_who north = asker("operator", "north", 0, 0),
                       past = asker("operator", "all", 10, 20),
                       now = asker("operator", "all", 100, 200);
    assert_int_equal(account_verbs(&north, "north", 50),
                     ACCOUNT_LIVE | ACCOUNT_PLAYBACK | ACCOUNT_STATUS);
    assert_int_equal(account_verbs(&north, "south", 50), 0);
    assert_int_equal(account_verbs(&north, "", 50), 0);
    assert_true(account_verbs(&north, NULL, 50) & ACCOUNT_PLAYBACK);
    assert_false(account_everywhere(&north, ACCOUNT_LIVE, 50));
    assert_int_equal(account_verbs(&past, "x", 50), 0);
    assert_int_equal(account_verbs(&now, "x", 99), 0);
    assert_int_equal(account_verbs(&now, "x", 200), 0);
    assert_true(account_verbs(&now, "x", 199) & ACCOUNT_LIVE);
    assert_false(account_everywhere(&now, ACCOUNT_LIVE, 150));
    int64_t from = 50, to = 500;
    assert_int_equal(account_reach(&now, ACCOUNT_PLAYBACK, "x", 150, &from, &to), 0);
    assert_int_equal(from, 100);
    assert_int_equal(to, 200);
    from = 10, to = 90;
    assert_int_equal(account_reach(&now, ACCOUNT_PLAYBACK, "x", 150, &from, &to), E_DENIED);
    from = 110, to = 120;
    assert_int_equal(account_reach(&now, ACCOUNT_EXPORT, "x", 150, &from, &to), E_DENIED);
    assert_int_equal(account_reach(&now, ACCOUNT_PLAYBACK, "x", 250, &from, &to), E_DENIED);
}

static void test_grant__roles_hold_what_they_should(void **state)
{
    /* live, playback, export, request: nobody has one because of another */
    assert_int_equal(account_role_verbs("viewer") & ACCOUNT_PLAYBACK, 0);
    assert_int_equal(account_role_verbs("operator") & ACCOUNT_EXPORT, 0);
    assert_int_equal(account_role_verbs("administrator") & (ACCOUNT_EXPORT | ACCOUNT_REQUEST), 0);
    assert_int_equal(account_role_verbs("auditor") & (ACCOUNT_LIVE | ACCOUNT_PLAYBACK), 0);
    assert_int_equal(account_role_verbs("king"), 0);
    for (int i = 0; account_verb_name(i); i++)
        assert_int_equal(account_verb_find(account_verb_name(i)), 1U << i);
    assert_int_equal(account_verb_find("fly"), 0);
}

static void test_grant__parse_refuses(void **state)
{
    static const char *const bad[] = {"{}",
                                      "[{}]",
                                      "[{\"role\":\"viewer\"}]",
                                      "[{\"role\":\"viewer\",\"group\":\"A\"}]",
                                      "[{\"role\":\"x\",\"group\":\"all\"}]",
                                      "[{\"role\":\"viewer\",\"group\":\"all\",\"more\":1}]",
                                      "[{\"role\":\"viewer\",\"group\":\"all\",\"from\":1}]",
                                      "[{\"role\":\"viewer\",\"group\":\"all\",\"from\":\"soon\"}]",
                                      "[1]"};
    struct account_grant g[ACCOUNT_GRANTS];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *o = json_loads(bad[i], 0, NULL);
        int n = 0;
        struct err e = {0};
        assert_non_null(o);
        assert_true(account_grants_parse(o, g, &n, &e) < 0);
        assert_true(strlen(e.text) > 10);
        json_decref(o);
    }
}

static void test_layouts__come_back(void **state)
{
    struct fixture *f = *state;
    struct account_user u;
    char *text = NULL, *large = calloc(1, ACCOUNT_LAYOUTS_MAX + 2);
    add(f, "ann", "viewer", "all");
    assert_int_equal(account_user_find(f->a, "ann", &u, NULL), 0);
    assert_int_equal(account_layouts_get(f->a, u.id, &text, NULL), 0);
    assert_string_equal(text, "{}");
    free(text);
    assert_int_equal(account_layouts_put(f->a, u.id, "{\"a\":1}", NULL), 0);
    assert_int_equal(account_layouts_get(f->a, u.id, &text, NULL), 0);
    assert_string_equal(text, "{\"a\":1}");
    free(text);
    memset(large, 'x', ACCOUNT_LAYOUTS_MAX + 1);
    assert_int_equal(account_layouts_put(f->a, u.id, large, NULL), E_LIMIT);
    free(large);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_session__lives_and_ends),
        TEST(test_session__ends_with_its_account),
        TEST(test_limit__fills_and_empties),
        TEST(test_limit__counts_a_network_of_ipv6),
        TEST(test_password__unknown_user_takes_as_long),
        TEST(test_setup__once),
        TEST(test_users__keep_an_administrator),
        TEST(test_token__is_less_than_its_user),
        cmocka_unit_test(test_grant__group_and_time),
        cmocka_unit_test(test_grant__roles_hold_what_they_should),
        cmocka_unit_test(test_grant__parse_refuses),
        TEST(test_layouts__come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
