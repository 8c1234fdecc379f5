/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A process is killed while it records, over and over, in one data directory. What done() had
 * confirmed a while before must be in the files; fsck finds nothing that it cannot repair; in every
 * second round the store repairs by itself.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "fixture.h"

enum { ROUNDS = 30, CAMERAS = 6 };
static struct fix_rows rows;

/* Survives the child. */
struct progress {
    _Atomic unsigned confirmed[CAMERAS]; /* fragments of this round */
};
static struct progress *progress;

static void confirm(void *user, struct mp4_fragment *f, int code)
{
    mp4_fragment_free(f);
    if (code >= 0)
        progress->confirmed[(intptr_t)user]++;
}

static void child(int64_t start_us)
{
    struct store_file *sf[CAMERAS];
    char name[16];
    fix_open();
    for (int i = 0; i < CAMERAS; i++) {
        snprintf(name, sizeof(name), "cam%d", i);
        struct mp4_info info = fix_info(name, start_us);
        if (store_file_begin(fix.store, &info, &sf[i], NULL) < 0)
            _exit(1);
    }
    for (unsigned s = 0; s < 1000; s++) {
        for (intptr_t i = 0; i < CAMERAS; i++) {
            const struct mp4_info *info = store_file_info(sf[i]);
            struct mp4_fragment *f = fix_fragment(info, s, 200 + 900 * (size_t)i);
            if (store_file_append(sf[i], f, -1, info->start_us + s * SECOND_US, confirm,
                                  (void *)i) < 0)
                mp4_fragment_free(f);
            if (s % 40 == 39 && i == 0) { /* an epoch ends now and then */
                store_file_end(sf[i], "epoch");
                struct mp4_info next = fix_info("cam0", start_us + (s + 1) * SECOND_US);
                if (store_file_begin(fix.store, &next, &sf[i], NULL) < 0)
                    _exit(1);
            }
        }
        usleep(1500);
    }
    _exit(0);
}

static int64_t frames_of(const char *camera, int64_t from_us)
{
    int64_t n = 0;
    for (size_t i = 0; i < rows.n; i++)
        if (strcmp(rows.r[i].camera, camera) == 0 && rows.r[i].start_us >= from_us)
            n += rows.r[i].frames;
    return n;
}

static pid_t start_one(int64_t start_us)
{
    memset(progress, 0, sizeof(*progress));
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(start_us);
    return pid;
}

static void end_one(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* At some moment, which may be one before the first file. */
static void kill_one(int round, int64_t start_us)
{
    pid_t pid = start_one(start_us);
    usleep(20000 + (unsigned)(round * 7919 % 150) * 1000);
    end_one(pid);
}

static bool cam1_is_recorded(void)
{
    return progress->confirmed[1] > 0;
}

static bool mended(void)
{
    struct store_stats st;
    store_stats(fix.store, &st);
    return st.mending == 0 && st.index_queue == 0;
}

static void test_crash__kill_and_check(void **state)
{
    (void)state;
    struct store_check c;
    progress =
        mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = FIX_T0 + round * HOUR_US;
        kill_one(round, start);
        if (round % 2) {
            fix_open();
            usleep(20000);
            FIX_WAIT(mended());
            fix_close();
            assert_int_equal(fix_fsck(false, round % 6 == 1, &c), 0);
        } else {
            fix_fsck(true, round % 6 == 0, &c);
            assert_int_equal(c.unrepairable, 0);
            assert_int_equal(c.problems, c.repaired);
            assert_int_equal(fix_fsck(false, true, &c), 0);
        }
        fix_read_rows(&rows);
        for (int i = 0; i < CAMERAS; i++) {
            char name[16];
            snprintf(name, sizeof(name), "cam%d", i);
            int64_t have = frames_of(name, start), want = (int64_t)progress->confirmed[i] * FIX_FPS;
            if (have < want)
                fail_msg("round %d: %s has %d frames, %d were confirmed", round, name, (int)have,
                         (int)want);
        }
    }
    munmap(progress, sizeof(*progress));
}

struct gaps {
    struct index_gap g[16];
    size_t n;
};

