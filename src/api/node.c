/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* /api/v1/status and health, /healthz, /metrics, and the status page that needs no script and no account. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "http/assets.h"
#include "http/health.h"
#include "http/metrics.h"
#include "http/page.h"
#include "http/status.h"

static int take_snapshot(struct http_request *rq, struct http_reply *rp, struct http_snapshot **ret)
{
    *ret = http_source_get(api_of(rq)->source);
    return *ret ? 0 : err_set(&rp->err, E_FULL, "There is no memory for an answer.");
}

/* Leave out the cameras whose status the asker may not see, and what alarms say of them. */
static void filter_list(json_t *list, const char *key, const struct api_camera_list *known,
                        const struct account_who *who, int64_t now_us)
{
    for (size_t i = json_array_size(list); i-- > 0;) {
        const char *id = json_string_value(json_object_get(json_array_get(list, i), key));
        const struct api_camera *c = id ? api_camera_find(known, id) : NULL;
        if (!(account_verbs(who, c ? c->group : "", now_us) & ACCOUNT_STATUS))
            json_array_remove(list, i);
    }
}

static int reply_filtered(struct http_request *rq, struct http_reply *rp,
                          const struct http_snapshot *snap)
{
    json_t *root = json_loadb(snap->json, snap->json_len, 0, NULL);
    struct api_camera_list *known = api_camera_list(api_of(rq));
    int64_t now = clock_wall_us(rq->clock);
    filter_list(json_object_get(root, "cameras"), "id", known, api_who(rq), now);
    filter_list(json_object_get(root, "alarms"), "camera", known, api_who(rq), now);
    api_camera_list_unref(known);
    return http_reply_json(rp, root);
}

static int get_status(struct http_request *rq, struct http_reply *rp)
{
    struct http_snapshot *snap;
    int r = take_snapshot(rq, rp, &snap);
    if (r < 0)
        return r;
    if (snap->code < 0) /* old numbers must not pass for new ones */
        r = err_set(&rp->err, E_BUSY, "%s", snap->err.text);
    else if (account_everywhere(api_who(rq), ACCOUNT_STATUS, clock_wall_us(rq->clock)))
        r = buf_append(&rp->body, snap->json, snap->json_len);
    else
        r = reply_filtered(rq, rp, snap);
    http_snapshot_unref(snap);
    return r;
}

static json_t *problems_json(const struct http_health *h, bool names, bool *ret_ok)
{
    static const char *const levels[] = {"critical", "warning", "note"};
    json_t *list = json_array();
    *ret_ok = true;
    for (size_t i = 0; i < h->count; i++) {
        const struct http_problem *p = &h->problems[i];
        *ret_ok = *ret_ok && p->level != HTTP_CRITICAL;
        if (names || !p->names_cameras)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "level", levels[p->level],
                                                  "text", p->text, "advice", p->advice));
    }
    return list;
}

static int get_health(struct http_request *rq, struct http_reply *rp)
{
    struct http_snapshot *snap;
    struct http_health *h = calloc(1, sizeof(*h));
    int r = h ? take_snapshot(rq, rp, &snap) : E_FULL;
    if (r >= 0) {
        bool ok;
        int64_t now = clock_wall_us(rq->clock);
        json_t *counts = json_object();
        http_health_judge(snap, h);
        json_t *problems =
            problems_json(h, account_everywhere(api_who(rq), ACCOUNT_STATUS, now), &ok);
        for (int i = 0; i < HTTP_CAMERA_STATES; i++)
            json_object_set_new(counts, http_camera_state_name((enum http_camera_state)i),
                                json_integer((json_int_t)h->by_state[i]));
        r = http_reply_json(rp, json_pack("{s:b, s:o, s:o, s:o, s:I, s:I, s:I}", "ok", ok, "at",
                                          api_time(now), "problems", problems, "cameras", counts,
                                          "gaps_today", (json_int_t)h->gaps_today, "bitrate_bps",
                                          (json_int_t)h->bitrate_bps, "frames_lost",
                                          (json_int_t)h->frames_lost));
        http_snapshot_unref(snap);
    }
    free(h);
    return r;
}

static int get_healthz(struct http_request *rq, struct http_reply *rp)
{
    struct http_snapshot *snap;
    struct http_health *h = calloc(1, sizeof(*h));
    int r = h ? take_snapshot(rq, rp, &snap) : E_FULL;
    if (r >= 0) {
        json_t *reasons = json_array();
        http_health_judge(snap, h);
        for (size_t i = 0; i < h->count; i++)
            if (h->problems[i].level == HTTP_CRITICAL)
                json_array_append_new(reasons, json_string(h->problems[i].text));
        bool ok = json_array_size(reasons) == 0;
        r = http_reply_json(rp, json_pack("{s:b, s:o}", "ok", ok, "reasons", reasons));
        if (r >= 0 && !ok)
            rp->status = 503;
        http_snapshot_unref(snap);
    }
    free(h);
    return r;
}

static int get_metrics(struct http_request *rq, struct http_reply *rp)
{
    struct http_snapshot *snap;
    int r = take_snapshot(rq, rp, &snap);
    if (r < 0)
        return r;
    rp->type = "text/plain; version=0.0.4; charset=utf-8";
    r = http_metrics(&rp->body, snap);
    http_snapshot_unref(snap);
    return r;
}

static int get_page(struct http_request *rq, struct http_reply *rp)
{
    struct http_snapshot *snap;
    const struct http_page_query q = {http_query(rq, "page"), http_query(rq, "q"),
                                      http_query(rq, "show")};
    int r = take_snapshot(rq, rp, &snap);
    if (r < 0)
        return r;
    rp->type = "text/html; charset=utf-8";
    if (snap->code < 0)
        rp->status = 503;
    r = http_page(&rp->body, snap, &q, clock_wall_us(rq->clock));
    http_snapshot_unref(snap);
    return r;
}

/* Without the built application the status page is what there is. */
static int get_root(struct http_request *rq, struct http_reply *rp)
{
    (void)rq;
    rp->status = 302;
    http_reply_header(rp, "Location", "/status");
    return 0;
}

static int get_asset(struct http_request *rq, struct http_reply *rp)
{
    const struct http_asset *asset = http_asset_find(rq->path);
    if (!asset)
        return err_set(&rp->err, E_NOTFOUND, "There is nothing at this address.");
    rp->type = asset->type;
    rp->cache = HTTP_PRIVATE;
    return buf_append(&rp->body, asset->text, strlen(asset->text));
}

const struct http_route api_node_routes[] = {
    {"GET", "/api/v1/status", ACCOUNT_STATUS, get_status},
    {"GET", "/api/v1/health", ACCOUNT_STATUS, get_health},
    {"GET", "/healthz", API_NONE, get_healthz, .flags = HTTP_LOCAL},
    {"GET", "/metrics", API_NONE, get_metrics, .flags = HTTP_LOCAL},
    {"GET", "/status", API_NONE, get_page, .flags = HTTP_LOCAL},
    {"GET", "/status.js", API_NONE, get_asset, .flags = HTTP_LOCAL},
    {"GET", "/status.css", API_NONE, get_asset, .flags = HTTP_LOCAL},
    {"GET", "/favicon.svg", API_NONE, get_asset},
    {"GET", "/", API_NONE, get_root},
    {0},
};
