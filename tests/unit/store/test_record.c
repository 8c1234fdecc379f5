/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Recordings as the recorder makes them, without faults. */
#include <pthread.h>

#include "fixture.h"

static struct fix_rows rows;

static void test_record__writes_a_readable_file_and_its_row(void **state)
{
    (void)state;
    struct fix_count count = {0};
    fix_open();
    fix_record("cam1", FIX_T0 + 250000, 5, 2000, "epoch", &count);
    fix_close();
    assert_int_equal(count.ok, 5);
    fix_read_rows(&rows);
    assert_int_equal(rows.n, 1);
    const struct index_recording *r = &rows.r[0];
    assert_string_equal(r->path, "recordings/cam1/2026-11-24/100000Z-sealed.mp4");
    assert_string_equal(r->end_reason, "epoch");
    assert_int_equal(r->state, INDEX_CLOSED);
    assert_int_equal(r->frames, 50);
    assert_int_equal(r->end_us - r->start_us, 5 * SECOND_US);

    char path[400];
    struct stat st;
    struct mp4_reader *reader;
    snprintf(path, sizeof(path), "%s/%s", fix.dir, r->path);
    int fd = open(path, O_RDONLY);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, r->bytes);
    assert_true(st.st_blocks * 512 <
                st.st_size + (64 << 10)); /* what was preallocated is given back */
    assert_int_equal(mp4_reader_open(fd, &reader, NULL), 0);
    assert_true(mp4_reader_closed(reader));
    assert_int_equal(mp4_reader_fragments(reader), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(mp4_reader_verify(reader, i, NULL), 0);
    mp4_reader_close(reader);
    close(fd);
}

static void test_record__keeps_names_apart(void **state)
{
    (void)state;
    struct fix_count count = {0};
    fix_open();
    for (int i = 0; i < 4; i++) /* the camera comes back within the second */
        fix_record("cam1", FIX_T0 + i * 100000, 1, 500, "stream-lost", &count);
    fix_close();
    fix_read_rows(&rows);
    assert_int_equal(rows.n, 4);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(rows.r[i].path, rows.r[k].path);
    assert_int_equal(fix_fsck(false, true, NULL), 0);
}

static void test_record__refuses_names_that_leave_the_directory(void **state)
{
    (void)state;
    static const char *const names[] = {"../x", "", "a/b", ".hidden", "UPPER", "-dash", "a b"};
    struct store_file *sf;
    fix_open();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct mp4_info info = fix_info("x", FIX_T0);
        snprintf(info.camera, sizeof(info.camera), "%s", names[i]);
        assert_int_equal(store_file_begin(fix.store, &info, &sf, NULL), E_SYNTAX);
    }
}

static void test_record__leaves_nothing_of_an_empty_recording(void **state)
{
    (void)state;
    struct fix_count count = {0};
    fix_open();
    fix_record("cam1", FIX_T0, 0, 0, "stream-lost", &count);
    fix_close();
    fix_read_rows(&rows);
    assert_int_equal(rows.n, 0);
    struct store_check c;
    assert_int_equal(fix_fsck(false, false, &c), 0);
    assert_int_equal(c.files, 0);
}

static void test_record__closes_what_is_open_at_shutdown(void **state)
{
    (void)state;
    struct fix_count count = {0};
    struct mp4_info info = fix_info("cam1", FIX_T0);
    struct store_file *sf;
    fix_open();
    assert_int_equal(store_file_begin(fix.store, &info, &sf, NULL), 0);
    assert_int_equal(fix_append(sf, 0, 3000, &count), 0);
    fix_close();
    fix_read_rows(&rows);
    assert_int_equal(rows.n, 1);
    assert_string_equal(rows.r[0].end_reason, "shutdown");
}

