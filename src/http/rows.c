/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/page.h"

#define STRIP_UNITS 1440 /* one per minute of the day */

/* 0: not recording though it should; 1: recording, with losses or gaps; 2: fine; 3: switched off. */
static int rank(const struct http_camera *c)
{
    switch (c->state) {
    case HTTP_CAMERA_RECORDING:
        return c->frames_lost || c->gap_total ? 1 : 2;
    case HTTP_CAMERA_DISABLED:
        return 3;
    case HTTP_CAMERA_CONNECTING:
    case HTTP_CAMERA_WAITING:
    case HTTP_CAMERA_UNKNOWN:
    case HTTP_CAMERA_STATES:
        break;
    }
    return 0;
}

static bool matches(const struct http_camera *c, const struct http_page_query *q)
{
    if (q->show && strcmp(q->show, "problems") == 0 && rank(c) > 1)
        return false;
    if (!q->filter || !*q->filter)
        return true;
    const char *const fields[] = {c->id, c->name, http_camera_state_name(c->state), c->reason};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcasestr(fields[i], q->filter))
            return true;
    return false;
}

static int by_rank(const void *a, const void *b)
{
    const struct http_camera *x = *(const struct http_camera *const *)a,
                             *y = *(const struct http_camera *const *)b;
    int d = rank(x) - rank(y);
    return d ? d : strverscmp(x->id, y->id);
}

int http_rows_select(const struct http_status *s, const struct http_page_query *q,
                     struct http_rows *ret)
{
    *ret = (struct http_rows){.page = 1, .pages = 1};
    if (!s || !s->camera_count)
        return 0;
    ret->sorted = calloc(s->camera_count, sizeof(struct http_camera *));
    if (!ret->sorted)
        return -ENOMEM;
    for (size_t i = 0; i < s->camera_count; i++)
        if (matches(&s->cameras[i], q))
            ret->sorted[ret->count++] = &s->cameras[i];
    qsort(ret->sorted, ret->count, sizeof(struct http_camera *), by_rank);
    ret->pages = ret->count ? (ret->count + HTTP_PAGE_ROWS - 1) / HTTP_PAGE_ROWS : 1;
    unsigned long wanted = q->page ? strtoul(q->page, NULL, 10) : 1;
    ret->page = wanted < 1 ? 1 : wanted > ret->pages ? ret->pages : wanted;
    return 0;
}

void http_rows_release(struct http_rows *r)
{
    free(r->sorted);
    r->sorted = NULL;
}

/* Position on the strip of one day; outside it is cut off. */
static double minute(int64_t us, int64_t midnight_us)
{
    double m = (double)(us - midnight_us) / (double)MINUTE_US;
    return m < 0 ? 0 : m > STRIP_UNITS ? STRIP_UNITS : m;
}

static void put_bar(struct html *h, const char *class, double from, double to)
{
    double width = to - from < 2 ? 2 : to - from; /* a short gap must not vanish */
    html_putf(h, "<rect class=\"%s\" x=\"%.1f\" width=\"%.1f\" height=\"12\">", class, from, width);
}

