/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Forgetting: what is past its retention goes, rows first (docs/design/storage.md has the order). A
 * clock that is set ahead must not delete footage, so deletion follows the later of two opinions
 * about the time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_private.h"

#define BATCH 500
#define PASS_EVERY_US MINUTE_US
#define STEP_US MINUTE_US /* the wall clock ran ahead of the monotonic one by more: held */
#define CONFIRM_US (10 * MINUTE_US) /* for so long, then the new time is believed */
#define ABSENCE_US DAY_US           /* since the last pass before a restart: held in the same way */
#define EVENTS_KEPT_US (400 * DAY_US)

int store_maint_index(struct store *s, struct err *reterr)
{
    if (s->maint_index)
        return 0;
    if (volume_probe(s) < 0)
        return err_set(reterr, E_NOTFOUND, "the volume is away");
    int err = s->cfg.index_ops->open(s->data_dir, false, &s->maint_index, reterr);
    if (err >= 0 && s->cfg.index_ops->durable)
        err = s->cfg.index_ops->durable(s->maint_index);
    return err;
}

static void drop_maint_index(struct store *s)
{
    if (s->maint_index)
        s->cfg.index_ops->close(s->maint_index);
    s->maint_index = NULL;
}

/* ---- which time it is, for deleting ---- */

static void load_trust(struct store *s, int64_t wall, int64_t mono)
{
    char text[32] = "";
    s->offset_known = true;
    s->trusted_offset_us = s->candidate_offset_us = wall - mono;
    if (s->cfg.index_ops->meta_get(s->maint_index, "retained_us", text, sizeof(text)) < 0 || !*text)
        return;
    int64_t last = strtoll(text, NULL, 10);
    if (wall - last <= ABSENCE_US)
        return;
    s->trusted_offset_us =
        last - mono; /* off for days, or a wrong clock: they look the same for now */
    s->candidate_since_us = mono;
}

/*
 * The time up to which things are forgotten. If the wall clock jumps ahead, the monotonic clock
 * counts on from the time before, until the new time has stood for CONFIRM_US. If it jumps back, it
 * simply deletes less.
 */
static int64_t deletion_time(struct store *s)
{
    int64_t wall = store_wall_us(s), mono = store_mono_us(s), offset = wall - mono;
    if (!s->offset_known)
        load_trust(s, wall, mono);
    if (offset <= s->trusted_offset_us + STEP_US) {
        s->trusted_offset_us = offset; /* drift, or set back */
        s->candidate_offset_us = offset;
        s->held = false;
        return wall;
    }
    if (!s->held) {
        s->held = true;
        s->candidate_offset_us = offset;
        s->candidate_since_us = mono;
        store_tell(s, "retention-held", "",
                   "the clock is %lld s ahead of what was expected: nothing is deleted on its "
                   "word until it has stood for 10 minutes",
                   (long long)((offset - s->trusted_offset_us) / SECOND_US));
    }
    int64_t moved = offset - s->candidate_offset_us;
    if (moved > STEP_US || moved < -STEP_US) { /* stepped again: count anew */
        s->candidate_offset_us = offset;
        s->candidate_since_us = mono;
    }
    if (mono - s->candidate_since_us < CONFIRM_US)
        return s->trusted_offset_us + mono;
    s->trusted_offset_us = offset;
    s->held = false;
    store_tell(s, "retention-resumed", "", "the clock has stood for 10 minutes and is believed");
    return wall;
}

/* ---- deleting ---- */

static void remove_parents(int dirfd, const char *path)
{
    char dir[INDEX_PATH];
    snprintf(dir, sizeof(dir), "%s", path);
    for (int level = 0; level < 2;
         level++) { /* the day, then the camera; the kernel refuses what is not empty */
        char *slash = strrchr(dir, '/');
        if (!slash)
            return;
        *slash = '\0';
        if (unlinkat(dirfd, dir, AT_REMOVEDIR) < 0)
            return;
    }
}

