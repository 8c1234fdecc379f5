/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "row.h"

#include "rtsp/url.h"

static void test_url__parse(void **state)
{
    static const struct {
        const char *name, *text, *host, *user, *password, *request;
        int port;
    } rows[] = {
        {"plain", "rtsp://cam/stream", "cam", "", "", "rtsp://cam/stream", 554},
        {"port and query", "rtsp://10.0.0.1:8554/a?b=c&d", "10.0.0.1", "", "",
         "rtsp://10.0.0.1:8554/a?b=c&d", 8554},
        {"rtsps default port", "rtsps://cam", "cam", "", "", "rtsps://cam", 322},
        {"credentials leave the request", "rtsp://u:p@cam/x", "cam", "u", "p", "rtsp://cam/x", 554},
        {"IPv6", "rtsp://[fe80::1]:99/x", "fe80::1", "", "", "rtsp://[fe80::1]:99/x", 99},
        {"percent sign in password", "rtsp://u:100%@cam/x", "cam", "u", "100%", "rtsp://cam/x",
         554},
        {"percent sequence in password", "rtsp://u:a%40b%2fc@cam/x", "cam", "u", "a@b/c",
         "rtsp://cam/x", 554},
        {"percent sequence at the very end", "rtsp://u:a%4@cam/x", "cam", "u", "a%4",
         "rtsp://cam/x", 554},
        {"at sign in password", "rtsp://u:a@b@cam/x", "cam", "u", "a@b", "rtsp://cam/x", 554},
        {"slash in password", "rtsp://u:a/b@cam:8554/x", "cam", "u", "a/b", "rtsp://cam:8554/x",
         8554},
        {"question mark and hash in password", "rtsp://u:a?b#c@cam/x", "cam", "u", "a?b#c",
         "rtsp://cam/x", 554},
        {"colon in password", "rtsp://u:a:b@cam/x", "cam", "u", "a:b", "rtsp://cam/x", 554},
        {"at sign in path stays", "rtsp://cam/x@y", "cam", "", "", "rtsp://cam/x@y", 554},
        {"empty password", "rtsp://u:@cam/x", "cam", "u", "", "rtsp://cam/x", 554},
        {"fragment is dropped", "rtsp://cam/x#frag", "cam", "", "", "rtsp://cam/x", 554},
        {"blanks around", "  rtsp://cam/x\n", "cam", "", "", "rtsp://cam/x", 554},
        {"capital scheme", "RTSP://cam/x", "cam", "", "", "rtsp://cam/x", 554},
        {"colon without port", "rtsp://cam:/x", "cam", "", "", "rtsp://cam/x", 554},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtsp_url u;
        CHECK_INT(&rows[i], rtsp_url_parse(rows[i].text, &u, NULL), 0);
        CHECK_TEXT(&rows[i], u.host, rows[i].host);
        CHECK_TEXT(&rows[i], u.user, rows[i].user);
        CHECK_TEXT(&rows[i], u.password, rows[i].password);
        CHECK_TEXT(&rows[i], u.request, rows[i].request);
        CHECK_INT(&rows[i], u.port, rows[i].port);
    }
}

static void test_url__refuses(void **state)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"empty", ""},
        {"no scheme", "cam/stream"},
        {"http", "http://cam/"},
        {"no host", "rtsp:///x"},
        {"port 0", "rtsp://cam:0/x"},
        {"port too large", "rtsp://cam:65536/x"},
        {"port not a number", "rtsp://cam:x/x"},
        {"open bracket", "rtsp://[::1/x"},
        {"blank in path", "rtsp://cam/a b"},
        {"line end in path", "rtsp://cam/a\r\nX: y"},
        {"line end in password", "rtsp://u:a%0d%0ab@cam/"},
        {"NUL in user", "rtsp://u%00:a@cam/"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtsp_url u;
        struct err e = {0};
        CHECK(&rows[i], rtsp_url_parse(rows[i].text, &u, &e) < 0);
        CHECK(&rows[i], e.text[0] != 0);
    }
    char *longest = malloc(100000);
    memset(longest, 'a', 99999);
    memcpy(longest, "rtsp://", 7);
    longest[99999] = 0;
    struct rtsp_url u;
    assert_int_equal(rtsp_url_parse(longest, &u, NULL), E_LIMIT);
    free(longest);
}

static void test_url__errors_never_hold_the_password(void **state)
{
    struct rtsp_url u;
    struct err e = {0};
    assert_true(rtsp_url_parse("rtsp://u:sesame@cam:x/", &u, &e) < 0);
    assert_null(strstr(e.text, "sesame"));
}

static void test_url__base(void **state)
{
    static const struct {
        const char *name, *header, *base;
        int broken;
    } rows[] = {
        {"missing header", NULL, "rtsp://cam/live", 0},
        {"usable", "rtsp://10.0.0.1/live/", "rtsp://10.0.0.1/live/", 0},
        {"without scheme", "10.0.0.1/live/", "rtsp://cam/live", 1},
        {"path only", "/live/", "rtsp://cam/live", 1},
        {"doubled scheme", "rtsp://rtsp://10.0.0.1/live/", "rtsp://10.0.0.1/live/", 1},
        {"bare IPv6", "rtsp://fe80::1/live/", "rtsp://cam/live", 1},
        {"credentials inside", "rtsp://u:p@10.0.0.1/live/", "rtsp://10.0.0.1/live/", 0},
        {"rubbish", "\x01\x02", "rtsp://cam/live", 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char out[RTSP_URL_BYTES];
        CHECK_INT(&rows[i], rtsp_url_base(rows[i].header, "rtsp://cam/live", out), rows[i].broken);
        CHECK_TEXT(&rows[i], out, rows[i].base);
    }
}

static void test_url__join(void **state)
{
    static const struct {
        const char *name, *base, *control, *joined;
    } rows[] = {
        {"missing control", "rtsp://cam/live", "", "rtsp://cam/live"},
        {"star", "rtsp://cam/live/", "*", "rtsp://cam/live/"},
        {"slash is put between", "rtsp://cam/live", "trackID=0", "rtsp://cam/live/trackID=0"},
        {"slash is there", "rtsp://cam/live/", "trackID=0", "rtsp://cam/live/trackID=0"},
        {"extra slash", "rtsp://cam/live/", "/trackID=0", "rtsp://cam/live/trackID=0"},
        {"by concatenation, not RFC 3986", "rtsp://cam/live?x=1", "track1",
         "rtsp://cam/live?x=1/track1"},
        {"absolute control", "rtsp://cam/live/", "rtsp://10.0.0.9:554/t1",
         "rtsp://10.0.0.9:554/t1"},
        {"absolute with credentials", "rtsp://cam/", "rtsp://u:p@10.0.0.9/t1",
         "rtsp://10.0.0.9/t1"},
        {"base repeated inside control", "rtsp://cam/live/", "rtsp://cam/live/track1",
         "rtsp://cam/live/track1"},
        {"query control", "rtsp://cam/live", "?track=1", "rtsp://cam/live?track=1"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char out[RTSP_URL_BYTES];
        CHECK_INT(&rows[i], rtsp_url_join(rows[i].base, rows[i].control, out), 0);
        CHECK_TEXT(&rows[i], out, rows[i].joined);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url__parse),
        cmocka_unit_test(test_url__refuses),
        cmocka_unit_test(test_url__errors_never_hold_the_password),
        cmocka_unit_test(test_url__base),
        cmocka_unit_test(test_url__join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
