/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Frame of the public pages, and what several of them need. */
#include "api/public.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool wants_chinese(const struct http_request *rq)
{
    const char *lang = http_query(rq, "lang");
    if (!lang)
        lang = http_header(rq, "Accept-Language");
    return lang && strncasecmp(lang, "zh", 2) == 0;
}

const char *public_word(const struct public_page *p, const char *en, const char *zh)
{
    return p->zh ? zh : en;
}

void public_say(struct public_page *p, const char *en, const char *zh)
{
    html_put(&p->h, public_word(p, en, zh));
}

const char *public_lang(const struct public_page *p)
{
    const char *lang = http_query(p->rq, "lang");
    return !lang ? "" : p->zh ? "?lang=zh-Hant" : "?lang=en";
}

static void put_navigation(struct public_page *p)
{
    static const struct {
        const char *path, *en, *zh;
    } pages[] = {
        {"/register", "Cameras", "攝影機"},
        {"/numbers", "Numbers", "數字"},
        {"/log", "Log", "日誌"},
        {"/report", "Reports", "報告"},
        {"/contact", "Ask or complain", "查詢或投訴"},
    };
    html_put(&p->h, "<a class=\"skip\" href=\"#main\">");
    public_say(p, "Skip to content", "跳至內容");
    html_put(&p->h, "</a>\n<header class=\"top\"><p class=\"brand\">Lethe <bdi>");
    html_text(&p->h, api_of(p->rq)->node);
    html_put(&p->h, "</bdi></p>\n<nav aria-label=\"");
    public_say(p, "Public pages", "公開頁面");
    html_put(&p->h, "\"><ul>");
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        bool here = strncmp(p->rq->path, pages[i].path, strlen(pages[i].path)) == 0;
        html_putf(&p->h, "<li><a href=\"%s%s\"%s>%s</a></li>", pages[i].path, public_lang(p),
                  here ? " aria-current=\"page\"" : "", public_word(p, pages[i].en, pages[i].zh));
    }
    html_put(&p->h, p->zh ? "<li><a lang=\"en\" href=\"?lang=en\">English</a></li>"
                          : "<li><a lang=\"zh-Hant\" href=\"?lang=zh-Hant\">繁體中文</a></li>");
    html_put(&p->h, "</ul></nav></header>\n");
}

void public_begin(struct public_page *p, struct http_request *rq, struct http_reply *rp,
                  const char *en, const char *zh)
{
    *p = (struct public_page){.h = {&rp->body, 0}, .rq = rq, .zh = wants_chinese(rq)};
    rp->type = "text/html; charset=utf-8";
    rp->cache = HTTP_NO_STORE;
    http_reply_header(rp, "Vary", "Accept-Language");
    html_putf(&p->h, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
              p->zh ? "zh-Hant" : "en");
    html_put(&p->h, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n"
                    "<link rel=\"stylesheet\" href=\"/public.css\">\n"
                    "<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\n"
                    "<script src=\"/public.js\" defer></script>\n<title>");
    html_put(&p->h, public_word(p, en, zh));
    html_put(&p->h, " · ");
    html_text(&p->h, api_of(rq)->node);
    html_put(&p->h, "</title>\n</head>\n<body>\n");
    put_navigation(p);
    html_put(&p->h, "<main id=\"main\">\n<h1>");
    html_put(&p->h, public_word(p, en, zh));
    html_put(&p->h, "</h1>\n");
}

int public_end(struct public_page *p, struct http_reply *rp)
{
    char text[TIME_TEXT];
    html_put(&p->h, "</main>\n<footer><p>");
    public_say(p, "As of ", "截至 ");
    html_putf(&p->h, "%.10s %.5s UTC. ", time_format(clock_wall_us(p->rq->clock), text), text + 11);
    public_say(p,
               "This system does not identify people: no faces, no number plates. What you see of "
               "a case, you can <a href=\"/log\">check yourself</a>.",
               "本系統不識別任何人：不辨認面孔，不讀取車牌。每宗個案的紀錄，你都可以<a "
               "href=\"/log\">自行核實</a>。");
    html_put(&p->h, "</p></footer>\n</body>\n</html>\n");
    (void)rp;
    return p->h.code;
}

void public_fact(struct public_page *p, const char *en, const char *zh, const char *foreign)
{
    html_putf(&p->h, "<dt>%s</dt><dd><bdi>", public_word(p, en, zh));
    if (foreign && foreign[0])
        html_text(&p->h, foreign);
    else
        html_putf(&p->h, "<span class=\"none\">%s</span>", public_word(p, "not stated", "未說明"));
    html_put(&p->h, "</bdi></dd>\n");
}

void public_time(struct public_page *p, int64_t us)
{
    char text[TIME_TEXT];
    if (!us) {
        html_put(&p->h, "–");
        return;
    }
    time_format(us, text);
    html_putf(&p->h, "<time datetime=\"%s\">%.10s %.5s</time>", text, text, text + 11);
}

static const struct public_level levels[] = {
    {1500, "Scrutinise", "細察"}, {500, "Validate", "驗證"}, {250, "Characterise", "辨特徵"},
    {125, "Perceive", "察覺"},    {80, "Discern", "分辨"},   {40, "Outline", "輪廓"},
    {20, "Overview", "概覽"},
};

const char *public_old_level(double px_per_m)
{
    return px_per_m >= 250    ? "Identify"
           : px_per_m >= 125  ? "Recognise"
           : px_per_m >= 62.5 ? "Observe"
           : px_per_m >= 25   ? "Detect"
                              : "below Detect";
}

const struct public_level *public_level_of(double px_per_m)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (px_per_m >= levels[i].from)
            return &levels[i];
    return NULL;
}

struct camera_rows {
    struct index_camera *row;
    size_t count, cap;
};

static int add_camera(void *user, const struct index_camera *c)
{
    struct camera_rows *rows = user;
    if (rows->count == rows->cap) {
        size_t cap = rows->cap ? rows->cap * 2 : 64;
        struct index_camera *more = realloc(rows->row, cap * sizeof(*more));
        if (!more)
            return -ENOMEM;
        rows->row = more;
        rows->cap = cap;
    }
    rows->row[rows->count++] = *c;
    return 0;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct index_camera *)a)->id, ((const struct index_camera *)b)->id);
}

int public_cameras(struct http_request *rq, struct index_camera **ret, size_t *ret_count,
                   struct err *reterr)
{
    struct camera_rows rows = {0};
    struct index *ix;
    int r = api_index_take(api_of(rq), &ix, reterr);
    if (r < 0)
        return r;
    r = ix->ops->cameras(ix, add_camera, &rows, reterr);
    api_index_give(api_of(rq), ix);
    if (r < 0) {
        free(rows.row);
        return r;
    }
    if (rows.count)
        qsort(rows.row, rows.count, sizeof(*rows.row), by_id);
    *ret = rows.row;
    *ret_count = rows.count;
    return 0;
}
