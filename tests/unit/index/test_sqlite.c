/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The index contract, held against SQLite. Written against the table alone, so that other back ends
 * can be put in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "index/index.h"

static const struct index_ops *const ops = &index_sqlite;
static char dir[64];
static struct index *ix;

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/lethe-index-XXXXXX");
    return mkdtemp(dir) && ops->open(dir, false, &ix, NULL) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    char cmd[128];
    (void)state;
    if (ix)
        ops->close(ix);
    ix = NULL;
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
    return system(cmd);
}

static struct index_recording row(const char *camera, int view, int64_t start_us, int64_t length_us)
{
    struct index_recording r = {.view = view,
                                .start_us = start_us,
                                .end_us = start_us + length_us,
                                .bytes = 1000,
                                .epoch_us = start_us,
                                .frames = 25,
                                .state = INDEX_CLOSED,
                                .retention_days = 30};
    snprintf(r.camera, sizeof(r.camera), "%s", camera);
    snprintf(r.path, sizeof(r.path), "recordings/%s/%lld-%d", camera, (long long)start_us, view);
    snprintf(r.end_reason, sizeof(r.end_reason), "epoch");
    memset(r.kid, 7, sizeof(r.kid));
    memset(r.manifest, 9, sizeof(r.manifest));
    return r;
}

static int put(int kind, const struct index_recording *r)
{
    struct index_change c = {.kind = kind, .recording = *r};
    return ops->apply(ix, &c, 1, NULL);
}

struct seen {
    struct index_recording r[64];
    size_t n;
};

static int see(void *user, const struct index_recording *r)
{
    struct seen *s = user;
    if (s->n < 64)
        s->r[s->n++] = *r;
    return 0;
}

static size_t between(const char *camera, int view, int64_t from, int64_t to)
{
    static struct seen s;
    s.n = 0;
    assert_int_equal(ops->recordings(ix, camera, view, from, to, see, &s, NULL), 0);
    return s.n;
}

#define M MINUTE_US

static void test_sqlite__finds_by_time(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct index_recording r = row(i % 2 ? "b" : "a", i % 2, i * 10 * M, 10 * M);
        assert_int_equal(put(INDEX_PUT_RECORDING, &r), 0);
    }
    static const struct {
        const char *camera;
        int view;
        int64_t from, to;
        size_t n;
    } table[] = {
        {NULL, -1, INT64_MIN, INT64_MAX, 6},
        {"a", -1, INT64_MIN, INT64_MAX, 3},
        {"a", 1, INT64_MIN, INT64_MAX, 0},
        {"b", 1, INT64_MIN, INT64_MAX, 3},
        {"c", -1, INT64_MIN, INT64_MAX, 0},
        {NULL, -1, 10 * M, 20 * M, 1},
        {NULL, -1, 10 * M - 1, 20 * M, 2},
        {NULL, -1, 10 * M, 20 * M + 1, 2},
        {"a", -1, 60 * M, 90 * M, 0},
        {NULL, -1, 59 * M, 60 * M, 1},
        {NULL, 0, 0, 60 * M, 3},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (between(table[i].camera, table[i].view, table[i].from, table[i].to) != table[i].n)
            fail_msg("row %zu", i);
}

static void test_sqlite__open_rows_reach_to_now(void **state)
{
    (void)state;
    struct index_recording r = row("a", 0, 10 * M, 0), back;
    r.state = INDEX_OPEN;
    assert_int_equal(put(INDEX_PUT_RECORDING, &r), 0);
    assert_int_equal(between("a", -1, 15 * M, 16 * M), 1);
    r.end_us = 20 * M;
    assert_int_equal(put(INDEX_CLOSE_RECORDING, &r), 0);
    assert_int_equal(ops->find(ix, r.path, &back), 0);
    assert_int_equal(back.state, INDEX_CLOSED);
    r.state = INDEX_CLOSED;
    r.id = back.id;
    assert_memory_equal(&r, &back, sizeof(r));
    assert_int_equal(between("a", -1, 25 * M, 26 * M), 0);
    assert_int_equal(ops->find(ix, "nothing", &back), E_NOTFOUND);
}

