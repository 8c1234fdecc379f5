/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The status page from a recorder that says anything: parse, judge, write page and metrics. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/health.h"
#include "http/metrics.h"
#include "http/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_snapshot snap = {.refs = 1};
    struct err e = {0};
    struct buf b;
    /* What stands behind a zero byte is the file of the supervisor, or the filter of a visitor. */
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t len = zero ? (size_t)(zero - data) : size;
    char *rest = strndup(zero ? (const char *)zero + 1 : "", zero ? size - len - 1 : 0);
    const struct http_page_query q = {
        .page = rest, .filter = len % 2 ? rest : NULL, .show = len % 3 ? rest : "problems"};
    snap.children = rest;
    if (http_status_parse(data, len, &snap.status, &e) < 0) {
        snap.code = e.code;
        snap.err = e;
    }
    buf_init(&b, 4 << 20);
    if (http_page(&b, &snap, &q, 0) >= 0) {
        /* Exactly one script, and it is ours: nothing foreign became markup. */
        const char *text = buf_cstr(&b), *first = text ? strstr(text, "<script") : NULL;
        if (text && (!first || strstr(first + 1, "<script") || strstr(text, "<img")))
            abort();
    }
    b.len = 0;
    http_metrics(&b, &snap);
    buf_release(&b);
    http_status_free(snap.status);
    free(rest);
    return 0;
}
