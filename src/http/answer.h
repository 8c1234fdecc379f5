/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H
/* What each address answers, apart from the library that carries it. Reentrant. */
#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/source.h"

struct http_answer {
    unsigned code;     /* HTTP status */
    const char *type;  /* Content-Type */
    const char *allow; /* for 405 */
    bool lasting;      /* may be cached */
    struct buf body;
};
void http_answer_init(struct http_answer *a);

/* Query parameters as they came; NULL if absent. Foreign text. */
struct http_query {
    const char *page, *filter, *show;
};

bool http_answer_find(const char *url);
/* @url must be one that http_answer_find() knows. */
void http_answer(struct http_answer *a, const char *url, const struct http_query *q,
                 struct http_source *source, const struct clock *clock);
/* {"error": sentence} */
void http_answer_error(struct http_answer *a, unsigned code, const char *sentence);
#endif
