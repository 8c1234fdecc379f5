/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Forgetting on time, not before, and saying so when the disk forces it. */
#include "../../faultio/faultio.c" /* first: it replaces what the C library may inline */

#include <pthread.h>

#include "fixture.h"

static struct fix_rows rows;

/* Directory entries below DATA/@sub, recursively. */
static unsigned count_entries(const char *sub, bool files)
{
    char cmd[400];
    unsigned n = 0;
    snprintf(cmd, sizeof(cmd), "find '%s/%s' -mindepth 1 -type %c 2>/dev/null | wc -l", fix.dir,
             sub, files ? 'f' : 'd');
    FILE *p = popen(cmd, "r");
    assert_int_equal(fscanf(p, "%u", &n), 1);
    pclose(p);
    return n;
}

/* Between the last write and its row a file is in nobody's count: its row tells that it is closed. */
static bool indexed(void)
{
    struct store_stats st;
    size_t open = 0;
    store_stats(fix.store, &st);
    fix_read_rows(&rows);
    for (size_t i = 0; i < rows.n; i++)
        open += rows.r[i].state == INDEX_OPEN;
    return open == 0 && st.index_queue == 0 && st.mending == 0 && st.files_open == 0;
}

static void settle(void)
{
    usleep(30000);
    FIX_WAIT(indexed());
}

static struct store *counted_store;
static uint64_t counted;

static int setup(void **state)
{
    counted_store = NULL;
    return fix_setup(state);
}

/* Recordings deleted since the last call: the store's own thread makes passes, too. */
static int64_t retain(void)
{
    struct store_stats st;
    struct err e = {0};
    if (store_retain(fix.store, &e) < 0)
        fail_msg("store_retain: %s", e.text);
    store_stats(fix.store, &st);
    if (counted_store != fix.store)
        counted = 0;
    counted_store = fix.store;
    int64_t n = (int64_t)(st.recordings_deleted - counted);
    counted = st.recordings_deleted;
    return n;
}

static void one_day(int day, struct fix_count *count)
{
    int64_t at = FIX_T0 + day * DAY_US;
    __atomic_store_n(&fix.clock.wall, at, __ATOMIC_RELAXED);
    fix_record("cam1", at, 1, 300, "epoch", count);
    fix_record("cam2", at, 1, 300, "epoch", count);
    assert_int_equal(store_shares_append(fix.store, at, 30, (const uint8_t *)"share", 5, NULL), 0);
}

static void test_retain__deletes_exactly_what_is_due(void **state)
{
    (void)state;
    struct fix_count count = {0};
    fix_open();
    for (int day = 0; day < 5; day++)
        one_day(day, &count);
    settle();
    assert_int_equal(count_entries("recordings", true), 10);
    assert_int_equal(retain(), 0);
    clock_fake_advance(&fix.clock, 26 * DAY_US); /* it is day 30 now: the second when day 0 began */
    assert_int_equal(retain(), 0);
    clock_fake_advance(&fix.clock, SECOND_US); /* the recordings lasted a second */
    assert_int_equal(retain(), 2);
    assert_int_equal(count_entries("keys", true), 5); /* the epoch is not over */
    clock_fake_advance(&fix.clock, FIX_EPOCH);
    assert_int_equal(retain(), 0);
    assert_int_equal(count_entries("keys", true), 4);
    assert_int_equal(count_entries("keys", false), 4);
    assert_int_equal(count_entries("recordings", true), 8);
    assert_int_equal(count_entries("recordings", false), 2 + 8);
    clock_fake_advance(&fix.clock, 10 * DAY_US);
    assert_int_equal(retain(), 8);
    assert_int_equal(count_entries("recordings", true), 0);
    assert_int_equal(count_entries("recordings", false), 0);
    assert_int_equal(count_entries("keys", false), 0);
    fix_close();
    assert_int_equal(fix_fsck(false, false, NULL), 0);
}

