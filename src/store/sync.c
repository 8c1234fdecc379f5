/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The sync thread: makes what was written durable, in batches, and looks after the volume once a
 * second. */
#include "store/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static bool set_add(struct store_file_set *set, struct store_file *sf)
{
    if (set->n == set->cap) {
        size_t cap = set->cap ? set->cap * 2 : 64;
        struct store_file **v = realloc(set->v, cap * sizeof(struct store_file *));
        if (!v)
            return false;
        set->v = v;
        set->cap = cap;
    }
    set->v[set->n++] = sf;
    return true;
}

void store_mark_dirty_locked(struct store_file *sf)
{
    struct store *s = sf->s;
    if (sf->dirty)
        return;
    if (!set_add(&s->dirty, sf)) {
        s->names_dirty =
            true; /* out of memory: syncfs() covers it; the descriptor is closed with the store */
        return;
    }
    sf->dirty = true;
    sf->refs++;
}

/* Everything that was written before this call. */
static int sync_now(struct store *s, bool names, int *ret_errors)
{
    int err = 0;
    *ret_errors = 0;
    if (names || s->syncing.n > STORE_FDATASYNC_MAX) {
        pthread_rwlock_rdlock(&s->dir_lock);
        if (syncfs(s->dirfd) < 0)
            err = -errno;
        pthread_rwlock_unlock(&s->dir_lock);
        *ret_errors = err < 0 ? (int)s->syncing.n : 0;
        return err;
    }
    for (size_t i = 0; i < s->syncing.n; i++) {
        if (s->syncing.v[i]->fd < 0 || fdatasync(s->syncing.v[i]->fd) == 0)
            continue;
        err = -errno;
        ++*ret_errors;
    }
    return err;
}

/* Every file written since the last good sync may have lost data; what the kernel would not keep,
 * it does not retry. */
static void failed_locked(struct store *s, int code, unsigned *ret_open)
{
    *ret_open = 0;
    for (size_t i = 0; i < s->syncing.n; i++) {
        struct store_file *sf = s->syncing.v[i];
        if (!sf->finished && sf->error >= 0) {
            store_abort_locked(sf, "write-failed", code);
            ++*ret_open;
        }
        store_mark_dirty_locked(sf);
        store_file_unref_locked(sf);
    }
    s->syncing.n = 0;
}

static void succeeded_locked(struct store *s)
{
    for (size_t i = 0; i < s->syncing.n; i++) {
        struct store_file *sf = s->syncing.v[i];
        if (sf->finished && !sf->dirty && sf->fd >= 0) {
            close(sf->fd);
            sf->fd = -1;
        }
        store_file_unref_locked(sf);
    }
    s->syncing.n = 0;
}

static void sync_pass(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    struct store_file_set empty = s->syncing;
    s->syncing = s->dirty;
    s->dirty = empty;
    s->dirty.n = 0;
    bool names = s->names_dirty;
    s->names_dirty = false;
    uint64_t generation = s->generation++;
    for (size_t i = 0; i < s->syncing.n; i++)
        s->syncing.v[i]->dirty = false;
    bool needed = s->syncing.n > 0 || names;
    pthread_mutex_unlock(&s->lock);

    int errors = 0;
    unsigned closed = 0;
    int64_t start = store_real_us();
    int err = needed ? sync_now(s, names, &errors) : 0;
    int64_t took = store_real_us() - start;

    pthread_mutex_lock(&s->lock);
    if (err < 0) {
        failed_locked(s, err, &closed);
        s->names_dirty = s->names_dirty || names;
    } else {
        succeeded_locked(s);
        s->durable = generation;
        if (needed) {
            s->stats.last_sync_us = took;
            if (took > s->stats.longest_sync_us)
                s->stats.longest_sync_us = took;
        }
    }
    pthread_mutex_unlock(&s->lock);
    if (err < 0) {
        store_classify(s, err);
        store_tell(s, "fsync-failed", "",
                   "making data durable failed (%s): %u open files were closed, new ones begin; "
                   "what was written in the last seconds may be damaged",
                   err_name(err), closed);
    }
}

void *store_sync_main(void *arg)
{
    struct store *s = arg;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        if (!s->stop_sync)
            store_timed_wait(s, &s->sync_wake, s->cfg.sync_interval_us);
        bool stop = s->stop_sync;
        pthread_mutex_unlock(&s->lock);
        sync_pass(s);
        int64_t now = store_real_us();
        if (stop)
            break;
        if (now - s->last_tick_us >= s->tick_us - s->cfg.sync_interval_us / 2) {
            s->last_tick_us = now;
            volume_tick(s);
        }
    }
    return NULL;
}
