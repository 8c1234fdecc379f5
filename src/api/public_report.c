/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The yearly report: what `lethe report` writes, drawn as a page, and the same bytes for whoever compares. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/public.h"
#include "audit/report.h"
#include "http/status.h"

#define KEPT_US (60 * SECOND_US) /* a report reads the whole log: once a minute at most */
#define YEAR_MIN 1970
#define YEAR_MAX 9999

struct public_reports {
    pthread_mutex_t lock;
    struct buf text; /* guarded by lock, like the rest */
    int year;
    int64_t made_us; /* monotonic; 0: none */
};

int public_reports_new(struct public_reports **ret)
{
    *ret = calloc(1, sizeof(**ret));
    if (!*ret)
        return -ENOMEM;
    pthread_mutex_init(&(*ret)->lock, NULL);
    return 0;
}

void public_reports_free(struct public_reports *r)
{
    if (!r)
        return;
    buf_release(&r->text);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static int register_text(struct http_request *rq, struct buf *out, struct err *reterr)
{
    struct index_camera *c;
    size_t n;
    int r = public_cameras(rq, &c, &n, reterr);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n && r >= 0; i++) {
        if (i)
            r = buf_append(out, "\n", 1);
        if (r >= 0)
            r = index_register_text(&c[i], out);
    }
    free(c);
    return r;
}

static int write_report(struct http_request *rq, int year, struct buf *out, struct err *reterr)
{
    struct public_log l;
    struct buf cameras;
    buf_init(&cameras, 0);
    int r = public_log_open(rq, &l, reterr);
    if (r < 0)
        return r;
    r = register_text(rq, &cameras, reterr);
    if (r >= 0) {
        const struct report_options o = {.year = year,
                                         .log = tlog_files_dir(l.dir),
                                         .head = &l.checkpoint,
                                         .register_text = (const char *)cameras.data,
                                         .register_len = cameras.len};
        r = report_write(&o, out, reterr);
    }
    buf_release(&cameras);
    public_log_close(&l);
    return r;
}

/* A copy of the report in @out. */
static int take_report(struct http_request *rq, int year, struct buf *out, struct err *reterr)
{
    struct public_reports *k = api_of(rq)->reports;
    int64_t now = clock_mono_us(rq->clock);
    int r = 0;
    pthread_mutex_lock(&k->lock);
    if (!k->made_us || k->year != year || now - k->made_us >= KEPT_US) {
        k->made_us = 0;
        k->text.len = 0;
        r = write_report(rq, year, &k->text, reterr);
        if (r >= 0)
            k->year = year, k->made_us = now;
    }
    if (r >= 0)
        r = buf_append(out, k->text.data, k->text.len);
    pthread_mutex_unlock(&k->lock);
    return r;
}

static int year_of_time(int64_t us)
{
    char text[TIME_TEXT];
    return (int)strtol(time_format(us, text), NULL, 10);
}

/* Of the log's first entry; this year if that says none. */
static int first_year(struct http_request *rq, struct err *reterr)
{
    struct public_log l;
    struct buf text;
    int year = year_of_time(clock_wall_us(rq->clock));
    int r = public_log_open(rq, &l, reterr);
    if (r < 0)
        return r;
    buf_init(&text, 0);
    if (l.checkpoint.size && tlog_reader_entry(l.reader, 0, &text, NULL) >= 0) {
        const char *at = buf_cstr(&text) ? strstr((const char *)text.data, "\nat ") : NULL;
        long found = at ? strtol(at + 4, NULL, 10) : 0;
        if (found >= YEAR_MIN && found < year)
            year = (int)found;
    }
    buf_release(&text);
    public_log_close(&l);
    return year;
}

static int get_years(struct http_request *rq, struct http_reply *rp)
{
    struct public_page p;
    int first = first_year(rq, &rp->err), last = year_of_time(clock_wall_us(rq->clock));
    if (first < 0)
        return first;
    public_begin(&p, rq, rp, "Yearly reports", "年度報告");
    public_say(&p,
               "<p class=\"lead\">Cameras, orders, openings, refusals, holds and destruction of a "
               "year, counted from the public log and the register. Whoever has a copy of both "
               "gets the same bytes, and can so check what is said here.</p>\n<ul>\n",
               "<p class=\"lead\">按公開日誌及攝影機登記冊統計全年的攝影機、命令、開啟、拒絕、保留"
               "及銷毀。任何人持有兩者的副本，都可得出完全相同的報告，藉此核實。</p>\n<ul>\n");
    for (int year = last; year >= first; year--)
        html_putf(&p.h,
                  "<li><a href=\"/report/%d%s\">%d</a>%s · <a href=\"/report/%d.md\">Markdown</a>"
                  "</li>\n",
                  year, public_lang(&p), year,
                  year == last ? public_word(&p, " (so far)", "（至今）") : "", year);
    html_put(&p.h, "</ul>\n<h2>");
    public_say(&p, "How to check", "如何核實");
    html_put(&p.h,
             "</h2>\n<pre tabindex=\"0\">lethe report ADDRESS/log --key VKEY --year N --size SIZE "
             "--register register.txt | cmp - N.md</pre>\n<p class=\"soft\">");
    public_say(&p,
               "SIZE stands in the report's head, the register is <a "
               "href=\"/register.txt\">register.txt</a>, and the log's key should come from "
               "elsewhere.",
               "SIZE 見報告開首；登記冊為 <a "
               "href=\"/register.txt\">register.txt</a>；日誌的公鑰應從其他途徑取得。");
    html_put(&p.h, "</p>\n");
    return public_end(&p, rp);
}

