/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The log for people: entries in words, newest first; each with its text and a proof; and its files for tools. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/public_words.h"
#include "tlog/proof.h"

#define SHOWN 50
#define LOOKED_AT 20000 /* entries that one request reads while it looks for something */

/* ---- list ---- */

struct wanted {
    const char *kind, *camera;
    char *text[SHOWN]; /* newest last, as found */
    size_t len[SHOWN];
    uint64_t index[SHOWN];
    size_t count;
};

static bool is_wanted(const struct wanted *w, const char *text, size_t len)
{
    char needle[INDEX_ID + 16];
    if (w->kind[0]) {
        int n = snprintf(needle, sizeof(needle), TLOG_ENTRY_MAGIC " %.40s\n", w->kind);
        if (len < (size_t)n || memcmp(text, needle, (size_t)n) != 0)
            return false;
    }
    if (!w->camera[0])
        return true;
    int n = snprintf(needle, sizeof(needle), "\ncamera %.63s\n", w->camera);
    return memmem(text, len, needle, (size_t)n) != NULL;
}

/* Keeps the last SHOWN that fit. */
static int keep(void *user, uint64_t index, const char *text, size_t len)
{
    struct wanted *w = user;
    if (!is_wanted(w, text, len))
        return 0;
    char *copy = malloc(len + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, text, len);
    copy[len] = 0;
    if (w->count == SHOWN) {
        free(w->text[0]);
        memmove(w->text, w->text + 1, (SHOWN - 1) * sizeof(*w->text));
        memmove(w->len, w->len + 1, (SHOWN - 1) * sizeof(*w->len));
        memmove(w->index, w->index + 1, (SHOWN - 1) * sizeof(*w->index));
        w->count--;
    }
    w->text[w->count] = copy;
    w->len[w->count] = len;
    w->index[w->count++] = index;
    return 0;
}

static void wanted_release(struct wanted *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->text[i]);
}

/* Bundles from the end backwards until enough are found; later finds are older, so they go in front. */
static int look(struct public_log *l, uint64_t before, struct wanted *ret, uint64_t *ret_reached,
                struct err *reterr)
{
    uint64_t end = before, looked = 0;
    *ret_reached = before;
    while (end > 0 && ret->count < SHOWN && looked < LOOKED_AT) {
        struct wanted part = {.kind = ret->kind, .camera = ret->camera};
        uint64_t first = (end - 1) / 256 * 256;
        int r = public_log_each(l, first, end, keep, &part, reterr);
        if (r < 0) {
            wanted_release(&part);
            return r;
        }
        while (part.count && ret->count < SHOWN) { /* newest first in @ret */
            part.count--;
            ret->text[ret->count] = part.text[part.count];
            ret->len[ret->count] = part.len[part.count];
            ret->index[ret->count++] = part.index[part.count];
        }
        *ret_reached = part.count ? ret->index[ret->count - 1] : first;
        wanted_release(&part);
        looked += end - first;
        end = first;
    }
    return 0;
}

static void put_entry(struct public_page *p, uint64_t index, const char *text, size_t len)
{
    struct tlog_parsed *e = malloc(sizeof(*e));
    int64_t at = 0;
    if (!e) {
        p->h.code = -ENOMEM;
        return;
    }
    html_putf(&p->h, "<li value=\"%llu\"><p>", (unsigned long long)index);
    if (tlog_entry_parse(text, len, e, NULL) >= 0) {
        if (tlog_parsed_time(e, "at", &at) < 0)
            (void)tlog_parsed_time(e, "made", &at);
        public_time(p, at);
        html_put(&p->h, " ");
        public_entry_words(p, e);
    } else {
        public_say(p, "An entry of a kind that this page does not know.", "此頁不認識的條目類別。");
    }
    html_putf(&p->h, " <a class=\"soft\" href=\"/log/entries/%llu%s\">%s</a></p></li>\n",
              (unsigned long long)index, public_lang(p),
              public_word(p, "text and proof", "原文與證明"));
    free(e);
}

