/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/listen.h"

#define PORT "38471"

static void test_listen__refuses(void **state)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"0.0.0.0:" PORT, E_DENIED},
        {"192.168.1.1:" PORT, E_DENIED},
        {"[::]:" PORT, E_DENIED},
        {"[2001:db8::1]:" PORT, E_DENIED},
        {":" PORT, E_DENIED},
        {"example.org:" PORT, E_DENIED},
        {"[::ffff:127.0.0.1]:" PORT, E_DENIED},
        {"127.0.0.1", E_SYNTAX},
        {"127.0.0.1:x", E_SYNTAX},
        {"127.0.0.1:70000", E_SYNTAX},
        {"", E_SYNTAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_listeners l;
        struct err e = {0};
        assert_int_equal(http_listen(cases[i].text, false, &l, &e), cases[i].code);
        assert_int_equal(l.count, 0);
        assert_true(strlen(e.text) > 20);
    }
}

static void test_listen__loopback(void **state)
{
    static const struct {
        const char *text, *url;
    } cases[] = {{"127.0.0.1:" PORT, "http://127.0.0.1:" PORT "/"},
                 {"localhost:" PORT, "http://localhost:" PORT "/"},
                 {"127.8.8.8:" PORT, "http://127.8.8.8:" PORT "/"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_listeners l;
        struct err e = {0};
        assert_int_equal(http_listen(cases[i].text, false, &l, &e), 0);
        assert_in_range(l.count, 1, HTTP_LISTENERS);
        assert_string_equal(l.url, cases[i].url);
        http_listeners_close(&l);
        assert_int_equal(l.count, 0);
    }
}

static void test_listen__port_in_use(void **state)
{
    struct http_listeners a, b;
    struct err e = {0};
    assert_int_equal(http_listen("127.0.0.1:" PORT, false, &a, &e), 0);
    assert_int_equal(http_listen("127.0.0.1:" PORT, false, &b, &e), -EADDRINUSE);
    assert_non_null(strstr(e.text, "--listen"));
    http_listeners_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listen__refuses),
        cmocka_unit_test(test_listen__loopback),
        cmocka_unit_test(test_listen__port_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
