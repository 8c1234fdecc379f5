/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/message.h"

#define REPLY_BYTES ((size_t)32 << 20)

void http_reply_init(struct http_reply *rp)
{
    *rp = (struct http_reply){.status = 200, .type = "application/json", .length = UINT64_MAX};
    buf_init(&rp->body, REPLY_BYTES);
}

void http_reply_release(struct http_reply *rp)
{
    buf_release(&rp->body);
    if (rp->ops && rp->self)
        rp->ops->free(rp->self);
    rp->ops = NULL;
    rp->self = NULL;
}

void http_reply_header(struct http_reply *rp, const char *name, const char *fmt, ...)
{
    for (int i = 0; i < HTTP_HEADERS; i++) {
        if (rp->header[i].name && strcmp(rp->header[i].name, name) != 0)
            continue;
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(rp->header[i].value, sizeof(rp->header[i].value), fmt, ap);
        va_end(ap);
        rp->header[i].name = name;
        return;
    }
}

int http_refuse(struct http_reply *rp, unsigned status, const char *code, const char *fmt, ...)
{
    va_list ap;
    rp->status = status;
    rp->code = code;
    rp->err.code = E_DENIED;
    va_start(ap, fmt);
    vsnprintf(rp->err.text, sizeof(rp->err.text), fmt, ap);
    va_end(ap);
    return E_DENIED;
}

int http_reply_json(struct http_reply *rp, json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    int r = text ? 0 : -ENOMEM;
    json_decref(object);
    rp->body.len = 0;
    if (text)
        r = buf_append(&rp->body, text, strlen(text));
    if (r >= 0)
        r = buf_append(&rp->body, "\n", 1);
    free(text);
    return r < 0 ? err_set(&rp->err, r, "The answer does not fit into memory.") : 0;
}

int http_reply_nothing(struct http_reply *rp)
{
    rp->status = 204;
    rp->body.len = 0;
    return 0;
}

/* The one place that maps errors to HTTP. */
static unsigned status_of(int code)
{
    static const struct {
        int code;
        unsigned status;
    } exact[] = {{E_RANGE, 422}, {E_UNSUPPORTED, 415}, {E_EXISTS, 409},
                 {E_ORDER, 409}, {E_MISMATCH, 409},    {E_AUTH, 401},
                 {E_LIMIT, 422}, {E_SYNTAX, 400},      {E_NOTFOUND, 404}};
    for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
        if (exact[i].code == code)
            return exact[i].status;
    switch (err_kind(code)) {
    case ERR_BAD_INPUT:
        return 400;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_DENIED:
        return 403;
    case ERR_EXHAUSTED:
    case ERR_RETRY:
        return 503;
    case ERR_DATA_LOSS:
    case ERR_BUG:
        break;
    }
    return 500;
}

void http_reply_fail(struct http_reply *rp, int code)
{
    const char *name = rp->code ? rp->code : err_name(code);
    if (rp->ops && rp->self)
        rp->ops->free(rp->self);
    rp->ops = NULL;
    rp->self = NULL;
    if (rp->status < 400)
        rp->status = status_of(code);
    if (rp->status == 503)
        http_reply_header(rp, "Retry-After", "2");
    rp->type = "application/json";
    rp->cache = HTTP_NO_STORE;
    rp->etag[0] = 0;
    json_t *o = json_pack("{s:s, s:s}", "error", err_str(&rp->err, code), "code",
                          name[0] == 'E' ? name : "E_BUG");
    if (!o) /* a sentence that is not UTF-8: it quoted something foreign */
        o = json_pack("{s:s, s:s}", "error", err_text(code), "code", "E_BUG");
    http_reply_json(rp, o);
}

/* ---- ranges ---- */

static const char *digits(const char *p, uint64_t *ret)
{
    uint64_t n = 0;
    if (*p < '0' || *p > '9')
        return NULL;
    for (; *p >= '0' && *p <= '9'; p++)
        n = n > (UINT64_MAX - 9) / 10 ? UINT64_MAX : n * 10 + (uint64_t)(*p - '0');
    *ret = n;
    return p;
}

int http_range_parse(const char *text, uint64_t total, uint64_t *ret_first, uint64_t *ret_length)
{
    uint64_t first, last = total - 1;
    if (!text || strncmp(text, "bytes=", 6) != 0)
        return 0;
    const char *p = text + 6;
    if (*p == '-') { /* the last n bytes */
        uint64_t n;
        p = digits(p + 1, &n);
        if (!p || *p)
            return 0;
        if (n == 0 || total == 0)
            return E_RANGE;
        first = n >= total ? 0 : total - n;
    } else {
        p = digits(p, &first);
        if (!p || *p++ != '-')
            return 0;
        if (*p) {
            p = digits(p, &last);
            if (!p || *p || last < first)
                return 0;
        }
        if (first >= total)
            return E_RANGE;
        if (last >= total)
            last = total - 1;
    }
    *ret_first = first;
    *ret_length = last - first + 1;
    return 1;
}

int http_reply_bytes(struct http_reply *rp, const struct http_request *rq, uint64_t total,
                     const struct http_body_ops *ops, void *self)
{
    rp->ops = ops;
    rp->self = self;
    rp->length = total;
    http_reply_header(rp, "Accept-Ranges", "bytes");
    const char *same = http_header(rq, "If-Range");
    if (same && strcmp(same, rp->etag) != 0) /* it changed: all of it anew */
        return 0;
    int r = http_range_parse(http_header(rq, "Range"), total, &rp->offset, &rp->length);
    if (r < 0) {
        http_reply_header(rp, "Content-Range", "bytes */%llu", (unsigned long long)total);
        return http_refuse(rp, 416, "E_RANGE",
                           "The file has %llu bytes; that range lies behind it.",
                           (unsigned long long)total);
    }
    if (r > 0) {
        rp->status = 206;
        http_reply_header(
            rp, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)rp->offset,
            (unsigned long long)(rp->offset + rp->length - 1), (unsigned long long)total);
    }
    return 0;
}
