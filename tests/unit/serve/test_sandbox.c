/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Each case forks, enters a role's sandbox and tries one thing. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZER 1
#else
#define SANITIZER 0
#endif

static char data[64], outside[64];

static int result(long r)
{
    return r < 0 ? errno : 0;
}

static int open_as(const char *path, int flags)
{
    return result(open(path, flags, 0600));
}

static int in_data(const char *name, int flags)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", data, name);
    return open_as(path, flags);
}

static int read_log_key(void)
{
    return in_data("log-key/key", O_RDONLY);
}
static int read_log(void)
{
    return in_data("log/checkpoint", O_RDONLY);
}
static int write_log(void)
{
    return in_data("log/checkpoint", O_RDWR);
}
static int write_case(void)
{
    return in_data("cases/order", O_RDWR);
}
static int read_shares(void)
{
    return in_data("keys/shares", O_RDONLY);
}
static int read_data(void)
{
    return in_data("lethe.db", O_RDONLY);
}
static int write_database(void)
{
    return in_data("lethe.db", O_RDWR);
}
static int read_addresses(void)
{
    return in_data("cameras.db", O_RDONLY);
}
static int write_data(void)
{
    return in_data("new", O_CREAT | O_WRONLY);
}
static int read_run(void)
{
    return in_data("run/serve.json", O_RDONLY);
}
static int write_run(void)
{
    return in_data("run/serve.json", O_WRONLY);
}
static int write_accounts(void)
{
    return in_data("web/web.db", O_RDWR | O_CREAT);
}
static int read_recording(void)
{
    return in_data("recordings/a.mp4", O_RDONLY);
}
static int write_recording(void)
{
    return in_data("recordings/a.mp4", O_RDWR);
}
static int read_practice(void)
{
    return in_data("practice/custodian-1.txt", O_RDONLY);
}
static int read_outside(void)
{
    return open_as(outside, O_RDONLY);
}
static int write_outside(void)
{
    return open_as(outside, O_WRONLY);
}
static int read_passwd(void)
{
    return open_as("/etc/passwd", O_RDONLY);
}
static int create_tmp(void)
{
    return open_as("/tmp/lethe-sandbox-escape", O_CREAT | O_WRONLY);
}
static int climb_out(void)
{
    return in_data("run/../../../../etc/passwd", O_RDONLY);
}
static int read_mem(void)
{
    return open_as("/proc/self/mem", O_RDWR);
}

static int do_exec(void)
{
    char name[] = "true";
    char *argv[] = {name, NULL};
    return result(execv("/bin/true", argv));
}
static int do_fork(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return result(pid);
}
static void *nothing(void *arg)
{
    return arg;
}
static int do_thread(void)
{
    pthread_t t;
    int r = pthread_create(&t, NULL, nothing, NULL);
    return r ? r : pthread_join(t, NULL);
}
static int do_ptrace(void)
{
    return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}
static int do_unshare(void)
{
    return result(unshare(CLONE_NEWUSER));
}
static int do_setuid(void)
{
    return result(setuid(0));
}
static int do_bpf(void)
{
    return result(syscall(SYS_bpf, 0, NULL, 0));
}
static int do_io_uring(void)
{
    return result(syscall(SYS_io_uring_setup, 1, NULL));
}
static int do_kill_parent(void)
{
    return result(kill(getppid(), 0));
}
static int do_mount(void)
{
    return result(syscall(SYS_mount, NULL, "/", NULL, 0, NULL));
}
static int do_inet(void)
{
    return result(socket(AF_INET, SOCK_STREAM, 0));
}
static int do_unix(void)
{
    return result(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int do_packet(void)
{
    return result(socket(AF_PACKET, SOCK_RAW, 0));
}
static int do_listen(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
        return errno;
    return 0;
}
static int do_udp(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    return fd < 0 ? errno : result(bind(fd, (const struct sockaddr *)&any, sizeof(any)));
}
static int do_write_code(void)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? errno : 0;
}
static int do_turn_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? E_BUG : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}
static int do_mlock(void)
{
    static char page[4096];
    return result(mlock(page, sizeof(page)));
}
static int do_raise_core(void)
{
    return result(setrlimit(RLIMIT_CORE, &(struct rlimit){1, 1}));
}
static int is_bare(void)
{
    struct rlimit core;
    getrlimit(RLIMIT_CORE, &core);
    bool dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0;
    return core.rlim_cur || core.rlim_max || (dumpable && !SANITIZER);
}

#define DEAD (-1) /* killed by SIGSYS */
#define NEEDS_LANDLOCK 1
#define NO_FILE                                                                                    \
    (SANITIZER ? EACCES : EPERM) /* a sanitiser may open files, Landlock then forbids each */
#define NOT_SANITIZED 2          /* a sanitiser needs it, or answers in the kernel's place */

