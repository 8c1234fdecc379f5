/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The numbers: how many cameras, how often originals were opened, for what, how long it took; as plots with their data. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/ticket.h"
#include "api/public.h"
#include "case/codes.h"
#include "http/status.h"

#define HOUR_F ((double)(60 * MINUTE_US))
#define BARS 24

/* Published figures, cameras per 1,000 people. Source: Comparitech, "Surveillance camera statistics", 2020 and 2021. */
static const struct {
    const char *en, *zh;
    double per_1000;
    int year;
} cities[] = {
    {"Taiyuan", "太原", 117.0, 2021}, {"London", "倫敦", 73.0, 2021},
    {"Indore", "印多爾", 64.4, 2021}, {"Hyderabad", "海得拉巴", 36.5, 2021},
    {"Moscow", "莫斯科", 15.4, 2020}, {"Delhi", "德里", 14.2, 2020},
    {"Berlin", "柏林", 4.9, 2020},    {"New York", "紐約", 3.8, 2020},
    {"Paris", "巴黎", 2.5, 2020},
};

/* ---- camera time recorded, from the index ---- */

struct recorded {
    double permille;
    size_t buckets;
};

static int add_buckets(void *user, const char *camera, const struct index_bucket *b)
{
    struct recorded *r = user;
    (void)camera;
    for (size_t i = 0; i < r->buckets; i++)
        r->permille += b[i].covered[0];
    return 0;
}

/* Of sealed originals in the last 30 days, in camera hours. */
static double recorded_hours(struct http_request *rq)
{
    struct index *ix;
    struct recorded sum = {.buckets = 30};
    int64_t now = clock_wall_us(rq->clock);
    const struct index_timeline t = {
        .from_us = now - 30 * DAY_US, .to_us = now, .now_us = now, .buckets = sum.buckets};
    if (api_index_take(api_of(rq), &ix, NULL) < 0)
        return 0;
    int r = ix->ops->timeline(ix, &t, add_buckets, &sum, NULL);
    api_index_give(api_of(rq), ix);
    return r < 0 ? 0 : sum.permille / 1000 * 24;
}

/* ---- page ---- */

static void put_cities(struct public_page *p, size_t cameras, int64_t people)
{
    enum { CITIES = sizeof(cities) / sizeof(cities[0]) };
    struct public_bar bar[CITIES + 1];
    char text[CITIES + 1][24];
    size_t n = 0;
    double own = people ? (double)cameras * 1000 / (double)people : 0;
    for (size_t i = 0; i < CITIES; i++, n++) {
        if (people && n == i && own >= cities[i].per_1000) {
            snprintf(text[n], sizeof(text[n]), "%.2f", own);
            bar[n] = (struct public_bar){public_word(p, "here", "本地"), own, text[n], true};
            n++;
        }
        snprintf(text[n], sizeof(text[n]), "%.1f (%d)", cities[i].per_1000, cities[i].year);
        bar[n] = (struct public_bar){public_word(p, cities[i].en, cities[i].zh), cities[i].per_1000,
                                     text[n], false};
    }
    if (people && n == CITIES) {
        snprintf(text[n], sizeof(text[n]), "%.2f", own);
        bar[n] = (struct public_bar){public_word(p, "here", "本地"), own, text[n], true};
        n++;
    }
    public_bars(p,
                public_word(p, "Public cameras per 1,000 residents", "每千名居民的公共攝影機數目"),
                bar, n);
    public_say(p,
               "<p class=\"soft\">Other cities: Comparitech, Surveillance camera statistics, 2020 "
               "and 2021; counts "
               "of police and public cameras, methods differ between cities.",
               "<p class=\"soft\">其他城市：Comparitech《監控攝影機統計》2020 及 2021 "
               "年；各地統計方法不同。");
    if (!people)
        public_say(p, " How many people live in this area has not been stated by the operator.",
                   " 營運者尚未說明本區居民人數。");
    html_put(&p->h, "</p>\n");
}

static const char *code_text(const struct public_page *p, enum case_code_kind kind,
                             const char *code)
{
    const struct case_code *c = case_codes_find(case_codes_default(), kind, code);
    return !c ? code : p->zh && c->zh[0] ? c->zh : c->en;
}

