/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The supervisor runs in a process of its own, its children are shell scripts, and it tells us each change by a pipe. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "serve/supervisor.h"

#define NOTE_ROLES 4
struct note {
    struct supervisor_state states[NOTE_ROLES];
    bool ready, stopping;
    int64_t at_us;
};

static struct {
    pid_t pid;
    int fd;
} running;

static void tell(void *user, const struct supervisor_state *states, int count, bool ready,
                 bool stopping)
{
    struct note n = {.ready = ready, .stopping = stopping, .at_us = clock_mono_us(&clock_system)};
    memcpy(n.states, states, sizeof(*states) * (size_t)count);
    if (write(*(int *)user, &n, sizeof(n)) != sizeof(n))
        _exit(99);
}

/* A role whose program is `sh -c script`: the name takes the place of "-c". */
#define SCRIPT(text)                                                                               \
    (const char *const[])                                                                          \
    {                                                                                              \
        text, NULL                                                                                 \
    }
#define ROLE(script, needed, stop)                                                                 \
    {                                                                                              \
        .name = "-c", .args = SCRIPT(script), .essential = needed, .stop_ms = stop                 \
    }

static void begin(const struct supervisor_role *roles, int count, struct supervisor_times times,
                  const char *program)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    running.pid = fork();
    if (running.pid == 0) {
        const struct supervisor_options o = {.program = program,
                                             .roles = roles,
                                             .role_count = count,
                                             .times = times,
                                             .changed = tell,
                                             .user = &fds[1]};
        struct err e = {0};
        log_set_level(0);
        close(fds[0]);
        int r = supervisor_run(&o, &e);
        _exit(r == 0 ? 0 : r == E_TIMEOUT ? 1 : 2);
    }
    close(fds[1]);
    running.fd = fds[0];
}

/* Next change; false when the supervisor has ended. */
static bool next(struct note *n)
{
    struct pollfd p = {.fd = running.fd, .events = POLLIN};
    if (poll(&p, 1, 15000) != 1)
        fail_msg("the supervisor says nothing more");
    return read(running.fd, n, sizeof(*n)) == sizeof(*n);
}

static struct note wait_phase(int child, enum supervisor_phase phase)
{
    struct note n;
    while (next(&n))
        if (n.states[child].phase == phase)
            return n;
    fail_msg("the supervisor ended before child %d was %s", child, supervisor_phase_name(phase));
    return n;
}

