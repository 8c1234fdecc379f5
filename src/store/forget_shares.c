/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Forgetting keys: a share file holds the keys of every recording of one epoch and class, and goes when
 * the last of them is past its retention; its name says when. A hold keeps the keys of its camera and
 * span alone: the file is written anew without the others, which must not live longer for its sake.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_private.h"

#define SLACK_US MINUTE_US /* a recording goes on a little into the next epoch with its key */

/* Files that were thinned already, under the holds of thinned_holds. */
struct store_thinned {
    struct store_thinned *next;
    char path[INDEX_PATH];
};

struct holds {
    struct index_hold *v;
    size_t n, cap;
    int64_t now_us;
    uint64_t sum; /* tells one set of holds from another */
};

struct forgetting {
    struct store *s;
    int64_t now_us, length_us;
    struct holds holds;
    struct index_erasure sum;
};

struct index_erasure store_erasure(struct store *s, const char *reason)
{
    int64_t now = store_wall_us(s);
    struct index_erasure sum = {.hour_us = now - now % HOUR_US};
    snprintf(sum.reason, sizeof(sum.reason), "%s", reason);
    return sum;
}

void store_erasure_add(struct index_erasure *sum, int64_t epoch_us, bool share_file)
{
    bool first = sum->recordings + sum->share_files == 0;
    if (first || epoch_us < sum->first_epoch_us)
        sum->first_epoch_us = epoch_us;
    if (first || epoch_us > sum->last_epoch_us)
        sum->last_epoch_us = epoch_us;
    if (share_file)
        sum->share_files++;
    else
        sum->recordings++;
}

/* ---- holds ---- */