static const struct {
    const char *name;
    int (*try)(void);
    int recorder, web, masker, logger, cosigner, clerk; /* 0: allowed; errno; DEAD */
    int only;
} cases[] = {
    {"read the index", read_data, 0, 0, NO_FILE, EACCES, EACCES, EACCES, NEEDS_LANDLOCK},
    {"write the index", write_database, 0, EACCES, NO_FILE, EACCES, EACCES, EACCES, NEEDS_LANDLOCK},
    {"read the cameras' addresses", read_addresses, 0, EACCES, NO_FILE, EACCES, EACCES, EACCES,
     NEEDS_LANDLOCK},
    {"write into the data directory", write_data, EACCES, EACCES, NO_FILE, EACCES, EACCES, EACCES,
     NEEDS_LANDLOCK},
    {"write the accounts", write_accounts, EACCES, 0, NO_FILE, EACCES, EACCES, EACCES,
     NEEDS_LANDLOCK},
    {"read a recording", read_recording, 0, 0, NO_FILE, EACCES, EACCES, EACCES, NEEDS_LANDLOCK},
    {"write a recording", write_recording, 0, EACCES, NO_FILE, EACCES, EACCES, EACCES,
     NEEDS_LANDLOCK},
    {"read the run directory", read_run, 0, 0, NO_FILE, 0, 0, 0, 0},
    {"write the run directory", write_run, 0, EACCES, NO_FILE, 0, EACCES, 0, NEEDS_LANDLOCK},
    {"read a practice custodian", read_practice, EACCES, EACCES, NO_FILE, EACCES, EACCES, EACCES,
     NEEDS_LANDLOCK},
    {"read a file elsewhere", read_outside, EACCES, EACCES, NO_FILE, EACCES, EACCES, EACCES,
     NEEDS_LANDLOCK},
    {"write a file elsewhere", write_outside, EACCES, EACCES, NO_FILE, EACCES, EACCES, EACCES,
     NEEDS_LANDLOCK},
    {"read /etc/passwd", read_passwd, 0, EACCES, NO_FILE, EACCES, 0, EACCES, NEEDS_LANDLOCK},
    {"create a file in /tmp", create_tmp, EACCES, EACCES, NO_FILE, EACCES, EACCES, EACCES,
     NEEDS_LANDLOCK},
    {"climb out by ..", climb_out, 0, EACCES, NO_FILE, EACCES, 0, EACCES, NEEDS_LANDLOCK},
    {"write own memory through /proc", read_mem, EACCES, EACCES, NO_FILE, EACCES, EACCES, EACCES,
     NEEDS_LANDLOCK},
    {"execute a program", do_exec, DEAD, DEAD, DEAD, DEAD, DEAD, DEAD, 0},
    {"start a process", do_fork, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, NOT_SANITIZED},
    {"start a thread", do_thread, 0, 0, 0, 0, 0, 0, 0},
    {"trace", do_ptrace, DEAD, DEAD, DEAD, DEAD, DEAD, DEAD, NOT_SANITIZED},
    {"make a namespace", do_unshare, DEAD, DEAD, DEAD, DEAD, DEAD, DEAD, 0},
    {"change the user", do_setuid, DEAD, DEAD, DEAD, DEAD, DEAD, DEAD, 0},
    {"load a BPF program", do_bpf, DEAD, DEAD, DEAD, DEAD, DEAD, DEAD, 0},
    {"mount", do_mount, DEAD, DEAD, DEAD, DEAD, DEAD, DEAD, 0},
    {"use io_uring", do_io_uring, ENOSYS, ENOSYS, ENOSYS, ENOSYS, ENOSYS, ENOSYS, 0},
    {"signal another process", do_kill_parent, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM,
     NOT_SANITIZED},
    {"open an internet socket", do_inet, 0, EPERM, EPERM, EPERM, 0, EPERM, 0},
    {"open a unix socket", do_unix, 0, 0, EPERM, 0, 0, 0, 0},
    {"open a packet socket", do_packet, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, 0},
    {"listen on TCP", do_listen, EACCES, EPERM, EPERM, EPERM, EACCES, EPERM, NEEDS_LANDLOCK},
    {"receive UDP", do_udp, 0, EPERM, EPERM, EPERM, 0, EPERM, 0},
    {"map writable code", do_write_code, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, 0},
    {"turn data into code", do_turn_code, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, 0},
    {"lock memory", do_mlock, 0, EPERM, EPERM, 0, 0, 0, NOT_SANITIZED},
    {"allow core dumps again", do_raise_core, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM,
     NOT_SANITIZED},
    {"be without core dumps", is_bare, 0, 0, 0, 0, 0, 0, 0},
    {"read the key of the log", read_log_key, EACCES, EACCES, NO_FILE, 0, EACCES, EACCES,
     NEEDS_LANDLOCK},
    {"read the log", read_log, 0, 0, NO_FILE, 0, 0, 0, NEEDS_LANDLOCK},
    {"write the log", write_log, EACCES, EACCES, NO_FILE, 0, EACCES, EACCES, NEEDS_LANDLOCK},
    {"write a case", write_case, EACCES, EACCES, NO_FILE, EACCES, EACCES, 0, NEEDS_LANDLOCK},
    {"read key shares", read_shares, 0, 0, NO_FILE, EACCES, EACCES, 0, NEEDS_LANDLOCK},
};

