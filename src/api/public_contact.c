/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Ask or complain: a form for everybody, a page where the writer sees how it stands, and the staff's list. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/ticket.h"
#include "api/public.h"

#define FORM_BYTES ((size_t)24 << 10) /* percent-encoding makes three of one */

static const struct {
    const char *en, *zh;
} kinds[] = {
    {"a question", "查詢"},
    {"a complaint", "投訴"},
    {"a request for footage of myself", "要求取得有關本人的錄影"},
};

/* ---- application/x-www-form-urlencoded, WHATWG URL §5.1 ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* Value of @name in the form, decoded, cut at nothing: E_RANGE if it does not fit. "" if it is not there. */
static int form_value(const struct buf *body, const char *name, char *ret, size_t cap)
{
    const char *p = (const char *)body->data, *end = p + body->len;
    size_t len = strlen(name), n = 0;
    ret[0] = 0;
    for (; p < end; p++) {
        const char *stop = memchr(p, '&', (size_t)(end - p));
        stop = stop ? stop : end;
        if ((size_t)(stop - p) > len && memcmp(p, name, len) == 0 && p[len] == '=') {
            for (p += len + 1; p < stop; p++) {
                char c = *p == '+' ? ' ' : *p;
                if (*p == '%' && stop - p > 2 && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
                    c = (char)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
                    p += 2;
                }
                if (c == 0 || n + 1 >= cap)
                    return E_RANGE;
                ret[n++] = c;
            }
            ret[n] = 0;
            return 0;
        }
        p = stop;
    }
    return 0;
}

static int read_form(const struct http_request *rq, struct ticket *t, struct err *reterr)
{
    char kind[24];
    const char *type = http_header(rq, "Content-Type");
    if (!type || strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0)
        return err_set(reterr, E_UNSUPPORTED, "A letter comes from the form on this page.");
    if (form_value(&rq->body, "kind", kind, sizeof(kind)) < 0 ||
        form_value(&rq->body, "camera", t->camera, sizeof(t->camera)) < 0 ||
        form_value(&rq->body, "span", t->span, sizeof(t->span)) < 0 ||
        form_value(&rq->body, "reply", t->reply, sizeof(t->reply)) < 0)
        return err_set(reterr, E_RANGE, "One of the short fields is too long.");
    if (form_value(&rq->body, "text", t->text, sizeof(t->text)) < 0)
        return err_set(reterr, E_RANGE, "The letter is too long: %d bytes are the most.",
                       TICKET_TEXT - 1);
    t->kind = -1;
    for (int i = 0; ticket_kind_name(i); i++)
        if (strcmp(kind, ticket_kind_name(i)) == 0)
            t->kind = i;
    return 0;
}

/* ---- the form ---- */

static void put_field(struct public_page *p, const char *name, const char *en, const char *zh,
                      size_t max)
{
    html_putf(&p->h, "<label>%s<input name=\"%s\" maxlength=\"%zu\"></label>\n",
              public_word(p, en, zh), name, max);
}

static int get_form(struct http_request *rq, struct http_reply *rp)
{
    struct public_page p;
    public_begin(&p, rq, rp, "Ask or complain", "查詢或投訴");
    public_say(
        &p,
        "<p class=\"lead\">You need not say who you are. An answer comes within 40 days; with the "
        "code that you "
        "get you can look how it stands.</p>\n",
        "<p class=\"lead\">毋須表明身分。我們會在 40 日內回覆；你可用所得編碼查看進度。</p>\n");
    html_putf(&p.h,
              "<form class=\"letter\" method=\"post\" action=\"/contact%s\">\n<label>%s<select "
              "name=\"kind\">",
              public_lang(&p), public_word(&p, "This is", "性質"));
    for (int i = 0; ticket_kind_name(i); i++)
        html_putf(&p.h, "<option value=\"%s\">%s</option>", ticket_kind_name(i),
                  public_word(&p, kinds[i].en, kinds[i].zh));
    html_put(&p.h, "</select></label>\n");
    put_field(&p, "camera", "Which camera (its name or place; may be left empty)",
              "哪部攝影機（名稱或位置；可留空）", ACCOUNT_NAME - 1);
    put_field(&p, "span", "When (day and time; needed for footage of yourself)",
              "時間（日期及時分；索取本人錄影時必須填寫）", 120);
    html_putf(&p.h,
              "<label>%s<textarea name=\"text\" rows=\"8\" maxlength=\"%d\" "
              "required></textarea></label>\n",
              public_word(&p, "What is it about", "內容"), TICKET_TEXT / 3);
    put_field(&p, "reply", "Where an answer can reach you (may be left empty)",
              "回覆地址（可留空）", 250);
    html_putf(&p.h, "<button>%s</button></form>\n", public_word(&p, "Send", "送出"));
    public_say(
        &p,
        "<p class=\"soft\">For footage of yourself say where and when you were in the picture and "
        "how you can "
        "be told from others (clothes, direction). Nobody looks for your face: this system cannot. "
        "Everybody "
        "else stays covered in what you get. What you write is read by the people who run these "
        "cameras, is "
        "never public, and is deleted a year after the answer; only how many letters there are is "
        "public.</p>\n",
        "<p class=\"soft\">索取本人錄影時，請說明你在何時何地入鏡，以及如何分辨（衣着、方向）。"
        "本系統不能亦不會以面孔搜尋。你所得的片段中，其他人仍會被遮蓋。你的來信只供營運人員閱讀，不"
        "會公開，"
        "並於回覆一年後刪除；只會公布來信數目。</p>\n");
    return public_end(&p, rp);
}