static void test_sqlite__garbage_is_hidden_and_stays_garbage(void **state)
{
    (void)state;
    struct index_recording r = row("a", 0, 0, M);
    struct seen s = {0};
    assert_int_equal(put(INDEX_PUT_RECORDING, &r), 0);
    assert_int_equal(put(INDEX_GARBAGE_RECORDING, &r), 0);
    assert_int_equal(between("a", -1, INT64_MIN, INT64_MAX), 0);
    assert_int_equal(put(INDEX_CLOSE_RECORDING, &r), 0); /* a late change does not bring it back */
    assert_int_equal(between("a", -1, INT64_MIN, INT64_MAX), 0);
    assert_int_equal(ops->unfinished(ix, see, &s, NULL), 0);
    assert_int_equal(s.n, 1);
    assert_int_equal(put(INDEX_DROP_RECORDING, &r), 0);
    s.n = 0;
    assert_int_equal(ops->unfinished(ix, see, &s, NULL), 0);
    assert_int_equal(s.n, 0);
}

static void test_sqlite__expired_and_oldest(void **state)
{
    (void)state;
    struct index_recording a = row("a", 0, 0, M), b = row("b", 0, DAY_US, M),
                           c = row("c", 0, -DAY_US, M);
    struct seen s = {0};
    b.retention_days = 1;
    c.state = INDEX_OPEN;
    assert_int_equal(put(INDEX_PUT_RECORDING, &a), 0);
    assert_int_equal(put(INDEX_PUT_RECORDING, &b), 0);
    assert_int_equal(put(INDEX_PUT_RECORDING, &c), 0);
    assert_int_equal(ops->expired(ix, 30 * DAY_US, 10, see, &s, NULL), 0);
    assert_int_equal(s.n, 1); /* b by its own class; c is open */
    assert_string_equal(s.r[0].camera, "b");
    s.n = 0;
    assert_int_equal(ops->expired(ix, 30 * DAY_US + M, 10, see, &s, NULL), 0);
    assert_int_equal(s.n, 2);
    s.n = 0;
    assert_int_equal(ops->oldest(ix, 1, see, &s, NULL), 0);
    assert_string_equal(s.r[0].camera, "a");
    int64_t oldest, newest;
    assert_int_equal(ops->span(ix, &oldest, &newest), 0);
    assert_int_equal(oldest, M);
    assert_int_equal(newest, DAY_US);
    struct index_hold h = {"h", "a", 0, M, 99 * DAY_US, "x", 1};
    assert_int_equal(ops->hold_put(ix, &h, NULL), 0);
    assert_int_equal(ops->span(ix, &oldest, &newest), 0);
    assert_int_equal(oldest, DAY_US + M); /* what is held says nothing of what is kept for all */
    s.n = 0;
    assert_int_equal(ops->expired(ix, 30 * DAY_US + M, 10, see, &s, NULL), 0);
    assert_int_equal(s.n, 1);
    s.n = 0;
    assert_int_equal(ops->expired(ix, 99 * DAY_US, 10, see, &s, NULL), 0);
    assert_int_equal(s.n, 2); /* the hold is over */
}

static int count(void *user, const void *x)
{
    (void)x;
    ++*(int *)user;
    return 0;
}
static int count_gap(void *user, const struct index_gap *g)
{
    return count(user, g);
}
static int count_event(void *user, const struct index_event *e)
{
    return count(user, e);
}
static int count_camera(void *user, const struct index_camera *c)
{
    return count(user, c);
}

