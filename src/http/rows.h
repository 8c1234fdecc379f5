/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_ROWS_H
#define HTTP_ROWS_H
/* Which cameras a page shows, and the table of them. Reentrant. */
#include "http/page.h"
#include "http/html.h"
#include "http/status.h"

struct http_rows {
    const struct http_camera **sorted; /* those that match, what is wrong first */
    size_t count, page, pages;         /* page from 1 */
};

/* -ENOMEM. Release with http_rows_release(). */
int http_rows_select(const struct http_status *s, const struct http_page_query *q,
                     struct http_rows *ret);
void http_rows_release(struct http_rows *r);
/* Table and links to the other pages. */
void http_rows_put(struct html *h, const struct http_status *s, const struct http_page_query *q,
                   const struct http_rows *r);
#endif
