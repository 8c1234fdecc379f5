/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Every file operation fails once, or for a while, at every place of a short recording. Afterwards
 * recording must have gone on by itself, everything reported as written must be in the files, and
 * files and index must agree.
 */
#include "../../faultio/faultio.c" /* first: it replaces what the C library may inline */

#include <pthread.h>

#include "fixture.h"

enum { CAMERAS = 3, SECONDS = 8 };
static struct fix_rows rows;

/* A camera that does what the recorder does: an error ends its file, a new one is begun with the
 * next second. */
struct camera {
    char name[16];
    struct store_file *sf;
    unsigned second; /* within the file */
};

static void record_second(struct camera *c, unsigned now, struct fix_count *count)
{
    if (!c->sf) {
        struct mp4_info info = fix_info(c->name, FIX_T0 + now * SECOND_US);
        if (store_file_begin(fix.store, &info, &c->sf, NULL) < 0) {
            c->sf = NULL;
            return;
        }
        c->second = 0;
    }
    if (fix_append(c->sf, c->second++, 300, count) < 0) {
        store_file_end(c->sf, "write-failed");
        c->sf = NULL;
    }
}

static bool store_is_ok(void)
{
    struct store_stats st;
    store_stats(fix.store, &st);
    return strcmp(st.state, "ok") == 0 && st.mending == 0;
}

static unsigned run_with_fault(const char *rule)
{
    static struct fix_count count;
    struct camera cam[CAMERAS] = {0};
    count = (struct fix_count){0};
    fix_open();
    faultio_rules(rule);
    for (unsigned s = 0; s < SECONDS; s++) {
        for (int i = 0; i < CAMERAS; i++) {
            snprintf(cam[i].name, sizeof(cam[i].name), "cam%d", i);
            record_second(&cam[i], s, &count);
        }
        usleep(8000);
    }
    usleep(60000);
    faultio_rules("");
    FIX_WAIT(store_is_ok());
    unsigned before = count.ok;
    for (unsigned s = SECONDS; s < SECONDS + 3; s++) { /* the first may answer the old error */
        for (int i = 0; i < CAMERAS; i++)
            record_second(&cam[i], s, &count);
        usleep(20000);
    }
    FIX_WAIT(count.ok >= before + 2 * CAMERAS);
    for (int i = 0; i < CAMERAS; i++)
        if (cam[i].sf)
            store_file_end(cam[i].sf, "epoch");
    FIX_WAIT(store_is_ok());
    fix_close();
    return count.ok;
}

static void check_after(const char *rule, unsigned written)
{
    struct store_check c;
    fix_open(); /* what could not be finished is finished by the next start */
    usleep(50000);
    FIX_WAIT(store_is_ok());
    fix_close();
    int64_t frames = 0;
    fix_read_rows(&rows);
    for (size_t i = 0; i < rows.n; i++)
        frames += rows.r[i].frames;
    if (fix_fsck(false, true, &c) != 0 || frames < (int64_t)written * FIX_FPS)
        fail_msg("%s: %d problems, %d frames of %d", rule, (int)c.problems, (int)frames,
                 (int)written * FIX_FPS);
    for (size_t i = 0; i < rows.n; i++)
        assert_true(rows.r[i].end_reason[0] != 0);
}

static void again(const char *rule)
{
    assert_int_equal(fix_teardown(NULL), 0);
    assert_int_equal(fix_setup(NULL), 0);
    check_after(rule, run_with_fault(rule));
}

static void sweep(const char *what, const unsigned *places, size_t n)
{
    char rule[128];
    for (size_t i = 0; i < n; i++) {
        snprintf(rule, sizeof(rule), "%s after=%u", what, places[i]);
        again(rule);
    }
}

static const unsigned few[] = {0, 1, 5}, many[] = {0, 1, 2, 3, 4, 6, 9, 15};
#define FEW few, sizeof(few) / sizeof(few[0])
#define MANY many, sizeof(many) / sizeof(many[0])

