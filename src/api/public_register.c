/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The register: every camera with what it is for, whose it is, what it can show, and how long its footage lasts. */
#include <errno.h>
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/public.h"
#include "base/hex.h"
#include "http/status.h"

#define PAGE_CAMERAS 500

/* ---- what holds for one camera ---- */

static int64_t days_of(const struct index_camera *c, const struct http_status *s)
{
    return c->retention_days ? c->retention_days : s ? (int64_t)s->promised_days : 0;
}

static const struct http_camera *status_of(const struct http_status *s, const char *id)
{
    for (size_t i = 0; s && i < s->camera_count; i++)
        if (strcmp(s->cameras[i].id, id) == 0)
            return &s->cameras[i];
    return NULL;
}

static void put_level(struct public_page *p, double px_per_m)
{
    const struct public_level *l = public_level_of(px_per_m);
    if (px_per_m <= 0) {
        html_put(&p->h, "–");
        return;
    }
    html_putf(&p->h, "%.0f px/m", px_per_m);
    if (l)
        html_putf(&p->h, ", %s <span class=\"soft\">(%s)</span>", public_word(p, l->en, l->zh),
                  public_old_level(px_per_m));
}

static bool review_is_due(const struct index_camera *c, int64_t now_us)
{
    char today[TIME_TEXT];
    time_format(now_us, today);
    return c->reg.review[0] && strncmp(c->reg.review, today, 10) < 0;
}

static void put_masking(struct public_page *p, const struct http_camera *live)
{
    static const struct {
        const char *state, *en, *zh;
    } words[] = {
        {"detector", "people are replaced by silhouettes (a detector watches)",
         "人物以剪影取代（偵測器運作中）"},
        {"declared", "people are replaced by silhouettes (learnt while the place was empty)",
         "人物以剪影取代（在無人時學習場景）"},
        {"mosaic", "only a coarse mosaic is shown", "只顯示粗略馬賽克"},
        {"covered", "the whole picture is covered", "整個畫面被遮蓋"},
    };
    for (size_t i = 0; live && i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].state, live->mask_state) == 0) {
            public_say(p, words[i].en, words[i].zh);
            return;
        }
    public_say(p, "nothing is shown at the moment", "目前沒有顯示任何畫面");
}

/* ---- list ---- */

static void put_row(struct public_page *p, const struct index_camera *c,
                    const struct http_status *s, int64_t now_us)
{
    html_put(&p->h, "<tr><th scope=\"row\"><a href=\"/register/");
    html_query(&p->h, c->id);
    html_putf(&p->h, "%s\"><bdi>", public_lang(p));
    html_text(&p->h, c->name[0] ? c->name : c->id);
    html_put(&p->h, "</bdi></a></th><td><bdi>");
    html_text(&p->h, c->reg.place);
    html_put(&p->h, "</bdi></td><td><bdi>");
    html_text(&p->h, c->reg.purpose);
    html_put(&p->h, "</bdi></td><td>");
    put_level(p, c->reg.px_per_m);
    html_putf(&p->h, "</td><td class=\"num\">%lld</td><td>%s%s</td></tr>\n",
              (long long)days_of(c, s), c->reg.review,
              review_is_due(c, now_us) ? public_word(p, " <strong class=\"due\">overdue</strong>",
                                                     " <strong class=\"due\">逾期</strong>")
                                       : "");
}

static void put_promise(struct public_page *p, const struct http_status *s, size_t cameras)
{
    html_put(&p->h, "<p class=\"lead\">");
    html_putf(&p->h, public_word(p, "%zu cameras. ", "共 %zu 部攝影機。"), cameras);
    if (s) {
        html_putf(&p->h,
                  public_word(p,
                              "Footage is kept %.0f days, then destroyed; at present it reaches "
                              "back %.1f days at most. ",
                              "錄影保存 %.0f 日後銷毀；目前最多可追溯 %.1f 日。"),
                  s->promised_days,
                  s->actual_days < s->promised_days ? s->actual_days : s->promised_days);
        if (s->practice)
            public_say(p,
                       "<strong class=\"due\">The custodians are a practice set: sealing is not "
                       "promised yet.</strong>",
                       "<strong class=\"due\">現時的保管人只屬演練：尚未保證封存。</strong>");
    }
    html_put(&p->h, "</p>\n");
}