static int collect_gap(void *user, const struct index_gap *g)
{
    struct gaps *gaps = user;
    if (gaps->n < 16)
        gaps->g[gaps->n++] = *g;
    return 0;
}

static void read_gaps(struct gaps *g)
{
    struct index *ix;
    g->n = 0;
    assert_int_equal(index_sqlite.open(fix.dir, true, &ix, NULL), 0);
    assert_int_equal(index_sqlite.gaps(ix, "cam1", INT64_MIN, INT64_MAX, collect_gap, g, NULL), 0);
    index_sqlite.close(ix);
}

/* @rowless: the recorder died before the rows of its files were written. */
static void check_gap(bool rowless)
{
    static struct gaps gaps;
    struct fix_count count = {0};
    progress =
        mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = start_one(FIX_T0);
    FIX_WAIT(cam1_is_recorded());
    end_one(pid);
    if (rowless)
        assert_int_equal(fix_shell("rm '%s'/lethe.db*", fix.dir), 0);
    fix_open();
    FIX_WAIT(mended());
    fix_record("cam1", FIX_T0 + HOUR_US, 2, 300, "epoch", &count);
    fix_close();
    read_gaps(&gaps);
    assert_int_equal(gaps.n, 1);
    assert_string_equal(gaps.g[0].reason, "crash");
    fix_read_rows(&rows);
    for (size_t i = 0; i < rows.n; i++)
        if (strcmp(rows.r[i].camera, "cam1") == 0 && rows.r[i].start_us == FIX_T0) {
            assert_string_equal(rows.r[i].end_reason, "crash");
            assert_int_equal(rows.r[i].end_us, gaps.g[0].from_us);
        }
    assert_int_equal(gaps.g[0].to_us, FIX_T0 + HOUR_US);
    munmap(progress, sizeof(*progress));
}

static void test_crash__leaves_a_gap_with_a_reason(void **state)
{
    (void)state;
    check_gap(false);
}

static void test_crash__leaves_a_gap_even_without_rows(void **state)
{
    (void)state;
    check_gap(true);
}

/* 250 files that a crash left open; the whole of 2,500 has five seconds (bench/store_bench.c
 * measures that). */
static void test_crash__start_does_not_wait_for_recovery(void **state)
{
    (void)state;
    struct fix_count count = {0};
    char name[16];
    fix_open();
    for (int i = 0; i < 250; i++) {
        snprintf(name, sizeof(name), "cam%d", i);
        fix_record(name, FIX_T0, 2, 300, "epoch", &count);
    }
    fix_close();
    fix_read_rows(&rows);
    struct index *ix;
    assert_int_equal(index_sqlite.open(fix.dir, false, &ix, NULL), 0);
    for (size_t i = 0; i < rows.n; i++) { /* as a crash leaves them: open, no tail, torn */
        struct index_change c[2] = {{.kind = INDEX_DROP_RECORDING, .recording = rows.r[i]},
                                    {.kind = INDEX_PUT_RECORDING, .recording = rows.r[i]}};
        c[1].recording.state = INDEX_OPEN;
        assert_int_equal(index_sqlite.apply(ix, c, 2, NULL), 0);
        char path[400];
        snprintf(path, sizeof(path), "%s/%s", fix.dir, rows.r[i].path);
        assert_int_equal(truncate(path, rows.r[i].bytes - 60), 0);
    }
    index_sqlite.close(ix);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    fix_open();
    clock_gettime(CLOCK_MONOTONIC, &b);
    assert_true((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 1000);
    usleep(50000);
    FIX_WAIT(mended());
    fix_close();
    struct store_check c;
    assert_int_equal(fix_fsck(false, true, &c), 0);
    assert_int_equal(c.rows, 250);
    fix_read_rows(&rows);
    assert_string_equal(rows.r[7].end_reason, "crash");
    assert_int_equal(rows.r[7].frames, 2 * FIX_FPS);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fix_setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(test_crash__kill_and_check),
        T(test_crash__leaves_a_gap_with_a_reason),
        T(test_crash__leaves_a_gap_even_without_rows),
        T(test_crash__start_does_not_wait_for_recovery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
