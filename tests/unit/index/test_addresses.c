/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The cameras' addresses are in a file of their own: others read the index without them, and without writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "index/index.h"
#include "serve/sandbox.h"

#define SECRET "geheim-wort"

static const struct index_ops *const ops = &index_sqlite;
static char dir[64];

static int setup(void **state)
{
    char path[80];
    snprintf(dir, sizeof(dir), "/var/tmp/lethe-index-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/run", dir);
    return mkdir(path, 0700);
}

static int teardown(void **state)
{
    char cmd[128];
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
    return system(cmd);
}

static struct index *open_writer(void)
{
    struct index *ix = NULL;
    struct err e = {0};
    if (ops->open(dir, false, &ix, &e) < 0)
        fail_msg("%s", e.text);
    return ix;
}

static void put_camera(struct index *ix, const char *id)
{
    struct index_camera c = {.enabled = true, .retention_days = 7, .changed_us = 1};
    snprintf(c.id, sizeof(c.id), "%s", id);
    snprintf(c.main_url, sizeof(c.main_url), "rtsp://view:" SECRET "@10.0.0.7/%s", id);
    memset(c.pin, 'a', 64);
    assert_int_equal(ops->camera_put(ix, &c, 1, true, NULL), 0);
}

static void put_recording(struct index *ix, int64_t start_us)
{
    struct index_change c = {.kind = INDEX_PUT_RECORDING};
    c.recording.start_us = c.recording.epoch_us = start_us;
    c.recording.end_us = start_us + MINUTE_US;
    c.recording.state = INDEX_CLOSED;
    snprintf(c.recording.camera, sizeof(c.recording.camera), "gate");
    snprintf(c.recording.path, sizeof(c.recording.path), "recordings/gate/%lld",
             (long long)start_us);
    assert_int_equal(ops->apply(ix, &c, 1, NULL), 0);
}

struct seen {
    int cameras, recordings;
    struct index_camera last;
};

static int see_camera(void *user, const struct index_camera *c)
{
    struct seen *s = user;
    s->cameras++;
    s->last = *c;
    return 0;
}

static int see_recording(void *user, const struct index_recording *r)
{
    ++((struct seen *)user)->recordings;
    return 0;
}

static struct seen look(struct index *ix)
{
    struct seen s = {0};
    if (ops->cameras(ix, see_camera, &s, NULL) < 0 ||
        ops->recordings(ix, NULL, -1, INT64_MIN, INT64_MAX, see_recording, &s, NULL) < 0)
        s.cameras = -1;
    return s;
}

/* How often the file holds the text. */
static int holds(const char *name, const char *text)
{
    char path[128];
    static char data[4 << 20];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(data, 1, sizeof(data), f) : 0;
    int found = 0;
    for (char *p = data; n > 0 && (p = memmem(p, n - (size_t)(p - data), text, strlen(text))); p++)
        found++;
    if (f)
        fclose(f);
    return found;
}