static void test_faults__write(void **state)
{
    (void)state;
    sweep("write EIO path=.mp4 count=1", MANY);
    sweep("write EIO path=.mp4 count=5", FEW);
    sweep("write ENOSPC path=.mp4 count=1 short=4096", MANY);
    sweep("write ENOSPC path=.mp4 count=8", FEW);
    sweep("write EROFS path=.mp4 count=2", FEW);
    assert_true(fix_alarmed("write-failed") || fix_alarmed("read-only"));
}

static void test_faults__sync(void **state)
{
    (void)state;
    sweep("sync EIO count=1", FEW);
    sweep("sync EIO count=4", FEW);
    again("sync EIO count=8"); /* some of them the index's own */
    assert_true(fix_alarmed("fsync-failed"));
}

static void test_faults__names(void **state)
{
    (void)state;
    sweep("create EIO path=.mp4 count=1", FEW);
    sweep("create ENOSPC path=.mp4 count=3", FEW);
    sweep("create EMFILE path=.mp4 count=2", FEW);
    sweep("mkdir ENOSPC count=1", FEW);
    sweep("unlink EIO path=.mp4 count=1", FEW);
    sweep("truncate EIO path=.mp4 count=2", FEW);
}

static void test_faults__without_preallocation_or_direct_io(void **state)
{
    (void)state;
    again("fallocate EOPNOTSUPP");
    again("fallocate ENOSPC count=2");
    again("create EINVAL path=.mp4 count=1"); /* as a file system answers that knows no O_DIRECT */
    again("write EINVAL path=.mp4 count=1");
}

static void test_faults__database(void **state)
{
    (void)state;
    sweep("write EIO path=lethe.db count=3", FEW);
    sweep("write ENOSPC path=lethe.db count=6", FEW);
    sweep("open EMFILE path=lethe.db count=2", FEW);
}

static void test_faults__reach_the_caller_with_their_code(void **state)
{
    (void)state;
    struct fix_count count = {0};
    struct mp4_info info = fix_info("cam1", FIX_T0);
    struct store_file *sf;
    fix_open();
    assert_int_equal(store_file_begin(fix.store, &info, &sf, NULL), 0);
    assert_int_equal(fix_append(sf, 0, 300, &count), 0);
    FIX_WAIT(count.ok == 1);
    faultio_rules("write EIO path=.mp4 count=1");
    assert_int_equal(fix_append(sf, 1, 300, &count), 0);
    FIX_WAIT(count.failed == 1);
    assert_int_equal(count.code, -EIO);
    assert_int_equal(fix_append(sf, 2, 300, &count), -EIO);
    store_file_end(sf, "write-failed");
    fix_close();
    fix_read_rows(&rows);
    assert_int_equal(rows.n, 1);
    assert_string_equal(rows.r[0].end_reason, "write-failed");
    assert_int_equal(rows.r[0].frames, FIX_FPS);
}

static void test_faults__shares_are_all_or_nothing(void **state)
{
    (void)state;
    char path[400];
    struct stat st;
    fix_open();
    assert_int_equal(store_shares_append(fix.store, FIX_T0, 30, (const uint8_t *)"abc", 3, NULL),
                     0);
    static const char *const faults[] = {"write ENOSPC path=.shares count=1 short=2",
                                         "sync EIO path=.shares count=1"};
    static const int codes[] = {-ENOSPC, -EIO};
    for (int i = 0; i < 2; i++) {
        faultio_rules(faults[i]);
        assert_int_equal(
            store_shares_append(fix.store, FIX_T0, 30, (const uint8_t *)"defg", 4, NULL), codes[i]);
    }
    faultio_rules("");
    snprintf(path, sizeof(path), "%s/keys/2026-11-24/1000Z-30d.shares", fix.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fix_setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(test_faults__reach_the_caller_with_their_code),
        T(test_faults__shares_are_all_or_nothing),
        T(test_faults__write),
        T(test_faults__sync),
        T(test_faults__names),
        T(test_faults__without_preallocation_or_direct_io),
        T(test_faults__database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