static void test_sqlite__gaps_are_replaced_and_pruned(void **state)
{
    (void)state;
    struct index_change c = {.kind = INDEX_PUT_GAP,
                             .gap = {.camera = "a", .from_us = 5 * M, .reason = "stream-lost"}};
    int n = 0;
    assert_int_equal(ops->apply(ix, &c, 1, NULL), 0);
    assert_int_equal(ops->gaps(ix, "a", 100 * M, 101 * M, count_gap, &n, NULL), 0);
    assert_int_equal(n, 1); /* still going on */
    c.gap.to_us = 9 * M;
    assert_int_equal(ops->apply(ix, &c, 1, NULL), 0);
    n = 0;
    assert_int_equal(ops->gaps(ix, NULL, INT64_MIN, INT64_MAX, count_gap, &n, NULL), 0);
    assert_int_equal(n, 1);
    n = 0;
    assert_int_equal(ops->gaps(ix, "a", 9 * M, 10 * M, count_gap, &n, NULL), 0);
    assert_int_equal(n, 0);
    struct index_change e = {.kind = INDEX_PUT_EVENT,
                             .event = {.at_us = M, .kind = "disk-full", .text = "x"}};
    assert_int_equal(ops->apply(ix, &e, 1, NULL), 0);
    assert_int_equal(ops->prune(ix, 10 * M, M, NULL), 0);
    n = 0;
    assert_int_equal(ops->gaps(ix, NULL, INT64_MIN, INT64_MAX, count_gap, &n, NULL), 0);
    assert_int_equal(ops->events(ix, 0, 10 * M, 10, count_event, &n, NULL), 0);
    assert_int_equal(n, 1); /* the event is left */
}

static int64_t sum_from; /* seconds at which the gaps begin, added up */

static int add_from(void *user, const struct index_gap *g)
{
    sum_from += g->from_us / 1000000;
    return count(user, g);
}

/* Gaps of camera "a" that touch [from_s, to_s) and last @min_s; 0 ones of "b". */
static int long_ones(int64_t from_s, int64_t to_s, int64_t min_s)
{
    int n = 0;
    sum_from = 0;
    assert_int_equal(ops->long_gaps(ix, "a", from_s * 1000000, to_s * 1000000, min_s * 1000000,
                                    add_from, &n, NULL),
                     0);
    return n;
}

static void test_sqlite__long_gaps_are_found_wherever_they_begin(void **state)
{
    (void)state;
    static const struct {
        char camera;
        int64_t from_s, to_s;         /* 0: it lasts */
    } rows[] = {{'a', 1000, 90000},   /* long before the span, and into it */
                {'a', 5000, 0},       /* lasts */
                {'a', 79401, 80001},  /* ten minutes to the second */
                {'a', 79402, 80001},  /* one less */
                {'a', 79500, 79999},  /* over before the span */
                {'a', 80010, 80020},  /* inside */
                {'a', 85000, 86000},  /* begins where the span ends */
                {'b', 80010, 80020}}; /* another camera */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct index_change c = {.kind = INDEX_PUT_GAP,
                                 .gap = {.camera = {rows[i].camera},
                                         .from_us = rows[i].from_s * 1000000,
                                         .to_us = rows[i].to_s * 1000000}};
        assert_int_equal(ops->apply(ix, &c, 1, NULL), 0);
    }
    assert_int_equal(long_ones(80000, 85000, 0), 5);
    assert_int_equal(sum_from, 1000 + 5000 + 79401 + 79402 + 80010);
    assert_int_equal(long_ones(80000, 85000, 10), 5);
    assert_int_equal(long_ones(80000, 85000, 11), 4);
    assert_int_equal(long_ones(80000, 85000, 600), 3);
    assert_int_equal(long_ones(80000, 85000, 601), 2);
    assert_int_equal(long_ones(100, 1000, 0), 0);
    assert_int_equal(long_ones(100, 1001, 0), 1);
}

static void test_sqlite__a_snapshot_is_of_one_moment(void **state)
{
    (void)state;
    struct index_change c = {.kind = INDEX_PUT_GAP,
                             .gap = {.camera = "a", .from_us = 5 * M, .to_us = 9 * M}};
    struct index *reader = NULL;
    int n = 0;
    assert_int_equal(ops->apply(ix, &c, 1, NULL), 0);
    assert_int_equal(ops->open(dir, true, &reader, NULL), 0);
    assert_int_equal(ops->snapshot(reader, NULL), 0);
    assert_int_equal(ops->gaps(reader, "a", 0, 100 * M, count_gap, &n, NULL), 0);
    assert_int_equal(n, 1);
    c.gap.from_us = 20 * M;
    c.gap.to_us = 21 * M;
    assert_int_equal(ops->apply(ix, &c, 1, NULL), 0); /* a reader holds up no writer */
    n = 0;
    assert_int_equal(ops->gaps(reader, "a", 0, 100 * M, count_gap, &n, NULL), 0);
    assert_int_equal(n, 1);
    ops->release(reader);
    n = 0;
    assert_int_equal(ops->gaps(reader, "a", 0, 100 * M, count_gap, &n, NULL), 0);
    assert_int_equal(n, 2);
    ops->close(reader);
}