static int get_register(struct http_request *rq, struct http_reply *rp)
{
    struct index_camera *c;
    size_t n;
    int r = public_cameras(rq, &c, &n, &rp->err);
    if (r < 0)
        return r;
    struct http_snapshot *snap = http_source_get(api_of(rq)->source);
    const struct http_status *s = snap ? snap->status : NULL;
    int64_t now = clock_wall_us(rq->clock), first = 0;
    (void)http_query_int(rq, "from", 0, INT32_MAX, &first, NULL);
    struct public_page p;
    public_begin(&p, rq, rp, "Register of cameras", "攝影機登記冊");
    put_promise(&p, s, n);
    public_map(&p, c, n);
    html_put(&p.h, "<div class=\"wide\"><table><thead><tr><th scope=\"col\">");
    public_say(&p,
               "Camera</th><th scope=\"col\">Place</th><th scope=\"col\">Purpose</th><th "
               "scope=\"col\">Can show</th><th scope=\"col\" class=\"num\">Days kept</th><th "
               "scope=\"col\">Review",
               "攝影機</th><th scope=\"col\">位置</th><th scope=\"col\">用途</th><th "
               "scope=\"col\">可見程度</th><th scope=\"col\" class=\"num\">保存日數</th><th "
               "scope=\"col\">檢討日期");
    html_put(&p.h, "</th></tr></thead><tbody>\n");
    for (size_t i = (size_t)first; i < n && i < (size_t)first + PAGE_CAMERAS; i++)
        put_row(&p, &c[i], s, now);
    html_put(&p.h, "</tbody></table></div>\n<p>");
    if (n > (size_t)first + PAGE_CAMERAS)
        html_putf(&p.h, "<a rel=\"next\" href=\"/register?from=%zu\">%s</a> · ",
                  (size_t)first + PAGE_CAMERAS, public_word(&p, "More", "更多"));
    html_putf(&p.h, "<a href=\"/register.json\">%s</a></p>\n",
              public_word(&p, "The same as data (JSON)", "以數據形式下載（JSON）"));
    public_say(&p,
               "<p class=\"soft\">“Can show” is what the sealed original could make out at head "
               "height where people are nearest, by IEC 62676-4:2025 (names of 2014 in brackets). "
               "Originals open only for a case, by several custodians together. What staff see is "
               "masked.</p>\n",
               "<p class=\"soft\">「可見程度」按 IEC 62676-4:2025（括號內為 2014 "
               "年名稱）表示封存原片在最近處頭部高度所能分辨的程度。原片只可為個案由多名保管人共同"
               "開啟；職員所見均為遮蔽畫面。</p>\n");
    http_snapshot_unref(snap);
    free(c);
    return public_end(&p, rp);
}

/* ---- one camera ---- */

static int find_camera(struct http_request *rq, struct http_reply *rp, struct index_camera *ret)
{
    struct index_camera *c;
    size_t n, i;
    int r = public_cameras(rq, &c, &n, &rp->err);
    if (r < 0)
        return r;
    for (i = 0; i < n && strcmp(c[i].id, http_param(rq, "id")) != 0; i++)
        ;
    if (i < n)
        *ret = c[i];
    free(c);
    return i < n ? 0 : err_set(&rp->err, E_NOTFOUND, "There is no camera of that name here.");
}

