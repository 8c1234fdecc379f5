/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* /api/v1/timeline: coverage, gaps and activity of many cameras, cut into buckets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "mp4/writer.h"

#define CAMERAS 1000
#define BUCKETS 300
#define BUCKETS_MAX 2000
#define GAPS 200
#define FULL 35 /* one character of a bucket: 0-9 a-z */

struct strip {
    int64_t *covered[2]; /* by view, microseconds in each bucket */
    struct index_gap *gap;
    size_t gaps, gaps_left_out;
};

struct timeline {
    int64_t from_us, to_us, bucket_us, now_us;
    size_t buckets;
    struct strip strip; /* of the camera in work */
};

static void cover(struct timeline *t, int view, int64_t from_us, int64_t to_us)
{
    from_us = from_us < t->from_us ? t->from_us : from_us;
    to_us = to_us > t->to_us ? t->to_us : to_us;
    if (from_us >= to_us)
        return;
    size_t i = (size_t)((from_us - t->from_us) / t->bucket_us);
    for (; i < t->buckets && from_us < to_us; i++) {
        int64_t end = t->from_us + (int64_t)(i + 1) * t->bucket_us;
        int64_t part = (end < to_us ? end : to_us) - from_us;
        t->strip.covered[view][i] += part;
        from_us += part;
    }
}

static int add_recording(void *user, const struct index_recording *r)
{
    struct timeline *t = user;
    int view = r->view == MP4_MASKED ? MP4_MASKED : MP4_SEALED;
    /* The end of one that is being written is not in the index yet. */
    int64_t end = r->state == INDEX_OPEN && r->end_us <= r->start_us ? t->now_us : r->end_us;
    cover(t, view, r->start_us, end);
    return 0;
}

static int64_t gap_length(const struct timeline *t, const struct index_gap *g)
{
    return (g->to_us ? g->to_us : t->now_us) - g->from_us;
}

/* Keeps the longest ones: a new one takes the place of the shortest. */
static int add_gap(void *user, const struct index_gap *g)
{
    struct timeline *t = user;
    struct strip *s = &t->strip;
    size_t at = s->gaps;
    if (s->gaps == GAPS) {
        s->gaps_left_out++;
        at = 0;
        for (size_t i = 1; i < GAPS; i++)
            if (gap_length(t, &s->gap[i]) < gap_length(t, &s->gap[at]))
                at = i;
        if (gap_length(t, g) <= gap_length(t, &s->gap[at]))
            return 0;
    } else {
        s->gaps++;
    }
    s->gap[at] = *g;
    return 0;
}

/* ---- JSON, written by hand: it is most of the work of a large answer ---- */

static int put_strip(const struct timeline *t, struct buf *out, const char *name,
                     const int64_t *covered)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    int r = buf_appendf(out, ",\"%s\":\"", name);
    if (r >= 0)
        r = buf_reserve(out, t->buckets);
    for (size_t i = 0; i < t->buckets && r >= 0; i++) {
        int64_t level = (covered[i] * FULL + t->bucket_us / 2) / t->bucket_us;
        if (covered[i] && !level)
            level = 1; /* a little is not nothing */
        out->data[out->len++] = (uint8_t)digits[level > FULL ? FULL : level];
    }
    return r < 0 ? r : buf_append(out, "\"", 1);
}

static int put_gaps(const struct strip *s, struct buf *out)
{
    int r = buf_appendf(out, ",\"gaps\":[");
    for (size_t i = 0; i < s->gaps && r >= 0; i++) {
        const struct index_gap *g = &s->gap[i];
        json_t *o = json_pack("{s:I, s:o, s:s, s:s}", "from_us", (json_int_t)g->from_us, "to_us",
                              g->to_us ? json_integer(g->to_us) : json_null(), "reason",
                              g->reason[0] ? g->reason : "unknown", "detail", g->detail);
        char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
        json_decref(o);
        r = text ? buf_appendf(out, "%s%s", i ? "," : "", text) : -ENOMEM;
        free(text);
    }
    return r < 0 ? r : buf_appendf(out, "],\"gaps_left_out\":%zu}", s->gaps_left_out);
}

static int put_camera(struct timeline *t, struct index *ix, const char *id, struct buf *out,
                      struct err *reterr)
{
    struct strip *s = &t->strip;
    memset(s->covered[0], 0, t->buckets * sizeof(int64_t));
    memset(s->covered[1], 0, t->buckets * sizeof(int64_t));
    s->gaps = s->gaps_left_out = 0;
    int r = ix->ops->recordings(ix, id, -1, t->from_us, t->to_us, add_recording, t, reterr);
    if (r >= 0)
        r = ix->ops->gaps(ix, id, t->from_us, t->to_us, add_gap, t, reterr);
    if (r >= 0)
        r = buf_appendf(out, "{\"id\":\"%s\"", id);
    if (r >= 0)
        r = put_strip(t, out, "masked", s->covered[MP4_MASKED]);
    if (r >= 0)
        r = put_strip(t, out, "sealed", s->covered[MP4_SEALED]);
    if (r >= 0)
        r = buf_appendf(out, ",\"activity\":\"\"");
    return r < 0 ? r : put_gaps(s, out);
}

static int put_all(struct timeline *t, struct http_request *rq, char (*ids)[INDEX_ID], size_t n,
                   struct http_reply *rp)
{
    struct index *ix;
    int r = api_index_take(api_of(rq), &ix, &rp->err);
    if (r < 0)
        return r;
    r = buf_appendf(&rp->body,
                    "{\"from_us\":%lld,\"to_us\":%lld,\"bucket_us\":%lld,\"buckets\":%zu,"
                    "\"cameras\":[",
                    (long long)t->from_us, (long long)t->to_us, (long long)t->bucket_us,
                    t->buckets);
    for (size_t i = 0; i < n && r >= 0; i++) {
        if (i)
            r = buf_append(&rp->body, ",", 1);
        if (r >= 0)
            r = put_camera(t, ix, ids[i], &rp->body, &rp->err);
    }
    api_index_give(api_of(rq), ix);
    return r < 0 ? r : buf_appendf(&rp->body, "]}\n");
}

static int get_timeline(struct http_request *rq, struct http_reply *rp)
{
    struct timeline t = {.now_us = clock_wall_us(rq->clock)};
    char(*ids)[INDEX_ID] = NULL;
    size_t n = 0;
    int64_t buckets = BUCKETS;
    int r = http_query_span(rq, &t.from_us, &t.to_us, &rp->err);
    if (r >= 0)
        r = http_query_int(rq, "buckets", 1, BUCKETS_MAX, &buckets, &rp->err);
    if (r >= 0)
        r = api_choose_cameras(rq, ACCOUNT_PLAYBACK, CAMERAS, &ids, &n, &rp->err);
    if (r < 0)
        return r;
    t.bucket_us = (t.to_us - t.from_us + buckets - 1) / buckets;
    t.buckets = (size_t)buckets;
    t.strip.covered[0] = calloc(t.buckets, sizeof(int64_t));
    t.strip.covered[1] = calloc(t.buckets, sizeof(int64_t));
    t.strip.gap = calloc(GAPS, sizeof(*t.strip.gap));
    r = t.strip.covered[0] && t.strip.covered[1] && t.strip.gap ? put_all(&t, rq, ids, n, rp)
                                                                : -ENOMEM;
    free(t.strip.covered[0]);
    free(t.strip.covered[1]);
    free(t.strip.gap);
    free(ids);
    return r;
}

const struct http_route api_timeline_routes[] = {
    {"GET", "/api/v1/timeline", ACCOUNT_PLAYBACK, get_timeline},
    {0},
};
