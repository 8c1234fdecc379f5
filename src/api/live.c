/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* /api/v1/live, and one camera as endless MP4 or HLS. */
#include "api/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

/* Who watches, and what: looked at again while it lasts, so that a session that ends ends its pictures, too. */
struct watcher {
    struct api *api;
    struct api_credential credential;
    size_t count;
    char id[][64];
};

static bool still_may(void *user)
{
    struct watcher *w = user;
    struct account_who *who = NULL;
    int64_t now = clock_wall_us(w->api->clock);
    int r = api_identify(w->api, &w->credential, &who);
    if (r < 0)
        return r != E_AUTH; /* a database that is busy is no reason */
    struct api_camera_list *l = api_camera_list(w->api);
    bool may = true;
    for (size_t i = 0; i < w->count && may; i++) {
        const struct api_camera *c = api_camera_find(l, w->id[i]);
        may = account_verbs(who, c ? c->group : "", now) & ACCOUNT_LIVE;
    }
    api_camera_list_unref(l);
    account_who_free(who);
    return may;
}

static void watcher_free(void *user)
{
    struct watcher *w = user;
    explicit_bzero(&w->credential, sizeof(w->credential));
    free(w);
}

static struct watcher *watcher_new(struct http_request *rq, const char (*ids)[64], size_t n)
{
    struct watcher *w = calloc(1, sizeof(*w) + n * 64);
    if (!w)
        return NULL;
    w->api = api_of(rq);
    w->count = n;
    memcpy(w->id, ids, n * 64);
    api_credential(rq, &w->credential);
    return w;
}

static int begin(struct http_request *rq, struct http_reply *rp, enum live_kind kind,
                 const char (*ids)[64], size_t n, const char *type)
{
    struct live_viewer *v = NULL;
    const struct live_right right = {still_may, watcher_free, watcher_new(rq, ids, n)};
    int r =
        right.user ? live_viewer_new(api_of(rq)->live, kind, ids, n, &right, &v, &rp->err) : E_FULL;
    if (r < 0)
        return r;
    rp->type = type;
    rp->ops = &live_viewer_ops;
    rp->self = v;
    /* A proxy that gathers would add seconds. */
    http_reply_header(rp, "X-Accel-Buffering", "no");
    return 0;
}

static int get_live(struct http_request *rq, struct http_reply *rp)
{
    char(*ids)[INDEX_ID] = NULL;
    size_t n = 0;
    int r = api_choose_cameras(rq, ACCOUNT_LIVE, LIVE_VIEWER_CAMERAS, &ids, &n, &rp->err);
    if (r >= 0)
        r = begin(rq, rp, LIVE_MESSAGES, (const char(*)[64])ids, n, "application/x-lethe-live");
    free(ids);
    return r;
}

static int get_mp4(struct http_request *rq, struct http_reply *rp)
{
    char id[1][64], state[24], reason[200];
    snprintf(id[0], sizeof(id[0]), "%.63s", http_param(rq, "id"));
    if (live_state(api_of(rq)->live, id[0], state, reason) &&
        (strcmp(state, "none") == 0 || strcmp(state, "off") == 0))
        return err_set(&rp->err, E_BUSY, "There is no picture of this camera now: %s", reason);
    return begin(rq, rp, LIVE_MP4, (const char(*)[64])id, 1, "video/mp4");
}

static int get_playlist(struct http_request *rq, struct http_reply *rp)
{
    rp->type = "application/vnd.apple.mpegurl";
    return live_hls_playlist(api_of(rq)->live, http_param(rq, "id"), &rp->body, &rp->err);
}

/* "init-3.mp4" or "17.m4s" */
static int get_segment(struct http_request *rq, struct http_reply *rp)
{
    const char *name = http_param(rq, "segment"), *p = name;
    bool init = strncmp(name, "init-", 5) == 0;
    p += init ? 5 : 0;
    size_t digits = strspn(p, "0123456789");
    int r = E_NOTFOUND;
    if (digits >= 1 && digits <= 18 && strcmp(p + digits, init ? ".mp4" : ".m4s") == 0) {
        int64_t number = strtoll(p, NULL, 10);
        struct live_hub *h = api_of(rq)->live;
        r = init ? live_hls_init(h, http_param(rq, "id"), number, &rp->body)
                 : live_hls_segment(h, http_param(rq, "id"), number, &rp->body);
    }
    rp->type = "video/mp4";
    return r == E_NOTFOUND ? err_set(&rp->err, r, "That segment is not there, or not any more.")
                           : r;
}

const struct http_route api_live_routes[] = {
    {"GET", "/api/v1/live", ACCOUNT_LIVE, get_live},
    {"GET", "/api/v1/cameras/{id}/live.mp4", ACCOUNT_LIVE, get_mp4},
    {"GET", "/api/v1/cameras/{id}/live.m3u8", ACCOUNT_LIVE, get_playlist},
    {"GET", "/api/v1/cameras/{id}/live/{segment}", ACCOUNT_LIVE, get_segment},
    {0},
};
