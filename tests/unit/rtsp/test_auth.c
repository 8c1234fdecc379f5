/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "row.h"

#include "base/err.h"
#include "rtsp/auth.h"

static int challenge(struct rtsp_auth *a, const char *headers)
{
    char text[2048];
    struct rtsp_message m;
    snprintf(text, sizeof(text), "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n%s\r\n", headers);
    assert_true(rtsp_message_parse(text, strlen(text), &m) > 0);
    return rtsp_auth_challenge(a, &m);
}

static void test_auth__chooses_the_best(void **state)
{
    static const struct {
        const char *name, *headers;
        int rank; /* 0 none, 1 Basic, 2 MD5, 3 SHA-256 */
    } rows[] = {
        {"Basic", "WWW-Authenticate: Basic realm=\"x\"\r\n", 1},
        {"Digest is not first",
         "WWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: Digest realm=\"x\", "
         "nonce=\"n\"\r\n",
         2},
        {"SHA-256 before MD5",
         "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\", algorithm=MD5\r\n"
         "WWW-Authenticate: Digest realm=\"x\", nonce=\"m\", algorithm=SHA-256\r\n",
         3},
        {"SHA-256 first",
         "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\", algorithm=SHA-256\r\n"
         "WWW-Authenticate: Digest realm=\"x\", nonce=\"m\"\r\n",
         3},
        {"unknown algorithm is skipped",
         "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\", algorithm=SHA-512-256\r\n"
         "WWW-Authenticate: Digest realm=\"x\", nonce=\"m\", algorithm=MD5\r\n",
         2},
        {"only unknown algorithm",
         "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\", algorithm=FOO\r\n", 0},
        {"two in one header",
         "WWW-Authenticate: Basic realm=\"a, b\", Digest realm=\"x\", nonce=\"n\"\r\n", 2},
        {"name of header in small letters", "www-authenticate: digest realm=\"x\",nonce=\"n\"\r\n",
         2},
        {"without nonce", "WWW-Authenticate: Digest realm=\"x\"\r\n", 0},
        {"without quotes", "WWW-Authenticate: Digest realm=x, nonce=n, algorithm=md5\r\n", 2},
        {"only auth-int", "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\", qop=\"auth-int\"\r\n",
         0},
        {"none", "X: y\r\n", 0},
        {"other scheme", "WWW-Authenticate: Bearer realm=\"x\"\r\n", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtsp_auth a = {.user = "u", .password = "p"};
        int r = challenge(&a, rows[i].headers);
        CHECK_INT(&rows[i], r, rows[i].rank ? 1 : E_NOTFOUND);
        int rank = a.scheme == RTSP_AUTH_DIGEST ? 2 + a.sha256 : a.scheme == RTSP_AUTH_BASIC;
        CHECK_INT(&rows[i], rank, rows[i].rank);
        CHECK_TEXT(&rows[i], a.user, "u");
    }
}

/* Known answers: RFC 2617 §3.5 and RFC 7616 §3.9.1; the others were computed with another program. */
static void test_auth__known_answers(void **state)
{
    static const struct {
        const char *name, *headers, *user, *password, *method, *uri, *cnonce, *want;
    } rows[] = {
        {"RFC 2617 MD5 qop=auth",
         "WWW-Authenticate: Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
         "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
         "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"\r\n",
         "Mufasa", "Circle Of Life", "GET", "/dir/index.html", "0a4f113b",
         "response=\"6629fae49393a05397450978507c4ef1\""},
        {"RFC 7616 SHA-256",
         "WWW-Authenticate: Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
         "algorithm=SHA-256, "
         "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
         "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"\r\n",
         "Mufasa", "Circle of Life", "GET", "/dir/index.html",
         "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
         "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""},
        {"qop is answered with nc",
         "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n", "u", "p", "PLAY",
         "rtsp://c/", "c", "qop=auth, nc=00000001, cnonce=\"c\""},
        {"uri is the request's", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", "u", "p",
         "SETUP", "rtsp://c/x?y=1/track", "c", "uri=\"rtsp://c/x?y=1/track\""},
        {"Basic", "WWW-Authenticate: Basic realm=\"r\"\r\n", "Aladdin", "open sesame", "PLAY", "x",
         "c", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtsp_auth a = {0};
        char out[2048];
        snprintf(a.user, sizeof(a.user), "%s", rows[i].user);
        snprintf(a.password, sizeof(a.password), "%s", rows[i].password);
        CHECK(&rows[i], challenge(&a, rows[i].headers) >= 0);
        CHECK_INT(
            &rows[i],
            rtsp_auth_answer(&a, rows[i].method, rows[i].uri, rows[i].cnonce, out, sizeof(out)), 0);
        if (!strstr(out, rows[i].want))
            fail_msg("row \"%s\": %s lacks %s", rows[i].name, out, rows[i].want);
    }
}

static void test_auth__nonce_rotates(void **state)
{
    struct rtsp_auth a = {.user = "u", .password = "p"};
    char out[1024];
    assert_int_equal(
        challenge(&a, "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", qop=\"auth\"\r\n"), 1);
    rtsp_auth_answer(&a, "PLAY", "x", "c", out, sizeof(out));
    rtsp_auth_answer(&a, "PLAY", "x", "c", out, sizeof(out));
    assert_non_null(strstr(out, "nc=00000002"));
    assert_int_equal(
        challenge(
            &a, "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", qop=\"auth\", stale=FALSE\r\n"),
        0);
    assert_false(a.stale);
    assert_int_equal(
        challenge(
            &a, "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", qop=\"auth\", stale=TRUE\r\n"),
        1);
    assert_true(a.stale);
    rtsp_auth_answer(&a, "PLAY", "x", "c", out, sizeof(out));
    assert_non_null(strstr(out, "nc=00000001"));
}

static void test_auth__small_buffer(void **state)
{
    struct rtsp_auth a = {.user = "u", .password = "p"};
    char out[40];
    challenge(&a, "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n");
    assert_int_equal(rtsp_auth_answer(&a, "PLAY", "x", "c", out, sizeof(out)), E_LIMIT);
    challenge(&a, "WWW-Authenticate: Basic realm=\"r\"\r\n");
    assert_int_equal(rtsp_auth_answer(&a, "PLAY", "x", "c", out, 8), E_LIMIT);
    rtsp_auth_release(&a);
    assert_int_equal(a.password[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auth__chooses_the_best),
        cmocka_unit_test(test_auth__known_answers),
        cmocka_unit_test(test_auth__nonce_rotates),
        cmocka_unit_test(test_auth__small_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