/* ---- drawing: headings, paragraphs, lists and tables are all that a report has ---- */

static void put_cells(struct html *h, char *line, bool head)
{
    char *save = NULL;
    html_put(h, "<tr>");
    for (char *cell = strtok_r(line, "|", &save); cell; cell = strtok_r(NULL, "|", &save)) {
        while (*cell == ' ')
            cell++;
        for (size_t n = strlen(cell); n && cell[n - 1] == ' ';)
            cell[--n] = 0;
        html_put(h, head ? "<th scope=\"col\">" : "<td>");
        html_text(h, cell);
        html_put(h, head ? "</th>" : "</td>");
    }
    html_put(h, "</tr>\n");
}

enum block { NOTHING, PARAGRAPH, LIST, TABLE };

static void change_block(struct html *h, enum block *now, enum block to)
{
    static const char *const begin[] = {"", "<p>", "<ul>\n",
                                        "<div class=\"wide\" tabindex=\"0\"><table>\n"};
    static const char *const end[] = {"", "</p>\n", "</ul>\n", "</tbody></table></div>\n"};
    if (*now == to)
        return;
    html_put(h, end[*now]);
    html_put(h, begin[to]);
    *now = to;
}

static void put_line(struct html *h, enum block *block, char *line)
{
    if (line[0] == '#') {
        change_block(h, block, NOTHING);
        if (line[1] != '#') /* the page's own heading says it */
            return;
        html_put(h, "<h2>");
        html_text(h, line + strspn(line, "# "));
        html_put(h, "</h2>\n");
    } else if (line[0] == '|') {
        bool head = *block != TABLE, empty = strspn(line, "|-: ") == strlen(line);
        change_block(h, block, TABLE);
        if (head && !empty) {
            html_put(h, "<thead>");
            put_cells(h, line, true);
            html_put(h, "</thead>");
        }
        if (head)
            html_put(h, "<tbody>\n");
        else if (!empty)
            put_cells(h, line, false);
    } else if (line[0] == '-' && line[1] == ' ') {
        change_block(h, block, LIST);
        html_put(h, "<li>");
        html_text(h, line + 2);
        html_put(h, "</li>\n");
    } else if (line[0]) {
        change_block(h, block, PARAGRAPH);
        html_text(h, line);
        html_put(h, "\n");
    } else {
        change_block(h, block, NOTHING);
    }
}

static int put_report(struct public_page *p, struct buf *text)
{
    enum block block = NOTHING;
    char *save = buf_cstr(text);
    if (!save)
        return -ENOMEM;
    for (char *line; (line = strsep(&save, "\n"));)
        put_line(&p->h, &block, line);
    change_block(&p->h, &block, NOTHING);
    return 0;
}

static int get_report(struct http_request *rq, struct http_reply *rp)
{
    struct public_page p;
    struct buf text;
    char *end, title[2][40];
    const char *asked = http_param(rq, "year");
    long year = strtol(asked, &end, 10);
    bool plain = strcmp(end, ".md") == 0;
    if (end == asked || (*end && !plain) || year < YEAR_MIN || year > YEAR_MAX)
        return err_set(&rp->err, E_NOTFOUND, "There is no report of '%.20s'; a year is like 2026.",
                       asked);
    if (plain) {
        rp->type = "text/markdown; charset=utf-8";
        return take_report(rq, (int)year, &rp->body, &rp->err);
    }
    buf_init(&text, 0);
    int r = take_report(rq, (int)year, &text, &rp->err);
    if (r >= 0) {
        snprintf(title[0], sizeof(title[0]), "Report of %ld", year);
        snprintf(title[1], sizeof(title[1]), "%ld 年報告", year);
        public_begin(&p, rq, rp, title[0], title[1]);
        html_putf(&p.h, "<p><a href=\"/report/%ld.md\">%s</a></p>\n", year,
                  public_word(&p, "The same bytes for checking (Markdown)",
                              "用作核實的原文（Markdown）"));
        html_put(&p.h, "<div lang=\"en\">\n");
        r = put_report(&p, &text);
        html_put(&p.h, "</div>\n");
        r = r < 0 ? r : public_end(&p, rp);
    }
    buf_release(&text);
    return r;
}

static int get_register_text(struct http_request *rq, struct http_reply *rp)
{
    rp->type = "text/plain; charset=utf-8";
    return register_text(rq, &rp->body, &rp->err);
}

const struct http_route api_public_report_routes[] = {
    {.method = "GET", .pattern = "/report", .verb = API_NONE, .run = get_years},
    {.method = "GET", .pattern = "/report/{year}", .verb = API_NONE, .run = get_report},
    {.method = "GET", .pattern = "/register.txt", .verb = API_NONE, .run = get_register_text},
    {0},
};
