/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/message.h"

#define TIME_CHARACTERS 40
#define YEAR_9999_US INT64_C(253402300799999999)

const char *http_param(const struct http_request *rq, const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; i < HTTP_PARAMS && rq->param[i].name; i++)
        if (strncmp(rq->param[i].name, name, n) == 0 && rq->param[i].name[n] == '}')
            return rq->param[i].value;
    return "";
}

const char *http_header(const struct http_request *rq, const char *name)
{
    return rq->value(rq->source, HTTP_HEADER, name);
}

const char *http_cookie(const struct http_request *rq, const char *name)
{
    return rq->value(rq->source, HTTP_COOKIE, name);
}

const char *http_query(const struct http_request *rq, const char *name)
{
    return rq->value(rq->source, HTTP_QUERY, name);
}

/* Digits only, no sign, no blanks; E_RANGE above @max. */
static int parse_digits(const char *text, int64_t max, int64_t *ret)
{
    int64_t n = 0;
    if (!*text)
        return E_SYNTAX;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9')
            return E_SYNTAX;
        if (n > (max - (*p - '0')) / 10)
            return E_RANGE;
        n = n * 10 + (*p - '0');
    }
    *ret = n;
    return 0;
}

int http_time_parse(const char *text, int64_t *ret_us)
{
    int64_t us;
    if (strlen(text) > TIME_CHARACTERS)
        return E_SYNTAX;
    int r = parse_digits(text, YEAR_9999_US, &us);
    if (r == E_SYNTAX)
        r = time_parse(text, &us);
    if (r < 0 || us < 0 || us > YEAR_9999_US)
        return E_SYNTAX;
    *ret_us = us;
    return 0;
}

int http_query_time(const struct http_request *rq, const char *name, int64_t *ret_us,
                    struct err *reterr)
{
    const char *text = http_query(rq, name);
    if (!text)
        return err_set(reterr, E_SYNTAX, "The parameter \"%s\" is missing: a time.", name);
    if (http_time_parse(text, ret_us) < 0)
        return err_set(reterr, E_SYNTAX,
                       "The parameter \"%s\" is no time: write it like 2026-11-23T10:00:00Z, or in "
                       "microseconds UTC.",
                       name);
    return 0;
}

int http_query_span(const struct http_request *rq, int64_t *ret_from_us, int64_t *ret_to_us,
                    struct err *reterr)
{
    int r = http_query_time(rq, "from", ret_from_us, reterr);
    if (r >= 0)
        r = http_query_time(rq, "to", ret_to_us, reterr);
    if (r >= 0 && *ret_from_us >= *ret_to_us)
        r = err_set(reterr, E_SYNTAX, "\"from\" has to lie before \"to\".");
    return r;
}

int http_query_int(const struct http_request *rq, const char *name, int64_t min, int64_t max,
                   int64_t *ret, struct err *reterr)
{
    const char *text = http_query(rq, name);
    int64_t n;
    if (!text)
        return 0;
    int r = parse_digits(text, max, &n);
    if (r < 0 || n < min)
        return err_set(reterr, r == E_SYNTAX ? E_SYNTAX : E_RANGE,
                       "The parameter \"%s\" has to be a number from %lld to %lld.", name,
                       (long long)min, (long long)max);
    *ret = n;
    return 0;
}

int http_query_bool(const struct http_request *rq, const char *name, bool *ret, struct err *reterr)
{
    const char *text = http_query(rq, name);
    if (!text)
        return 0;
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return err_set(reterr, E_SYNTAX, "The parameter \"%s\" has to be true or false.", name);
    *ret = text[0] == 't';
    return 0;
}

/* "application/json" with or without parameters behind it. */
static bool type_is(const struct http_request *rq, const char *type)
{
    const char *given = http_header(rq, "Content-Type");
    size_t n = strlen(type);
    return given && strncasecmp(given, type, n) == 0 &&
           (given[n] == 0 || given[n] == ';' || given[n] == ' ');
}

int http_json_body(const struct http_request *rq, json_t **ret, struct err *reterr)
{
    json_error_t where;
    if (!type_is(rq, "application/json"))
        return err_set(reterr, E_UNSUPPORTED,
                       "The body has to be JSON, with Content-Type: "
                       "application/json.");
    json_t *o =
        json_loadb((const char *)rq->body.data, rq->body.len, JSON_REJECT_DUPLICATES, &where);
    if (!o)
        return err_set(reterr, E_SYNTAX, "The body is not JSON (line %d, column %d).", where.line,
                       where.column);
    if (!json_is_object(o)) {
        json_decref(o);
        return err_set(reterr, E_SYNTAX, "The body has to be a JSON object.");
    }
    *ret = o;
    return 0;
}

int http_json_unpack(json_t *object, struct err *reterr, const char *fmt, ...)
{
    json_error_t why;
    va_list ap;
    va_start(ap, fmt);
    int r = json_vunpack_ex(object, &why, JSON_STRICT, fmt, ap);
    va_end(ap);
    return r == 0 ? 0 : err_set(reterr, E_SYNTAX, "The body is not as expected: %s.", why.text);
}

/* ---- routes ---- */

bool http_route_match(const char *pattern, const char *path, struct http_request *rq)
{
    int n = 0;
    memset(rq->param, 0, sizeof(rq->param));
    while (*pattern && *path) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t len = strcspn(path, "/");
        const char *end = strchr(pattern, '}');
        /* What follows the braces ends the segment: "{id}.mp4" is not a pattern that is needed. */
        if (!end || n == HTTP_PARAMS || len == 0 || len >= HTTP_PARAM_BYTES)
            return false;
        rq->param[n].name = pattern + 1;
        memcpy(rq->param[n].value, path, len);
        rq->param[n++].value[len] = 0;
        path += len;
        pattern = end + 1;
    }
    return !*pattern && !*path;
}

static bool method_fits(const struct http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

int http_route_find(const struct http_route *const *tables, struct http_request *rq, char allow[64])
{
    int r = E_NOTFOUND;
    size_t n = 0;
    for (const struct http_route *const *t = tables; *t; t++)
        for (const struct http_route *route = *t; route->pattern; route++) {
            /* A fixed segment is meant before a name in braces: tables list it first. */
            if (!http_route_match(route->pattern, rq->path, rq))
                continue;
            if (method_fits(route, rq->method)) {
                rq->route = route;
                return 0;
            }
            r = E_UNSUPPORTED;
            if (n < 48)
                n += (size_t)snprintf(allow + n, 64 - n, "%s%s", n ? ", " : "",
                                      strcmp(route->method, "GET") == 0 ? "GET, HEAD"
                                                                        : route->method);
        }
    return r;
}