static void check_apart(void)
{
    struct stat st;
    char path[128];
    assert_int_equal(holds("lethe.db", SECRET) + holds("lethe.db-wal", SECRET), 0);
    assert_true(holds("cameras.db", SECRET) + holds("cameras.db-wal", SECRET) > 0);
    snprintf(path, sizeof(path), "%s/cameras.db", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_addresses__are_in_a_file_of_their_own(void **state)
{
    struct index *ix = open_writer();
    put_camera(ix, "gate");
    check_apart();
    struct seen s = look(ix);
    assert_string_equal(s.last.main_url, "rtsp://view:" SECRET "@10.0.0.7/gate");
    assert_int_equal(strlen(s.last.pin), 64);
    assert_int_equal(ops->camera_remove(ix, "gate", NULL), 0);
    assert_int_equal(ops->camera_remove(ix, "gate", NULL), E_NOTFOUND);
    ops->close(ix);
    assert_int_equal(holds("cameras.db", SECRET) + holds("cameras.db-wal", SECRET), 0);
}

static void test_addresses__leave_a_database_of_version_1(void **state)
{
    char path[128], *sql = NULL, *message = NULL;
    size_t cap = 0;
    sqlite3 *db;
    FILE *f = fopen("tests/unit/index/schema-1.sql", "r");
    assert_non_null(f);
    assert_true(getdelim(&sql, &cap, 0, f) > 0);
    fclose(f);
    snprintf(path, sizeof(path), "%s/lethe.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    free(sql);
    sqlite3_close(db);
    assert_true(holds("lethe.db", SECRET) > 0);
    struct index *ix = NULL;
    struct err e = {0};
    assert_int_equal(ops->open(dir, true, &ix, &e),
                     E_UNSUPPORTED); /* a reader cannot bring it up to date */
    ix = open_writer();
    check_apart();
    struct seen s = look(ix);
    assert_int_equal(s.cameras, 1);
    assert_int_equal(s.recordings, 1);
    assert_string_equal(s.last.name, "Gate, west");
    assert_string_equal(s.last.main_url, "rtsp://view:" SECRET "@10.0.0.7/1");
    assert_int_equal(s.last.retention_days, 7);
    assert_int_equal(s.last.transport, 1);
    int64_t version = ops->camera_version(ix);
    put_camera(ix, "gate");
    assert_true(ops->camera_version(ix) > version); /* the triggers are there again */
    ops->close(ix);
}

static void test_addresses__survive_the_index(void **state)
{
    char cmd[128];
    struct index *ix = open_writer();
    put_camera(ix, "gate");
    ops->close(ix);
    snprintf(cmd, sizeof(cmd), "rm %s/lethe.db*", dir);
    assert_int_equal(system(cmd), 0);
    ix = open_writer();
    struct seen s = look(ix);
    ops->close(ix);
    assert_int_equal(s.cameras, 1);
    assert_true(s.last.enabled);
    assert_string_equal(s.last.main_url, "rtsp://view:" SECRET "@10.0.0.7/gate");
}

static int hear(void *user, const char *text)
{
    snprintf(user, 200, "%s", text);
    return 0;
}

static void test_addresses__that_are_missing_are_named(void **state)
{
    char said[200] = "", cmd[128];
    struct index *ix = open_writer();
    put_camera(ix, "gate");
    assert_int_equal(ops->check(ix, hear, said, NULL), 0);
    assert_string_equal(said, "");
    ops->close(ix);
    snprintf(cmd, sizeof(cmd), "rm %s/cameras.db*", dir);
    assert_int_equal(system(cmd), 0);
    ix = open_writer();
    assert_int_equal(look(ix).cameras, 1);
    assert_int_equal(ops->check(ix, hear, said, NULL), 0);
    assert_non_null(strstr(said, "camera gate has no address"));
    ops->close(ix);
}

/* What the sandboxed reader has to say: 0, or the number of the line that failed. */
#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x))                                                                                  \
            _exit(__LINE__ % 250 + 1);                                                             \
    } while (0)

static void wait_byte(int fd)
{
    char c;
    MUST(read(fd, &c, 1) == 1);
}

static void reader(int from_parent, int to_parent)
{
    struct sandbox_report report;
    struct index *ix = NULL;
    struct index_change c = {.kind = INDEX_PUT_EVENT};
    char path[128];
    MUST(sandbox_enter(SANDBOX_WEB, dir, NULL, &report, NULL) >= 0);
    snprintf(path, sizeof(path), "%s/cameras.db", dir);
    MUST(open(path, O_RDONLY) < 0);
    MUST(ops->open(dir, true, &ix, NULL) == 0); /* nobody else has it open */
    struct seen s = look(ix);
    MUST(s.cameras == 1 && s.recordings == 1);
    MUST(!s.last.main_url[0] && !s.last.pin[0] && s.last.retention_days == 7);
    MUST(ops->apply(ix, &c, 1, NULL) < 0);
    MUST(write(to_parent, "x", 1) == 1);
    wait_byte(from_parent); /* a writer has opened, written and holds it */
    MUST(look(ix).recordings == 2);
    ops->close(ix);
    MUST(ops->open(dir, true, &ix, NULL) == 0);
    MUST(look(ix).recordings == 2);
    MUST(write(to_parent, "x", 1) == 1);
    wait_byte(from_parent); /* it has written, closed, and another one came */
    MUST(look(ix).recordings == 4);
    ops->close(ix);
    MUST(ops->open(dir, true, &ix, NULL) == 0);
    MUST(look(ix).recordings == 4);
    ops->close(ix);
    _exit(0);
}

static void expect_byte(int fd)
{
    char c;
    if (read(fd, &c, 1) != 1)
        fail_msg("the reader gave up");
}

static void test_addresses__the_web_process_reads_without_them(void **state)
{
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1U) < 4)
        skip();
    int down[2], up[2], status;
    struct index *ix = open_writer();
    put_camera(ix, "gate");
    put_recording(ix, 0);
    ops->close(ix);
    assert_int_equal(pipe(down) | pipe(up), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(down[1]), close(up[0]);
        reader(down[0], up[1]);
    }
    close(down[0]), close(up[1]);
    expect_byte(up[0]);
    ix = open_writer();
    put_recording(ix, DAY_US);
    assert_int_equal(write(down[1], "x", 1), 1);
    expect_byte(up[0]);
    put_recording(ix, 2 * DAY_US);
    ops->close(ix);
    ix = open_writer();
    put_recording(ix, 3 * DAY_US);
    assert_int_equal(write(down[1], "x", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        fail_msg("the reader ended with %#x (line %d of this file, modulo 250)", status,
                 WEXITSTATUS(status) - 1);
    ops->close(ix);
    close(down[1]), close(up[0]);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_addresses__are_in_a_file_of_their_own),
        T(test_addresses__leave_a_database_of_version_1),
        T(test_addresses__survive_the_index),
        T(test_addresses__that_are_missing_are_named),
        T(test_addresses__the_web_process_reads_without_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