static void put_search(struct public_page *p, const struct wanted *w)
{
    html_putf(&p->h,
              "<form class=\"search\" action=\"/log\"><label>%s <select name=\"kind\"><option "
              "value=\"\">%s</option>",
              public_word(p, "Kind", "類別"), public_word(p, "all", "全部"));
    for (size_t i = 0; tlog_kinds[i].name; i++)
        html_putf(&p->h, "<option%s>%s</option>",
                  strcmp(tlog_kinds[i].name, w->kind) == 0 ? " selected" : "", tlog_kinds[i].name);
    html_putf(&p->h, "</select></label> <label>%s <input name=\"camera\" maxlength=\"63\" value=\"",
              public_word(p, "Camera", "攝影機"));
    html_text(&p->h, w->camera);
    html_putf(&p->h, "\"></label> <button>%s</button></form>\n", public_word(p, "Search", "搜尋"));
}

static void put_how_to_check(struct public_page *p, const struct public_log *l)
{
    html_putf(&p->h, "<p class=\"lead\">%s <b>%llu</b>. ",
              public_word(p, "Entries, each never to be changed:", "條目總數（不可更改）："),
              (unsigned long long)l->checkpoint.size);
    public_say(p,
               "Everything that matters is written here the moment it happens: each opening, each "
               "change, each act of forgetting.",
               "每次開啟、更改及銷毀，均即時記錄於此。");
    html_put(&p->h, "</p>\n<details><summary>");
    public_say(p, "How to check it without trusting this page", "如何不靠本頁自行核實");
    html_put(&p->h, "</summary><p>");
    public_say(
        p,
        "The log is a Merkle tree in the C2SP tlog-tiles format, as static files beside this page: "
        "<a href=\"/log/checkpoint\"><code>/log/checkpoint</code></a> and "
        "<code>/log/tile/…</code>. Any tool for that format verifies it, and so does",
        "日誌是採用 C2SP tlog-tiles 格式的梅克爾樹，以靜態檔案公開："
        "<a href=\"/log/checkpoint\"><code>/log/checkpoint</code></a> 及 "
        "<code>/log/tile/…</code>。任何支援該格式的工具均可核實，例如：");
    html_put(&p->h,
             "</p><pre><code>lethe log verify --url https://…/log --key 'VKEY'</code></pre><p>");
    public_say(p,
               "Take the key from a place that is not this server. Witnesses elsewhere sign the "
               "same checkpoint, so that nobody can be shown another log than the rest.",
               "請從本伺服器以外的地方取得公鑰。其他地方的見證人會簽署同一檢查點，確保所有人看到同"
               "一日誌。");
    html_put(&p->h, "</p></details>\n");
}

static int get_log(struct http_request *rq, struct http_reply *rp)
{
    struct public_log l;
    struct public_page p;
    struct wanted w = {.kind = http_query(rq, "kind"), .camera = http_query(rq, "camera")};
    int64_t before = INT64_MAX;
    uint64_t reached = 0;
    w.kind = w.kind ? w.kind : "";
    w.camera = w.camera ? w.camera : "";
    int r = http_query_int(rq, "before", 0, INT64_MAX, &before, &rp->err);
    if (r < 0)
        return r;
    r = public_log_open(rq, &l, &rp->err);
    if (r < 0)
        return r;
    if ((uint64_t)before > l.checkpoint.size)
        before = (int64_t)l.checkpoint.size;
    r = look(&l, (uint64_t)before, &w, &reached, &rp->err);
    if (r >= 0) {
        public_begin(&p, rq, rp, "Public log", "公開日誌");
        put_how_to_check(&p, &l);
        put_search(&p, &w);
        html_put(&p.h, "<ol class=\"entries\" reversed>\n");
        for (size_t i = 0; i < w.count; i++)
            put_entry(&p, w.index[i], w.text[i], w.len[i]);
        html_put(&p.h, "</ol>\n");
        if (!w.count)
            html_putf(&p.h, "<p>%s</p>", public_word(&p, "Nothing found here.", "沒有找到。"));
        if (reached > 0) {
            html_putf(&p.h, "<p><a rel=\"next\" href=\"/log?before=%llu&amp;kind=",
                      (unsigned long long)reached);
            html_query(&p.h, w.kind);
            html_put(&p.h, "&amp;camera=");
            html_query(&p.h, w.camera);
            html_putf(&p.h, "\">%s</a></p>\n", public_word(&p, "Older", "較早"));
        }
        r = public_end(&p, rp);
    }
    wanted_release(&w);
    public_log_close(&l);
    return r;
}

/* ---- one entry ---- */