static void put_entry(struct public_page *p, const struct index_camera *c,
                      const struct http_status *s, int64_t now_us)
{
    html_put(&p->h, "<dl>\n");
    public_fact(p, "Place", "位置", c->reg.place);
    public_fact(p, "Purpose", "用途", c->reg.purpose);
    public_fact(p, "Sees", "拍攝範圍", c->reg.sees);
    public_fact(p, "Owner", "擁有者", c->reg.owner);
    public_fact(p, "Contact", "聯絡", c->reg.contact);
    html_putf(&p->h, "<dt>%s</dt><dd>", public_word(p, "Original can show", "原片可見程度"));
    put_level(p, c->reg.px_per_m);
    html_putf(&p->h, "</dd>\n<dt>%s</dt><dd>", public_word(p, "Staff see", "職員所見"));
    put_masking(p, status_of(s, c->id));
    html_putf(&p->h, "</dd>\n<dt>%s</dt><dd>%lld %s", public_word(p, "Kept", "保存"),
              (long long)days_of(c, s), public_word(p, "days", "日"));
    if (c->reg.retention_reason[0]) {
        html_put(&p->h, ": <bdi>");
        html_text(&p->h, c->reg.retention_reason);
        html_put(&p->h, "</bdi>");
    }
    html_putf(&p->h, "</dd>\n<dt>%s</dt><dd>%s</dd>\n", public_word(p, "Sound", "聲音"),
              c->audio ? public_word(p, "is recorded", "有錄音")
                       : public_word(p, "is not recorded", "不錄音"));
    html_putf(&p->h, "<dt>%s</dt><dd>%s%s</dd>\n",
              public_word(p, "Need is reviewed on", "檢討日期"),
              c->reg.review[0] ? c->reg.review : "–",
              review_is_due(c, now_us) ? public_word(p, " <strong class=\"due\">overdue</strong>",
                                                     " <strong class=\"due\">逾期</strong>")
                                       : "");
    html_put(&p->h, "</dl>\n");
}

static int get_camera(struct http_request *rq, struct http_reply *rp)
{
    struct public_page p;
    uint8_t hash[32];
    char text[65];
    struct index_camera *c = calloc(1, sizeof(*c));
    int r = c ? find_camera(rq, rp, c) : -ENOMEM;
    if (r < 0) {
        free(c);
        return r;
    }
    struct http_snapshot *snap = http_source_get(api_of(rq)->source);
    public_begin(&p, rq, rp, "Camera", "攝影機");
    html_put(&p.h, "<h2><bdi>");
    html_text(&p.h, c->name[0] ? c->name : c->id);
    html_put(&p.h, "</bdi></h2>\n<div class=\"entry\">");
    put_entry(&p, c, snap ? snap->status : NULL, clock_wall_us(rq->clock));
    html_put(&p.h, "<figure class=\"qr\"><img width=\"160\" height=\"160\" alt=\"");
    public_say(&p, "QR code of this page's address", "此頁網址的二維碼");
    html_put(&p.h, "\" src=\"/register/");
    html_query(&p.h, c->id);
    html_put(&p.h, "/qr.svg\"><figcaption>");
    public_say(&p, "To be put on the pole", "供張貼於燈柱");
    html_put(&p.h, "</figcaption></figure></div>\n");
    public_map(&p, c, 1);
    if (index_register_hash(c, hash) >= 0) {
        hex_encode(hash, sizeof(hash), text);
        html_putf(&p.h, "<p class=\"soft\">%s <code>%s</code> · <a href=\"/log?camera=",
                  public_word(&p, "This entry's hash in the log:", "此條目在日誌中的雜湊值："),
                  text);
        html_query(&p.h, c->id);
        html_putf(&p.h, "\">%s</a></p>\n",
                  public_word(&p, "Entries about this camera", "有關此攝影機的日誌"));
    }
    http_snapshot_unref(snap);
    free(c);
    return public_end(&p, rp);
}

/* ---- data ---- */

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *camera_json(const struct index_camera *c, const struct http_status *s)
{
    const struct http_camera *live = status_of(s, c->id);
    const struct public_level *l = public_level_of(c->reg.px_per_m);
    return json_pack(
        "{s:s, s:s, s:s, s:b, s:b, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "id", c->id, "name", c->name, "group", c->group, "enabled", c->enabled, "audio", c->audio,
        "retention_days", (json_int_t)days_of(c, s), "retention_reason",
        text_or_null(c->reg.retention_reason), "purpose", text_or_null(c->reg.purpose), "owner",
        text_or_null(c->reg.owner), "contact", text_or_null(c->reg.contact), "place",
        text_or_null(c->reg.place), "sees", text_or_null(c->reg.sees), "lat",
        c->reg.located ? json_real(c->reg.lat) : json_null(), "lon",
        c->reg.located ? json_real(c->reg.lon) : json_null(), "px_per_m",
        c->reg.px_per_m > 0 ? json_real(c->reg.px_per_m) : json_null(), "level",
        l && c->reg.px_per_m > 0 ? json_pack("{s:s, s:s}", "iec_62676_4_2025", l->en,
                                             "iec_62676_4_2014", public_old_level(c->reg.px_per_m))
                                 : json_null(),
        "masking", live && live->mask_state[0] ? json_string(live->mask_state) : json_null());
}