static int post_form(struct http_request *rq, struct http_reply *rp)
{
    struct ticket *t = calloc(1, sizeof(*t));
    struct public_page p;
    int64_t wait = 0;
    int r = t ? read_form(rq, t, &rp->err) : -ENOMEM;
    if (r >= 0)
        r = api_limited(rp, ticket_add(api_of(rq)->account, rq->peer, t, &wait, &rp->err), wait);
    if (r >= 0) {
        rp->status = 201;
        public_begin(&p, rq, rp, "Your letter is here", "已收到來信");
        html_putf(&p.h, "<p class=\"lead\">%s <code>%s</code></p>\n<p>",
                  public_word(&p, "Keep this code:", "請保存此編碼："), t->code);
        public_say(&p, "An answer is due by ", "我們須於以下日期前回覆：");
        public_time(&p, t->due_us);
        html_putf(&p.h, ". <a href=\"/contact/%s%s\">%s</a></p>\n", t->code, public_lang(&p),
                  public_word(&p, "Look how it stands", "查看進度"));
        r = public_end(&p, rp);
    }
    free(t);
    return r;
}

static int get_letter(struct http_request *rq, struct http_reply *rp)
{
    struct ticket *t = calloc(1, sizeof(*t));
    struct public_page p;
    int r = t ? ticket_find(api_of(rq)->account, http_param(rq, "code"), t, &rp->err) : -ENOMEM;
    if (r >= 0) {
        public_begin(&p, rq, rp, "Your letter", "你的來信");
        html_put(&p.h, "<dl><dt>");
        public_say(&p, "Sent", "收到");
        html_put(&p.h, "</dt><dd>");
        public_time(&p, t->made_us);
        html_putf(&p.h, "</dd><dt>%s</dt><dd>",
                  t->closed_us ? public_word(&p, "Answered", "已回覆")
                               : public_word(&p, "Answer due by", "回覆限期"));
        public_time(&p, t->closed_us ? t->closed_us : t->due_us);
        html_put(&p.h, "</dd>");
        if (t->closed_us)
            public_fact(&p, "Answer", "回覆", t->outcome);
        html_put(&p.h, "</dl>\n");
        r = public_end(&p, rp);
    }
    free(t);
    return r;
}

/* ---- for staff ---- */

static int add_ticket(void *user, const struct ticket *t)
{
    return json_array_append_new(
               user, json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s}", "id",
                               (json_int_t)t->id, "kind", ticket_kind_name(t->kind), "camera",
                               t->camera, "span", t->span, "text", t->text, "reply", t->reply,
                               "made", api_time(t->made_us), "due", api_time(t->due_us), "closed",
                               api_time(t->closed_us), "outcome", t->outcome)) < 0
               ? -ENOMEM
               : 0;
}

static int get_tickets(struct http_request *rq, struct http_reply *rp)
{
    json_t *list = json_array();
    int r = ticket_each(api_of(rq)->account, add_ticket, list, &rp->err);
    if (r < 0) {
        json_decref(list);
        return r;
    }
    return http_reply_json(rp, json_pack("{s:o}", "tickets", list));
}

static int put_ticket(struct http_request *rq, struct http_reply *rp)
{
    json_t *body;
    const char *outcome;
    char *end;
    int64_t id = strtoll(http_param(rq, "id"), &end, 10);
    int r = http_json_body(rq, &body, &rp->err);
    if (r < 0)
        return r;
    r = http_json_unpack(body, &rp->err, "{s:s}", "outcome", &outcome);
    if (r >= 0 && (*end || id < 1))
        r = err_set(&rp->err, E_NOTFOUND, "There is no letter of that number.");
    if (r >= 0)
        r = ticket_close(api_of(rq)->account, id, outcome, &rp->err);
    json_decref(body);
    return r < 0 ? r : http_reply_nothing(rp);
}

const struct http_route api_public_contact_routes[] = {
    {.method = "GET", .pattern = "/contact", .verb = API_NONE, .run = get_form},
    {.method = "POST",
     .pattern = "/contact",
     .verb = API_NONE,
     .run = post_form,
     .max_body = FORM_BYTES},
    {.method = "GET", .pattern = "/contact/{code}", .verb = API_NONE, .run = get_letter},
    {.method = "GET", .pattern = "/api/v1/tickets", .verb = ACCOUNT_AUDIT, .run = get_tickets},
    {.method = "PUT",
     .pattern = "/api/v1/tickets/{id}",
     .verb = ACCOUNT_ADMINISTER,
     .run = put_ticket},
    {0},
};