static void put_clock(struct html *h, int64_t us, int64_t midnight_us)
{
    if (us < midnight_us) {
        html_put(h, "yesterday");
        return;
    }
    int s = (int)((us - midnight_us) / SECOND_US);
    html_putf(h, "%02d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
}

static void put_gap_words(struct html *h, const struct http_gap *g, int64_t midnight_us)
{
    put_clock(h, g->from_us, midnight_us);
    html_put(h, "–");
    if (g->to_us)
        put_clock(h, g->to_us, midnight_us);
    else
        html_put(h, "now");
    html_put(h, " <bdi>");
    html_text(h, g->reason[0] ? g->reason : "no reason given");
    html_put(h, "</bdi>");
}

/* What is known starts with the recorder; before that, and after now, the strip stays empty. */
static void put_strip(struct html *h, const struct http_status *s, const struct http_camera *c)
{
    int64_t midnight = s->now_us - s->now_us % DAY_US;
    double now = minute(s->now_us, midnight), known = minute(s->started_us, midnight);
    html_putf(
        h,
        "<svg class=\"strip\" viewBox=\"0 0 %d 12\" preserveAspectRatio=\"none\" role=\"img\" "
        "aria-label=\"recorded today, %zu gaps\"><rect class=\"day\" width=\"%d\" height=\"12\"/>",
        STRIP_UNITS, c->gap_total, STRIP_UNITS);
    if (c->last_frame_us && c->state != HTTP_CAMERA_DISABLED) {
        put_bar(h, "rec", known, now);
        html_put(h, "</rect>");
    }
    for (size_t i = 0; i < c->gap_count; i++) {
        const struct http_gap *g = &c->gaps[i];
        if (g->to_us && g->to_us < midnight)
            continue;
        put_bar(h, "gap", minute(g->from_us, midnight),
                g->to_us ? minute(g->to_us, midnight) : now);
        html_put(h, "<title>");
        put_clock(h, g->from_us, midnight);
        html_put(h, " ");
        html_text(h, g->reason);
        html_put(h, g->detail[0] ? ": " : "");
        html_text(h, g->detail);
        html_put(h, "</title></rect>");
    }
    html_put(h, "</svg><span class=\"gaps\">");
    if (c->gap_total) {
        html_putf(h, "%zu gap%s, last ", c->gap_total, c->gap_total == 1 ? "" : "s");
        put_gap_words(h, &c->gaps[c->gap_count - 1], midnight);
    } else {
        html_put(h, c->last_frame_us ? "no gaps" : "nothing recorded yet");
    }
    html_put(h, "</span>");
}

static void put_age(struct html *h, const struct http_status *s, const struct http_camera *c)
{
    if (c->last_frame_us)
        html_span(h, s->now_us - c->last_frame_us);
    else
        html_put(h, "never");
}

static void put_row(struct html *h, const struct http_status *s, const struct http_camera *c)
{
    const char *state = http_camera_state_name(c->state);
    html_putf(h, "<tr class=\"rank%d\"><th scope=\"row\"><bdi>", rank(c));
    html_text(h, c->name[0] ? c->name : c->id);
    html_put(h, "</bdi>");
    if (c->name[0] && strcmp(c->name, c->id) != 0) {
        html_put(h, " <span class=\"id\"><bdi>");
        html_text(h, c->id);
        html_put(h, "</bdi></span>");
    }
    html_putf(h, "</th><td data-label=\"State\"><span class=\"state %s\">%s</span>", state, state);
    if (c->reason[0]) {
        html_put(h, " <span class=\"reason\"><bdi>");
        html_text(h, c->reason);
        html_put(h, "</bdi></span>");
    }
    html_putf(h,
              "</td><td class=\"n\" data-label=\"Mbit/s\">%.1f</td><td class=\"n\" "
              "data-label=\"fps\">%.1f</td>",
              (double)c->bitrate_bps / 1e6, c->fps);
    html_put(h, "<td class=\"n\" data-label=\"Last frame\">");
    put_age(h, s, c);
    html_put(h, "</td><td class=\"n\" data-label=\"Lost\">");
    html_count(h, c->frames_lost);
    html_put(h, "</td><td class=\"today\" data-label=\"Today\">");
    put_strip(h, s, c);
    html_put(h, "</td></tr>\n");
}

static void put_link(struct html *h, const struct http_page_query *q, size_t page, const char *id,
                     const char *text)
{
    html_putf(h, "<a id=\"%s\" href=\"/status?page=%zu&amp;q=", id, page);
    html_query(h, q->filter ? q->filter : "");
    html_put(h, "&amp;show=");
    html_query(h, q->show ? q->show : "");
    html_putf(h, "\">%s</a> ", text);
}

static void put_pager(struct html *h, const struct http_page_query *q, const struct http_rows *r)
{
    if (r->pages < 2)
        return;
    html_put(h, "<nav class=\"pager\" aria-label=\"pages of cameras\">");
    if (r->page > 1) {
        put_link(h, q, 1, "page-first", "first");
        put_link(h, q, r->page - 1, "page-back", "back");
    }
    html_putf(h, "<span>page %zu of %zu</span> ", r->page, r->pages);
    if (r->page < r->pages) {
        put_link(h, q, r->page + 1, "page-next", "next");
        put_link(h, q, r->pages, "page-last", "last");
    }
    html_put(h, "</nav>");
}

void http_rows_put(struct html *h, const struct http_status *s, const struct http_page_query *q,
                   const struct http_rows *r)
{
    if (!r->count) {
        html_put(h, "<p class=\"none\">No camera matches.</p>");
        return;
    }
    html_put(h,
             "<table><thead><tr><th scope=\"col\">Camera</th><th scope=\"col\">State</th>"
             "<th scope=\"col\" class=\"n\">Mbit/s</th><th scope=\"col\" class=\"n\">fps</th>"
             "<th scope=\"col\" class=\"n\">Last frame</th><th scope=\"col\" class=\"n\">Lost</th>"
             "<th scope=\"col\">Today, 0–24 h UTC</th></tr></thead><tbody>\n");
    size_t first = (r->page - 1) * HTTP_PAGE_ROWS;
    for (size_t i = first; i < r->count && i < first + HTTP_PAGE_ROWS; i++)
        put_row(h, s, r->sorted[i]);
    html_put(h, "</tbody></table>");
    put_pager(h, q, r);
}
