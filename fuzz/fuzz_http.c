/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What strangers may write into a request: the path against the table of routes, query values, the range, and a JSON body
 * that becomes grants. Lines: path, time, number, range; the rest is the body.
 */
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "api/api.h"
#include "http/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct given {
    char *path, *time, *number, *range;
};

static const char *value(void *source, enum http_kind kind, const char *name)
{
    const struct given *g = source;
    if (kind == HTTP_HEADER)
        return strcmp(name, "Content-Type") == 0 ? "application/json"
               : strcmp(name, "Range") == 0      ? g->range
                                                 : NULL;
    return strcmp(name, "n") == 0 ? g->number : g->time;
}

static char *line(const uint8_t **p, size_t *left)
{
    const uint8_t *end = memchr(*p, '\n', *left);
    size_t n = end ? (size_t)(end - *p) : *left;
    char *text = strndup((const char *)*p, n);
    *p += end ? n + 1 : n;
    *left -= end ? n + 1 : n;
    return text;
}

static void try_query(struct http_request *rq)
{
    int64_t from = -1, to = -1, n = 7;
    bool flag = false;
    if (http_query_time(rq, "from", &from, NULL) >= 0 && from < 0)
        abort();
    if (http_query_span(rq, &from, &to, NULL) >= 0 && from >= to)
        abort();
    if (http_query_int(rq, "n", 5, 2000, &n, NULL) >= 0 && (n < 5 || n > 2000))
        abort();
    http_query_bool(rq, "n", &flag, NULL);
}

static void try_range(const char *text, uint64_t total)
{
    uint64_t first = 0, length = 0;
    if (http_range_parse(text, total, &first, &length) == 1 &&
        (length < 1 || first >= total || length > total - first))
        abort();
}

static void try_body(struct http_request *rq)
{
    json_t *o = NULL, *list = NULL;
    struct account_grant grants[ACCOUNT_GRANTS];
    int n = 0;
    const char *name = NULL;
    struct err e = {0};
    if (http_json_body(rq, &o, &e) < 0)
        return;
    if (http_json_unpack(o, &e, "{s?s, s?o}", "name", &name, "grants", &list) >= 0 && list &&
        account_grants_parse(list, grants, &n, &e) >= 0) {
        /* what was accepted survives being written and read again */
        struct account_grant again[ACCOUNT_GRANTS];
        json_t *copy = account_grants_json(grants, n);
        int m = -1;
        if (account_grants_parse(copy, again, &m, NULL) < 0 || m != n)
            abort();
        json_decref(copy);
    }
    json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct given g = {0};
    char allow[64] = "";
    g.path = line(&data, &size);
    g.time = line(&data, &size);
    g.number = line(&data, &size);
    g.range = line(&data, &size);
    if (g.path && g.time && g.number && g.range) {
        struct http_request rq = {.method = "GET", .path = g.path, .value = value, .source = &g};
        buf_init(&rq.body, 0);
        buf_append(&rq.body, data, size);
        http_route_find(api_tables, &rq, allow);
        rq.method = "PUT";
        http_route_find(api_tables, &rq, allow);
        if (strlen(allow) >= sizeof(allow))
            abort();
        try_query(&rq);
        try_range(g.range, 0);
        try_range(g.range, 1000);
        try_range(g.range, UINT64_MAX);
        try_body(&rq);
        buf_release(&rq.body);
    }
    free(g.path);
    free(g.time);
    free(g.number);
    free(g.range);
    return 0;
}
