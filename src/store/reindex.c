/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The index made anew from the files. Cameras, gaps and events are in no recording: they are taken
 * over from the old index as far as it can be read. The new one is built beside the old and put in
 * its place at the end; the old one stays as lethe.db.old until the next time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_private.h"

#define BATCH 1000
#define NAME "lethe.db"
#define NEW_NAME NAME ".new"
#define OLD_NAME NAME ".old"

struct reindex {
    int dirfd;
    const struct index_ops *ops;
    struct index *old, *fresh;
    void (*line)(void *user, const char *text);
    void *user;
    struct store_check *count;
    struct index_change *batch;
    size_t n;
    struct err *reterr;
};

static void say(struct reindex *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct reindex *x, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (x->line)
        x->line(x->user, text);
}

static int flush(struct reindex *x)
{
    int err = x->n ? x->ops->apply(x->fresh, x->batch, x->n, x->reterr) : 0;
    x->n = 0;
    return err;
}

static int put(struct reindex *x, const struct index_change *c)
{
    x->batch[x->n++] = *c;
    return x->n == BATCH ? flush(x) : 0;
}

static int on_file(void *user, const char *path)
{
    struct reindex *x = user;
    enum recover_result result = RECOVER_DAMAGED;
    struct index_change c = {.kind = INDEX_CLOSE_RECORDING};
    struct err e = {0};
    x->count->files++;
    int err = recover_file(x->dirfd, path, "crash", &result, &c.recording, NULL, &e);
    if (err < 0 || result == RECOVER_DAMAGED) {
        say(x, "%s: %s", path, err < 0 ? err_str(&e, err) : "is not readable as a recording");
        x->count->problems++;
        x->count->unrepairable++;
        return 0;
    }
    if (result == RECOVER_EMPTY) {
        say(x, "%s: held no picture, removed", path);
        (void)unlinkat(x->dirfd, path, 0);
        return 0;
    }
    if (result == RECOVER_CLOSED) {
        say(x, "%s: was left open, finished", path);
        x->count->problems++;
        x->count->repaired++;
    }
    x->count->rows++;
    return put(x, &c);
}

/* ---- what only the old index knows ---- */

static int take_camera(void *user, const struct index_camera *c)
{
    struct reindex *x = user;
    return x->ops->camera_put(x->fresh, c, 1, true, x->reterr);
}

static int take_gap(void *user, const struct index_gap *g)
{
    struct index_change c = {.kind = INDEX_PUT_GAP, .gap = *g};
    return put(user, &c);
}

static int take_event(void *user, const struct index_event *e)
{
    struct index_change c = {.kind = INDEX_PUT_EVENT, .event = *e};
    return put(user, &c);
}

/* Each on its own: a damaged page in one table must not cost the others. */
static void take_over(struct reindex *x)
{
    static const char *const keys[] = {"retained_us", "shortfall_until_us", "manifest_hour_us",
                                       "told_policy", "told_custodians"};
    if (!x->old)
        return;
    if (x->ops->cameras(x->old, take_camera, x, NULL) < 0)
        say(x, "the cameras of the old index could not be read, or not all: check `lethe camera "
               "list`");
    if (x->ops->gaps(x->old, NULL, INT64_MIN, INT64_MAX, take_gap, x, NULL) < 0)
        say(x, "the gaps of the old index could not be read, or not all");
    if (x->ops->events(x->old, INT64_MIN, INT64_MAX, INT64_MAX, take_event, x, NULL) < 0)
        say(x, "the events of the old index could not be read, or not all");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char value[80];
        if (x->ops->meta_get(x->old, keys[i], value, sizeof(value)) >= 0)
            (void)x->ops->meta_put(x->fresh, keys[i], value, NULL);
    }
}

