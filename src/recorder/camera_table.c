/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/camera_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIES = 50, PAUSE_US = 100000 };

int camera_put(struct index *ix, const struct index_camera *cams, size_t n, bool replace,
               struct err *reterr)
{
    int r = E_BUSY;
    for (int i = 0; i < TRIES && r == E_BUSY; i++) {
        if (i)
            usleep(PAUSE_US);
        r = ix->ops->camera_put(ix, cams, n, replace, reterr);
    }
    return r;
}

struct list {
    struct index_camera *rows;
    size_t count, room;
};

static int collect(void *user, const struct index_camera *c)
{
    struct list *l = user;
    if (l->count == CAMERA_MAX)
        return E_LIMIT;
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 64;
        struct index_camera *rows = reallocarray(l->rows, room, sizeof(*rows));
        if (!rows)
            return -ENOMEM;
        l->rows = rows;
        l->room = room;
    }
    l->rows[l->count++] = *c;
    return 0;
}

int camera_all(struct index *ix, struct index_camera **ret, size_t *ret_count, struct err *reterr)
{
    struct list l = {0};
    int r = ix->ops->cameras(ix, collect, &l, reterr);
    if (r < 0) {
        free(l.rows);
        return r;
    }
    *ret = l.rows;
    *ret_count = l.count;
    return 0;
}

struct search {
    const char *id;
    struct index_camera *found;
};

static int match(void *user, const struct index_camera *c)
{
    struct search *s = user;
    if (strcmp(s->id, c->id) != 0)
        return 0;
    *s->found = *c;
    return 1;
}

int camera_find(struct index *ix, const char *id, struct index_camera *ret, struct err *reterr)
{
    struct search s = {id, ret};
    int r = ix->ops->cameras(ix, match, &s, reterr);
    if (r == 0)
        return err_set(reterr, E_NOTFOUND,
                       "there is no camera '%.63s'; `lethe camera list` shows those there are", id);
    return r < 0 ? r : 0;
}

int camera_remove(struct index *ix, const char *id, struct err *reterr)
{
    int r = E_BUSY;
    for (int i = 0; i < TRIES && r == E_BUSY; i++) {
        if (i)
            usleep(PAUSE_US);
        r = ix->ops->camera_remove(ix, id, reterr);
    }
    return r;
}
