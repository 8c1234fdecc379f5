/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests and replies without a socket: routes, queries, ranges, bodies, errors, the application's files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/files.h"
#include "http/message.h"

struct given {
    const char *name, *value;
    enum http_kind kind;
};

static const char *value(void *source, enum http_kind kind, const char *name)
{
    for (const struct given *g = source; g && g->name; g++)
        if (g->kind == kind && strcmp(g->name, name) == 0)
            return g->value;
    return NULL;
}

static struct http_request request(const char *method, const char *path, struct given *g)
{
    return (struct http_request){.method = method, .path = path, .value = value, .source = g};
}

static const struct http_route table[] = {
    {"GET", "/a", 1},
    {"POST", "/a", 2},
    {"POST", "/a/import", 3},
    {"GET", "/a/{id}", 4},
    {"PUT", "/a/{id}", 5},
    {"GET", "/a/{id}/b/{n}/c.mp4", 6},
    {"GET", "/a/{id}/b.mp4", 7},
    {0},
};
static const struct http_route *const tables[] = {table, NULL};

static void test_route__find(void **state)
{
    static const struct {
        const char *method, *path;
        int want; /* verb, or an error */
        const char *id, *n;
    } cases[] = {
        {"GET", "/a", 1},
        {"HEAD", "/a", 1},
        {"POST", "/a", 2},
        {"DELETE", "/a", E_UNSUPPORTED},
        {"GET", "/a/", E_NOTFOUND},
        {"GET", "/a/x", 4, "x"},
        {"PUT", "/a/x", 5, "x"},
        {"POST", "/a/import", 3},
        {"GET", "/a/import", 4, "import"},
        {"GET", "/a/x/b/7/c.mp4", 6, "x", "7"},
        {"GET", "/a/x/b.mp4", 7, "x"},
        {"GET", "/a/x/b//c.mp4", E_NOTFOUND},
        {"GET", "/a/x/y/b.mp4", E_NOTFOUND},
        {"GET", "/a/x/b.mp4/", E_NOTFOUND},
        {"GET", "", E_NOTFOUND},
        {"GET", "//a", E_NOTFOUND},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_request rq = request(cases[i].method, cases[i].path, NULL);
        char allow[64] = "";
        int r = http_route_find(tables, &rq, allow);
        assert_int_equal(r < 0 ? r : rq.route->verb, cases[i].want);
        if (cases[i].id)
            assert_string_equal(http_param(&rq, "id"), cases[i].id);
        if (cases[i].n)
            assert_string_equal(http_param(&rq, "n"), cases[i].n);
        assert_string_equal(http_param(&rq, "other"), "");
    }
    struct http_request rq = request("DELETE", "/a", NULL);
    char allow[64] = "", path[400];
    http_route_find(tables, &rq, allow);
    assert_string_equal(allow, "GET, HEAD, POST");
    memset(path, 'x', sizeof(path));
    memcpy(path, "/a/", 3);
    path[399] = 0;
    rq = request("GET", path, NULL);
    assert_int_equal(http_route_find(tables, &rq, allow), E_NOTFOUND);
}

static void test_query__times(void **state)
{
    static const struct {
        const char *text;
        int64_t want; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"1795428000000000", 1795428000000000},
        {"2026-11-23T10:00:00Z", 1795428000000000},
        {"2026-11-23T10:00:00.25Z", 1795428000250000},
        {"2026-11-23T11:00:00+01:00", 1795428000000000},
        {"", -1},
        {"-1", -1},
        {"+5", -1},
        {" 5", -1},
        {"1e9", -1},
        {"0x10", -1},
        {"99999999999999999999", -1},
        {"253402300800000000", -1},
        {"1969-12-31T23:59:59Z", -1},
        {"2026-13-01T00:00:00Z", -1},
        {"now", -1},
        {"2026-11-23T10:00:00.000000000000000000000000000000Z", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct given g[] = {{"at", cases[i].text, HTTP_QUERY}, {0}};
        struct http_request rq = request("GET", "/", g);
        struct err e = {0};
        int64_t us = -1;
        int r = http_query_time(&rq, "at", &us, &e);
        assert_int_equal(r < 0 ? -1 : us, cases[i].want);
        assert_true(r >= 0 || strstr(e.text, "\"at\""));
    }
}

