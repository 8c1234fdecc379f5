/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Timelines: coverage that is kept beside the recordings must say what they say; activity by minute and hour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "index/index.h"

static const struct index_ops *const ops = &index_sqlite;
static char dir[64];
static struct index *ix;

#define T0 (20000 * DAY_US)

static int setup(void **state)
{
    snprintf(dir, sizeof(dir), "/tmp/lethe-index-XXXXXX");
    return mkdtemp(dir) && ops->open(dir, false, &ix, NULL) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    char cmd[128];
    if (ix)
        ops->close(ix);
    ix = NULL;
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
    return system(cmd);
}

static struct index_recording row(const char *camera, int view, int64_t start_us, int64_t end_us)
{
    struct index_recording r = {.view = view,
                                .start_us = start_us,
                                .end_us = end_us,
                                .epoch_us = start_us,
                                .state = INDEX_CLOSED,
                                .retention_days = 30};
    snprintf(r.camera, sizeof(r.camera), "%s", camera);
    snprintf(r.path, sizeof(r.path), "recordings/%s/%lld-%d", camera, (long long)start_us, view);
    return r;
}

static void change(int kind, const struct index_recording *r)
{
    struct index_change c = {.kind = kind, .recording = *r};
    struct err e = {0};
    if (ops->apply(ix, &c, 1, &e) < 0)
        fail_msg("%s", e.text);
}

static struct index_bucket seen[INDEX_BUCKETS];
static int n_seen;
static char last[INDEX_ID];

static int see(void *user, const char *camera, const struct index_bucket *b)
{
    memcpy(seen, b, *(size_t *)user * sizeof(*b));
    snprintf(last, sizeof(last), "%s", camera);
    n_seen++;
    return 0;
}

static void draw(const char *camera, int64_t from, int64_t to, size_t buckets, int64_t now)
{
    const char *const one[] = {camera};
    struct index_timeline t = {camera ? one : NULL, 1, from, to, now, buckets};
    struct err e = {0};
    n_seen = 0;
    if (ops->timeline(ix, &t, see, &buckets, &e) < 0)
        fail_msg("%s", e.text);
}

static void expect_covered(int view, const char *levels)
{
    for (size_t i = 0; levels[i]; i++) {
        int want = levels[i] == '#' ? 1000 : levels[i] == '.' ? 0 : (levels[i] - '0') * 100;
        if (seen[i].covered[view] != want)
            fail_msg("bucket %zu: %u, wanted %d", i, seen[i].covered[view], want);
    }
}

#define H HOUR_US
#define M MINUTE_US

static void test_timeline__draws_what_is_recorded(void **state)
{
    for (int i = 0; i < 12;
         i++) { /* two hours, with 40 ms between files, a break of 20 min in the middle */
        struct index_recording r = row("a", 0, T0 + i * 10 * M + 40000, T0 + (i + 1) * 10 * M);
        if (i != 5 && i != 6)
            change(INDEX_PUT_RECORDING, &r);
    }
    struct index_recording r = row("a", 0, T0 + 2 * H, T0 + 2 * H);
    r.state = INDEX_OPEN;
    change(INDEX_PUT_RECORDING, &r);
    draw("a", T0, T0 + 3 * H, 18, T0 + 2 * H + 5 * M);
    expect_covered(0, "#####..#####5.....");
    expect_covered(1, "..................");
    draw("a", T0 + 30 * M, T0 + 90 * M, 1, T0);
    assert_int_equal(seen[0].covered[0], 667);
    draw("a", T0 + 50 * M - 1000, T0 + 70 * M, 1, T0); /* a trace of it is not nothing */
    assert_int_equal(seen[0].covered[0], 1);
    draw("b", T0, T0 + 3 * H, 18, T0);
    assert_int_equal(n_seen, 1); /* asked for, so told, even if never recorded */
    expect_covered(0, "..................");
    draw(NULL, T0, T0 + 3 * H, 18, T0);
    assert_int_equal(n_seen, 1);
    assert_string_equal(last, "a");
    struct index_timeline t = {NULL, 0, T0, T0, T0, 1};
    size_t one = 1;
    assert_int_equal(ops->timeline(ix, &t, see, &one, NULL), E_RANGE);
    t = (struct index_timeline){NULL, 0, T0, T0 + 1, T0, INDEX_BUCKETS + 1};
    assert_int_equal(ops->timeline(ix, &t, see, &one, NULL), E_RANGE);
}

