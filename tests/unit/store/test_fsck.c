/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Everything that can be wrong is found, named, and repaired if it can be. */
#include <openssl/sha.h>
#include <pthread.h>

#include "fixture.h"

#define FIRST "recordings/cam1/2026-11-24/100000Z-sealed.mp4"
static struct fix_rows rows;
static char said[4096];

static void hear(void *user, const char *text)
{
    (void)user;
    size_t n = strlen(said);
    snprintf(said + n, sizeof(said) - n, "%s\n", text);
    fix_line(NULL, text);
}

static struct store_check check(bool repair, bool verify)
{
    struct store_check c = {0};
    struct err e = {0};
    said[0] = '\0';
    int err = store_fsck(fix.dir, &index_sqlite, repair, verify, hear, NULL, &c, &e);
    if (err < 0)
        fail_msg("fsck: %s", err_str(&e, err));
    return c;
}

static void record_two(void)
{
    struct fix_count count = {0};
    fix_open();
    fix_record("cam1", FIX_T0, 3, 500, "epoch", &count);
    fix_record("cam2", FIX_T0, 3, 500, "epoch", &count);
    fix_close();
    assert_int_equal(check(false, true).problems, 0);
}

static void change_row(int kind, const char *path, enum index_state state, int64_t more_bytes)
{
    struct index *ix;
    struct index_change c[2] = {{.kind = INDEX_DROP_RECORDING}, {.kind = kind}};
    assert_int_equal(index_sqlite.open(fix.dir, false, &ix, NULL), 0);
    assert_int_equal(index_sqlite.find(ix, path, &c[1].recording), 0);
    c[0].recording = c[1].recording;
    c[1].recording.state = state;
    c[1].recording.bytes += more_bytes;
    bool only_change = kind == INDEX_GARBAGE_RECORDING || kind == INDEX_DROP_RECORDING;
    assert_int_equal(index_sqlite.apply(ix, c + only_change, only_change ? 1 : 2, NULL), 0);
    index_sqlite.close(ix);
}

static void shell_missing(void)
{
    fix_shell("rm '%s/" FIRST "'", fix.dir);
}
static void shell_torn(void)
{
    change_row(INDEX_PUT_RECORDING, FIRST, INDEX_OPEN, 0);
    fix_shell("truncate -s -600 '%s/" FIRST "'", fix.dir);
}
static void shell_cut_in_the_middle(void)
{
    fix_shell("truncate -s 30000 '%s/" FIRST "'", fix.dir);
}
static void shell_no_row(void)
{
    change_row(INDEX_DROP_RECORDING, FIRST, INDEX_CLOSED, 0);
}
static void shell_garbage(void)
{
    change_row(INDEX_GARBAGE_RECORDING, FIRST, INDEX_CLOSED, 0);
}
static void shell_wrong_size(void)
{
    change_row(INDEX_PUT_RECORDING, FIRST, INDEX_CLOSED, 77);
}
static void shell_row_open(void)
{
    change_row(INDEX_PUT_RECORDING, FIRST, INDEX_OPEN, 0);
}
static void shell_empty_file(void)
{
    fix_shell("touch '%s/recordings/cam1/2026-11-24/120000Z-sealed.mp4'", fix.dir);
}
static void shell_index_gone(void)
{
    fix_shell("rm '%s'/lethe.db*", fix.dir);
}

static void test_fsck__finds_and_repairs(void **state)
{
    (void)state;
    static const struct {
        void (*damage)(void);
        const char *word;
        unsigned problems, files_after;
    } table[] = {
        {shell_missing, "missing", 1, 1},
        {shell_torn, "left open", 1, 2},
        {shell_cut_in_the_middle, "cut short", 1, 2},
        {shell_no_row, "has no row", 1, 2},
        {shell_garbage, "deletion", 1, 1},
        {shell_wrong_size, "size", 1, 2},
        {shell_row_open, "row is not", 1, 2},
        {shell_empty_file, "no picture", 1, 2},
        {shell_index_gone, "has no row", 3, 2},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(fix_teardown(NULL), 0);
        assert_int_equal(fix_setup(NULL), 0);
        record_two();
        table[i].damage();
        struct store_check c = check(false, true);
        if (c.problems != table[i].problems || !strstr(said, table[i].word))
            fail_msg("row %zu: %d problems, said: %s", i, (int)c.problems, said);
        c = check(true, true);
        assert_int_equal(c.repaired, table[i].problems);
        assert_int_equal(c.unrepairable, 0);
        c = check(false, true);
        assert_int_equal(c.problems, 0);
        assert_int_equal(c.files, table[i].files_after);
        assert_int_equal(c.rows, table[i].files_after);
    }
}

static void test_fsck__names_what_it_cannot_repair(void **state)
{
    (void)state;
    char path[400];
    record_two();
    snprintf(path, sizeof(path), "%s/" FIRST, fix.dir);
    int fd = open(path, O_RDWR);
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, 22000), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 22000), 1);
    close(fd);
    assert_int_equal(check(false, false).problems, 0); /* nobody read it */
    assert_int_equal(check(true, true).unrepairable, 1);
    assert_non_null(strstr(said, "SHA-256"));
    fix_shell("touch '%s/recordings/cam1/2026-11-24/stranger'", fix.dir);
    assert_int_equal(check(true, false).unrepairable, 1);
}

