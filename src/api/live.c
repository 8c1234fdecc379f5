/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* /api/v1/live, and one camera as endless MP4 or HLS. */
#include "api/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

static int begin(struct http_request *rq, struct http_reply *rp, enum live_kind kind,
                 const char (*ids)[64], size_t n, const char *type)
{
    struct live_viewer *v = NULL;
    int r = live_viewer_new(api_of(rq)->live, kind, ids, n, &v, &rp->err);
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