static int get_json(struct http_request *rq, struct http_reply *rp)
{
    struct index_camera *c;
    size_t n;
    uint8_t hash[32];
    char text[65];
    int r = public_cameras(rq, &c, &n, &rp->err);
    if (r < 0)
        return r;
    struct http_snapshot *snap = http_source_get(api_of(rq)->source);
    const struct http_status *s = snap ? snap->status : NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = camera_json(&c[i], s);
        if (index_register_hash(&c[i], hash) >= 0) {
            hex_encode(hash, sizeof(hash), text);
            json_object_set_new(o, "hash", json_string(text));
        }
        json_object_set_new(o, "review",
                            c[i].reg.review[0] ? json_string(c[i].reg.review) : json_null());
        json_array_append_new(list, o);
    }
    json_t *root = json_pack("{s:s, s:o, s:o, s:o, s:o}", "node", api_of(rq)->node, "at",
                             api_time(clock_wall_us(rq->clock)), "promised_days",
                             s ? json_real(s->promised_days) : json_null(), "actual_days",
                             s ? json_real(s->actual_days) : json_null(), "cameras", list);
    http_snapshot_unref(snap);
    free(c);
    return http_reply_json(rp, root);
}

static int put_qr(const QRcode *q, struct buf *out)
{
    int r = buf_appendf(out,
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-4 -4 %d %d\" "
                        "shape-rendering=\"crispEdges\"><rect x=\"-4\" y=\"-4\" width=\"%d\" "
                        "height=\"%d\" fill=\"#fff\"/><path d=\"",
                        q->width + 8, q->width + 8, q->width + 8, q->width + 8);
    for (int y = 0; y < q->width && r >= 0; y++)
        for (int x = 0; x < q->width && r >= 0; x++)
            if (q->data[y * q->width + x] & 1)
                r = buf_appendf(out, "M%d %dh1v1h-1z", x, y);
    return r < 0 ? r : buf_appendf(out, "\"/></svg>\n");
}

/* The address in the code is the one that this request came by: Host is what the visitor's browser trusts already. */
static int get_qr(struct http_request *rq, struct http_reply *rp)
{
    char url[512];
    const char *host = http_header(rq, "Host");
    struct index_camera *c = calloc(1, sizeof(*c));
    int r = c ? find_camera(rq, rp, c) : -ENOMEM;
    if (r >= 0 && (!host || strlen(host) > 255))
        r = err_set(&rp->err, E_SYNTAX, "The request does not say by which address it came.");
    if (r >= 0) {
        snprintf(url, sizeof(url), "http%s://%s/register/%s", rq->tls ? "s" : "", host, c->id);
        QRcode *q = QRcode_encodeString8bit(url, 0, QR_ECLEVEL_M);
        rp->type = "image/svg+xml";
        rp->cache = HTTP_NO_STORE;
        r = q ? put_qr(q, &rp->body) : -ENOMEM;
        QRcode_free(q);
    }
    free(c);
    return r;
}

const struct http_route api_public_register_routes[] = {
    {.method = "GET", .pattern = "/register", .verb = API_NONE, .run = get_register},
    {.method = "GET", .pattern = "/register.json", .verb = API_NONE, .run = get_json},
    {.method = "GET", .pattern = "/register/{id}", .verb = API_NONE, .run = get_camera},
    {.method = "GET", .pattern = "/register/{id}/qr.svg", .verb = API_NONE, .run = get_qr},
    {0},
};