static void test_timeline__finds_a_recording_by_its_id(void **state)
{
    struct index_recording r = row("a", 1, T0, T0 + M), back;
    change(INDEX_PUT_RECORDING, &r);
    assert_int_equal(ops->find(ix, r.path, &r), 0);
    assert_int_equal(ops->recording_by_id(ix, r.id, &back), 0);
    assert_memory_equal(&r, &back, sizeof(r));
    assert_int_equal(ops->recording_by_id(ix, r.id + 1, &back), E_NOTFOUND);
    change(INDEX_GARBAGE_RECORDING, &r);
    assert_int_equal(ops->recording_by_id(ix, r.id, &back), E_NOTFOUND);
}

/* ---- coverage against the recordings themselves ---- */

#define ROWS 400
#define SPAN_S 4000
static struct {
    struct index_recording r;
    bool there;
} model[ROWS];
static uint8_t want[SPAN_S], got[SPAN_S];
static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

/* By the second; files begin and end on whole seconds here, breaks are 2 s or more, or none. */
static void compare(unsigned step)
{
    memset(want, 0, sizeof(want));
    for (int i = 0; i < ROWS; i++)
        for (int64_t s = model[i].r.start_us; model[i].there && s < model[i].r.end_us;
             s += SECOND_US)
            want[(s - T0) / SECOND_US] = 1;
    for (int part = 0; part < SPAN_S / 2000; part++) {
        draw("a", T0 + part * 2000 * SECOND_US, T0 + (part + 1) * 2000 * SECOND_US, 2000, T0);
        for (int i = 0; i < 2000; i++)
            got[part * 2000 + i] = seen[i].covered[0] == 1000;
    }
    for (int i = 0; i < SPAN_S; i++)
        if (got[i] != want[i] &&
            !(i > 0 && i < SPAN_S - 1 && got[i] && want[i - 1] && want[i + 1])) /* 1 s is joined */
            fail_msg("step %u, second %d: coverage says %d, recordings say %d", step, i, got[i],
                     want[i]);
}

static void random_change(void)
{
    int i = (int)rnd(ROWS);
    if (model[i].there && rnd(2)) {
        change(rnd(2) ? INDEX_GARBAGE_RECORDING : INDEX_DROP_RECORDING, &model[i].r);
        change(INDEX_DROP_RECORDING, &model[i].r);
        model[i].there = false;
        return;
    }
    int64_t end =
        model[i].r.start_us + (int64_t)(1 + rnd(40)) * SECOND_US; /* again, it may end elsewhere */
    model[i].r.end_us = end > T0 + SPAN_S * SECOND_US ? T0 + SPAN_S * SECOND_US : end;
    if (!model[i].there && rnd(3) == 0) {
        struct index_recording open = model[i].r;
        open.state = INDEX_OPEN;
        open.end_us = open.start_us;
        change(INDEX_PUT_RECORDING, &open);
    }
    change(INDEX_CLOSE_RECORDING, &model[i].r);
    model[i].there = true;
}

static void test_timeline__coverage_follows_every_change(void **state)
{
    for (unsigned round = 0; round < 4; round++) {
        seed = 7 + round;
        for (int i = 0; i < ROWS; i++) {
            if (model[i].there)
                change(INDEX_DROP_RECORDING, &model[i].r);
            int64_t start = T0 + (int64_t)rnd(SPAN_S - 60) * SECOND_US;
            model[i].r = row("a", 0, start, start);
            snprintf(model[i].r.path, sizeof(model[i].r.path), "recordings/a/%u-%d", round, i);
            model[i].there = false;
        }
        for (unsigned step = 0; step < 1500; step++) {
            random_change();
            if (step % 25 == 0)
                compare(step);
        }
    }
    for (int i = 0; i < ROWS; i++) /* all forgotten: no crumb is left */
        if (model[i].there)
            change(INDEX_GARBAGE_RECORDING, &model[i].r);
    draw("a", 0, T0 + DAY_US, 1, T0);
    assert_int_equal(seen[0].covered[0], 0);
}

static void test_timeline__retention_leaves_no_crumbs(void **state)
{
    static struct index_recording r[300];
    for (int i = 0; i < 300; i++) { /* some overlap by 40 ms, some are 40 ms apart */
        r[i] = row("a", 0, T0 + i * M + (i % 2 ? 40000 : -40000), T0 + (i + 1) * M);
        change(INDEX_PUT_RECORDING, &r[i]);
    }
    for (int i = 0; i < 150; i++) {
        change(INDEX_GARBAGE_RECORDING, &r[i]);
        change(INDEX_DROP_RECORDING, &r[i]);
    }
    draw("a", T0 - H, T0 + 300 * M, 6, T0);
    expect_covered(0, "...5##");
    for (int i = 150; i < 300; i++)
        change(INDEX_GARBAGE_RECORDING, &r[i]);
    draw("a", 0, T0 + DAY_US, 1, T0);
    assert_int_equal(seen[0].covered[0], 0);
}

