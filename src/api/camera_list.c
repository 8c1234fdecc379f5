/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The register of cameras without their addresses, as the index has it: names, groups, zones. Read anew when the index says
 * that it changed, looked at once a second at most. Cameras stay known while the recorder is away.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

#define FRESH_US SECOND_US
#define CAMERAS 100000

struct api_cameras {
    struct api *api;
    pthread_mutex_t lock;
    struct api_camera_list *last; /* guarded by lock */
    int64_t looked_us, version;   /* guarded by lock */
};

int api_cameras_new(struct api *a, struct api_cameras **ret)
{
    struct api_cameras *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->api = a;
    c->looked_us = INT64_MIN / 2;
    c->version = -1;
    pthread_mutex_init(&c->lock, NULL);
    *ret = c;
    return 0;
}

void api_cameras_free(struct api_cameras *c)
{
    if (!c)
        return;
    api_camera_list_unref(c->last);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void api_camera_list_unref(struct api_camera_list *l)
{
    if (l && __atomic_sub_fetch(&l->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(l);
}

void api_camera_list_forget(struct api *a)
{
    pthread_mutex_lock(&a->cameras->lock);
    a->cameras->looked_us = INT64_MIN / 2;
    pthread_mutex_unlock(&a->cameras->lock);
}

struct growing {
    struct api_camera_list *list;
    size_t cap;
};

static int add(void *user, const struct index_camera *c)
{
    struct growing *g = user;
    if (g->list->count == CAMERAS)
        return E_LIMIT;
    if (g->list->count == g->cap) {
        size_t cap = 2 * g->cap;
        struct api_camera_list *more =
            realloc(g->list, sizeof(*more) + cap * sizeof(struct api_camera));
        if (!more)
            return -ENOMEM;
        g->list = more;
        g->cap = cap;
    }
    struct api_camera *to = &g->list->camera[g->list->count++];
    memcpy(to->id, c->id, sizeof(to->id));
    memcpy(to->name, c->name, sizeof(to->name));
    memcpy(to->group, c->group, sizeof(to->group));
    memcpy(to->zones, c->zones, sizeof(to->zones));
    to->enabled = c->enabled;
    return 0;
}

static int by_id(const void *a, const void *b)
{
    const struct api_camera *x = a, *y = b;
    return strcmp(x->id, y->id);
}

static struct api_camera_list *list_new(size_t cap)
{
    struct api_camera_list *l = calloc(1, sizeof(*l) + cap * sizeof(struct api_camera));
    if (l)
        l->refs = 1;
    return l;
}

static int read_list(struct index *ix, struct api_camera_list **ret)
{
    struct growing g = {list_new(64), 64};
    int r = g.list ? ix->ops->cameras(ix, add, &g, NULL) : -ENOMEM;
    if (r < 0) {
        free(g.list);
        return r;
    }
    qsort(g.list->camera, g.list->count, sizeof(g.list->camera[0]), by_id);
    *ret = g.list;
    return 0;
}

/* A failed attempt keeps what is known. */
static int refresh_locked(struct api_cameras *c)
{
    struct index *ix;
    struct api_camera_list *l = NULL;
    int r = api_index_take(c->api, &ix, NULL);
    if (r < 0)
        return r;
    int64_t version = ix->ops->camera_version(ix);
    r = version < 0 ? (int)version : 0;
    if (r >= 0 && (version != c->version || !c->last)) {
        r = read_list(ix, &l);
        if (r >= 0) {
            api_camera_list_unref(c->last);
            c->last = l;
            c->version = version;
        }
    }
    if (r >= 0)
        api_index_give(c->api, ix);
    else
        ix->ops->close(ix);
    return r;
}

struct api_camera_list *api_camera_list(struct api *a)
{
    struct api_cameras *c = a->cameras;
    pthread_mutex_lock(&c->lock);
    int64_t now = clock_mono_us(a->clock);
    if (!c->last || now - c->looked_us >= FRESH_US) {
        int r = refresh_locked(c);
        if (!c->last)
            c->last = list_new(0);
        if (c->last)
            c->last->code = r < 0 ? r : 0;
        c->looked_us = now;
    }
    if (c->last)
        __atomic_add_fetch(&c->last->refs, 1, __ATOMIC_RELAXED);
    struct api_camera_list *l = c->last;
    pthread_mutex_unlock(&c->lock);
    return l;
}

const struct api_camera *api_camera_find(const struct api_camera_list *l, const char *id)
{
    struct api_camera key = {0};
    if (!l || !l->count || strlen(id) >= sizeof(key.id))
        return NULL;
    snprintf(key.id, sizeof(key.id), "%s", id);
    return bsearch(&key, l->camera, l->count, sizeof(key), by_id);
}

/* ---- lists in queries ---- */

struct choice {
    const struct api_camera_list *all;
    const struct account_who *who;
    unsigned verb;
    int64_t now_us;
    char (*id)[INDEX_ID];
    size_t count, max;
};

static bool may(const struct choice *c, const char *group)
{
    return account_verbs(c->who, group, c->now_us) & c->verb;
}

static int choose_all(struct choice *c)
{
    for (size_t i = 0; i < c->all->count && c->count < c->max; i++)
        if (may(c, c->all->camera[i].group))
            memcpy(c->id[c->count++], c->all->camera[i].id, INDEX_ID);
    return 0;
}

static int choose_named(struct choice *c, const char *list, struct err *reterr)
{
    for (const char *p = list + strspn(list, ","); *p; p += strspn(p, ",")) {
        char id[INDEX_ID];
        size_t n = strcspn(p, ",");
        if (c->count == c->max)
            return err_set(reterr, E_LIMIT, "At most %zu cameras at once.", c->max);
        snprintf(id, sizeof(id), "%.*s", (int)(n < INDEX_ID ? n : INDEX_ID - 1), p);
        const struct api_camera *cam = n < INDEX_ID ? api_camera_find(c->all, id) : NULL;
        if (!cam || !account_verbs(c->who, cam->group, c->now_us))
            return err_set(reterr, E_NOTFOUND, "There is no camera \"%s\".",
                           account_name_valid(id) ? id : "?");
        if (!may(c, cam->group))
            return err_set(reterr, E_DENIED, "This account may not do that with the camera %s.",
                           id);
        memcpy(c->id[c->count++], cam->id, INDEX_ID);
        p += n;
    }
    return c->count ? 0 : err_set(reterr, E_SYNTAX, "The parameter \"cameras\" names no camera.");
}

int api_choose_cameras(struct http_request *rq, unsigned verb, size_t max, char (**ret)[INDEX_ID],
                       size_t *ret_count, struct err *reterr)
{
    const char *list = http_query(rq, "cameras");
    struct choice c = {.who = api_who(rq), .verb = verb, .max = max};
    if (!list)
        return err_set(reterr, E_SYNTAX, "The parameter \"cameras\" is missing: ids, or *.");
    struct api_camera_list *all = api_camera_list(api_of(rq));
    c.all = all;
    c.now_us = clock_wall_us(rq->clock);
    c.id = all ? calloc(max + 1, sizeof(*c.id)) : NULL;
    int r = !c.id                    ? -ENOMEM
            : strcmp(list, "*") == 0 ? choose_all(&c)
                                     : choose_named(&c, list, reterr);
    api_camera_list_unref(all);
    if (r < 0) {
        free(c.id);
        return r;
    }
    *ret = c.id;
    *ret_count = c.count;
    return 0;
}
