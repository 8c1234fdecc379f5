/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "serve/sd_notify.h"

static int receiver(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    memcpy(a.sun_path, name, n);
    if (name[0] == '@')
        a.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
                     0);
    return fd;
}

static void check_arrives(const char *name)
{
    char text[100] = "";
    int fd = receiver(name);
    setenv("NOTIFY_SOCKET", name, 1);
    assert_int_equal(sd_notify_send("READY=1\nSTATUS=fine"), 1);
    assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(text, "READY=1\nSTATUS=fine");
    close(fd);
}

static void test_sd_notify__arrives(void **state)
{
    char path[64], abstract[64];
    snprintf(path, sizeof(path), "/tmp/lethe-notify-%d", (int)getpid());
    snprintf(abstract, sizeof(abstract), "@lethe-notify-%d", (int)getpid());
    check_arrives(path);
    unlink(path);
    check_arrives(abstract);
}

static void test_sd_notify__nobody_listens(void **state)
{
    char path[300];
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(sd_notify_send("READY=1"), 0);
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(sd_notify_send("READY=1"), 0);
    setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
    assert_int_equal(sd_notify_send("READY=1"), -ENOENT);
    memset(path, 'a', sizeof(path));
    path[0] = '/', path[sizeof(path) - 1] = 0;
    setenv("NOTIFY_SOCKET", path, 1);
    assert_int_equal(sd_notify_send("READY=1"), E_RANGE);
}

static void test_sd_notify__watchdog(void **state)
{
    static const struct {
        const char *usec, *pid;
        int64_t want;
    } cases[] = {
        {NULL, NULL, 0},
        {"30000000", NULL, 30000000},
        {"30000000", "1", 0},
        {"0", NULL, 0},
        {"-5", NULL, 0},
        {"12x", NULL, 0},
        {"99999999999999999999", NULL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsetenv("WATCHDOG_USEC"), unsetenv("WATCHDOG_PID");
        if (cases[i].usec)
            setenv("WATCHDOG_USEC", cases[i].usec, 1);
        if (cases[i].pid)
            setenv("WATCHDOG_PID", cases[i].pid, 1);
        assert_int_equal(sd_notify_watchdog_us(), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sd_notify__arrives),
        cmocka_unit_test(test_sd_notify__nobody_listens),
        cmocka_unit_test(test_sd_notify__watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
