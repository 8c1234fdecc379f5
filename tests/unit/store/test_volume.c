/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The ground goes away: database locked, volume gone, disk really full. Recording goes on or stops
 * with a name. */
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "fixture.h"

static struct fix_rows rows;

static bool state_is(const char *name)
{
    struct store_stats st;
    store_stats(fix.store, &st);
    return strcmp(st.state, name) == 0;
}

static bool indexed(void)
{
    struct store_stats st;
    store_stats(fix.store, &st);
    return st.index_queue == 0 && st.mending == 0;
}

/* Another process that holds the database with BEGIN EXCLUSIVE until it is killed. */
static pid_t lock_database(void)
{
    int ready[2];
    char c;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char path[300];
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sqlite3 *db;
        snprintf(path, sizeof(path), "%s/lethe.db", fix.dir);
        if (sqlite3_open(path, &db) != SQLITE_OK)
            _exit(1);
        sqlite3_busy_timeout(db, 5000);
        if (sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return pid;
}

static void unlock_database(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_volume__records_while_the_database_is_locked(void **state)
{
    (void)state;
    struct fix_count count = {0};
    struct store_stats st;
    fix_open();
    FIX_WAIT(indexed());
    pid_t pid = lock_database();
    for (int i = 0; i < 6; i++) /* an hour of epochs */
        fix_record("cam1", FIX_T0 + i * FIX_EPOCH, 3, 300, "epoch", &count);
    FIX_WAIT(count.ok == 18);
    FIX_WAIT((store_stats(fix.store, &st), st.index_queue >= 12));
    assert_string_equal(st.state, "ok");
    unlock_database(pid);
    FIX_WAIT(indexed());
    fix_read_rows(&rows);
    assert_int_equal(rows.n, 6);
    fix_close();
    assert_int_equal(fix_fsck(false, true, NULL), 0);
}

static void test_volume__rows_that_were_dropped_are_found_again(void **state)
{
    (void)state;
    struct fix_count count = {0};
    struct index_event e = {.at_us = FIX_T0, .kind = "test"};
    fix_open();
    FIX_WAIT(indexed());
    pid_t pid = lock_database();
    while (store_note_event(fix.store, &e) == 0)
        ;
    assert_int_equal(store_note_event(fix.store, &e), E_FULL);
    fix_record("cam1", FIX_T0, 3, 300, "epoch", &count);
    fix_record("cam2", FIX_T0 + SECOND_US, 3, 300, "epoch", &count);
    FIX_WAIT(count.ok == 6);
    usleep(30000);
    unlock_database(pid);
    FIX_WAIT(indexed());
    fix_read_rows(&rows);
    assert_int_equal(rows.n, 2);
    assert_string_equal(rows.r[0].end_reason, "epoch");
    fix_close();
    assert_int_equal(fix_fsck(false, true, NULL), 0);
}

static void away(void)
{
    assert_int_equal(fix_shell("mv '%s' '%s.away' && mkdir '%s'", fix.dir, fix.dir, fix.dir), 0);
}

static void back(void)
{
    assert_int_equal(fix_shell("rmdir '%s' && mv '%s.away' '%s'", fix.dir, fix.dir, fix.dir), 0);
}

static void lose_and_find(void (*lose)(void), void (*find)(void))
{
    struct fix_count count = {0};
    struct mp4_info info = fix_info("cam1", FIX_T0);
    struct store_file *sf;
    fix_open();
    FIX_WAIT(indexed());
    assert_int_equal(store_file_begin(fix.store, &info, &sf, NULL), 0);
    assert_int_equal(fix_append(sf, 0, 300, &count), 0);
    FIX_WAIT(count.ok == 1);
    lose();
    FIX_WAIT(state_is("volume-lost"));
    assert_true(fix_append(sf, 1, 300, &count) < 0);
    store_file_end(sf, "volume-lost");
    info.start_us += SECOND_US;
    assert_int_equal(store_file_begin(fix.store, &info, &sf, NULL), E_NOTFOUND);
    assert_true(store_shares_append(fix.store, FIX_T0, 30, (const uint8_t *)"x", 1, NULL) < 0);
    usleep(100000);
    find(); /* fails if anything was written to the place */
    FIX_WAIT(state_is("ok"));
    fix_record("cam1", FIX_T0 + MINUTE_US, 2, 300, "epoch", &count);
    FIX_WAIT(count.ok == 3);
    FIX_WAIT(indexed());
    fix_close();
    fix_read_rows(&rows);
    assert_int_equal(rows.n, 2);
    assert_string_equal(rows.r[0].end_reason, "volume-lost");
    assert_int_equal(fix_fsck(false, true, NULL), 0);
    assert_true(fix_alarmed("volume-lost") && fix_alarmed("store-ok"));
}

static void test_volume__moved_away_and_back(void **state)
{
    (void)state;
    lose_and_find(away, back);
}

static void unmount(void)
{
    assert_int_equal(umount2(fix.dir, MNT_DETACH), 0);
}

static void mount_again(void)
{
    assert_int_equal(fix_shell("[ -z \"$(ls -A '%s')\" ]", fix.dir), 0);
    assert_int_equal(fix_shell("mount --bind '%s.real' '%s'", fix.dir, fix.dir), 0);
}

static void test_volume__unmounted_and_mounted(void **state)
{
    (void)state;
    if (geteuid() != 0 || fix_shell("mkdir '%s.real' && mount --bind '%s.real' '%s' 2>/dev/null",
                                    fix.dir, fix.dir, fix.dir))
        skip();
    lose_and_find(unmount, mount_again);
    unmount();
    fix_shell("rm -rf '%s.real'", fix.dir);
}

static void test_volume__another_disk_in_its_place(void **state)
{
    (void)state;
    struct store *other;
    struct err e = {0};
    fix_open();
    fix_close();
    assert_int_equal(
        fix_shell("echo 00000000-0000-4000-8000-000000000000 > '%s/volume-id'", fix.dir), 0);
    assert_int_equal(store_open(&fix.cfg, &other, &e), E_MISMATCH);
    assert_int_equal(fix_shell("rm '%s/volume-id'", fix.dir), 0);
    assert_int_equal(store_open(&fix.cfg, &other, &e), E_MISMATCH);
    assert_non_null(strstr(e.text, "mounted"));
}

/* A file system of 24 MB, really full; no direct I/O on tmpfs of older kernels either. */
static void test_volume__a_small_disk_is_kept_in_use(void **state)
{
    (void)state;
    struct fix_count count = {0};
    if (geteuid() != 0 || mount("tmpfs", fix.dir, "tmpfs", 0, "size=24m") < 0)
        skip();
    fix.cfg.full_oldest_first = true;
    fix.cfg.reserve_bytes = 4 << 20;
    fix_open();
    int recorded = 0;
    for (int i = 0; i < 60; i++) { /* 60 x 1.2 MB */
        struct mp4_info info = fix_info("cam1", FIX_T0 + i * MINUTE_US);
        struct store_file *sf;
        __atomic_store_n(&fix.clock.wall, info.start_us, __ATOMIC_RELAXED);
        unsigned before = count.ok;
        if (store_file_begin(fix.store, &info, &sf, NULL) < 0) {
            usleep(20000);
            continue;
        }
        for (unsigned s = 0; s < 4; s++)
            (void)fix_append(sf, s, 30000, &count);
        store_file_end(sf, "epoch");
        usleep(25000);
        recorded += count.ok > before;
    }
    assert_true(recorded > 40);
    assert_true(fix_alarmed("retention-shortfall"));
    FIX_WAIT(indexed());
    fix_close();
    fix_read_rows(&rows);
    assert_true(rows.n > 4);
    for (size_t i = 1; i < rows.n; i++) /* what is left is the youngest */
        assert_true(rows.r[i].start_us - rows.r[i - 1].start_us <= 20 * MINUTE_US);
    fix_fsck(true, true, NULL);
    assert_int_equal(fix_fsck(false, true, NULL), 0);
    assert_int_equal(umount2(fix.dir, MNT_DETACH), 0);
}

static int teardown(void **state)
{
    store_close(fix.store);
    fix.store = NULL;
    if (geteuid() == 0)
        (void)umount2(fix.dir, MNT_DETACH);
    fix_shell("rm -rf '%s.away' '%s.real'", fix.dir, fix.dir);
    return fix_teardown(state);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fix_setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_volume__records_while_the_database_is_locked),
        T(test_volume__rows_that_were_dropped_are_found_again),
        T(test_volume__moved_away_and_back),
        T(test_volume__unmounted_and_mounted),
        T(test_volume__another_disk_in_its_place),
        T(test_volume__a_small_disk_is_kept_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
