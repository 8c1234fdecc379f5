/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/answer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "http/assets.h"
#include "http/health.h"
#include "http/metrics.h"
#include "http/page.h"
#include "http/status.h"

#define JSON_TYPE "application/json"

void http_answer_init(struct http_answer *a)
{
    *a = (struct http_answer){.code = 200, .type = JSON_TYPE};
    buf_init(&a->body, HTTP_SOURCE_BYTES);
}

static void put_json(struct http_answer *a, json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);
    a->type = JSON_TYPE;
    a->body.len = 0;
    if (text)
        buf_append(&a->body, text, strlen(text));
    buf_append(&a->body, "\n", 1);
    free(text);
    json_decref(o);
}

void http_answer_error(struct http_answer *a, unsigned code, const char *sentence)
{
    a->code = code;
    put_json(a, json_pack("{s:s}", "error", sentence));
}

static void answer_status(struct http_answer *a, const struct http_snapshot *snap)
{
    if (snap->code < 0)
        http_answer_error(a, 503, snap->err.text); /* old numbers must not pass for new ones */
    else if (buf_append(&a->body, snap->json, snap->json_len) < 0)
        http_answer_error(a, 500, "There is no memory for the answer.");
}

static void answer_health(struct http_answer *a, const struct http_snapshot *snap)
{
    struct http_health h;
    http_health_judge(snap, &h);
    json_t *reasons = json_array();
    bool ok = true;
    for (size_t i = 0; i < h.count; i++) {
        if (h.problems[i].level != HTTP_CRITICAL)
            continue;
        ok = false;
        json_array_append_new(reasons, json_string(h.problems[i].text));
    }
    a->code = ok ? 200 : 503;
    put_json(a, json_pack("{s:b, s:o}", "ok", ok, "reasons", reasons));
}

static void answer_page(struct http_answer *a, const struct http_snapshot *snap,
                        const struct http_query *q, const struct clock *clock)
{
    a->type = "text/html; charset=utf-8";
    if (snap->code < 0)
        a->code = 503;
    if (http_page(&a->body, snap, q, clock_wall_us(clock)) < 0)
        http_answer_error(a, 500, "There is no memory for the page.");
}

static void answer_metrics(struct http_answer *a, const struct http_snapshot *snap)
{
    a->type = "text/plain; version=0.0.4; charset=utf-8";
    if (http_metrics(&a->body, snap) < 0)
        http_answer_error(a, 500, "There is no memory for the metrics.");
}

static void answer_asset(struct http_answer *a, const struct http_asset *asset)
{
    a->type = asset->type;
    a->lasting = true;
    if (buf_append(&a->body, asset->text, strlen(asset->text)) < 0)
        http_answer_error(a, 500, "There is no memory for the file.");
}

static const char *const live[] = {"/", "/api/v1/status", "/healthz", "/metrics"};

bool http_answer_find(const char *url)
{
    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
        if (strcmp(url, live[i]) == 0)
            return true;
    return http_asset_find(url) != NULL;
}

void http_answer(struct http_answer *a, const char *url, const struct http_query *q,
                 struct http_source *source, const struct clock *clock)
{
    const struct http_asset *asset = http_asset_find(url);
    if (asset) {
        answer_asset(a, asset);
        return;
    }
    struct http_snapshot *snap = http_source_get(source);
    if (!snap)
        http_answer_error(a, 500, "There is no memory for an answer.");
    else if (strcmp(url, "/") == 0)
        answer_page(a, snap, q, clock);
    else if (strcmp(url, "/healthz") == 0)
        answer_health(a, snap);
    else if (strcmp(url, "/metrics") == 0)
        answer_metrics(a, snap);
    else
        answer_status(a, snap);
    http_snapshot_unref(snap);
}