static void test_retain__a_clock_set_ahead_deletes_nothing_for_ten_minutes(void **state)
{
    (void)state;
    struct fix_count count = {0};
    fix_open();
    one_day(0, &count);
    settle();
    assert_int_equal(retain(), 0);
    __atomic_add_fetch(&fix.clock.wall, +(40 * DAY_US), __ATOMIC_RELAXED);
    for (int minute = 0; minute < 9; minute++) {
        assert_int_equal(retain(), 0);
        clock_fake_advance(&fix.clock, MINUTE_US);
    }
    assert_true(fix_alarmed("retention-held"));
    __atomic_add_fetch(&fix.clock.wall, -(40 * DAY_US), __ATOMIC_RELAXED); /* it was a mistake */
    assert_int_equal(retain(), 0);
    __atomic_add_fetch(&fix.clock.wall, +(41 * DAY_US),
                       __ATOMIC_RELAXED); /* and this time it is meant */
    assert_int_equal(retain(), 0);
    clock_fake_advance(&fix.clock, 11 * MINUTE_US);
    assert_int_equal(retain(), 2);
    assert_true(fix_alarmed("retention-resumed"));
}

static void test_retain__a_clock_set_back_keeps_longer(void **state)
{
    (void)state;
    struct fix_count count = {0};
    fix_open();
    one_day(0, &count);
    settle();
    clock_fake_advance(&fix.clock, 31 * DAY_US);
    __atomic_add_fetch(&fix.clock.wall, -(2 * DAY_US), __ATOMIC_RELAXED);
    assert_int_equal(retain(), 0);
    clock_fake_advance(&fix.clock, 2 * DAY_US);
    assert_int_equal(retain(), 2);
}

static void test_retain__after_days_of_absence_waits(void **state)
{
    (void)state;
    struct fix_count count = {0};
    fix_open();
    one_day(0, &count);
    settle();
    assert_int_equal(retain(), 0);
    fix_close();
    counted_store = NULL;
    __atomic_add_fetch(&fix.clock.wall, +(40 * DAY_US), __ATOMIC_RELAXED);
    fix.clock.mono = SECOND_US; /* the machine was off, or its clock is wrong */
    fix_open();
    assert_int_equal(retain(), 0);
    clock_fake_advance(&fix.clock, 11 * MINUTE_US);
    assert_int_equal(retain(), 2);
}

static void test_retain__finishes_what_a_crash_interrupted(void **state)
{
    (void)state;
    struct fix_count count = {0};
    fix_open();
    one_day(0, &count);
    settle();
    clock_fake_advance(&fix.clock, 31 * DAY_US);
    faultio_rules("unlink EIO path=.mp4");
    assert_true(store_retain(fix.store, NULL) < 0);
    fix_read_rows(&rows);
    assert_int_equal(rows.n, 0); /* garbage is not shown */
    assert_int_equal(count_entries("recordings", true), 2);
    faultio_rules("");
    assert_int_equal(retain(), 2);
    assert_int_equal(count_entries("recordings", true), 0);
}

static void test_retain__oldest_first_when_full(void **state)
{
    (void)state;
    struct fix_count count = {0};
    struct store_stats st;
    fix.cfg.full_oldest_first = true;
    fix_open();
    for (int day = 0; day < 5; day++)
        one_day(day, &count);
    settle();
    faultio_rules("write ENOSPC path=.mp4 count=1");
    struct mp4_info info = fix_info("cam3", FIX_T0 + 5 * DAY_US);
    struct store_file *sf;
    assert_int_equal(store_file_begin(fix.store, &info, &sf, NULL), 0);
    (void)fix_append(sf, 0, 300, &count);
    store_file_end(sf, "disk-full");
    FIX_WAIT(fix_alarmed("retention-shortfall"));
    faultio_rules("");
    FIX_WAIT(fix_alarmed("store-ok"));
    settle();
    fix_read_rows(&rows);
    assert_true(rows.n > 0 && rows.n < 10);
    for (size_t i = 0; i < rows.n; i++) /* of the oldest day at least one went */
        assert_true(i > 0 || rows.r[i].start_us >= FIX_T0);
    store_stats(fix.store, &st);
    assert_true(st.actual_days < st.promised_days);
    assert_true(st.recordings_deleted > 0);
}

