/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/api.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/live.h"
#include "api/masked.h"
#include "api/public.h"

const struct http_route *const api_tables[] = {
    api_session_routes,
    api_users_routes,
    api_tokens_routes,
    api_cameras_routes,
    api_node_routes,
    api_timeline_routes,
    api_live_routes,
    api_playback_routes,
    api_export_routes,
    api_public_register_routes,
    api_public_numbers_routes,
    api_public_log_routes,
    api_public_contact_routes,
    api_public_report_routes,
    api_cases_routes,
    api_case_footage_routes,
    NULL,
};

int api_new(const struct api_options *o, struct api **ret, struct err *reterr)
{
    char run_dir[512];
    struct api *a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    *a = (struct api){.data_dir = o->data_dir,
                      .node = o->node,
                      .clock = o->clock,
                      .tls = o->tls,
                      .application = o->application,
                      .residents = o->residents};
    snprintf(run_dir, sizeof(run_dir), "%s/run", o->data_dir);
    int r = account_open(o->data_dir, o->clock, &a->account, reterr);
    if (r >= 0)
        r = http_source_new(run_dir, o->clock, &a->source);
    if (r >= 0)
        r = api_indexes_new(&a->indexes);
    if (r >= 0)
        r = api_cameras_new(a, &a->cameras);
    if (r >= 0)
        r = live_hub_new(run_dir, o->clock, &a->live, reterr);
    if (r >= 0)
        r = masked_cache_new(&a->views);
    if (r >= 0)
        r = public_tally_new(&a->tally);
    if (r >= 0)
        r = public_reports_new(&a->reports);
    if (r < 0) {
        api_free(a);
        return r;
    }
    *ret = a;
    return 0;
}

void api_free(struct api *a)
{
    if (!a)
        return;
    live_hub_free(a->live);
    masked_cache_free(a->views);
    public_tally_free(a->tally);
    public_reports_free(a->reports);
    api_cameras_free(a->cameras);
    api_indexes_free(a->indexes);
    http_source_free(a->source);
    account_close(a->account);
    free(a);
}

struct api *api_of(const struct http_request *rq)
{
    return rq->app;
}

const struct account_who *api_who(const struct http_request *rq)
{
    return rq->who;
}

int api_limited(struct http_reply *rp, int r, int64_t wait_s)
{
    if (r != E_LIMIT)
        return r;
    http_reply_header(rp, "Retry-After", "%lld", (long long)wait_s);
    rp->status = 429;
    return r;
}

json_t *api_time(int64_t us)
{
    char text[TIME_TEXT];
    return us ? json_string(time_format(us, text)) : json_null();
}

json_t *api_verbs(unsigned verbs)
{
    json_t *list = json_array();
    for (int i = 0; account_verb_name(i); i++)
        if (verbs & (1U << i))
            json_array_append_new(list, json_string(account_verb_name(i)));
    return list;
}

/* ---- index handles ---- */

#define HANDLES 8

/* A handle belongs to one thread at a time: whoever took it. */
struct api_indexes {
    pthread_mutex_t lock;
    struct index *free[HANDLES]; /* guarded by lock */
    int count;                   /* guarded by lock */
};

int api_indexes_new(struct api_indexes **ret)
{
    *ret = calloc(1, sizeof(**ret));
    if (!*ret)
        return -ENOMEM;
    pthread_mutex_init(&(*ret)->lock, NULL);
    return 0;
}

void api_indexes_free(struct api_indexes *x)
{
    if (!x)
        return;
    while (x->count)
        x->free[x->count - 1]->ops->close(x->free[x->count - 1]), x->count--;
    pthread_mutex_destroy(&x->lock);
    free(x);
}

int api_index_take(struct api *a, struct index **ret, struct err *reterr)
{
    struct api_indexes *x = a->indexes;
    *ret = NULL;
    pthread_mutex_lock(&x->lock);
    if (x->count)
        *ret = x->free[--x->count];
    pthread_mutex_unlock(&x->lock);
    if (*ret)
        return 0;
    int r = index_sqlite.open(a->data_dir, true, ret, reterr);
    return r < 0 ? err_set(reterr, E_BUSY, "The index of recordings cannot be read now: %s.",
                           err_text(r))
                 : 0;
}

void api_index_give(struct api *a, struct index *ix)
{
    struct api_indexes *x = a->indexes;
    pthread_mutex_lock(&x->lock);
    bool keep = x->count < HANDLES;
    if (keep)
        x->free[x->count++] = ix;
    pthread_mutex_unlock(&x->lock);
    if (!keep)
        ix->ops->close(ix);
}