static void test_timeline__an_old_database_gets_its_coverage(void **state)
{
    char path[128], *sql = NULL;
    size_t cap = 0;
    sqlite3 *db;
    ops->close(ix);
    ix = NULL;
    snprintf(path, sizeof(path), "rm %s/*.db*", dir);
    assert_int_equal(system(path), 0);
    FILE *f = fopen("tests/unit/index/schema-1.sql", "r");
    assert_non_null(f);
    assert_true(getdelim(&sql, &cap, 0, f) > 0);
    fclose(f);
    snprintf(path, sizeof(path), "%s/lethe.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    free(sql);
    /* besides its minute from 0: a long file with a short one inside, the next after 0.5 s, one more after 5 min */
    static const char *const more[] = {"60000000, 600000000", "100000000, 110000000",
                                       "600500000, 900000000", "1200000000, 1500000000"};
    for (int i = 0; i < 4; i++) {
        char text[300];
        snprintf(text, sizeof(text),
                 "INSERT INTO recording SELECT NULL, 1, 0, %s, 0, 'p%d', 1, 1, zeroblob(16), "
                 "zeroblob(32), 'epoch', 1, 7, 9",
                 more[i], i);
        assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    }
    sqlite3_close(db);
    assert_int_equal(ops->open(dir, false, &ix, NULL), 0);
    draw("gate", 0, 30 * M, 6, T0);
    expect_covered(0, "###.#.");
}

/* ---- activity ---- */

static void note(const char *camera, int64_t at, unsigned motion, unsigned persons)
{
    struct index_change c = {.kind = INDEX_PUT_ACTIVITY};
    c.activity = (struct index_activity){.minute_us = at,
                                         .motion_max = (uint16_t)motion,
                                         .motion_mean = (uint16_t)(motion / 2),
                                         .persons_max = (uint8_t)persons,
                                         .vehicles_max = 1};
    snprintf(c.activity.camera, sizeof(c.activity.camera), "%s", camera);
    assert_int_equal(ops->apply(ix, &c, 1, NULL), 0);
}

static void test_timeline__activity_by_minute_and_hour(void **state)
{
    note("a", T0 + 10 * M, 400, 2);
    note("a", T0 + 10 * M, 300, 3); /* the same minute again: replaced */
    note("a", T0 + 11 * M, 100, 0);
    note("a", T0 + 26 * H, 1000, 255);
    draw("a", T0, T0 + H, 60, T0);
    assert_int_equal(seen[10].motion_max, 300);
    assert_int_equal(seen[10].motion_mean, 150);
    assert_int_equal(seen[10].persons_max, 3);
    assert_int_equal(seen[11].motion_max, 100);
    assert_int_equal(seen[9].motion_max + seen[12].motion_max, 0);
    draw("a", T0, T0 + H, 6, T0); /* 10 min each: made of minutes */
    assert_int_equal(seen[0].motion_max, 0);
    assert_int_equal(seen[1].motion_max, 300);
    assert_int_equal(seen[1].motion_mean, 100);
    draw("a", T0, T0 + 2 * DAY_US, 48, T0); /* an hour each: made of hours */
    assert_int_equal(seen[0].motion_max, 300);
    assert_int_equal(seen[0].motion_mean, 100);
    assert_int_equal(seen[0].vehicles_max, 1);
    assert_int_equal(seen[1].motion_max, 0);
    assert_int_equal(seen[26].motion_max, 1000);
    assert_int_equal(seen[26].persons_max, 255);
    draw("a", T0 + 12 * M, T0 + H, 48, T0);
    for (int i = 0; i < 48; i++)
        assert_int_equal(seen[i].motion_max, 0);
    /* minutes go with the recordings, hours stay with the events */
    assert_int_equal(ops->prune(ix, T0 + DAY_US, T0, NULL), 0);
    draw("a", T0, T0 + H, 60, T0);
    assert_int_equal(seen[10].motion_max, 0);
    draw("a", T0, T0 + DAY_US, 24, T0);
    assert_int_equal(seen[0].motion_max, 300);
    assert_int_equal(ops->prune(ix, T0 + 10 * DAY_US, T0 + 10 * DAY_US, NULL), 0);
    draw("a", T0, T0 + 2 * DAY_US, 48, T0);
    assert_int_equal(seen[0].motion_max + seen[26].motion_max, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_timeline__draws_what_is_recorded),
        T(test_timeline__finds_a_recording_by_its_id),
        T(test_timeline__coverage_follows_every_change),
        T(test_timeline__retention_leaves_no_crumbs),
        T(test_timeline__an_old_database_gets_its_coverage),
        T(test_timeline__activity_by_minute_and_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