static void test_fsck__wants_the_shares_of_a_key(void **state)
{
    (void)state;
    struct fix_count count = {0};
    struct mp4_info info = fix_info("cam1", FIX_T0);
    struct store_file *sf;
    /* magic, length 42, key record of 10 bytes, no shares, hash over all before it */
    uint8_t shares[42] = "LETHKEY1\0\0\0\x2a\0\x0a\0\0key record", hash[32];
    SHA256(shares, 26, hash);
    memcpy(shares + 26, hash, 16);
    SHA256(shares + 16, 10, hash);
    memcpy(info.kid, hash, 16);
    fix_open();
    assert_int_equal(store_file_begin(fix.store, &info, &sf, NULL), 0);
    assert_int_equal(fix_append(sf, 0, 500, &count), 0);
    store_file_end(sf, "epoch");
    /* Torn by a crash: its length reaches into the record that comes after the restart. */
    assert_int_equal(store_shares_append(fix.store, FIX_T0, 30, shares, 30, NULL), 0);
    fix_close();
    struct index *ix;
    struct index_change c = {.kind = INDEX_CLOSE_RECORDING};
    assert_int_equal(index_sqlite.open(fix.dir, false, &ix, NULL), 0);
    assert_int_equal(index_sqlite.find(ix, FIRST, &c.recording), 0);
    index_sqlite.close(ix);
    assert_memory_equal(c.recording.kid, info.kid, 16);
    assert_int_equal(check(true, false).unrepairable, 1);
    assert_non_null(strstr(said, "nobody can open"));
    fix_open();
    assert_int_equal(store_shares_append(fix.store, FIX_T0, 30, shares, sizeof(shares), NULL), 0);
    fix_close();
    assert_int_equal(check(false, false).problems, 0);
}

static int count_row(void *user, const struct index_recording *r)
{
    (void)r;
    ++*(int *)user;
    return 0;
}

static int count_entry(void *user, const struct index_outbox *o)
{
    (void)o;
    ++*(int *)user;
    return 0;
}

static int count_camera(void *user, const struct index_camera *c)
{
    (void)c;
    ++*(int *)user;
    return 0;
}

static void test_fsck__reindex_makes_the_same_rows(void **state)
{
    (void)state;
    struct fix_count count = {0};
    static struct fix_rows before;
    struct store_check c;
    struct index *ix;
    struct index_camera cam = {.id = "cam1", .main_url = "rtsp://u:p@h/", .enabled = true};
    int cameras = 0, waiting = 0, entries = 0;
    fix_open();
    for (int i = 0; i < 20; i++)
        fix_record(i % 2 ? "cam1" : "cam2", FIX_T0 + i * FIX_EPOCH, 3, 200, "epoch", &count);
    fix_close();
    assert_int_equal(index_sqlite.open(fix.dir, false, &ix, NULL), 0);
    assert_int_equal(index_sqlite.camera_put(ix, &cam, 1, false, NULL), 0);
    struct index_change listed = {.kind = INDEX_LISTED};
    assert_int_equal(index_sqlite.unlisted(ix, count_row, &waiting, &listed.listed, NULL), 0);
    assert_int_equal(waiting, 20);
    listed.listed -= 5;
    assert_int_equal(index_sqlite.apply(ix, &listed, 1, NULL), 0);
    index_sqlite.close(ix);
    fix_read_rows(&before);
    assert_int_equal(store_reindex(fix.dir, &index_sqlite, NULL, NULL, &c, NULL), 0);
    assert_int_equal(c.rows, 20);
    fix_read_rows(&rows);
    assert_int_equal(rows.n, before.n);
    for (size_t i = 0; i < rows.n; i++) {
        rows.r[i].id = before.r[i].id;
        assert_memory_equal(&rows.r[i], &before.r[i], sizeof(rows.r[i]));
    }
    assert_int_equal(index_sqlite.open(fix.dir, true, &ix, NULL), 0);
    assert_int_equal(index_sqlite.cameras(ix, count_camera, &cameras, NULL), 0);
    waiting = 0;
    assert_int_equal(index_sqlite.unlisted(ix, count_row, &waiting, &listed.listed, NULL), 0);
    assert_int_equal(waiting, 5); /* what the log was told of is not told again */
    assert_int_equal(index_sqlite.outbox(ix, 10, count_entry, &entries, NULL), 0);
    assert_int_equal(entries, 1);
    index_sqlite.close(ix);
    assert_int_equal(cameras, 1);
    assert_int_equal(check(false, true).problems, 0);
    fix_open(); /* and the recorder takes it */
    fix_close();
}

static void test_fsck__a_damaged_database_is_said_and_made_anew(void **state)
{
    (void)state;
    struct store_check c;
    struct store *s;
    struct err e = {0};
    record_two();
    fix_shell("rm -f '%s'/lethe.db-*; head -c 20000 /dev/urandom > '%s/lethe.db'", fix.dir,
              fix.dir);
    assert_int_equal(check(false, false).problems, 1);
    assert_non_null(strstr(said, "reindex"));
    assert_int_equal(store_open(&fix.cfg, &s, &e), E_CORRUPT);
    assert_int_equal(store_reindex(fix.dir, &index_sqlite, NULL, NULL, &c, NULL), 0);
    assert_int_equal(c.rows, 2);
    assert_int_equal(check(false, true).problems, 0);
}

static void test_fsck__refuses_a_directory_in_use(void **state)
{
    (void)state;
    struct store_check c;
    fix_open();
    assert_int_equal(store_fsck(fix.dir, &index_sqlite, false, false, NULL, NULL, &c, NULL),
                     E_BUSY);
    assert_int_equal(store_reindex(fix.dir, &index_sqlite, NULL, NULL, &c, NULL), E_BUSY);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fix_setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(test_fsck__finds_and_repairs),
        T(test_fsck__names_what_it_cannot_repair),
        T(test_fsck__wants_the_shares_of_a_key),
        T(test_fsck__reindex_makes_the_same_rows),
        T(test_fsck__a_damaged_database_is_said_and_made_anew),
        T(test_fsck__refuses_a_directory_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