static void test_retain__stops_by_policy_when_full(void **state)
{
    (void)state;
    struct fix_count count = {0};
    struct mp4_info info = fix_info("cam1", FIX_T0);
    struct store_file *sf;
    struct store_stats st;
    fix.cfg.reserve_bytes = INT64_C(1) << 60; /* no disk has that */
    fix_open();
    FIX_WAIT(fix_alarmed("disk-full"));
    assert_int_equal(store_file_begin(fix.store, &info, &sf, NULL), -ENOSPC);
    store_stats(fix.store, &st);
    assert_string_equal(st.state, "disk-full");
    assert_int_equal(count.ok, 0);
}

/* ---- holds, and what the log is told ---- */

static struct index *open_index(void)
{
    struct index *ix = NULL;
    assert_int_equal(index_sqlite.open(fix.dir, false, &ix, NULL), 0);
    return ix;
}

static void hold(const char *id, const char *camera, int day, int64_t until_us)
{
    struct index *ix = open_index();
    struct index_hold h = {.from_us = FIX_T0 + day * DAY_US,
                           .to_us = FIX_T0 + day * DAY_US + SECOND_US,
                           .until_us = until_us};
    snprintf(h.id, sizeof(h.id), "%s", id);
    snprintf(h.camera, sizeof(h.camera), "%s", camera);
    snprintf(h.reason, sizeof(h.reason), "court-order");
    assert_int_equal(ix->ops->hold_put(ix, &h, NULL), 0);
    ix->ops->close(ix);
}

static int64_t thinned, left_over;
static char thinned_path[INDEX_PATH];

/* Two cameras' keys are in each file of this test; which of them are held? */
static int64_t thin(void *user, const char *path,
                    bool (*keep)(void *, const char *, int64_t, int64_t), void *ctx,
                    struct err *reterr)
{
    int64_t epoch = FIX_T0;
    thinned++;
    snprintf(thinned_path, sizeof(thinned_path), "%s", path);
    left_over = keep(ctx, "cam1", epoch, FIX_EPOCH) + keep(ctx, "cam2", epoch, FIX_EPOCH);
    return left_over;
}

static void test_retain__a_hold_keeps_its_camera_and_span_alone(void **state)
{
    (void)state;
    struct fix_count count = {0};
    thinned = 0;
    fix.cfg.thin_shares = thin;
    fix_open();
    for (int day = 0; day < 2; day++)
        one_day(day, &count);
    settle();
    int64_t now = FIX_T0 + 40 * DAY_US;
    hold("a", "cam1", 0, now);
    hold("b", "cam1", 0, now + 5 * DAY_US); /* the same footage twice: the later end counts */
    hold("c", "cam2", 7, now + 9 * DAY_US); /* of another time */
    clock_fake_advance(&fix.clock, 32 * DAY_US + FIX_EPOCH);
    assert_int_equal(retain(), 3);
    assert_int_equal(count_entries("recordings", true), 1);
    assert_int_equal(count_entries("recordings/cam1", true), 1);
    assert_int_equal(count_entries("keys", true), 1);
    assert_int_equal(thinned, 1);
    assert_int_equal(left_over, 1); /* of cam2 nothing stays */
    assert_int_equal(retain(), 0);
    assert_int_equal(thinned, 1);               /* not again */
    clock_fake_advance(&fix.clock, 8 * DAY_US); /* hold a is over */
    assert_int_equal(retain(), 0);
    clock_fake_advance(&fix.clock, 5 * DAY_US); /* and b */
    assert_int_equal(retain(), 1);
    assert_int_equal(count_entries("keys", true), 0);
    assert_int_equal(count_entries("recordings", true), 0);
    fix_close();
    fix.cfg.thin_shares = NULL;
}