static int name_volume(struct reindex *x)
{
    char id[STORE_UUID];
    int err = volume_read_id(x->dirfd, id);
    if (err == E_NOTFOUND)
        return 0; /* the next start makes one */
    return err < 0 ? err_set(x->reterr, err, "reading volume-id: %s", err_text(err))
                   : x->ops->meta_put(x->fresh, "volume_id", id, x->reterr);
}

static void remove_database(int dirfd, const char *name)
{
    static const char *const suffix[] = {"", "-wal", "-shm"};
    char path[64];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s%s", name, suffix[i]);
        (void)unlinkat(dirfd, path, 0);
    }
}

/* The log of the old database must not meet the new one, so it moves first; the new one brings its
 * own. */
static int swap(struct reindex *x)
{
    remove_database(x->dirfd, OLD_NAME);
    (void)unlinkat(x->dirfd, NAME "-shm", 0);
    if (renameat(x->dirfd, NAME "-wal", x->dirfd, OLD_NAME "-wal") < 0 && errno != ENOENT)
        return -errno;
    if (renameat(x->dirfd, NAME, x->dirfd, OLD_NAME) < 0 && errno != ENOENT)
        return -errno;
    (void)unlinkat(x->dirfd, NEW_NAME "-shm", 0);
    if (renameat(x->dirfd, NEW_NAME "-wal", x->dirfd, NAME "-wal") < 0 && errno != ENOENT)
        return -errno;
    if (renameat(x->dirfd, NEW_NAME, x->dirfd, NAME) < 0 || fsync(x->dirfd) < 0)
        return -errno;
    return 0;
}

/* What was told to the log stays told: the old index knows what waits, the new one believes that all does. */
static int take_journal(struct reindex *x)
{
    struct err e = {0};
    if (!x->old)
        return 0;
    if (x->ops->take_journal(x->fresh, x->old, &e) < 0)
        say(x, "entries for the log could not be taken over (%s): recordings are listed again",
            e.text);
    return 0;
}

static int build(struct reindex *x)
{
    take_over(x);
    int err = name_volume(x);
    if (err >= 0)
        err = path_walk(x->dirfd, INT64_MIN, on_file, NULL, x);
    if (err >= 0)
        err = flush(x);
    return err < 0 ? err : take_journal(x);
}

static void close_index(struct reindex *x, struct index **ix)
{
    if (*ix)
        x->ops->close(*ix);
    *ix = NULL;
}

int store_reindex(const char *data_dir, const struct index_ops *ops,
                  void (*line)(void *user, const char *text), void *user, struct store_check *ret,
                  struct err *reterr)
{
    struct store_check count = {0};
    struct reindex x = {
        .dirfd = -1, .ops = ops, .line = line, .user = user, .count = &count, .reterr = reterr};
    struct err old_err = {0};
    char path[4096];
    snprintf(path, sizeof(path), "%s/" NEW_NAME, data_dir);
    x.batch = calloc(BATCH, sizeof(*x.batch));
    int err = x.batch ? volume_lock(data_dir, &x.dirfd, reterr) : -ENOMEM;
    if (err >= 0) {
        remove_database(x.dirfd, NEW_NAME);
        err = ops->open(path, false, &x.fresh, reterr);
    }
    if (err >= 0 && faccessat(x.dirfd, NAME, F_OK, 0) == 0 &&
        ops->open(data_dir, false, &x.old, &old_err) < 0)
        say(&x,
            "the old index cannot be read (%s): of the cameras only the addresses are left, check "
            "`lethe camera list`",
            old_err.text);
    if (err >= 0)
        err = build(&x);
    close_index(&x, &x.old);
    close_index(&x, &x.fresh); /* the last one to close writes its log into the database */
    if (err >= 0) {
        err = swap(&x);
        if (err < 0)
            err_set(reterr, err, "putting the new index in place: %s", err_text(err));
    }
    free(x.batch);
    if (x.dirfd >= 0)
        close(x.dirfd);
    if (err >= 0)
        *ret = count;
    return err < 0 ? err : 0;
}
