/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The masker's loop on one end of a pair of sockets, a recorder's words on the other. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mask/wire.h"
#include "mask/worker.h"

static struct {
    pid_t pid;
    int fd, beat;
    struct buf in;
    struct mask_wire message;
} worker;

static int set_up(void **state)
{
    int pair[2], beats[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(pipe(beats), 0);
    worker.pid = fork();
    if (worker.pid == 0) {
        struct err e = {0};
        const struct mask_worker_options o = {.fd = pair[0],
                                              .number = 5,
                                              .heartbeat_fd = beats[1],
                                              .clock = &clock_system,
                                              .vehicle = true};
        close(pair[1]);
        close(beats[0]);
        int r = mask_worker_run(&o, &e);
        _exit(r == 0 ? 0 : r == E_PROTOCOL ? 1 : 2);
    }
    close(pair[0]);
    close(beats[1]);
    worker.fd = pair[1];
    worker.beat = beats[0];
    buf_init(&worker.in, 0);
    return 0;
}

static int end(void)
{
    int status;
    close(worker.fd);
    assert_int_equal(waitpid(worker.pid, &status, 0), worker.pid);
    close(worker.beat);
    buf_release(&worker.in);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static struct mask_wire *next(void)
{
    static struct mask_wire m;
    for (;;) {
        int n = mask_wire_parse(worker.in.data, worker.in.len, MASK_WIRE_FROM_MASKER, &m);
        assert_true(n >= 0);
        if (n > 0) { /* what @m points at stays where it is until the next call */
            static uint8_t bytes[1 << 20];
            assert_true((size_t)n <= sizeof(bytes));
            memcpy(bytes, worker.in.data, (size_t)n);
            buf_consume(&worker.in, (size_t)n);
            mask_wire_parse(bytes, (size_t)n, MASK_WIRE_FROM_MASKER, &m);
            return &m;
        }
        struct pollfd p = {.fd = worker.fd, .events = POLLIN};
        if (poll(&p, 1, 20000) != 1)
            fail_msg("the masker says nothing");
        assert_true(buf_reserve(&worker.in, 65536) >= 0);
        ssize_t got = read(worker.fd, worker.in.data + worker.in.len, 65536);
        assert_true(got > 0);
        worker.in.len += (size_t)got;
    }
}

static void say(enum mask_wire_type type, uint32_t camera, uint32_t generation)
{
    struct buf out;
    buf_init(&out, 0);
    worker.message.type = type;
    worker.message.camera = camera;
    worker.message.generation = generation;
    assert_true(mask_wire_build(&worker.message, &out) >= 0);
    assert_int_equal(write(worker.fd, out.data, out.len), out.len);
    buf_release(&out);
}

static void say_unit(uint32_t camera, uint32_t generation, uint32_t sequence)
{
    static const uint8_t junk[] = {0, 0, 0, 5, 0x65, 0x88, 0x84, 0, 1};
    worker.message.unit.sequence = sequence;
    worker.message.unit.utc_us = 1790000000000000 + sequence * 100000;
    worker.message.unit.au = (struct media_au){
        .data = junk, .size = sizeof(junk), .pts_ticks = sequence * 9000, .key = true};
    say(MASK_WIRE_UNIT, camera, generation);
}

static void say_open(uint32_t camera, uint32_t generation)
{
    worker.message.open = (struct mask_config){.width = 640, .fps = 10};
    say(MASK_WIRE_OPEN, camera, generation);
}

static void say_track(uint32_t camera, uint32_t generation)
{
    static struct media_params none;
    worker.message.track =
        (struct media_track){MEDIA_H264, 90000, .width = 640, .height = 360, .params = &none};
    say(MASK_WIRE_TRACK, camera, generation);
}

static void expect_done(uint32_t camera, uint32_t generation, uint32_t sequence)
{
    const struct mask_wire *m = next();
    while (m->type == MASK_WIRE_PICTURE || m->type == MASK_WIRE_TROUBLE)
        m = next();
    assert_int_equal(m->type, MASK_WIRE_DONE);
    assert_int_equal(m->camera, camera);
    assert_int_equal(m->generation, generation);
    assert_int_equal(m->done.sequence, sequence);
}

static void test_worker__introduces_itself_and_ends_with_the_recorder(void **state)
{
    const struct mask_wire *m = next();
    assert_int_equal(m->type, MASK_WIRE_HELLO);
    assert_int_equal(m->hello.number, 5);
    assert_true(m->hello.vehicle && !m->hello.person);
    assert_int_equal(end(), 0);
}

static void test_worker__answers_each_unit_with_its_camera_and_generation(void **state)
{
    next();
    say_open(7, 1);
    say_open(8, 4);
    say_track(7, 1);
    say_track(8, 4);
    say_unit(7, 1, 0);
    say_unit(8, 4, 100);
    say_unit(7, 1, 1);
    expect_done(7, 1, 0);
    expect_done(8, 4, 100);
    expect_done(7, 1, 1);
    assert_int_equal(end(), 0);
}

static void test_worker__drops_what_is_of_before(void **state)
{
    next();
    say_open(7, 1);
    say_track(7, 1);
    snprintf(worker.message.forget.reason, MASK_WIRE_TEXT, "the stream broke");
    say(MASK_WIRE_FORGET, 7, 2);
    say_unit(7, 1, 0); /* an old generation: not even answered */
    say_unit(9, 1, 0); /* a camera that it never heard of */
    say_unit(7, 2, 1);
    expect_done(7, 2, 1);
    say(MASK_WIRE_CLOSE, 7, 2);
    say_unit(7, 2, 2);
    say_open(7, 3);
    say_unit(7, 3, 3); /* no track yet: nothing to be masked, but done */
    expect_done(7, 3, 3);
    assert_int_equal(end(), 0);
}

static void test_worker__what_cannot_be_decoded_gives_no_picture_of_it(void **state)
{
    next();
    say_open(7, 1);
    say_track(7, 1);
    for (uint32_t i = 0; i < 20; i++)
        say_unit(7, 1, i);
    for (uint32_t seen = 0; seen < 20;) {
        const struct mask_wire *m = next();
        if (m->type == MASK_WIRE_PICTURE) {
            assert_int_equal(m->picture.state, MASK_COVERED);
            assert_int_equal(m->picture.covered_permille, 1000);
        }
        seen += m->type == MASK_WIRE_DONE;
    }
    assert_int_equal(end(), 0);
}

static void test_worker__says_why_a_camera_cannot_be_masked(void **state)
{
    next();
    worker.message.open = (struct mask_config){.width = 641}; /* odd */
    say(MASK_WIRE_OPEN, 7, 1);
    const struct mask_wire *m = next();
    assert_int_equal(m->type, MASK_WIRE_TROUBLE);
    assert_int_equal(m->trouble.code, E_RANGE);
    assert_non_null(strstr(m->trouble.text, "641"));
    assert_int_equal(end(), 0);
}

static void test_worker__ends_when_the_recorder_talks_nonsense(void **state)
{
    char c;
    next();
    assert_int_equal(write(worker.fd, "\0\0\0\x9K\0\0\0\0\0\0\0\0", 13), 13);
    assert_int_equal(read(worker.fd, &c, 1), 0);
    assert_int_equal(end(), 1);
}

static void test_worker__beats_and_obeys(void **state)
{
    char c[2];
    next();
    assert_int_equal(read(worker.beat, c, 1), 1);
    assert_int_equal(read(worker.beat, c, 1), 1);
    kill(worker.pid, SIGTERM);
    int status;
    assert_int_equal(waitpid(worker.pid, &status, 0), worker.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(worker.fd);
    close(worker.beat);
    buf_release(&worker.in);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(test_worker__##name, set_up)
    const struct CMUnitTest tests[] = {
        CASE(introduces_itself_and_ends_with_the_recorder),
        CASE(answers_each_unit_with_its_camera_and_generation),
        CASE(drops_what_is_of_before),
        CASE(what_cannot_be_decoded_gives_no_picture_of_it),
        CASE(says_why_a_camera_cannot_be_masked),
        CASE(ends_when_the_recorder_talks_nonsense),
        CASE(beats_and_obeys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
