/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/page.h"

#include <string.h>

#include "http/health.h"
#include "http/html.h"
#include "http/rows.h"

static void put_head(struct html *h, const struct http_status *s, const struct http_health *health)
{
    size_t wrong = 0;
    for (size_t i = 0; i < health->count; i++)
        wrong += health->problems[i].level != HTTP_NOTE;
    html_put(h, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    if (wrong)
        html_putf(h, "(%zu) ", wrong);
    html_text(h, s && s->node[0] ? s->node : "Lethe");
    html_put(
        h, " · status</title>\n<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\n"
           "<link rel=\"stylesheet\" href=\"/status.css\">\n<script src=\"/status.js\" "
           "defer></script>\n"
           "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n</head>\n<body>\n");
}

static void put_header(struct html *h, const struct http_snapshot *snap, int64_t now_us)
{
    const struct http_status *s = snap->status;
    char text[TIME_TEXT];
    html_put(h, "<header><h1>Lethe</h1><p><bdi>");
    html_text(h, s ? s->node : "");
    html_put(h, "</bdi></p><p class=\"when\" id=\"when\" data-live>");
    if (snap->code < 0 && s) {
        html_put(h, "as of ");
        html_span(h, now_us - snap->taken_us);
        html_put(h, " ago");
    } else if (s) {
        html_putf(h, "%.10s %.8s UTC", time_format(s->now_us, text), text + 11);
    }
    html_put(h, "</p></header>\n");
}

static void put_problems(struct html *h, const struct http_health *health)
{
    static const char *const classes[] = {"critical", "warning", "note"};
    static const char *const words[] = {"Critical", "Warning", "Note"};
    html_put(h, "<section id=\"problems\" data-live aria-label=\"what is wrong now\">");
    if (!health->count)
        html_put(h, "<p class=\"fine\">Nothing is wrong: all cameras that are switched on are "
                    "recording.</p>");
    else
        html_put(h, "<ul>");
    for (size_t i = 0; i < health->count; i++) {
        const struct http_problem *p = &health->problems[i];
        html_putf(h, "<li class=\"%s\"><strong>%s</strong> <span><bdi>", classes[p->level],
                  words[p->level]);
        html_text(h, p->text);
        html_put(h, "</bdi>");
        if (p->advice[0]) {
            html_put(h, " <em>");
            html_text(h, p->advice);
            html_put(h, "</em>");
        }
        html_put(h, "</span></li>");
    }
    html_put(h, health->count ? "</ul></section>\n" : "</section>\n");
}

static void put_practice(struct html *h, const struct http_status *s)
{
    html_put(h, "<section id=\"practice\" data-live>");
    if (s && s->practice)
        html_put(h, "<p class=\"practice\"><strong>Practice custodians.</strong> The keys that "
                    "open the recordings lie on "
                    "this machine, in the folder <code>practice</code> of the data directory, so "
                    "whoever has the machine "
                    "can open everything. Sealing and forgetting do not hold until custodians with "
                    "keys of their own are "
                    "named in <code>lethe.yaml</code> (<code>custodians</code>).</p>");
    html_put(h, "</section>\n");
}

static void put_card(struct html *h, const char *title)
{
    html_putf(h, "<div><dt>%s</dt><dd>", title);
}

static void put_disk(struct html *h, const struct http_status *s)
{
    put_card(h, "Disk free");
    if (s->disk.bytes_total <= 0) {
        html_put(h, "unknown</dd></div>");
        return;
    }
    double used =
        100.0 * (double)(s->disk.bytes_total - s->disk.bytes_free) / (double)s->disk.bytes_total;
    used = used < 0 ? 0 : used > 100 ? 100 : used;
    html_put(h, "<b>");
    html_bytes(h, s->disk.bytes_free);
    html_put(h, "</b> of ");
    html_bytes(h, s->disk.bytes_total);
    html_putf(h,
              "<svg class=\"bar\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" role=\"img\" "
              "aria-label=\"%.0f percent used\"><rect class=\"day\" width=\"100\" height=\"4\"/>"
              "<rect class=\"used\" width=\"%.1f\" height=\"4\"/></svg></dd></div>",
              used, used);
}

static void put_megabits(struct html *h, int64_t bps)
{
    html_put(h, "<b>");
    if (bps < 100 * INT64_C(1000000))
        html_putf(h, "%.1f", (double)bps / 1e6);
    else
        html_count(h, bps / 1000000);
    html_put(h, "</b> Mbit/s</dd></div>");
}

static void put_totals(struct html *h, const struct http_status *s,
                       const struct http_health *health)
{
    html_put(h, "<section id=\"totals\" data-live aria-label=\"totals\">");
    if (s) {
        html_put(h, "<dl>");
        put_card(h, "Cameras recording");
        html_put(h, "<b>");
        html_count(h, (int64_t)health->by_state[HTTP_CAMERA_RECORDING]);
        html_put(h, "</b> of ");
        html_count(h, (int64_t)(s->camera_count - health->by_state[HTTP_CAMERA_DISABLED]));
        if (health->by_state[HTTP_CAMERA_DISABLED])
            html_putf(h, ", %zu switched off", health->by_state[HTTP_CAMERA_DISABLED]);
        html_put(h, "</dd></div>");
        put_card(h, "Receiving");
        put_megabits(h, health->bitrate_bps);
        put_disk(h, s);
        put_card(h, "Kept");
        html_putf(h, "<b>%.4g</b> of %.4g days promised</dd></div>", s->actual_days,
                  s->promised_days);
        put_card(h, "Frames lost");
        html_put(h, "<b>");
        html_count(h, health->frames_lost);
        html_put(h, "</b> of ");
        html_count(h, health->frames_received);
        html_put(h, "</dd></div>");
        put_card(h, "Gaps today");
        html_put(h, "<b>");
        html_count(h, (int64_t)health->gaps_today);
        html_put(h, "</b></dd></div></dl>");
    }
    html_put(h, "</section>\n");
}

/* Stands outside the live parts, so that what is being typed stays. */
static void put_filter(struct html *h, const struct http_page_query *q)
{
    bool problems = q->show && strcmp(q->show, "problems") == 0;
    html_put(h, "<form id=\"filter\" method=\"get\" action=\"/status\" role=\"search\"><label "
                "for=\"q\">Cameras</label> "
                "<input id=\"q\" name=\"q\" type=\"search\" maxlength=\"100\" placeholder=\"name, "
                "state or reason\" "
                "autocomplete=\"off\" value=\"");
    html_text(h, q->filter ? q->filter : "");
    html_putf(h,
              "\"> <label class=\"check\"><input type=\"checkbox\" id=\"show\" name=\"show\" "
              "value=\"problems\"%s> with "
              "problems only</label> <button>Filter</button></form>\n",
              problems ? " checked" : "");
}

static void put_foot(struct html *h, const struct http_status *s)
{
    html_put(h, "<footer>");
    if (s) {
        html_put(h, "Lethe <bdi>");
        html_text(h, s->version);
        html_putf(h, "</bdi> · %lld threads · ", (long long)s->threads);
    }
    html_put(h, "<a href=\"/\">application</a> · <a href=\"/metrics\">metrics</a> · "
                "<a href=\"/healthz\">health</a></footer>\n</body>\n</html>\n");
}

int http_page(struct buf *out, const struct http_snapshot *snap, const struct http_page_query *q,
              int64_t now_us)
{
    struct html h = {out, 0};
    struct http_health health;
    struct http_rows rows;
    int r = http_rows_select(snap->status, q, &rows);
    if (r < 0)
        return r;
    http_health_judge(snap, &health);
    put_head(&h, snap->status, &health);
    put_header(&h, snap, now_us);
    html_put(&h, "<main>\n");
    put_problems(&h, &health);
    put_practice(&h, snap->status);
    put_totals(&h, snap->status, &health);
    put_filter(&h, q);
    html_put(&h, "<section id=\"cameras\" data-live aria-label=\"cameras\">");
    if (snap->status && snap->status->camera_count)
        http_rows_put(&h, snap->status, q, &rows);
    html_put(&h, "</section>\n</main>\n");
    put_foot(&h, snap->status);
    http_rows_release(&rows);
    return h.code;
}