/* With rows that become garbage goes the sum of what is erased, so that the log is told exactly that. */
static int apply_all(struct store *s, int kind, const struct index_recording *r, size_t n,
                     const char *reason, struct err *reterr)
{
    struct index_change *c = calloc(n + 1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    struct index_erasure sum = store_erasure(s, reason);
    for (size_t i = 0; i < n; i++) {
        c[i].kind = kind;
        c[i].recording = r[i];
        if (kind == INDEX_GARBAGE_RECORDING && r[i].state != INDEX_GARBAGE)
            store_erasure_add(&sum, r[i].epoch_us, false);
    }
    if (sum.recordings)
        c[n++] = (struct index_change){.kind = INDEX_ADD_ERASURE, .erasure = sum};
    int err = E_BUSY;
    for (int i = 0; i < 5 && err == E_BUSY; i++)
        err = s->cfg.index_ops->apply(s->maint_index, c, n, reterr);
    free(c);
    return err;
}

static int unlink_all(struct store *s, const struct index_recording *r, size_t n,
                      struct err *reterr)
{
    int err = 0;
    pthread_rwlock_rdlock(&s->dir_lock);
    for (size_t i = 0; i < n && err >= 0; i++) {
        if (unlinkat(s->dirfd, r[i].path, 0) < 0 && errno != ENOENT)
            err = err_set(reterr, -errno, "deleting %s: %s", r[i].path, strerror(errno));
        else
            remove_parents(s->dirfd, r[i].path);
    }
    if (err >= 0 && syncfs(s->dirfd) < 0)
        err = err_set(reterr, -errno, "making deletions durable: %s", strerror(errno));
    pthread_rwlock_unlock(&s->dir_lock);
    return err;
}

/* Rows become garbage → files are unlinked → that is synced → rows go. */
int retain_delete(struct store *s, const struct index_recording *r, size_t n, const char *reason,
                  struct err *reterr)
{
    if (volume_probe(s) < 0)
        return err_set(reterr, E_NOTFOUND, "the volume is away");
    int err = apply_all(s, INDEX_GARBAGE_RECORDING, r, n, reason, reterr);
    if (err >= 0)
        err = unlink_all(s, r, n, reterr);
    if (err >= 0)
        err = apply_all(s, INDEX_DROP_RECORDING, r, n, reason, reterr);
    if (err < 0)
        return err;
    pthread_mutex_lock(&s->lock);
    s->stats.recordings_deleted += n;
    pthread_mutex_unlock(&s->lock);
    return 0;
}

struct batch {
    struct index_recording *r;
    size_t n;
    bool garbage_only;
};

static int collect(void *user, const struct index_recording *r)
{
    struct batch *b = user;
    if (b->garbage_only && r->state != INDEX_GARBAGE)
        return 0;
    b->r[b->n++] = *r;
    return b->n == BATCH;
}

static int64_t delete_garbage(struct store *s, struct batch *b, struct err *reterr)
{
    int64_t deleted = 0;
    int err = 1;
    b->garbage_only = true;
    while (err == 1) {
        b->n = 0;
        err = s->cfg.index_ops->unfinished(s->maint_index, collect, b, reterr);
        int more = err;
        if (err >= 0 && b->n > 0)
            err = retain_delete(s, b->r, b->n, "retention", reterr);
        if (err >= 0) {
            deleted += (int64_t)b->n;
            err = more;
        }
    }
    return err < 0 ? err : deleted;
}

static int64_t delete_expired(struct store *s, struct batch *b, int64_t now_us, struct err *reterr)
{
    int64_t deleted = 0;
    b->garbage_only = false;
    for (;;) {
        b->n = 0;
        int err = s->cfg.index_ops->expired(s->maint_index, now_us, BATCH, collect, b, reterr);
        if (err >= 0 && b->n > 0)
            err = retain_delete(s, b->r, b->n, "retention", reterr);
        if (err < 0)
            return err;
        deleted += (int64_t)b->n;
        pthread_mutex_lock(&s->lock);
        bool stop = s->stop_maint;
        pthread_mutex_unlock(&s->lock);
        if (b->n < BATCH || stop)
            return deleted;
    }
}

/* ---- passes ---- */

static void update_days(struct store *s, int64_t wall)
{
    int64_t oldest, newest;
    char text[32] = "";
    if (s->shortfall_until_us == 0) {
        s->shortfall_until_us = 1;
        if (s->cfg.index_ops->meta_get(s->maint_index, "shortfall_until_us", text, sizeof(text)) >=
                0 &&
            *text)
            s->shortfall_until_us = strtoll(text, NULL, 10);
    }
    double days = s->cfg.retention_days;
    if (wall < s->shortfall_until_us &&
        s->cfg.index_ops->span(s->maint_index, &oldest, &newest) >= 0)
        days = (double)(wall - oldest) / (double)DAY_US;
    pthread_mutex_lock(&s->lock);
    s->stats.actual_days = days;
    pthread_mutex_unlock(&s->lock);
}

static int64_t pass(struct store *s, struct err *reterr)
{
    struct batch b = {calloc(BATCH, sizeof(struct index_recording)), 0, false};
    char text[32];
    if (!b.r)
        return -ENOMEM;
    int64_t now = deletion_time(s);
    int64_t deleted = store_forget_shares(s, now, reterr);
    if (deleted >= 0)
        deleted = delete_garbage(s, &b, reterr);
    if (deleted >= 0) {
        int64_t more = delete_expired(s, &b, now, reterr);
        deleted = more < 0 ? more : deleted + more;
    }
    free(b.r);
    if (deleted < 0)
        return deleted;
    int64_t wall = store_wall_us(s);
    update_days(s, wall);
    snprintf(text, sizeof(text), "%lld", (long long)now);
    (void)s->cfg.index_ops->meta_put(s->maint_index, "retained_us", text, NULL);
    if (now - s->last_tidy_us >= DAY_US) {
        s->last_tidy_us = now;
        (void)s->cfg.index_ops->prune(s->maint_index, now - (s->cfg.retention_days + 1) * DAY_US,
                                      now - EVENTS_KEPT_US, NULL);
    }
    return deleted;
}

int64_t store_retain(struct store *s, struct err *reterr)
{
    pthread_mutex_lock(&s->maint_lock);
    int err = store_maint_index(s, reterr);
    int64_t deleted = err < 0 ? err : pass(s, reterr);
    if (deleted < 0 && deleted != E_BUSY)
        drop_maint_index(s);
    pthread_mutex_unlock(&s->maint_lock);
    return deleted;
}

static void retain_and_tell(struct store *s)
{
    struct err e = {0};
    int64_t deleted = store_retain(s, &e);
    if (deleted >= 0) {
        s->retain_failures = 0;
        return;
    }
    if (s->retain_failures++ ==
        10) /* ten minutes without: nothing is forgotten in silence, and neither is forgetting */
        store_tell(s, "retention-failed", "", "nothing could be deleted for ten minutes: %s",
                   err_str(&e, (int)deleted));
}

void *store_maint_main(void *arg)
{
    struct store *s = arg;
    s->last_retain_us = store_mono_us(s) - PASS_EVERY_US + SECOND_US;
    pthread_mutex_lock(&s->lock);
    while (!s->stop_maint) {
        store_timed_wait(s, &s->maint_wake, s->tick_us);
        bool lost = s->state == STORE_VOLUME_LOST, space = s->want_space, stop = s->stop_maint;
        pthread_mutex_unlock(&s->lock);
        int64_t now = store_mono_us(s);
        if (lost) {
            pthread_mutex_lock(&s->maint_lock);
            drop_maint_index(s);
            pthread_mutex_unlock(&s->maint_lock);
        } else if (!stop) {
            if (now - s->last_retain_us >= PASS_EVERY_US) {
                s->last_retain_us = now;
                retain_and_tell(s);
            }
            if (space)
                (void)store_make_space(s);
        }
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}
