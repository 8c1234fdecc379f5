/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef API_PUBLIC_H
#define API_PUBLIC_H
/*
 * The pages for everybody: register of cameras, numbers, log. No account, no script needed, English and Traditional
 * Chinese; they print. docs/design/public.md says what stands where and why.
 */
#include "api/api.h"
#include "http/html.h"
#include "tlog/checkpoint.h"
#include "tlog/reader.h"
#include "tlog/tally.h"

/* One page being written. */
struct public_page {
    struct html h;
    const struct http_request *rq;
    bool zh; /* Traditional Chinese, else English */
};

/* Begin a page: head, navigation, heading. @title in both languages; our own words. */
void public_begin(struct public_page *p, struct http_request *rq, struct http_reply *rp,
                  const char *en, const char *zh);
/* Foot; the handler returns this. */
int public_end(struct public_page *p, struct http_reply *rp);
/* Our own words in the page's language; may hold markup. */
void public_say(struct public_page *p, const char *en, const char *zh);
/* The one of two texts that the page's language wants. */
const char *public_word(const struct public_page *p, const char *en, const char *zh)
    __attribute__((format_arg(2), format_arg(3)));
/* <dt>label</dt><dd>foreign text</dd>; a dash where there is none. */
void public_fact(struct public_page *p, const char *en, const char *zh, const char *foreign);
/* A UTC time in <time>. 0: a dash. */
void public_time(struct public_page *p, int64_t us);
/* "?lang=…" for links where the language was asked for by address, "" otherwise. */
const char *public_lang(const struct public_page *p);

/* ---- the log, as far as it is published ---- */

/* A reader's view of the published log for the time of one request. */
struct public_log {
    struct tlog_checkpoint checkpoint;
    struct tlog_reader *reader;
    char *dir; /* kept for the reader */
};
/* E_NOTFOUND: there is no log yet. Owns: public_log_close(). */
int public_log_open(struct http_request *rq, struct public_log *ret, struct err *reterr);
void public_log_close(struct public_log *l);
/* Call @cb for entries @first to @end - 1. Stops at the first value that is not 0 and returns it. */
int public_log_each(struct public_log *l, uint64_t first, uint64_t end,
                    int (*cb)(void *user, uint64_t index, const char *text, size_t len), void *user,
                    struct err *reterr);

/*
 * What the whole log adds up to, counted on as the log grows; shared by all requests. The pointer is valid between take
 * and give. Errors as public_log_open().
 */
struct public_tally;
int public_tally_new(struct public_tally **ret);
void public_tally_free(struct public_tally *t);
int public_tally_take(struct http_request *rq, const struct tlog_tally **ret, struct err *reterr);
void public_tally_give(struct http_request *rq);

/* The report that was made last, shared by all requests. */
struct public_reports;
int public_reports_new(struct public_reports **ret);
void public_reports_free(struct public_reports *r);

/* ---- pieces ---- */

/* What is seen at this many picture elements per metre: the level of IEC 62676-4:2025. */
struct public_level {
    double from;
    const char *en, *zh;
};
const struct public_level *public_level_of(double px_per_m); /* NULL: below all */
/* The name by IEC 62676-4:2014, whose levels begin elsewhere: 25, 62.5, 125, 250. */
const char *public_old_level(double px_per_m);

/* A map of what is located, as SVG without any tiles. Nothing if no camera is. */
void public_map(struct public_page *p, const struct index_camera *cameras, size_t n);

struct public_bar {
    const char *label; /* foreign */
    double value;
    const char *text; /* value in words; our own */
    bool own;         /* drawn in the colour of this place */
};
/* Horizontal bars as a table with SVG: readable without colours, with its numbers. */
void public_bars(struct public_page *p, const char *caption, const struct public_bar *bar,
                 size_t n);

/* All cameras with their register entries, sorted by id. Owns: free(*ret). */
int public_cameras(struct http_request *rq, struct index_camera **ret, size_t *ret_count,
                   struct err *reterr);

extern const char public_css[];
extern const char public_js[];
#endif