static int prove(struct tlog_reader *reader, uint64_t index, uint64_t size, struct tlog_path *ret,
                 struct err *reterr)
{
    struct tlog_subtrees trees = tlog_reader_subtrees(reader);
    return tlog_tree_inclusion(&trees, index, size, ret, reterr);
}

/* The checkpoint as it lies there, and an inclusion proof under it. */
static int make_proof(struct http_request *rq, struct public_log *l, uint64_t index,
                      struct buf *out, struct err *reterr)
{
    char dir[512];
    struct buf checkpoint;
    struct tlog_proof proof = {.index = index};
    snprintf(dir, sizeof(dir), "%s/log", api_of(rq)->data_dir);
    buf_init(&checkpoint, TLOG_CHECKPOINT_BYTES);
    struct tlog_files files = tlog_files_dir(dir);
    int r = files.get(files.user, "checkpoint", &checkpoint, reterr);
    struct tlog_note note = {0};
    struct tlog_checkpoint c = {0};
    if (r >= 0)
        r = tlog_note_parse(checkpoint.data, checkpoint.len, &note, reterr);
    if (r >= 0)
        r = tlog_checkpoint_parse(note.text, note.text_len, &c, reterr);
    if (r >= 0 && c.size != l->checkpoint.size) /* it has grown meanwhile */
        tlog_reader_grow(l->reader, c.size);
    if (r >= 0)
        r = prove(l->reader, index, c.size, &proof.path, reterr);
    proof.checkpoint = (const char *)checkpoint.data;
    proof.checkpoint_len = checkpoint.len;
    if (r >= 0)
        r = tlog_proof_format(&proof, out);
    buf_release(&checkpoint);
    return r;
}

static int entry_index(struct http_request *rq, struct http_reply *rp, const struct public_log *l,
                       uint64_t *ret)
{
    const char *text = http_param(rq, "n");
    int r = tlog_decimal_parse(text, strlen(text), ret);
    if (r < 0 || *ret >= l->checkpoint.size)
        return err_set(&rp->err, E_NOTFOUND, "The log has no entry of that number; it has %llu.",
                       (unsigned long long)l->checkpoint.size);
    return 0;
}

static void put_entry_page(struct public_page *p, uint64_t index, const struct buf *text,
                           const struct buf *proof)
{
    struct buf zero; /* html_text() wants strings */
    html_put(&p->h, "<ol class=\"entries\">\n");
    put_entry(p, index, (const char *)text->data, text->len);
    html_putf(&p->h, "</ol>\n<h2>%s</h2>\n<pre tabindex=\"0\" id=\"entry\"><code>",
              public_word(p, "The entry itself", "條目原文"));
    buf_init(&zero, 0);
    if (buf_append(&zero, text->data, text->len) < 0 || buf_append(&zero, "", 1) < 0)
        p->h.code = -ENOMEM;
    else
        html_lines(&p->h, (const char *)zero.data);
    html_putf(&p->h,
              "</code></pre>\n<h2>%s</h2>\n<p id=\"verdict\" role=\"status\" data-yes=\"%s\" "
              "data-no=\"%s\">%s</p>\n<pre tabindex=\"0\" id=\"proof\"><code>",
              public_word(p, "Proof that it is in the log", "條目在日誌中的證明"),
              public_word(p,
                          "Checked in your browser: the entry is in the log with the root below.",
                          "已在你的瀏覽器核實：此條目在下列根值的日誌中。"),
              public_word(p, "Checked in your browser: the proof is WRONG.",
                          "已在你的瀏覽器核實：證明錯誤。"),
              public_word(p,
                          "With JavaScript, your browser checks it here. Or save both texts and "
                          "run <code>lethe log verify</code>.",
                          "啟用 JavaScript 後瀏覽器會在此核實；亦可儲存兩段文字以 <code>lethe log "
                          "verify</code> 核實。"));
    zero.len = 0;
    if (buf_append(&zero, proof->data, proof->len) < 0 || buf_append(&zero, "", 1) < 0)
        p->h.code = -ENOMEM;
    else
        html_lines(&p->h, (const char *)zero.data);
    html_putf(&p->h,
              "</code></pre>\n<p><a href=\"/log/proofs/%llu\" download>.tlog-proof</a></p>\n",
              (unsigned long long)index);
    buf_release(&zero);
}

