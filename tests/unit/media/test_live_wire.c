/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/live_wire.h"

static void test_live_wire__round_trip(void **state)
{
    static const uint8_t bytes[] = {0, 0, 0, 8, 'm', 'o', 'o', 'f'};
    const struct live_message m[] = {
        {LIVE_STATE, "gate-1", .data = bytes, .size = 8},
        {LIVE_INIT, "a", .data = bytes, .size = 8},
        {LIVE_FRAGMENT, "gate-1", 1790000000250000, true, bytes, 8},
        {LIVE_FRAGMENT, "gate-1", -1, false, bytes, 0},
        {LIVE_SUBSCRIBE, "", .data = bytes, .size = 3},
    };
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 0; i < sizeof(m) / sizeof(m[0]); i++)
        assert_true(live_wire_build(&m[i], &b) >= 0);
    size_t at = 0;
    for (size_t i = 0; i < sizeof(m) / sizeof(m[0]); i++) {
        struct live_message got;
        int n = live_wire_parse(b.data + at, b.len - at, LIVE_MESSAGE_MAX, &got);
        assert_true(n > 0);
        for (int k = 0; k < n; k++) /* not a byte less */
            assert_int_equal(live_wire_parse(b.data + at, (size_t)k, LIVE_MESSAGE_MAX, &got), 0);
        live_wire_parse(b.data + at, b.len - at, LIVE_MESSAGE_MAX, &got);
        assert_int_equal(got.type, m[i].type);
        assert_string_equal(got.camera, m[i].camera);
        assert_int_equal(got.utc_us, m[i].utc_us);
        assert_int_equal(got.key, m[i].key);
        assert_int_equal(got.size, m[i].size);
        assert_memory_equal(got.data, m[i].data, m[i].size);
        at += (size_t)n;
    }
    assert_int_equal(at, b.len);
    buf_release(&b);
}

static void test_live_wire__refuses(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        int want;
    } cases[] = {
        {"\0\0\0\0F", 5, E_SYNTAX},              /* no type */
        {"\0\0\0\1X", 5, E_SYNTAX},              /* unknown type */
        {"\0\0\0\1\0", 5, E_SYNTAX},             /* type 0 */
        {"\xff\xff\xff\xffS", 5, E_LIMIT},       /* endless */
        {"\0\0\0\1I", 5, E_SYNTAX},              /* no camera */
        {"\0\0\0\2I\0", 6, E_SYNTAX},            /* empty camera */
        {"\0\0\0\4I\3ab", 8, E_SYNTAX},          /* camera is longer than the message */
        {"\0\0\0\5I\3../", 9, E_SYNTAX},         /* not an id */
        {"\0\0\0\5I\3a\0b", 9, E_SYNTAX},        /* NUL inside */
        {"\0\0\0\13F\1a12345678", 15, E_SYNTAX}, /* fragment without flags */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct live_message m;
        int r =
            live_wire_parse((const uint8_t *)cases[i].bytes, cases[i].len, LIVE_MESSAGE_MAX, &m);
        if (r != cases[i].want)
            fail_msg("case %zu: %s", i, err_name(r));
    }
    struct buf b;
    buf_init(&b, 0);
    struct live_message bad = {LIVE_INIT, "../x", .data = (const uint8_t *)"", .size = 0};
    assert_int_equal(live_wire_build(&bad, &b), E_RANGE);
    bad = (struct live_message){LIVE_INIT, "a", .size = LIVE_MESSAGE_MAX};
    assert_int_equal(live_wire_build(&bad, &b), E_LIMIT);
    assert_int_equal(b.len, 0);
}

static void test_live_wire__client(void **state)
{
    char dir[] = "/tmp/lethe-live-XXXXXX";
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct live_client c;
    struct live_message m;
    struct err e = {0};
    uint8_t bytes[512];
    assert_non_null(mkdtemp(dir));
    assert_int_equal(live_client_open(&c, dir, &e), -ENOENT);
    assert_non_null(strstr(e.text, "live.sock"));
    assert_int_equal(live_client_read(&c), E_CLOSED);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/live.sock", dir);
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(server, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(server, 1), 0);
    assert_true(live_client_open(&c, dir, &e) >= 0);
    int peer = accept(server, NULL, NULL);

    const char *const wanted[] = {"gate-1", "*"}, *const bad[] = {"a\"b"};
    assert_int_equal(live_client_subscribe(&c, bad, 1), E_RANGE);
    assert_true(live_client_subscribe(&c, wanted, 2) >= 0);
    ssize_t n = read(peer, bytes, sizeof(bytes));
    assert_int_equal(live_wire_parse(bytes, (size_t)n, LIVE_SUBSCRIBE_MAX, &m), n);
    assert_int_equal(m.type, LIVE_SUBSCRIBE);
    assert_int_equal(m.size, strlen("{\"cameras\":[\"gate-1\",\"*\"]}"));
    assert_memory_equal(m.data, "{\"cameras\":[\"gate-1\",\"*\"]}", m.size);

    assert_int_equal(live_client_read(&c), 0); /* nothing yet */
    assert_int_equal(live_client_next(&c, &m), 0);
    const char two[] = "\0\0\0\4I\1ax"
                       "\0\0\0\4C\1b{";
    assert_int_equal(write(peer, two, 12), 12);
    assert_int_equal(live_client_read(&c), 12);
    assert_int_equal(live_client_next(&c, &m), 1);
    assert_string_equal(m.camera, "a");
    assert_int_equal(live_client_next(&c, &m), 0);
    assert_int_equal(write(peer, two + 12, 4), 4);
    assert_int_equal(live_client_read(&c), 4);
    assert_int_equal(live_client_next(&c, &m), 1);
    assert_string_equal(m.camera, "b");
    close(peer);
    assert_int_equal(live_client_read(&c), E_CLOSED);
    live_client_close(&c);
    live_client_close(&c);
    close(server);
    unlink(at.sun_path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_wire__round_trip),
        cmocka_unit_test(test_live_wire__refuses),
        cmocka_unit_test(test_live_wire__client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
