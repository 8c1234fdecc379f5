/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_SOURCE_H
#define HTTP_SOURCE_H
/*
 * Where the pages get the recorder's status from: DATA/run/recorder.sock, asked at most once in HTTP_SOURCE_FRESH_US
 * however many browsers look. A snapshot is immutable and shared by reference.
 */
#include <stddef.h>

#include "base/clock.h"
#include "base/err.h"

#define HTTP_SOURCE_FRESH_US (900 * INT64_C(1000))
#define HTTP_SOURCE_TIMEOUT_US (2 * SECOND_US)
#define HTTP_SOURCE_BYTES ((size_t)32 << 20) /* a status of 2,000 cameras has about 1 MB */

struct http_status;

struct http_snapshot {
    int refs;   /* atomic */
    char *json; /* as the recorder sent it; NULL if it never answered */
    size_t json_len;
    struct http_status *status; /* parsed; NULL with json */
    int64_t taken_us;           /* wall clock when json arrived */
    int code; /* of the newest attempt: 0, or why there is nothing newer than taken_us */
    struct err err;
    char *children; /* DATA/run/serve.json, NULL if it cannot be read */
};

struct http_source;
int http_source_new(const char *run_dir, const struct clock *clock, struct http_source **ret);
void http_source_free(struct http_source *s);
/*
 * The newest snapshot, at most HTTP_SOURCE_FRESH_US old; blocks up to HTTP_SOURCE_TIMEOUT_US. When the recorder does not
 * answer, the last answer with the reason in code and err. NULL only without memory. http_snapshot_unref() it.
 * Thread-safe.
 */
struct http_snapshot *http_source_get(struct http_source *s);
void http_snapshot_unref(struct http_snapshot *s);
#endif