static void test_record__many_files_at_once(void **state)
{
    (void)state;
    enum { N = 120, SECONDS = 6 };
    static struct store_file *sf[N];
    struct fix_count count = {0};
    char name[16];
    fix_open();
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "cam%d", i);
        struct mp4_info info = fix_info(name, FIX_T0);
        assert_int_equal(store_file_begin(fix.store, &info, &sf[i], NULL), 0);
    }
    for (unsigned s = 0; s < SECONDS; s++)
        for (int i = 0; i < N; i++)
            assert_int_equal(fix_append(sf[i], s, 700, &count), 0);
    for (int i = 0; i < N; i++)
        store_file_end(sf[i], "epoch");
    fix_close();
    assert_int_equal(count.ok, N * SECONDS);
    fix_read_rows(&rows);
    assert_int_equal(rows.n, N);
    struct store_check c;
    assert_int_equal(fix_fsck(false, true, &c),
                     0); /* sequence and offsets are in order, or the hashes would differ */
    assert_int_equal(c.files, N);
    assert_int_equal(fix.alarms, 0);
}

/* done() blocks here, so that the queue fills. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void gated(void *user, struct mp4_fragment *f, int code)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    fix_done(user, f, code);
}

static void test_record__a_full_queue_is_said(void **state)
{
    (void)state;
    struct fix_count count = {0};
    struct mp4_info info = fix_info("cam1", FIX_T0);
    struct store_file *sf;
    int err = 0;
    fix.cfg.queue_bytes = 200000;
    fix_open();
    assert_int_equal(store_file_begin(fix.store, &info, &sf, NULL), 0);
    pthread_mutex_lock(&gate);
    unsigned n = 0;
    for (; n < 100 && err == 0; n++) {
        struct mp4_fragment *f = fix_fragment(&info, n, 2000);
        err = store_file_append(sf, f, -1, FIX_T0 + n * SECOND_US, gated, &count);
        if (err < 0)
            mp4_fragment_free(f);
    }
    pthread_mutex_unlock(&gate);
    assert_int_equal(err, E_FULL);
    assert_true(fix_alarmed("disk-slow"));
    FIX_WAIT(count.ok == n - 1);
    assert_int_equal(fix_append(sf, n, 2000, &count), 0); /* and it goes on */
    store_file_end(sf, "epoch");
    fix_close();
    assert_int_equal(count.ok, n);
}

static void test_record__two_stores_do_not_share_a_directory(void **state)
{
    (void)state;
    struct store *other;
    struct err e;
    fix_open();
    assert_int_equal(store_open(&fix.cfg, &other, &e), E_BUSY);
}

static void test_record__private_modes(void **state)
{
    (void)state;
    static const char *const names[] = {"lethe.db", "lethe.db-wal", "volume-id"};
    struct fix_count count = {0};
    char path[400];
    struct stat st;
    fix_open();
    fix_record("cam1", FIX_T0, 1, 500, "epoch", &count);
    FIX_WAIT(count.ok == 1);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", fix.dir, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    snprintf(path, sizeof(path), "%s/recordings/cam1/2026-11-24/100000Z-sealed.mp4", fix.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_record__shares_are_appended(void **state)
{
    (void)state;
    char path[400], rel[INDEX_PATH], text[16] = "";
    fix_open();
    assert_int_equal(store_shares_append(fix.store, FIX_T0, 30, (const uint8_t *)"abc", 3, NULL),
                     0);
    assert_int_equal(store_shares_append(fix.store, FIX_T0, 30, (const uint8_t *)"defg", 4, NULL),
                     0);
    assert_int_equal(store_shares_path(FIX_T0, 30, rel), 0);
    assert_string_equal(rel, "keys/2026-11-24/1000Z-30d.shares");
    snprintf(path, sizeof(path), "%s/%s", fix.dir, rel);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof(text)), 7);
    assert_string_equal(text, "abcdefg");
    close(fd);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fix_setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(test_record__writes_a_readable_file_and_its_row),
        T(test_record__keeps_names_apart),
        T(test_record__refuses_names_that_leave_the_directory),
        T(test_record__leaves_nothing_of_an_empty_recording),
        T(test_record__closes_what_is_open_at_shutdown),
        T(test_record__many_files_at_once),
        T(test_record__a_full_queue_is_said),
        T(test_record__two_stores_do_not_share_a_directory),
        T(test_record__private_modes),
        T(test_record__shares_are_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
