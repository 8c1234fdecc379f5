/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* /api/v1/timeline: coverage, gaps and activity of many cameras, cut into buckets. */
#include <errno.h>
#include <math.h>
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
    int64_t from_us, to_us; /* what the asker's grants reach */
    struct index_gap *gap;
    size_t gaps, room, gaps_left_out;
};

struct timeline {
    struct index_timeline asked;
    int64_t bucket_us;
    char (*ids)[INDEX_ID]; /* in the order of asked.cameras */
    const char **names;
    struct strip *strip;
    size_t count, at; /* at: of the camera in work */
    struct buf *out;
    uint8_t root[1001]; /* level of activity, by permille */
    size_t first, last; /* buckets that are reached, of the camera in work */
};

/* ---- gaps ---- */

static int64_t gap_length(const struct timeline *t, const struct index_gap *g)
{
    return (g->to_us ? g->to_us : t->asked.now_us) - g->from_us;
}

/* Keeps the longest ones: a new one takes the place of the shortest. */
static int keep_gap(const struct timeline *t, struct strip *s, const struct index_gap *g)
{
    size_t at = s->gaps;
    if (s->gaps == s->room && s->room < GAPS) {
        /* Most have few, and there are many cameras: room for all would be 40 MB to make and clear. */
        size_t room = s->room ? s->room * 2 : 4;
        room = room < GAPS ? room : GAPS;
        void *more = reallocarray(s->gap, room, sizeof(*s->gap));
        if (!more)
            return -ENOMEM;
        s->gap = more;
        s->room = room;
    }
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

static int add_gap(void *user, const struct index_gap *g)
{
    struct timeline *t = user;
    struct strip *s = &t->strip[t->at];
    if (g->from_us >= s->to_us || (g->to_us && g->to_us <= s->from_us))
        return 0;
    return keep_gap(t, s, g);
}

static int by_from(const void *a, const void *b)
{
    const struct index_gap *x = a, *y = b;
    return x->from_us < y->from_us ? -1 : x->from_us > y->from_us;
}

/* What no screen could show is left out. */
static int find_gaps(struct timeline *t, struct index *ix, struct err *reterr)
{
    int r = 0;
    for (t->at = 0; t->at < t->count && r >= 0; t->at++) {
        struct strip *s = &t->strip[t->at];
        r = ix->ops->long_gaps(ix, t->names[t->at], t->asked.from_us, t->asked.to_us,
                               t->bucket_us / 8, add_gap, t, reterr);
        if (s->gaps > 1)
            qsort(s->gap, s->gaps, sizeof(*s->gap), by_from);
    }
    t->at = 0;
    return r;
}

/* ---- JSON, written by hand: it is most of the work of a large answer ---- */

enum strip_kind { MASKED, SEALED, ACTIVITY, PERSONS };

/* A person far away moves in a hundredth of the picture: the root shows it. */
static void fill_roots(struct timeline *t)
{
    for (size_t i = 0; i < sizeof(t->root); i++)
        t->root[i] = (uint8_t)(sqrt((double)i / 1000) * FULL + 0.5);
}

static unsigned level_of(const struct timeline *t, const struct index_bucket *b,
                         enum strip_kind kind)
{
    unsigned permille = kind == MASKED   ? b->covered[MP4_MASKED]
                        : kind == SEALED ? b->covered[MP4_SEALED]
                                         : b->motion_max;
    if (kind == PERSONS)
        return b->persons_max < FULL ? b->persons_max : FULL;
    if (!permille)
        return 0;
    unsigned level = kind != ACTIVITY             ? (permille * FULL + 500) / 1000
                     : permille < sizeof(t->root) ? t->root[permille]
                                                  : FULL;
    return level < 1 ? 1 : level > FULL ? FULL : level;
}

static int put_strip(const struct timeline *t, const char *name, const struct index_bucket *b,
                     enum strip_kind kind)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    size_t n = t->asked.buckets;
    int r = buf_appendf(t->out, ",\"%s\":\"", name);
    if (r >= 0)
        r = buf_reserve(t->out, n + 1);
    if (r < 0)
        return r;
    uint8_t *p = t->out->data + t->out->len;
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)digits[i < t->first || i >= t->last ? 0 : level_of(t, &b[i], kind)];
    p[n] = '"';
    t->out->len += n + 1;
    return 0;
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