static void test_query__span_and_numbers(void **state)
{
    int64_t from, to, n = 300;
    bool flag = false;
    struct err e = {0};
    struct given g[] = {{"from", "5", HTTP_QUERY},
                        {"to", "5", HTTP_QUERY},
                        {"n", "2001", HTTP_QUERY},
                        {"flag", "TRUE", HTTP_QUERY},
                        {0}};
    struct http_request rq = request("GET", "/", g);
    assert_int_equal(http_query_span(&rq, &from, &to, &e), E_SYNTAX);
    g[1].value = "6";
    assert_int_equal(http_query_span(&rq, &from, &to, &e), 0);
    g[1].name = "till";
    assert_int_equal(http_query_span(&rq, &from, &to, &e), E_SYNTAX);
    assert_int_equal(http_query_int(&rq, "n", 1, 2000, &n, &e), E_RANGE);
    g[2].value = "7";
    assert_int_equal(http_query_int(&rq, "n", 1, 2000, &n, &e), 0);
    assert_int_equal(n, 7);
    assert_int_equal(http_query_int(&rq, "absent", 1, 2000, &n, &e), 0);
    assert_int_equal(n, 7);
    assert_int_equal(http_query_bool(&rq, "flag", &flag, &e), E_SYNTAX);
    g[3].value = "true";
    assert_int_equal(http_query_bool(&rq, "flag", &flag, &e), 0);
    assert_true(flag);
}

static void test_range__parse(void **state)
{
    static const struct {
        const char *text;
        uint64_t total;
        int want;
        uint64_t first, length;
    } cases[] = {
        {NULL, 100, 0},
        {"", 100, 0},
        {"bytes=0-99", 100, 1, 0, 100},
        {"bytes=0-499", 100, 1, 0, 100},
        {"bytes=50-", 100, 1, 50, 50},
        {"bytes=99-99", 100, 1, 99, 1},
        {"bytes=-5", 100, 1, 95, 5},
        {"bytes=-500", 100, 1, 0, 100},
        {"bytes=-0", 100, E_RANGE},
        {"bytes=100-", 100, E_RANGE},
        {"bytes=100-200", 100, E_RANGE},
        {"bytes=0-", 0, E_RANGE},
        {"bytes=-1", 0, E_RANGE},
        {"bytes=5-4", 100, 0},
        {"bytes=0-1,5-6", 100, 0},
        {"bytes=", 100, 0},
        {"bytes=-", 100, 0},
        {"bytes=x-", 100, 0},
        {"bytes=1-x", 100, 0},
        {"bytes= 1-2", 100, 0},
        {"items=0-1", 100, 0},
        {"bytes=18446744073709551615-18446744073709551615", 100, E_RANGE},
        {"bytes=99999999999999999999999-", 100, E_RANGE},
        {"bytes=0-99999999999999999999999", 100, 1, 0, 100},
        {"bytes=-99999999999999999999999", 100, 1, 0, 100},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t first = 0, length = 0;
        int r = http_range_parse(cases[i].text, cases[i].total, &first, &length);
        assert_int_equal(r, cases[i].want);
        if (r == 1) {
            assert_int_equal(first, cases[i].first);
            assert_int_equal(length, cases[i].length);
        }
    }
}

