/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_PAGE_H
#define HTTP_PAGE_H
/*
 * The status page as one HTML document, complete without a script; status.js replaces the parts marked data-live.
 * Reentrant. Errors: E_LIMIT, -ENOMEM.
 */
#include "base/buf.h"
#include "http/source.h"

#define HTTP_PAGE_ROWS 100

/* Query parameters as they came; NULL if absent. Foreign text. */
struct http_page_query {
    const char *page, *filter, *show;
};

int http_page(struct buf *out, const struct http_snapshot *snap, const struct http_page_query *q,
              int64_t now_us);
#endif
