/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/datadir.h"

static char base[64], data[96];

static mode_t mode_of(const char *name)
{
    char path[200];
    struct stat st;
    snprintf(path, sizeof(path), "%s%s", data, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void test_datadir__first_and_second_run(void **state)
{
    struct err e = {0};
    bool first = false;
    char path[200];
    assert_int_equal(datadir_prepare(data, (uid_t)-1, (gid_t)-1, &first, &e), 0);
    assert_true(first);
    assert_int_equal(mode_of(""), 0700);
    assert_int_equal(mode_of("/run"), 0700);
    snprintf(path, sizeof(path), "%s/lethe.db", data);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(datadir_prepare(data, (uid_t)-1, (gid_t)-1, &first, &e), 0);
    assert_false(first);
}

static void test_datadir__refuses_what_others_may_write(void **state)
{
    struct err e = {0};
    assert_int_equal(datadir_prepare(data, (uid_t)-1, (gid_t)-1, NULL, &e), 0);
    assert_int_equal(chmod(data, 0770), 0);
    assert_int_equal(datadir_prepare(data, (uid_t)-1, (gid_t)-1, NULL, &e), E_DENIED);
    assert_non_null(strstr(e.text, "chmod 0700"));
    chmod(data, 0700);
}

static void test_datadir__gives_the_first_run_away(void **state)
{
    struct err e = {0};
    struct stat st;
    if (geteuid() != 0)
        skip();
    assert_int_equal(datadir_prepare(data, 65534, 65534, NULL, &e), 0);
    assert_int_equal(stat(data, &st), 0);
    assert_int_equal(st.st_uid, 65534);
}

/* Exit code of another process that tries to take the lock. */
static int lock_elsewhere(long long wait_us)
{
    pid_t pid = fork();
    if (pid == 0) {
        int fd;
        struct err e = {0};
        int r = datadir_lock(data, wait_us, &fd, &e);
        _exit(r == 0 ? 0 : r == E_BUSY && strstr(e.text, "in use by process") ? 1 : 2);
    }
    int status;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

static void test_datadir__one_instance(void **state)
{
    struct err e = {0};
    int fd;
    assert_int_equal(datadir_prepare(data, (uid_t)-1, (gid_t)-1, NULL, &e), 0);
    assert_int_equal(datadir_lock(data, 0, &fd, &e), 0);
    assert_int_equal(lock_elsewhere(300000), 1); /* we live: no use to wait */
    close(fd);
    assert_int_equal(lock_elsewhere(0), 0);
}

/* The holder is dead, but a child of it has the descriptor and ends after a while. */
static void test_datadir__waits_for_the_last_child(void **state)
{
    struct err e = {0};
    assert_int_equal(datadir_prepare(data, (uid_t)-1, (gid_t)-1, NULL, &e), 0);
    pid_t holder = fork();
    if (holder == 0) {
        int fd;
        if (datadir_lock(data, 0, &fd, &e) < 0)
            _exit(1);
        if (fork() == 0)
            usleep(400000); /* still closing files */
        _exit(0);
    }
    int status;
    waitpid(holder, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(lock_elsewhere(0), 1);
    assert_int_equal(lock_elsewhere(5000000), 0);
}

static void test_datadir__write_run_replaces_whole_files(void **state)
{
    struct err e = {0};
    char path[200], text[16] = "";
    assert_int_equal(datadir_prepare(data, (uid_t)-1, (gid_t)-1, NULL, &e), 0);
    assert_int_equal(datadir_write_run(data, "x.json", "longer", 6, &e), 0);
    assert_int_equal(datadir_write_run(data, "x.json", "{}", 2, &e), 0);
    snprintf(path, sizeof(path), "%s/run/x.json", data);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof(text)), 2);
    close(fd);
    assert_int_equal(datadir_write_run("/nonexistent", "x", "", 0, &e), -ENOENT);
}

static int set_up(void **state)
{
    snprintf(base, sizeof(base), "/var/tmp/lethe-datadir-XXXXXX");
    if (!mkdtemp(base))
        return -1;
    snprintf(data, sizeof(data), "%s/a/data", base);
    return 0;
}

static int tear_down(void **state)
{
    char command[100];
    snprintf(command, sizeof(command), "rm -rf %s", base);
    return system(command);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_datadir__first_and_second_run),
        CASE(test_datadir__refuses_what_others_may_write),
        CASE(test_datadir__gives_the_first_run_away),
        CASE(test_datadir__one_instance),
        CASE(test_datadir__waits_for_the_last_child),
        CASE(test_datadir__write_run_replaces_whole_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