static void test_retain__a_hold_that_is_taken_away_ends_at_once(void **state)
{
    (void)state;
    struct fix_count count = {0};
    fix_open();
    one_day(0, &count);
    settle();
    hold("a", "cam1", 0, FIX_T0 + 300 * DAY_US);
    clock_fake_advance(&fix.clock, 32 * DAY_US);
    assert_int_equal(retain(), 1);
    assert_int_equal(count_entries("keys", true), 1); /* nobody can cut it: it stays whole */
    struct index *ix = open_index();
    assert_int_equal(ix->ops->hold_remove(ix, "b", "removed", 0, NULL), E_NOTFOUND);
    assert_int_equal(ix->ops->hold_remove(ix, "a", "removed", 0, NULL), 0);
    ix->ops->close(ix);
    assert_int_equal(retain(), 1);
    assert_int_equal(count_entries("keys", true), 0);
}

struct sums {
    int n;
    struct index_erasure e[8];
};

static int collect_sum(void *user, const struct index_erasure *e)
{
    struct sums *sums = user;
    sums->e[sums->n++] = *e;
    return 0;
}

static void test_retain__what_is_erased_is_summed_up_once(void **state)
{
    (void)state;
    struct fix_count count = {0};
    struct sums sums = {0};
    fix_open();
    for (int day = 0; day < 3; day++)
        one_day(day, &count);
    settle();
    faultio_rules(
        "unlink EIO path=.mp4 count=1"); /* rows are garbage by then: that is when they are erased */
    clock_fake_advance(&fix.clock, 29 * DAY_US + HOUR_US);
    (void)store_retain(fix.store, NULL);
    faultio_rules("");
    (void)store_retain(fix.store, NULL);
    (void)store_retain(fix.store, NULL);
    assert_int_equal(count_entries("recordings", true), 2);
    struct index *ix = open_index();
    int64_t now = fix.clock.wall;
    assert_int_equal(ix->ops->erasures(ix, now - now % HOUR_US, collect_sum, &sums, NULL), 0);
    assert_int_equal(sums.n, 0); /* this hour is not over */
    assert_int_equal(ix->ops->erasures(ix, INT64_MAX, collect_sum, &sums, NULL), 0);
    assert_int_equal(sums.n, 1);
    assert_string_equal(sums.e[0].reason, "retention");
    assert_int_equal(sums.e[0].hour_us, now - now % HOUR_US);
    assert_int_equal(sums.e[0].recordings, 4);
    assert_int_equal(sums.e[0].share_files, 2);
    assert_int_equal(sums.e[0].first_epoch_us / FIX_EPOCH, FIX_T0 / FIX_EPOCH);
    assert_int_equal(sums.e[0].last_epoch_us / FIX_EPOCH, (FIX_T0 + DAY_US) / FIX_EPOCH);
    struct index_change told = {.kind = INDEX_TOLD_ERASURE, .erasure = sums.e[0]};
    assert_int_equal(ix->ops->apply(ix, &told, 1, NULL), 0);
    sums.n = 0;
    assert_int_equal(ix->ops->erasures(ix, INT64_MAX, collect_sum, &sums, NULL), 0);
    assert_int_equal(sums.n, 0);
    ix->ops->close(ix);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(test_retain__deletes_exactly_what_is_due),
        T(test_retain__a_clock_set_ahead_deletes_nothing_for_ten_minutes),
        T(test_retain__a_clock_set_back_keeps_longer),
        T(test_retain__after_days_of_absence_waits),
        T(test_retain__finishes_what_a_crash_interrupted),
        T(test_retain__oldest_first_when_full),
        T(test_retain__stops_by_policy_when_full),
        T(test_retain__a_hold_keeps_its_camera_and_span_alone),
        T(test_retain__a_hold_that_is_taken_away_ends_at_once),
        T(test_retain__what_is_erased_is_summed_up_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