static void put_codes(struct public_page *p, const char *caption, int kind,
                      const struct tlog_codes *codes)
{
    struct public_bar bar[BARS];
    char text[BARS][64];
    size_t n = 0;
    for (size_t i = 0; i < codes->count && n < BARS; i++, n++) {
        const struct tlog_code_count *c = &codes->code[i];
        if (c->camera_us)
            snprintf(text[n], sizeof(text[n]), "%llu · %.1f h", (unsigned long long)c->n,
                     (double)c->camera_us / HOUR_F);
        else
            snprintf(text[n], sizeof(text[n]), "%llu", (unsigned long long)c->n);
        bar[n] = (struct public_bar){kind < 0 ? c->code
                                              : code_text(p, (enum case_code_kind)kind, c->code),
                                     (double)c->n, text[n], true};
    }
    if (n)
        public_bars(p, caption, bar, n);
    else
        html_putf(&p->h, "<p><b>%s</b>: %s</p>\n", caption, public_word(p, "none so far", "暫無"));
}

static void put_figure(struct public_page *p, const char *en, const char *zh, int decimals,
                       double value)
{
    html_putf(&p->h, "<div class=\"figure\"><dt>%s</dt><dd>%.*f</dd></div>\n", p->zh ? zh : en,
              decimals, value);
}

static int put_openings(struct public_page *p, const struct tlog_tally *t, double recorded)
{
    int64_t opened_us, median;
    size_t opened = tlog_tally_opened(t, &opened_us);
    int r = tlog_tally_median_us(t, &median);
    html_put(&p->h, "<dl class=\"figures\">\n");
    put_figure(p, "Requests to open originals", "要求開啟原片", 0,
               (double)tlog_tally_kind(t, "order"));
    put_figure(p, "Opened", "已開啟", 0, (double)opened);
    put_figure(p, "Custodians' refusals", "保管人拒絕", 0, (double)tlog_tally_kind(t, "refusal"));
    put_figure(p, "Camera hours opened", "已開啟的攝影機時數", 2, (double)opened_us / HOUR_F);
    put_figure(p, "Camera hours recorded in 30 days", "30 日內錄影時數", 1, recorded);
    put_figure(p, "Hours from request to opening (median)", "由要求至開啟的時數（中位數）", 2,
               (double)median / HOUR_F);
    put_figure(p, "Holds", "保留令", 0, (double)tlog_tally_kind(t, "hold"));
    put_figure(p, "Times that the promise to keep footage was not met", "未能按承諾保存的次數", 0,
               (double)tlog_tally_kind(t, "shortfall"));
    put_figure(p, "Recordings destroyed", "已銷毀的錄影", 0, (double)t->recordings_erased);
    put_figure(p, "Custodians' keys destroyed", "已銷毀的保管人密鑰", 0,
               (double)tlog_tally_kind(t, "identity-destroyed"));
    html_put(&p->h, "</dl>\n");
    put_codes(p,
              public_word(p, "Requests by purpose (number · camera hours)",
                          "按目的（數目 · 攝影機時數）"),
              CASE_PURPOSE, &t->purposes);
    put_codes(p,
              public_word(p, "Requests by legal basis (number · camera hours)",
                          "按法律依據（數目 · 攝影機時數）"),
              CASE_BASIS, &t->bases);
    put_codes(p, public_word(p, "Why custodians refused", "保管人拒絕的原因"), CASE_REFUSAL,
              &t->refusals);
    put_codes(p, public_word(p, "Why footage is held longer", "延長保留的原因"), -1, &t->holds);
    return r;
}

static void put_letters(struct public_page *p, struct http_request *rq)
{
    struct ticket_counts n;
    if (ticket_count(api_of(rq)->account, &n, NULL) < 0)
        return;
    public_say(p, "<h2>Letters from the public</h2>\n", "<h2>公眾來信</h2>\n");
    html_put(&p->h, "<dl class=\"figures\">\n");
    put_figure(p, "Questions", "查詢", 0, (double)n.total[TICKET_QUESTION]);
    put_figure(p, "Complaints", "投訴", 0, (double)n.total[TICKET_COMPLAINT]);
    put_figure(p, "Requests for footage of oneself", "索取本人錄影", 0,
               (double)n.total[TICKET_ACCESS]);
    put_figure(p, "Waiting past the day they were due", "逾期未覆", 0, (double)n.late);
    html_put(&p->h, "</dl>\n");
}

