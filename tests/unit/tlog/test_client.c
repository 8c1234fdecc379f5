/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Both clients against a logger in a process of its own, which is killed and started again. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "tlog/client.h"
#include "tlog/logger.h"
#include "tlog/proof.h"

static char data[64];
static pid_t logger;

static void start(void)
{
    fflush(NULL);
    logger = fork();
    assert_true(logger >= 0);
    if (logger == 0) {
        const struct logger_options o = {.data_dir = data,
                                         .origin = "example.org/log",
                                         .heartbeat_fd = -1,
                                         .clock = &clock_system};
        struct err e = {0};
        int r = logger_run(&o, &e);
        if (r < 0)
            fprintf(stderr, "logger: %s\n", e.text);
        _exit(r < 0);
    }
}

static void stop(int sig)
{
    int status;
    kill(logger, sig);
    assert_int_equal(waitpid(logger, &status, 0), logger);
    if (sig == SIGTERM)
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct tlog_client *connect_to(void)
{
    struct tlog_client *c = NULL;
    const struct timespec pause = {0, 20000000};
    for (int i = 0; i < 3000 && !c; i++)
        if (tlog_client_open(data, 60000, &c, NULL) < 0)
            nanosleep(&pause, NULL);
    assert_non_null(c);
    return c;
}

static int setup(void **state)
{
    char path[96];
    snprintf(data, sizeof(data), "/tmp/lethe-client-XXXXXX");
    assert_non_null(mkdtemp(data));
    snprintf(path, sizeof(path), "%s/run", data);
    mkdir(path, 0700);
    start();
    return 0;
}

static int teardown(void **state)
{
    char command[96];
    stop(SIGTERM);
    snprintf(command, sizeof(command), "rm -rf %s", data);
    return system(command);
}

static void test_client__appends_and_proves(void **state)
{
    static struct tlog_policy policy;
    struct tlog_client *c = connect_to();
    struct tlog_entry e[2] = {{"x/v1 a\nid 1\n", 12}, {"x/v1 a\nid 2\n", 12}};
    struct err err = {0};
    struct tlog_proof p;
    struct tlog_vkey k;
    struct buf b;
    uint64_t at[2];
    json_t *answer, *request = json_pack("{s:s}", "op", "status");
    buf_init(&b, 0);
    assert_int_equal(tlog_client_append(c, e, 2, at, &err), 0);
    assert_true(at[0] == 0 && at[1] == 1);
    assert_int_equal(tlog_client_append(c, e + 1, 1, at, &err), 0);
    assert_int_equal(at[0], 1);
    assert_int_equal(tlog_client_call(c, request, &answer, &err), 0);
    const char *key = json_string_value(json_array_get(json_object_get(answer, "keys"), 0));
    assert_int_equal(tlog_vkey_parse(key, strlen(key), &k, NULL), 0);
    tlog_policy_of_log(&k, &policy);
    assert_int_equal(tlog_client_proof(c, 1, false, &b, &err), 0);
    assert_int_equal(tlog_proof_parse(b.data, b.len, &p, NULL), 0);
    assert_int_equal(tlog_proof_check(&p, e[1].text, e[1].len, &policy, NULL, NULL), 0);
    assert_int_equal(tlog_client_proof(c, 2, false, &b, &err), E_RANGE);
    assert_non_null(strstr(err.text, "no entry 2"));
    struct tlog_entry binary = {"\xff\xfe", 2};
    assert_int_equal(tlog_client_append(c, &binary, 1, at, &err), E_SYNTAX);
    json_decref(request);
    json_decref(answer);
    tlog_client_close(c);
    buf_release(&b);
}

static void test_client__says_when_there_is_no_logger(void **state)
{
    struct tlog_client *c = connect_to();
    struct tlog_entry e = {"x", 1};
    struct err err = {0};
    stop(SIGKILL);
    assert_int_equal(tlog_client_append(c, &e, 1, NULL, &err), E_CLOSED);
    tlog_client_close(c);
    assert_int_equal(tlog_client_open(data, 1000, &c, &err), E_NOTFOUND);
    assert_non_null(strstr(err.text, "lethe serve"));
    start();
    c = connect_to();
    assert_int_equal(tlog_client_append(c, &e, 1, NULL, &err), 0);
    tlog_client_close(c);
}

/* ---- in a loop ---- */

struct seen {
    struct tlog_async *a;
    uv_loop_t loop;
    int good, failed, wanted;
    uint64_t first[64];
    bool closed;
};

static void on_done(void *user, int code, const struct err *e, const uint64_t *indexes, size_t n)
{
    struct seen *s = user;
    if (code >= 0)
        s->first[s->good++] = indexes[0];
    else
        s->failed++;
    if (s->good + s->failed >= s->wanted)
        uv_stop(&s->loop);
}

static void on_closed(void *user)
{
    ((struct seen *)user)->closed = true;
}

static void send_some(struct seen *s, int from, int n)
{
    char text[32];
    s->wanted += n;
    for (int i = from; i < from + n; i++) {
        int len = snprintf(text, sizeof(text), "x/v1 a\nid a%d\n", i);
        struct tlog_entry e = {text, (size_t)len};
        assert_int_equal(tlog_async_append(s->a, &e, 1, on_done, s), 0);
    }
}

static void test_async__appends_fails_and_comes_back(void **state)
{
    struct seen s = {0};
    tlog_client_close(connect_to()); /* it is up */
    uv_loop_init(&s.loop);
    assert_int_equal(tlog_async_open(&s.loop, data, &s.a), 0);
    send_some(&s, 0, 20);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    assert_true(s.good == 20 && s.failed == 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(s.first[i], i);
    stop(SIGKILL);
    send_some(&s, 18, 4); /* two of them are in the log */
    uv_run(&s.loop, UV_RUN_DEFAULT);
    assert_true(s.good == 20 && s.failed == 4);
    start();
    tlog_client_close(connect_to());
    send_some(&s, 18, 4);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    assert_int_equal(s.good, 24);
    assert_true(s.first[20] == 18 && s.first[21] == 19 && s.first[22] == 20 && s.first[23] == 21);
    send_some(&s, 30, 3);
    s.wanted = 1000;
    tlog_async_close(s.a, on_closed, &s);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    assert_true(s.closed && s.failed == 7);
    assert_int_equal(uv_loop_close(&s.loop), 0);
}

static void test_async__has_ceilings(void **state)
{
    struct seen s = {.wanted = 100000};
    struct tlog_entry e = {"x", 1};
    char *long_data = calloc(1, 200);
    memset(long_data, 'x', 199);
    tlog_client_close(connect_to()); /* it is up */
    uv_loop_init(&s.loop);
    assert_int_equal(tlog_async_open(&s.loop, long_data, &s.a), E_LIMIT);
    assert_int_equal(tlog_async_open(&s.loop, data, &s.a), 0);
    for (int i = 0; i < TLOG_CLIENT_QUEUE; i++)
        assert_int_equal(tlog_async_append(s.a, &e, 1, on_done, &s), 0);
    assert_int_equal(tlog_async_append(s.a, &e, 1, on_done, &s), E_FULL);
    tlog_async_close(s.a, on_closed, &s);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    assert_true(s.closed && s.failed == TLOG_CLIENT_QUEUE);
    assert_int_equal(uv_loop_close(&s.loop), 0);
    free(long_data);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_client__appends_and_proves),
        T(test_client__says_when_there_is_no_logger),
        T(test_async__appends_fails_and_comes_back),
        T(test_async__has_ceilings),
    };
    signal(SIGPIPE, SIG_IGN);
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