static int put_camera(void *user, const char *camera, const struct index_bucket *b)
{
    struct timeline *t = user;
    if (t->at >= t->count || strcmp(t->names[t->at], camera) != 0)
        return E_BUG;
    const struct strip *s = &t->strip[t->at];
    int64_t from = s->from_us - t->asked.from_us, to = s->to_us - t->asked.from_us;
    t->first = (size_t)((from + t->bucket_us - 1) / t->bucket_us);
    t->last = to >= (int64_t)t->asked.buckets * t->bucket_us || s->to_us == t->asked.to_us
                  ? t->asked.buckets
                  : (size_t)(to / t->bucket_us);
    int r = buf_appendf(t->out, "%s{\"id\":\"%s\"", t->at ? "," : "", camera);
    if (r >= 0)
        r = put_strip(t, "masked", b, MASKED);
    if (r >= 0)
        r = put_strip(t, "sealed", b, SEALED);
    if (r >= 0)
        r = put_strip(t, "activity", b, ACTIVITY);
    if (r >= 0)
        r = put_strip(t, "persons", b, PERSONS);
    t->at++;
    return r < 0 ? r : put_gaps(s, t->out);
}

/* ---- the request ---- */

static int sort_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* One place for each camera, with what of the span the asker's grants reach. */
static int prepare(struct timeline *t, struct http_request *rq)
{
    size_t kept = 0;
    struct api_camera_list *l = api_camera_list(api_of(rq));
    qsort(t->ids, t->count, sizeof(t->ids[0]), sort_ids);
    t->names = calloc(t->count + 1, sizeof(*t->names));
    t->strip = calloc(t->count + 1, sizeof(*t->strip));
    if (!t->names || !t->strip || !l) {
        api_camera_list_unref(l);
        return -ENOMEM;
    }
    for (size_t i = 0; i < t->count; i++) {
        const struct api_camera *c = api_camera_find(l, t->ids[i]);
        struct strip *s = &t->strip[kept];
        if (kept && strcmp(t->names[kept - 1], t->ids[i]) == 0)
            continue; /* named twice */
        *s = (struct strip){.from_us = t->asked.from_us, .to_us = t->asked.to_us};
        if (account_reach(api_who(rq), ACCOUNT_PLAYBACK, c ? c->group : "", t->asked.now_us,
                          &s->from_us, &s->to_us) < 0)
            s->to_us = s->from_us;
        t->names[kept++] = t->ids[i];
    }
    t->count = kept;
    api_camera_list_unref(l);
    return 0;
}

static int put_all(struct timeline *t, struct http_request *rq, struct http_reply *rp)
{
    struct index *ix;
    int r = api_index_take(api_of(rq), &ix, &rp->err);
    if (r < 0)
        return r;
    t->asked.cameras = t->names;
    t->asked.camera_count = t->count;
    r = ix->ops->snapshot(ix, &rp->err);
    bool looking = r >= 0;
    if (r >= 0)
        r = find_gaps(t, ix, &rp->err);
    if (r >= 0)
        r = buf_appendf(t->out,
                        "{\"from_us\":%lld,\"to_us\":%lld,\"bucket_us\":%lld,\"buckets\":%zu,"
                        "\"cameras\":[",
                        (long long)t->asked.from_us, (long long)t->asked.to_us,
                        (long long)t->bucket_us, t->asked.buckets);
    if (r >= 0 && t->count)
        r = ix->ops->timeline(ix, &t->asked, put_camera, t, &rp->err);
    if (looking)
        ix->ops->release(ix);
    api_index_give(api_of(rq), ix);
    return r < 0 ? r : buf_appendf(t->out, "]}\n");
}

static int get_timeline(struct http_request *rq, struct http_reply *rp)
{
    struct timeline t = {.asked.now_us = clock_wall_us(rq->clock), .out = &rp->body};
    int64_t buckets = BUCKETS;
    int r = http_query_span(rq, &t.asked.from_us, &t.asked.to_us, &rp->err);
    if (r >= 0)
        r = http_query_int(rq, "buckets", 1, BUCKETS_MAX, &buckets, &rp->err);
    if (r >= 0)
        r = api_choose_cameras(rq, ACCOUNT_PLAYBACK, CAMERAS, &t.ids, &t.count, &rp->err);
    if (r < 0)
        return r;
    t.asked.buckets = (size_t)buckets;
    fill_roots(&t);
    t.bucket_us = index_bucket_us(&t.asked);
    r = prepare(&t, rq);
    if (r >= 0)
        r = put_all(&t, rq, rp);
    for (size_t i = 0; t.strip && i < t.count; i++)
        free(t.strip[i].gap);
    free(t.strip);
    free(t.names);
    free(t.ids);
    return r;
}

const struct http_route api_timeline_routes[] = {
    {"GET", "/api/v1/timeline", ACCOUNT_PLAYBACK, get_timeline},
    {0},
};
