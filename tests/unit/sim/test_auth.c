/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The door of a camera, knocked at with answers computed here. */
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "sim/request.h"
#include "sim/server.h"

#define URI "rtsp://127.0.0.1/cam0/main"

static struct sim_options options;
static struct sim_server server;
static struct sim_conn conn;

static void hash(bool sha256, const char *text, char *hex)
{
    uint8_t d[64];
    unsigned n;
    EVP_Digest(text, strlen(text), d, &n, sha256 ? EVP_sha256() : EVP_md5(), NULL);
    hex_encode(d, n, hex);
}

static void respond(char *ret, bool sha256, bool qop, const char *user, const char *password,
                    const char *uri)
{
    char a1[300], a2[300], h1[129], h2[129], all[800], h[129];
    snprintf(a1, sizeof(a1), "%s:Simulated camera:%s", user, password);
    snprintf(a2, sizeof(a2), "DESCRIBE:%s", uri);
    hash(sha256, a1, h1);
    hash(sha256, a2, h2);
    if (qop)
        snprintf(all, sizeof(all), "%s:%s:00000001:abc:auth:%s", h1, conn.nonce, h2);
    else
        snprintf(all, sizeof(all), "%s:%s:%s", h1, conn.nonce, h2);
    hash(sha256, all, h);
    sprintf(ret,
            "Digest username=\"%s\", realm=\"Simulated camera\", nonce=\"%s\", uri=\"%s\", "
            "response=\"%s\"%s%s",
            user, conn.nonce, uri, h, sha256 ? ", algorithm=SHA-256" : "",
            qop ? ", qop=auth, nc=00000001, cnonce=\"abc\"" : "");
}

static bool knock(const char *authorization, const struct sim_quirks *q, bool *stale)
{
    struct sim_request r = {.method = "DESCRIBE", .uri = URI};
    if (authorization)
        r.header[r.headers++] = (struct sim_header){"Authorization", authorization};
    return sim_auth_check(&conn, &r, q, stale);
}

static char *challenge(enum sim_auth kind, const struct sim_quirks *q, struct buf *b)
{
    sim_options_default(&options);
    options.user = "admin";
    options.password = "s:c ret";
    options.auth = kind;
    server.o = &options;
    conn = (struct sim_conn){.server = &server};
    buf_init(b, 0);
    assert_true(sim_auth_challenge(&conn, q, false, b) >= 0);
    return buf_cstr(b);
}

static void test_auth__digest(void **state)
{
    static const enum sim_auth kinds[] = {SIM_AUTH_DIGEST_MD5, SIM_AUTH_DIGEST_SHA256,
                                          SIM_AUTH_ALL};
    for (int i = 0; i < 3; i++)
        for (int sha256 = 0; sha256 < 2; sha256++)
            for (int qop = 0; qop < 2; qop++) {
                struct buf b;
                char a[1500];
                bool stale, right = kinds[i] == SIM_AUTH_ALL ||
                                    (kinds[i] == SIM_AUTH_DIGEST_SHA256) == sha256;
                assert_non_null(strstr(challenge(kinds[i], NULL, &b), conn.nonce));
                respond(a, sha256, qop, "admin", "s:c ret", URI);
                assert_int_equal(knock(a, NULL, &stale), right);
                respond(a, sha256, qop, "admin", "wrong", URI);
                assert_false(knock(a, NULL, &stale));
                respond(a, sha256, qop, "root", "s:c ret", URI);
                assert_false(knock(a, NULL, &stale));
                respond(a, sha256, qop, "admin", "s:c ret", "/cam0/main");
                assert_false(knock(a, NULL, &stale));
                assert_false(knock(NULL, NULL, &stale));
                buf_release(&b);
            }
}

static void test_auth__old_nonce_is_stale(void **state)
{
    struct buf b;
    char a[1500];
    bool stale;
    challenge(SIM_AUTH_DIGEST_MD5, NULL, &b);
    options.nonce_us = 5;
    respond(a, false, true, "admin", "s:c ret", URI);
    assert_true(knock(a, NULL, &stale));
    server.now_us += 6;
    assert_false(knock(a, NULL, &stale));
    assert_true(stale);
    server.now_us = 0;
    buf_release(&b);
}

static void test_auth__quirks(void **state)
{
    struct sim_quirks q = {0};
    struct buf b;
    char a[1500];
    bool stale;
    q.arg[SIM_Q_AUTH] = 1 << 0 | 1 << 1; /* basic-first unknown-first */
    const char *text = challenge(SIM_AUTH_ALL, &q, &b);
    assert_true(strstr(text, "SHA-999") < strstr(text, "Basic"));
    assert_true(strstr(text, "Basic") < strstr(text, "algorithm=SHA-256"));
    buf_release(&b);
    q.arg[SIM_Q_AUTH] = 1 << 5; /* once */
    challenge(SIM_AUTH_DIGEST_MD5, &q, &b);
    respond(a, false, true, "admin", "s:c ret", URI);
    assert_true(knock(a, &q, &stale));
    assert_false(knock(a, &q, &stale));
    assert_true(stale);
    buf_release(&b);
}

static void test_auth__basic_and_nonsense(void **state)
{
    struct buf b;
    bool stale;
    challenge(SIM_AUTH_BASIC, NULL, &b);
    assert_true(knock("Basic YWRtaW46czpjIHJldA==", NULL, &stale));
    assert_false(knock("Basic YWRtaW46cw==", NULL, &stale));
    static const char *const bad[] = {"",         "Digest",      "Digest ",
                                      "Digest =", "Digest a=\"", "Digest username=,,,",
                                      "Bearer x", "Basic",       "Basic "};
    for (int kind = SIM_AUTH_BASIC; kind <= SIM_AUTH_ALL; kind++) {
        options.auth = (enum sim_auth)kind;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            assert_false(knock(bad[i], NULL, &stale));
    }
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auth__digest),
        cmocka_unit_test(test_auth__old_nonce_is_stale),
        cmocka_unit_test(test_auth__quirks),
        cmocka_unit_test(test_auth__basic_and_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