static int collect(void *user, const struct index_hold *h)
{
    struct holds *holds = user;
    if (h->until_us <= holds->now_us)
        return 0;
    if (holds->n == holds->cap) {
        size_t cap = holds->cap ? holds->cap * 2 : 16;
        struct index_hold *more = reallocarray(holds->v, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        holds->v = more;
        holds->cap = cap;
    }
    holds->v[holds->n++] = *h;
    for (const char *p = h->id; *p; p++) /* FNV-1a */
        holds->sum = (holds->sum ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return 0;
}

static bool covers(const struct index_hold *h, int64_t epoch_us, int64_t length_us)
{
    return h->from_us < epoch_us + length_us + SLACK_US && h->to_us > epoch_us;
}

static bool any_hold(const struct holds *holds, int64_t epoch_us, int64_t length_us)
{
    for (size_t i = 0; i < holds->n; i++)
        if (covers(&holds->v[i], epoch_us, length_us))
            return true;
    return false;
}

static bool keep_record(void *ctx, const char *camera, int64_t epoch_us, int64_t length_us)
{
    const struct holds *holds = ctx;
    for (size_t i = 0; i < holds->n; i++)
        if (!strcmp(holds->v[i].camera, camera) && covers(&holds->v[i], epoch_us, length_us))
            return true;
    return false;
}

void store_forget_thinned(struct store *s)
{
    while (s->thinned) {
        struct store_thinned *next = s->thinned->next;
        free(s->thinned);
        s->thinned = next;
    }
}

static bool was_thinned(const struct store *s, const char *path)
{
    for (const struct store_thinned *t = s->thinned; t; t = t->next)
        if (!strcmp(t->path, path))
            return true;
    return false;
}

/* True when the file has to stay. */
static bool thin(struct forgetting *f, const char *path)
{
    struct store *s = f->s;
    struct err e = {0};
    if (!s->cfg.thin_shares || was_thinned(s, path))
        return true;
    int64_t left = s->cfg.thin_shares(s->cfg.user, path, keep_record, &f->holds, &e);
    if (left < 0) {
        store_tell(s, "hold-failed", "", "%s could not be cut down to what is held: %s", path,
                   err_str(&e, (int)left));
        return true;
    }
    struct store_thinned *t = left > 0 ? calloc(1, sizeof(*t)) : NULL;
    if (t) {
        snprintf(t->path, sizeof(t->path), "%s", path);
        t->next = s->thinned;
        s->thinned = t;
    }
    return left > 0;
}

/* ---- files ---- */

static int parse_name(const char *day, const char *name, int64_t *ret_epoch_us, int *ret_days)
{
    char text[TIME_TEXT];
    int h, m, days, used = 0;
    if (sscanf(name, "%2d%2dZ-%6dd.shares%n", &h, &m, &days, &used) != 3 || used == 0 ||
        name[used] || days < 1 || strlen(day) != 10)
        return E_SYNTAX;
    snprintf(text, sizeof(text), "%.10sT%02d:%02d:00Z", day, h, m);
    *ret_days = days;
    return time_parse(text, ret_epoch_us);
}

static int64_t one_file(struct forgetting *f, int fd, const char *day, const char *name)
{
    char path[INDEX_PATH];
    int64_t epoch;
    int days;
    if (parse_name(day, name, &epoch, &days) < 0 ||
        epoch + f->length_us + days * DAY_US > f->now_us)
        return 0;
    snprintf(path, sizeof(path), "keys/%.10s/%.100s", day, name);
    if (any_hold(&f->holds, epoch, f->length_us) && thin(f, path))
        return 0;
    if (unlinkat(fd, name, 0) < 0)
        return 0;
    store_erasure_add(&f->sum, epoch, true);
    return 1;
}

static int64_t files_of_day(struct forgetting *f, int keys, const char *day)
{
    int64_t deleted = 0;
    int fd = openat(keys, day, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;
    while (d && (e = readdir(d)))
        deleted += one_file(f, fd, day, e->d_name);
    if (deleted > 0)
        (void)fsync(fd);
    if (d)
        closedir(d);
    else if (fd >= 0)
        close(fd);
    if (unlinkat(keys, day, AT_REMOVEDIR) == 0)
        (void)fsync(keys);
    return deleted;
}

static int64_t all_days(struct forgetting *f)
{
    int64_t deleted = 0;
    pthread_rwlock_rdlock(&f->s->dir_lock);
    int keys = openat(f->s->dirfd, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    pthread_rwlock_unlock(&f->s->dir_lock);
    DIR *d = keys < 0 ? NULL : fdopendir(keys);
    struct dirent *e;
    char today[TIME_TEXT];
    time_format_date(f->now_us - DAY_US, today); /* no class is shorter than a day */
    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.' && strlen(e->d_name) == 10 && strcmp(e->d_name, today) <= 0)
            deleted += files_of_day(f, keys, e->d_name);
    if (d)
        closedir(d);
    else if (keys >= 0)
        close(keys);
    return deleted;
}

static int tell(struct forgetting *f, struct err *reterr)
{
    struct index_change c = {.kind = INDEX_ADD_ERASURE, .erasure = f->sum};
    int err = f->sum.share_files ? E_BUSY : 0;
    for (int i = 0; i < 5 && err == E_BUSY; i++)
        err = f->s->cfg.index_ops->apply(f->s->maint_index, &c, 1, reterr);
    return err;
}

int64_t store_forget_shares(struct store *s, int64_t now_us, struct err *reterr)
{
    struct forgetting f = {.s = s,
                           .now_us = now_us,
                           .length_us = s->epoch_length_us > 0 ? s->epoch_length_us : HOUR_US,
                           .holds = {.now_us = now_us, .sum = UINT64_C(14695981039346656037)},
                           .sum = store_erasure(s, "retention")};
    int err = s->cfg.index_ops->holds(s->maint_index, collect, &f.holds, reterr);
    int64_t deleted = 0;
    if (err >= 0) {
        if (f.holds.sum != s->thinned_holds)
            store_forget_thinned(s);
        s->thinned_holds = f.holds.sum;
        deleted = all_days(&f);
        err = tell(&f, reterr);
    }
    free(f.holds.v);
    return err < 0 ? err : deleted;
}