static int end(void)
{
    struct note n;
    int status;
    while (next(&n))
        ;
    close(running.fd);
    assert_int_equal(waitpid(running.pid, &status, 0), running.pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define OBEDIENT "trap 'exit 0' TERM; while :; do printf . >&3; sleep 0.05; done"

static void test_supervisor__ready_then_stops_in_order(void **state)
{
    const struct supervisor_role roles[] = {ROLE(OBEDIENT, true, 5000),
                                            ROLE(OBEDIENT, false, 5000)};
    begin(roles, 2, (struct supervisor_times){0}, "/bin/sh");
    struct note n = wait_phase(0, SUPERVISOR_UP);
    assert_true(n.ready);
    while (n.states[1].phase != SUPERVISOR_UP)
        assert_true(next(&n));
    kill(running.pid, SIGTERM);
    n = wait_phase(1, SUPERVISOR_STOPPING);
    assert_true(n.stopping);
    assert_int_equal(n.states[0].phase, SUPERVISOR_UP);
    n = wait_phase(0, SUPERVISOR_STOPPING);
    assert_int_equal(n.states[1].phase, SUPERVISOR_DONE);
    assert_int_equal(end(), 0);
}

/* The second child ends with the first, as a masker does when the recorder hangs up: that is no death then. */
static void test_supervisor__end_before_ones_turn_is_no_death(void **state)
{
    char name[] = "/tmp/lethe-turn-XXXXXX", first[200], second[200];
    int fd = mkstemp(name);
    snprintf(first, sizeof(first), "while [ -e %s ]; do printf . >&3; sleep 0.05; done", name);
    snprintf(second, sizeof(second),
             "trap 'rm %s; sleep 1; exit 0' TERM; while :; do printf . >&3; sleep 0.05; done",
             name);
    const struct supervisor_role roles[] = {ROLE(first, true, 5000), ROLE(second, false, 5000)};
    close(fd);
    begin(roles, 2, (struct supervisor_times){0}, "/bin/sh");
    struct note n = wait_phase(0, SUPERVISOR_UP);
    while (n.states[1].phase != SUPERVISOR_UP)
        assert_true(next(&n));
    kill(running.pid, SIGTERM);
    n = wait_phase(0, SUPERVISOR_DONE);
    assert_int_equal(n.states[1].phase, SUPERVISOR_STOPPING);
    assert_int_equal(n.states[0].restarts, 0);
    assert_int_equal(end(), 0);
}

static void test_supervisor__restarts_with_growing_pauses(void **state)
{
    static const int want[] = {50, 100, 200, 300, 300};
    const struct supervisor_role roles[] = {ROLE("kill -SEGV $$", true, 1000)};
    begin(roles, 1, (struct supervisor_times){.backoff_min = 50, .backoff_max = 300}, "/bin/sh");
    int64_t died = 0;
    for (int i = 0; i < 5; i++) {
        struct note n = wait_phase(0, SUPERVISOR_PAUSING);
        assert_string_equal(n.states[0].death, "was killed by SIGSEGV");
        assert_int_equal(n.states[0].pause_ms, want[i]);
        assert_int_equal(n.states[0].restarts, i);
        assert_false(n.ready);
        if (died)
            assert_true(n.at_us - died >= want[i - 1] * 1000 - 2000);
        died = n.at_us;
    }
    kill(running.pid, SIGINT);
    assert_int_equal(end(), 0);
}

static void test_supervisor__pause_is_short_again_after_a_long_life(void **state)
{
    const struct supervisor_role roles[] = {ROLE("sleep 0.2; exit 3", true, 1000)};
    begin(roles, 1,
          (struct supervisor_times){.backoff_min = 20, .backoff_max = 300, .backoff_reset = 100},
          "/bin/sh");
    for (int i = 0; i < 3; i++) {
        struct note n = wait_phase(0, SUPERVISOR_PAUSING);
        assert_string_equal(n.states[0].death, "ended with exit code 3");
        assert_int_equal(n.states[0].pause_ms, 20);
    }
    kill(running.pid, SIGTERM);
    assert_int_equal(end(), 0);
}

/* It beats once, then stops itself: neither SIGTERM nor SIGABRT reaches a stopped process without SIGCONT. */
static void test_supervisor__aborts_what_has_stopped_beating(void **state)
{
    const struct supervisor_role roles[] = {
        ROLE("printf . >&3; kill -STOP $$; sleep 10", true, 1000)};
    begin(roles, 1, (struct supervisor_times){.heartbeat = 1000, .abort = 1000}, "/bin/sh");
    struct note up = wait_phase(0, SUPERVISOR_UP), n = wait_phase(0, SUPERVISOR_PAUSING);
    assert_string_equal(n.states[0].death,
                        "gave no sign of life for 1 s and was aborted (SIGABRT)");
    assert_in_range(n.at_us - up.at_us, 900000, 3000000);
    kill(running.pid, SIGTERM);
    end();
}

static void test_supervisor__kills_what_ignores_the_abort(void **state)
{
    const struct supervisor_role roles[] = {
        ROLE("trap '' ABRT TERM; while :; do sleep 0.1; done", true, 1000)};
    begin(roles, 1, (struct supervisor_times){.start = 1000, .abort = 300}, "/bin/sh");
    struct note n = wait_phase(0, SUPERVISOR_PAUSING);
    assert_string_equal(n.states[0].death,
                        "gave no sign of life for 1 s and was aborted (SIGKILL)");
    kill(running.pid, SIGTERM);
    end();
}

static void test_supervisor__kills_what_does_not_stop(void **state)
{
    const struct supervisor_role roles[] = {
        ROLE("trap '' TERM; printf . >&3; while :; do sleep 0.1; done", true, 400)};
    begin(roles, 1, (struct supervisor_times){0}, "/bin/sh");
    struct note up = wait_phase(0, SUPERVISOR_UP);
    kill(running.pid, SIGTERM);
    struct note n = wait_phase(0, SUPERVISOR_DONE);
    assert_in_range(n.at_us - up.at_us, 350000, 3000000);
    assert_int_equal(end(), 1);
}

static void test_supervisor__second_signal_kills(void **state)
{
    const struct supervisor_role roles[] = {
        ROLE("trap '' TERM; printf . >&3; while :; do sleep 0.1; done", true, 60000)};
    begin(roles, 1, (struct supervisor_times){0}, "/bin/sh");
    wait_phase(0, SUPERVISOR_UP);
    kill(running.pid, SIGINT);
    wait_phase(0, SUPERVISOR_STOPPING);
    kill(running.pid, SIGINT); /* the same key press, seen twice */
    struct pollfd p = {.fd = running.fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 500), 0);
    usleep(700000);
    kill(running.pid, SIGINT);
    assert_int_equal(end(), 1);
}

static void test_supervisor__program_that_does_not_exist(void **state)
{
    const struct supervisor_role roles[] = {ROLE("", true, 1000)};
    begin(roles, 1, (struct supervisor_times){.backoff_min = 10}, "/nonexistent/program");
    struct note n = wait_phase(0, SUPERVISOR_PAUSING);
    assert_string_equal(n.states[0].death, "could not be started: no such file or directory");
    n = wait_phase(0, SUPERVISOR_PAUSING);
    assert_int_equal(n.states[0].restarts, 1);
    kill(running.pid, SIGTERM);
    assert_int_equal(end(), 0);
}

/* What is addressed to the supervisor stays with it; what is given arrives; nothing else is open. */
static void test_supervisor__child_gets_what_it_should(void **state)
{
    int fds[2];
    char said[200] = "";
    assert_int_equal(pipe(fds), 0);
    setenv("NOTIFY_SOCKET", "/nonexistent", 1), setenv("WATCHDOG_USEC", "0", 1),
        setenv("LETHE_TEST", "kept", 1);
    struct supervisor_role role = ROLE(
        "for f in 3 4 5 6 7 8 9; do (: >&$f) 2>/dev/null && open=$open$f; done;"
        "echo \"$NOTIFY_SOCKET|$WATCHDOG_USEC|$LETHE_TEST|$open\" >&4; printf . >&3; exec sleep 30",
        true, 1000);
    role.fds[0] = fds[1], role.fd_count = 1;
    begin(&role, 1, (struct supervisor_times){0}, "/bin/sh");
    wait_phase(0, SUPERVISOR_UP);
    assert_true(read(fds[0], said, sizeof(said) - 1) > 0);
    assert_string_equal(said, "||kept|34\n");
    kill(running.pid, SIGTERM);
    end();
    close(fds[0]), close(fds[1]);
    unsetenv("NOTIFY_SOCKET"), unsetenv("WATCHDOG_USEC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_supervisor__ready_then_stops_in_order),
        cmocka_unit_test(test_supervisor__restarts_with_growing_pauses),
        cmocka_unit_test(test_supervisor__pause_is_short_again_after_a_long_life),
        cmocka_unit_test(test_supervisor__aborts_what_has_stopped_beating),
        cmocka_unit_test(test_supervisor__kills_what_ignores_the_abort),
        cmocka_unit_test(test_supervisor__kills_what_does_not_stop),
        cmocka_unit_test(test_supervisor__end_before_ones_turn_is_no_death),
        cmocka_unit_test(test_supervisor__second_signal_kills),
        cmocka_unit_test(test_supervisor__program_that_does_not_exist),
        cmocka_unit_test(test_supervisor__child_gets_what_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