static void test_sqlite__cameras_all_or_nothing(void **state)
{
    (void)state;
    struct index_camera c[2] = {{.id = "a", .main_url = "rtsp://a/", .enabled = true}, {.id = "b"}};
    int n = 0;
    int64_t version = ops->camera_version(ix);
    assert_int_equal(ops->camera_put(ix, c, 1, false, NULL), 0);
    assert_true(ops->camera_version(ix) != version);
    struct index_camera twice[2] = {c[1], c[0]};
    assert_int_equal(ops->camera_put(ix, twice, 2, false, NULL), E_EXISTS);
    assert_int_equal(ops->cameras(ix, count_camera, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_int_equal(ops->camera_put(ix, twice, 2, true, NULL), 0);
    version = ops->camera_version(ix);
    assert_int_equal(ops->camera_remove(ix, "a", NULL), 0);
    assert_int_equal(ops->camera_remove(ix, "a", NULL), E_NOTFOUND);
    assert_true(ops->camera_version(ix) != version);
}

static void test_sqlite__a_batch_is_one_transaction(void **state)
{
    (void)state;
    struct index_change c[2] = {{.kind = INDEX_PUT_RECORDING, .recording = row("a", 0, 0, M)},
                                {.kind = 99}};
    assert_true(ops->apply(ix, c, 2, NULL) < 0);
    assert_int_equal(between(NULL, -1, INT64_MIN, INT64_MAX), 0);
    assert_int_equal(ops->apply(ix, c, 1, NULL), 0);
    assert_int_equal(between(NULL, -1, INT64_MIN, INT64_MAX), 1);
}

static void test_sqlite__meta_modes_and_versions(void **state)
{
    (void)state;
    char value[32], path[128];
    struct stat st;
    struct index *other;
    struct err e;
    assert_int_equal(ops->meta_get(ix, "k", value, sizeof(value)), E_NOTFOUND);
    assert_int_equal(ops->meta_put(ix, "k", "v1", NULL), 0);
    assert_int_equal(ops->meta_put(ix, "k", "v2", NULL), 0);
    assert_int_equal(ops->meta_get(ix, "k", value, sizeof(value)), 0);
    assert_string_equal(value, "v2");
    snprintf(path, sizeof(path), "%s/lethe.db", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(ops->open(path, true, &other, NULL), 0); /* by its own name, too */
    struct index_change c = {.kind = INDEX_PUT_RECORDING, .recording = row("a", 0, 0, M)};
    assert_true(ops->apply(other, &c, 1, NULL) < 0);
    ops->close(other);
    assert_true(ops->open("/nonexistent/lethe.db", false, &other, &e) < 0);
    assert_true(ops->open("/nonexistent", true, &other, &e) < 0);
}

static int no_problem(void *user, const char *text)
{
    (void)user;
    fail_msg("%s", text);
    return 0;
}

static void test_sqlite__check_finds_nothing_wrong(void **state)
{
    (void)state;
    struct index_recording r = row("a", 0, 0, M);
    assert_int_equal(put(INDEX_PUT_RECORDING, &r), 0);
    assert_int_equal(ops->check(ix, no_problem, NULL, NULL), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_sqlite__finds_by_time),
        T(test_sqlite__open_rows_reach_to_now),
        T(test_sqlite__garbage_is_hidden_and_stays_garbage),
        T(test_sqlite__expired_and_oldest),
        T(test_sqlite__gaps_are_replaced_and_pruned),
        T(test_sqlite__long_gaps_are_found_wherever_they_begin),
        T(test_sqlite__a_snapshot_is_of_one_moment),
        T(test_sqlite__cameras_all_or_nothing),
        T(test_sqlite__a_batch_is_one_transaction),
        T(test_sqlite__meta_modes_and_versions),
        T(test_sqlite__check_finds_nothing_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