static int get_numbers(struct http_request *rq, struct http_reply *rp)
{
    struct index_camera *c;
    size_t n;
    struct public_page p;
    const struct tlog_tally *t;
    int r = public_cameras(rq, &c, &n, &rp->err);
    if (r < 0)
        return r;
    free(c);
    double recorded = recorded_hours(rq);
    int64_t people = api_of(rq)->residents;
    public_begin(&p, rq, rp, "Numbers", "數字");
    public_say(
        &p,
        "<p class=\"lead\">What is said here of openings, refusals, holds and destruction follows "
        "from "
        "the public log, and anybody can count again; hours recorded and letters are told by this "
        "server alone. <a href=\"/numbers.json\">As data</a>.</p>\n<h2>Opening originals</h2>\n",
        "<p class=\"lead\">有關開啟、拒絕、保留及銷毀的數字均由公開日誌得出，任何人都可重新計算；"
        "錄影時數及來信數目只由本伺服器提供。<a "
        "href=\"/numbers.json\">數據</a>。</p>\n<h2>開啟原片</h2>\n");
    struct err e = {0};
    r = public_tally_take(rq, &t, &e);
    if (r >= 0) {
        r = put_openings(&p, t, recorded);
        public_tally_give(rq);
    } else {
        html_put(&p.h, "<p>");
        html_text(&p.h, e.text);
        html_put(&p.h, "</p>\n");
        r = 0;
    }
    put_letters(&p, rq);
    public_say(&p, "<h2>Cameras</h2>\n", "<h2>攝影機</h2>\n");
    put_cities(&p, n, people);
    return r < 0 ? r : public_end(&p, rp);
}

static json_t *codes_json(const struct tlog_codes *codes)
{
    json_t *o = json_object();
    for (size_t i = 0; i < codes->count; i++)
        json_object_set_new(o, codes->code[i].code,
                            json_pack("{s:I, s:f}", "count", (json_int_t)codes->code[i].n,
                                      "camera_hours", (double)codes->code[i].camera_us / HOUR_F));
    return o;
}

static json_t *kinds_json(const struct tlog_tally *t)
{
    json_t *o = json_object();
    for (size_t i = 0; tlog_kinds[i].name; i++)
        json_object_set_new(o, tlog_kinds[i].name, json_integer((json_int_t)t->kinds[i]));
    return o;
}

static int get_json(struct http_request *rq, struct http_reply *rp)
{
    struct index_camera *c;
    size_t n;
    const struct tlog_tally *t;
    int64_t opened_us, median;
    int r = public_cameras(rq, &c, &n, &rp->err);
    if (r < 0)
        return r;
    free(c);
    int64_t people = api_of(rq)->residents;
    double recorded = recorded_hours(rq);
    r = public_tally_take(rq, &t, &rp->err);
    if (r < 0)
        return r;
    size_t opened = tlog_tally_opened(t, &opened_us);
    r = tlog_tally_median_us(t, &median);
    json_t *root =
        json_pack("{s:s, s:o, s:I, s:o, s:I, s:I, s:o, s:I, s:f, s:f, s:f, s:o, s:o, s:o, s:o}",
                  "node", api_of(rq)->node, "at", api_time(clock_wall_us(rq->clock)), "cameras",
                  (json_int_t)n, "residents", people ? json_integer(people) : json_null(),
                  "entries", (json_int_t)t->entries, "entries_unknown", (json_int_t)t->unreadable,
                  "kinds", kinds_json(t), "opened", (json_int_t)opened, "camera_hours_opened",
                  (double)opened_us / HOUR_F, "camera_hours_recorded_30_days", recorded,
                  "median_hours_to_opening", (double)median / HOUR_F, "purposes",
                  codes_json(&t->purposes), "bases", codes_json(&t->bases), "refusals",
                  codes_json(&t->refusals), "holds", codes_json(&t->holds));
    public_tally_give(rq);
    return r < 0 ? (json_decref(root), r) : http_reply_json(rp, root);
}

static int get_css(struct http_request *rq, struct http_reply *rp)
{
    (void)rq;
    rp->type = "text/css; charset=utf-8";
    rp->cache = HTTP_REVALIDATE;
    return buf_append(&rp->body, public_css, strlen(public_css));
}

static int get_js(struct http_request *rq, struct http_reply *rp)
{
    (void)rq;
    rp->type = "text/javascript; charset=utf-8";
    rp->cache = HTTP_REVALIDATE;
    return buf_append(&rp->body, public_js, strlen(public_js));
}

const struct http_route api_public_numbers_routes[] = {
    {.method = "GET", .pattern = "/numbers", .verb = API_NONE, .run = get_numbers},
    {.method = "GET", .pattern = "/numbers.json", .verb = API_NONE, .run = get_json},
    {.method = "GET", .pattern = "/public.css", .verb = API_NONE, .run = get_css},
    {.method = "GET", .pattern = "/public.js", .verb = API_NONE, .run = get_js},
    {0},
};
