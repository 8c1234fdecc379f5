/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H
/*
 * A request and its reply, apart from the library that carries them: handlers see these two only, so that tests can call
 * them without a socket. Everything of a request is foreign text. Thread-bound: one thread has a request at a time.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

#define HTTP_PARAMS 5
#define HTTP_PARAM_BYTES 128
#define HTTP_HEADERS 8
#define HTTP_BODY_BYTES ((size_t)64 << 10) /* a route may allow more */

struct http_request;
struct http_waker;
struct http_reply;
/* 0, or an error with its sentence in reply->err; the status then follows from the error's kind. */
typedef int http_handler(struct http_request *rq, struct http_reply *rp);

enum http_route_flags {
    HTTP_LOCAL = 1, /* for this machine only, 404 for others */
};

/* One line of the table. A table ends with {0}. */
struct http_route {
    const char *method;  /* "GET" also answers HEAD */
    const char *pattern; /* "/api/v1/cameras/{id}": a name in braces takes one segment */
    int verb;            /* what the asker needs; the application's own numbers */
    http_handler *run;
    size_t max_body; /* 0: HTTP_BODY_BYTES for methods that have one */
    unsigned flags;
};

/* Where a browser says that a request comes from (RFC 6454 §7), against the server's own address. */
enum http_origin { HTTP_ORIGIN_ABSENT, HTTP_ORIGIN_OWN, HTTP_ORIGIN_FOREIGN };

enum http_kind { HTTP_HEADER, HTTP_QUERY, HTTP_COOKIE };

struct http_request {
    const char *method, *path; /* path without query, percent-decoded */
    /* Value as it came, percent-decoded; NULL if absent. */
    const char *(*value)(void *source, enum http_kind kind, const char *name);
    void *source;
    const struct http_route *route;
    struct {
        const char *name; /* points into the pattern, ends at '}' */
        char value[HTTP_PARAM_BYTES];
    } param[HTTP_PARAMS];
    struct buf body;
    char peer[64]; /* address of the client */
    bool local;    /* peer is this machine, and so is Host */
    bool tls;      /* of the server, or of the proxy in front of it */
    enum http_origin origin;
    const struct clock *clock;
    void *app; /* the application's */
    void *who; /* what its guard found out; freed by its release */
};

/* Value of {name}; "" if the pattern has none. */
const char *http_param(const struct http_request *rq, const char *name);
const char *http_header(const struct http_request *rq, const char *name);
const char *http_cookie(const struct http_request *rq, const char *name);
const char *http_query(const struct http_request *rq, const char *name);
/*
 * Typed query values. Absent: the output stays as it is, E_NOTFOUND with a sentence if @required.
 * Errors: E_SYNTAX, E_RANGE with a sentence that names the parameter.
 */
int http_query_time(const struct http_request *rq, const char *name, int64_t *ret_us,
                    struct err *reterr);
int http_query_int(const struct http_request *rq, const char *name, int64_t min, int64_t max,
                   int64_t *ret, struct err *reterr);
int http_query_bool(const struct http_request *rq, const char *name, bool *ret, struct err *reterr);
/* "from" and "to", both required, from < to. */
int http_query_span(const struct http_request *rq, int64_t *ret_from_us, int64_t *ret_to_us,
                    struct err *reterr);
/* RFC 3339, or microseconds UTC from 0 to the year 9999. E_SYNTAX. */
int http_time_parse(const char *text, int64_t *ret_us);

/*
 * The body as a JSON object. Errors: E_UNSUPPORTED (content type), E_SYNTAX with a sentence. Members are checked with
 * json_unpack_ex() in strict mode. Owns: json_decref().
 */
int http_json_body(const struct http_request *rq, json_t **ret, struct err *reterr);
/* json_unpack_ex() with JSON_STRICT and a sentence for people: E_SYNTAX. */
int http_json_unpack(json_t *object, struct err *reterr, const char *fmt, ...);

/* A body that is made while it is sent, or that never ends. */
struct http_body_ops {
    /*
     * Put up to @max bytes from position @at to @to. Returns how many, 0: the end, E_BUSY: nothing now, http_waker_wake()
     * will tell, another error: break off. Called by one thread at a time.
     */
    ssize_t (*read)(void *self, uint64_t at, void *to, size_t max);
    /* Before the first read, when the body wants to be able to say E_BUSY. */
    void (*attach)(void *self, struct http_waker *waker);
    void (*free)(void *self);
};
/* Wake a reader that was told E_BUSY; harmless when it was not. Any thread, until free() of the body returns. */
void http_waker_wake(struct http_waker *w);

enum http_cache {
    HTTP_NO_STORE,
    HTTP_REVALIDATE, /* with an ETag */
    HTTP_PRIVATE, /* by the browser of this user, for a day: what an address with an id or time means never changes */
    HTTP_LASTING, /* an address that holds a hash of its contents */
};

struct http_reply {
    unsigned status;  /* 200 */
    const char *type; /* "application/json" */
    struct buf body;
    const struct http_body_ops *ops; /* instead of body */
    void *self;
    uint64_t offset, length; /* with ops: what part of it; length UINT64_MAX: until its end */
    enum http_cache cache;
    char etag[80]; /* with its quotes, or "" */
    struct {
        const char *name;
        char value[256];
    } header[HTTP_HEADERS];
    struct err err;
    const char *code; /* of an error: "E_…"; NULL: the name of err.code */
};

void http_reply_init(struct http_reply *rp);
void http_reply_release(struct http_reply *rp);
void http_reply_header(struct http_reply *rp, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Refuse with a status of our own choice. Returns an error, so that handlers can `return http_refuse(…)`. */
int http_refuse(struct http_reply *rp, unsigned status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Body from JSON; takes the reference, NULL is "no memory". */
int http_reply_json(struct http_reply *rp, json_t *object);
/* 204 */
int http_reply_nothing(struct http_reply *rp);
/*
 * Body of @total bytes from @ops, of which the request may want one range: 200, 206 or 416. Owns: takes @self, also on
 * error. Source: RFC 9110 §14 (one range; several are answered with all of it).
 */
int http_reply_bytes(struct http_reply *rp, const struct http_request *rq, uint64_t total,
                     const struct http_body_ops *ops, void *self);
/* Turn reply->err into the body, and choose the status unless one is set: what the server does with failed handlers. */
void http_reply_fail(struct http_reply *rp, int code);

/*
 * Parse "bytes=0-499", "bytes=500-", "bytes=-500" for @total bytes. 1: a part, 0: all (absent, several, another unit),
 * E_RANGE: none of it is there.
 */
int http_range_parse(const char *text, uint64_t total, uint64_t *ret_first, uint64_t *ret_length);

/* True if @path matches @pattern; fills @rq->param. */
bool http_route_match(const char *pattern, const char *path, struct http_request *rq);
/*
 * Find the route of @rq in @tables (ends with NULL). E_NOTFOUND, or E_UNSUPPORTED when the address exists with other
 * methods, which @allow then lists.
 */
int http_route_find(const struct http_route *const *tables, struct http_request *rq,
                    char allow[64]);
#endif
