/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Any span as one MP4, and what it would hold. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/reach.h"
#include "api/masked.h"
#include "base/log.h"

#define LONGEST_US DAY_US

/* The span of the request, made or found among those made lately. */
static int take_span(struct http_request *rq, struct masked_span **ret, struct err *reterr)
{
    struct api *a = api_of(rq);
    int64_t from, to, now = clock_wall_us(rq->clock);
    bool strict = false;
    struct index *ix;
    const char *id = http_param(rq, "id");
    int r = http_query_span(rq, &from, &to, reterr);
    if (r >= 0 && to - from > LONGEST_US)
        r = err_set(reterr, E_RANGE, "An export spans 24 hours at most.");
    if (r >= 0)
        r = api_reach(rq, ACCOUNT_EXPORT, &from, &to, &strict, reterr);
    if (r < 0)
        return r;
    *ret = masked_cache_find(a->views, id, from, to, strict, now);
    if (*ret)
        return 0;
    r = api_index_take(a, &ix, reterr);
    if (r < 0)
        return r;
    r = masked_span_make(ix, a->data_dir, id, from, to, strict, ret, reterr);
    api_index_give(a, ix);
    if (r >= 0)
        masked_cache_put(a->views, *ret, from, to, strict, now);
    return r;
}

/* "gate-1-20261123T100000Z.mp4" */
static char *file_name(const struct masked_span *s, char ret[128])
{
    char time[TIME_TEXT], compact[TIME_TEXT];
    size_t n = 0;
    time_format(s->from_us, time);
    for (const char *p = time; *p && *p != '.'; p++)
        if (*p != '-' && *p != ':' && *p != 'Z')
            compact[n++] = *p;
    compact[n] = 0;
    snprintf(ret, 128, "%s-%sZ-masked.mp4", s->camera, compact);
    return ret;
}

static json_t *gaps_json(const struct masked_span *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->gaps; i++) {
        const struct index_gap *g = &s->gap[i];
        json_array_append_new(list, json_pack("{s:I, s:I, s:s, s:s}", "from_us",
                                              (json_int_t)g->from_us, "to_us", (json_int_t)g->to_us,
                                              "reason", g->reason, "detail", g->detail));
    }
    return list;
}

static int describe_export(struct http_request *rq, struct http_reply *rp)
{
    struct masked_span *s = NULL;
    char name[128];
    int r = take_span(rq, &s, &rp->err);
    if (r < 0)
        return r;
    r = http_reply_json(rp,
                        json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:o}", "camera", s->camera,
                                  "from_us", (json_int_t)s->from_us, "to_us", (json_int_t)s->to_us,
                                  "bytes", (json_int_t)mp4_virtual_bytes(s->file), "frames",
                                  (json_int_t)mp4_virtual_frames(s->file), "etag", s->etag, "file",
                                  file_name(s, name), "gaps", gaps_json(s)));
    masked_span_unref(s);
    return r;
}

static int download(struct http_request *rq, struct http_reply *rp)
{
    struct masked_span *s = NULL;
    struct masked_reader *reader = NULL;
    char name[128];
    int r = take_span(rq, &s, &rp->err);
    if (r >= 0)
        r = masked_reader_new(s, &reader);
    if (r < 0) {
        masked_span_unref(s);
        return r;
    }
    if (!http_header(rq, "Range"))
        log_info("web", "%s exports %s, %llu bytes of the masked view", api_who(rq)->user.name,
                 s->camera, (unsigned long long)mp4_virtual_bytes(s->file));
    rp->type = "video/mp4";
    rp->cache = HTTP_REVALIDATE;
    snprintf(rp->etag, sizeof(rp->etag), "%s", s->etag);
    http_reply_header(rp, "Content-Disposition", "attachment; filename=\"%s\"", file_name(s, name));
    r = http_reply_bytes(rp, rq, mp4_virtual_bytes(s->file), &masked_reader_ops, reader);
    masked_span_unref(s);
    return r;
}

const struct http_route api_export_routes[] = {
    {"GET", "/api/v1/cameras/{id}/export", ACCOUNT_EXPORT, describe_export},
    {"GET", "/api/v1/cameras/{id}/masked.mp4", ACCOUNT_EXPORT, download},
    {0},
};