/* @proof_only: the .tlog-proof as a file. */
static int answer_entry(struct http_request *rq, struct http_reply *rp, bool proof_only)
{
    struct public_log l;
    struct buf text, proof;
    uint64_t index;
    int r = public_log_open(rq, &l, &rp->err);
    if (r < 0)
        return r;
    buf_init(&text, TLOG_ENTRY_BYTES);
    buf_init(&proof, TLOG_PROOF_BYTES);
    r = entry_index(rq, rp, &l, &index);
    if (r >= 0)
        r = tlog_reader_entry(l.reader, index, &text, &rp->err);
    if (r >= 0)
        r = make_proof(rq, &l, index, &proof, &rp->err);
    if (r >= 0 && proof_only) {
        rp->type = "text/plain; charset=utf-8";
        rp->cache = HTTP_NO_STORE;
        r = buf_append(&rp->body, proof.data, proof.len);
    } else if (r >= 0) {
        struct public_page p;
        public_begin(&p, rq, rp, "Entry of the log", "日誌條目");
        put_entry_page(&p, index, &text, &proof);
        r = public_end(&p, rp);
    }
    buf_release(&text);
    buf_release(&proof);
    public_log_close(&l);
    return r;
}

static int get_entry(struct http_request *rq, struct http_reply *rp)
{
    return answer_entry(rq, rp, false);
}

static int get_proof(struct http_request *rq, struct http_reply *rp)
{
    return answer_entry(rq, rp, true);
}

/* ---- files for tools ---- */

/* checkpoint, keys, tile/…: digits, x, p, dots and slashes only, so that no address leads out of the folder. */
static bool is_log_path(const char *path)
{
    if (strcmp(path, "checkpoint") == 0 || strcmp(path, "checkpoint.witnessed") == 0 ||
        strcmp(path, "keys") == 0)
        return true;
    if (strncmp(path, "tile/", 5) != 0)
        return false;
    path += strncmp(path, "tile/entries/", 13) == 0 ? 13 : 5;
    return strlen(path) < TLOG_TILE_PATH && strspn(path, "0123456789x/.p") == strlen(path) &&
           !strstr(path, "..") && !strstr(path, "//");
}

static int get_file(struct http_request *rq, struct http_reply *rp)
{
    char dir[512];
    const char *path = rq->path + strlen("/log/");
    if (!is_log_path(path))
        return err_set(&rp->err, E_NOTFOUND, "The log has no such file.");
    snprintf(dir, sizeof(dir), "%s/log", api_of(rq)->data_dir);
    struct tlog_files files = tlog_files_dir(dir);
    rp->body.ceiling = TLOG_BUNDLE_BYTES;
    int r = files.get(files.user, path, &rp->body, &rp->err);
    bool changes = path[0] != 't';
    rp->type = changes ? "text/plain; charset=utf-8" : "application/octet-stream";
    rp->cache = changes ? HTTP_NO_STORE : HTTP_LASTING; /* a tile is never changed */
    return r == E_NOTFOUND ? err_set(&rp->err, r, "The log has no such file.") : r;
}

const struct http_route api_public_log_routes[] = {
    {.method = "GET", .pattern = "/log", .verb = API_NONE, .run = get_log},
    {.method = "GET", .pattern = "/log/entries/{n}", .verb = API_NONE, .run = get_entry},
    {.method = "GET", .pattern = "/log/proofs/{n}", .verb = API_NONE, .run = get_proof},
    {.method = "GET", .pattern = "/log/checkpoint", .verb = API_NONE, .run = get_file},
    {.method = "GET", .pattern = "/log/checkpoint.witnessed", .verb = API_NONE, .run = get_file},
    {.method = "GET", .pattern = "/log/keys", .verb = API_NONE, .run = get_file},
    {.method = "GET", .pattern = "/log/tile/{level}/{a}", .verb = API_NONE, .run = get_file},
    {.method = "GET", .pattern = "/log/tile/{level}/{a}/{b}", .verb = API_NONE, .run = get_file},
    {.method = "GET",
     .pattern = "/log/tile/{level}/{a}/{b}/{c}",
     .verb = API_NONE,
     .run = get_file},
    {.method = "GET",
     .pattern = "/log/tile/{level}/{a}/{b}/{c}/{d}",
     .verb = API_NONE,
     .run = get_file},
    {0},
};
