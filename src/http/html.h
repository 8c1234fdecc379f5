/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_HTML_H
#define HTTP_HTML_H
/*
 * Writing HTML so that foreign text cannot become markup: our own words go through html_put() and html_putf(), whatever
 * came from a camera, a configuration or a request through html_text() and html_query(). Errors stick. Thread-bound.
 */
#include "base/buf.h"

struct html {
    struct buf *out;
    int code; /* first error; later calls do nothing */
};

void html_put(struct html *h, const char *markup);
/* For numbers and our own words only. */
void html_putf(struct html *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Escaped for element content and quoted attributes; control characters become spaces. */
void html_text(struct html *h, const char *foreign);
/* The same, but line ends stay: for text that is preformatted. */
void html_lines(struct html *h, const char *foreign);
/* Percent-encoded for a query value. */
void html_query(struct html *h, const char *foreign);
/* 1,234,567 */
void html_count(struct html *h, int64_t n);
/* "1.2 TB": decimal multiples as on disk labels. */
void html_bytes(struct html *h, int64_t bytes);
/* "12 s", "5 min", "3 h", "9 days" */
void html_span(struct html *h, int64_t us);
#endif