static void test_body__json(void **state)
{
    static const struct {
        const char *type, *text;
        int want;
    } cases[] = {
        {"application/json", "{\"a\":\"x\"}", 0},
        {"application/json; charset=utf-8", "{\"a\":\"x\"}", 0},
        {"Application/JSON", "{\"a\":\"x\"}", 0},
        {"application/jsonp", "{\"a\":\"x\"}", E_UNSUPPORTED},
        {"text/plain", "{\"a\":\"x\"}", E_UNSUPPORTED},
        {NULL, "{\"a\":\"x\"}", E_UNSUPPORTED},
        {"application/json", "", E_SYNTAX},
        {"application/json", "[]", E_SYNTAX},
        {"application/json", "\"a\"", E_SYNTAX},
        {"application/json", "{\"a\":\"x\"} {}", E_SYNTAX},
        {"application/json", "{\"a\":\"x\",\"a\":\"y\"}", E_SYNTAX},
        {"application/json", "{\"a\":\"\xff\"}", E_SYNTAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct given g[] = {{"Content-Type", cases[i].type, HTTP_HEADER}, {0}};
        struct http_request rq = request("POST", "/", cases[i].type ? g : NULL);
        struct err e = {0};
        json_t *o = NULL;
        buf_init(&rq.body, 0);
        buf_append(&rq.body, cases[i].text, strlen(cases[i].text));
        assert_int_equal(http_json_body(&rq, &o, &e), cases[i].want);
        json_decref(o);
        buf_release(&rq.body);
    }
    const char *text = NULL;
    struct err e = {0};
    json_t *o = json_pack("{s:s, s:i}", "a", "x", "more", 1);
    assert_int_equal(http_json_unpack(o, &e, "{s:s}", "a", &text), E_SYNTAX);
    assert_int_equal(http_json_unpack(o, &e, "{s:s, s:i}", "a", &text, "more", &(int){0}), 0);
    json_decref(o);
}

static void test_reply__errors(void **state)
{
    static const struct {
        int code;
        unsigned status;
    } cases[] = {{E_SYNTAX, 400},   {E_AUTH, 401},       {E_DENIED, 403}, {E_CRYPTO, 403},
                 {E_NOTFOUND, 404}, {E_EXISTS, 409},     {E_RANGE, 422},  {E_BUSY, 503},
                 {E_TIMEOUT, 503},  {E_CORRUPT, 500},    {E_BUG, 500},    {E_FULL, 503},
                 {E_MISMATCH, 409}, {E_UNSUPPORTED, 415}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_reply rp;
        http_reply_init(&rp);
        err_set(&rp.err, cases[i].code, "a sentence");
        http_reply_fail(&rp, cases[i].code);
        assert_int_equal(rp.status, cases[i].status);
        json_t *o = json_loadb((const char *)rp.body.data, rp.body.len, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(o, "error")), "a sentence");
        assert_string_equal(json_string_value(json_object_get(o, "code")), err_name(cases[i].code));
        json_decref(o);
        http_reply_release(&rp);
    }
    struct http_reply rp;
    http_reply_init(&rp);
    err_set(&rp.err, E_SYNTAX, "quotes \xff bytes");
    http_reply_fail(&rp, E_SYNTAX);
    json_t *o = json_loadb((const char *)rp.body.data, rp.body.len, 0, NULL);
    assert_non_null(json_object_get(o, "error"));
    json_decref(o);
    http_reply_release(&rp);
}

static void put(const char *dir, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static unsigned status_of(const struct http_files *f, const char *path, const char *known,
                          bool *lasting)
{
    struct given g[] = {{"If-None-Match", known, HTTP_HEADER}, {0}};
    struct http_request rq = request("GET", path, known ? g : NULL);
    struct http_reply rp;
    http_reply_init(&rp);
    int r = http_files_reply(f, &rq, &rp);
    *lasting = rp.cache == HTTP_LASTING;
    unsigned status = r ? rp.status : 404;
    rp.self = NULL; /* belongs to the files */
    http_reply_release(&rp);
    return status;
}

static void test_files__only_what_was_built(void **state)
{
    char dir[] = "/tmp/lethe-files-XXXXXX", path[200], command[200];
    struct http_files f;
    struct err e = {0};
    bool lasting;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(http_files_load(dir, &f, &e), -ENOENT);
    snprintf(path, sizeof(path), "%s/assets", dir);
    mkdir(path, 0700);
    put(dir, "index.html", "<!doctype html>");
    put(dir, "assets/a-1.js", "1");
    put(dir, ".hidden.js", "1");
    put(dir, "notes.secret", "1");
    snprintf(path, sizeof(path), "%s/link.txt", dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(http_files_load(dir, &f, &e), 0);
    assert_int_equal(f.count, 2);
    assert_int_equal(status_of(&f, "/", NULL, &lasting), 200);
    assert_false(lasting);
    assert_int_equal(status_of(&f, "/index.html", f.file[1].etag, &lasting), 304);
    assert_int_equal(status_of(&f, "/assets/a-1.js", NULL, &lasting), 200);
    assert_true(lasting);
    static const char *const absent[] = {"/assets",       "/assets/",     "/.hidden.js",
                                         "/notes.secret", "/link.txt",    "/assets/../index.html",
                                         "//index.html",  "/index.html/", ""};
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        assert_int_equal(status_of(&f, absent[i], NULL, &lasting), 404);
    http_files_release(&f);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_route__find),
        cmocka_unit_test(test_query__times),
        cmocka_unit_test(test_query__span_and_numbers),
        cmocka_unit_test(test_range__parse),
        cmocka_unit_test(test_body__json),
        cmocka_unit_test(test_reply__errors),
        cmocka_unit_test(test_files__only_what_was_built),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