/* Wait status of a child that entered the sandbox and tried; 120: the sandbox could not be entered. */
static int try_in_sandbox(enum sandbox_role role, int (*try)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        struct sandbox_report report;
        struct err e = {0};
        if (sandbox_enter(role, data, NULL, &report, &e) < 0) {
            fprintf(stderr, "sandbox: %s\n", e.text);
            _exit(120);
        }
        _exit(try());
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static const char *const role_names[] = {"recorder", "web",      "masker",
                                         "logger",   "cosigner", "clerk"};

static void check(enum sandbox_role role, bool landlock)
{
    int bad = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool by_landlock = cases[i].only & NEEDS_LANDLOCK || (role == SANDBOX_MASKER && SANITIZER);
        if ((by_landlock && !landlock) || (cases[i].only & NOT_SANITIZED && SANITIZER))
            continue;
        const int wants[] = {cases[i].recorder, cases[i].web,      cases[i].masker,
                             cases[i].logger,   cases[i].cosigner, cases[i].clerk};
        int want = wants[role];
        int status = try_in_sandbox(role, cases[i].try);
        int got = WIFSIGNALED(status)
                      ? (WTERMSIG(status) == SIGSYS ? DEAD : -WTERMSIG(status) - 1000)
                      : WEXITSTATUS(status);
        if (got != want) {
            print_error("%s, %s: wanted %d, got %d\n", role_names[role], cases[i].name, want, got);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1U) >= 4;
}

static void test_sandbox__recorder(void **state)
{
    check(SANDBOX_RECORDER, has_landlock());
}

static void test_sandbox__web(void **state)
{
    check(SANDBOX_WEB, has_landlock());
}

static void test_sandbox__masker(void **state)
{
    check(SANDBOX_MASKER, has_landlock());
}

static void test_sandbox__logger(void **state)
{
    check(SANDBOX_LOGGER, has_landlock());
}

static void test_sandbox__cosigner(void **state)
{
    check(SANDBOX_COSIGNER, has_landlock());
}

static void test_sandbox__clerk(void **state)
{
    check(SANDBOX_CLERK, has_landlock());
}

static int use_memory(void)
{
    struct err e = {0};
    if (privileges_confine(INT64_C(1) << 30, 8, &e) < 0)
        return 119;
    bool small = mmap(NULL, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
    bool large =
        mmap(NULL, INT64_C(1) << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
    int copy;
    while ((copy = dup(0)) >= 0 && copy < 100)
        ;
    return !small || (large && !SANITIZER) || copy >= 0;
}

static void test_sandbox__confined(void **state)
{
    pid_t pid = fork();
    int status;
    if (pid == 0)
        _exit(use_memory());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_sandbox__missing_directory_is_an_error(void **state)
{
    struct err e = {0};
    int abi;
    assert_int_equal(sandbox_landlock(SANDBOX_WEB, "/nonexistent", NULL, &abi, &e), -ENOENT);
    assert_non_null(strstr(e.text, "/nonexistent/run"));
}

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", data, name);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) > 0);
    close(fd);
}

static int set_up(void **state)
{
    char path[128];
    snprintf(data, sizeof(data), "/var/tmp/lethe-sandbox-XXXXXX");
    snprintf(outside, sizeof(outside), "/var/tmp/lethe-outside-XXXXXX");
    if (!mkdtemp(data))
        return -1;
    close(mkstemp(outside));
    const char *const dirs[] = {"run", "practice", "web",   "recordings",
                                "log", "log-key",  "cases", "keys"};
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", data, dirs[i]);
        mkdir(path, 0700);
    }
    put("lethe.db", "x"), put("cameras.db", "x"), put("run/serve.json", "{}"),
        put("recordings/a.mp4", "x"), put("practice/custodian-1.txt", "secret");
    put("cases/order", "x"), put("keys/shares", "x"), put("log-key/key", "secret"),
        put("log/checkpoint", "public");
    return 0;
}

static int tear_down(void **state)
{
    char command[200];
    snprintf(command, sizeof(command), "rm -rf %s %s", data, outside);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sandbox__recorder),
        cmocka_unit_test(test_sandbox__web),
        cmocka_unit_test(test_sandbox__masker),
        cmocka_unit_test(test_sandbox__logger),
        cmocka_unit_test(test_sandbox__cosigner),
        cmocka_unit_test(test_sandbox__clerk),
        cmocka_unit_test(test_sandbox__confined),
        cmocka_unit_test(test_sandbox__missing_directory_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
