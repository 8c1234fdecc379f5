/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Policy "oldest first": room for what happens now, at the price of the retention promise, and said
 * aloud. */
#include <stdio.h>
#include <stdlib.h>

#include "store/store_private.h"

#define BATCH 100
#define TELL_EVERY_US HOUR_US

struct oldest {
    struct index_recording r[BATCH];
    size_t n;
    int64_t bytes, wanted;
};

static int collect(void *user, const struct index_recording *r)
{
    struct oldest *o = user;
    o->r[o->n++] = *r;
    o->bytes += r->bytes;
    return o->n == BATCH || o->bytes >= o->wanted;
}

/* How far the promise is broken, and until when: until the last thing deleted too early would have
 * gone anyway. */
static void tell_shortfall(struct store *s, const struct oldest *o)
{
    int64_t now = store_wall_us(s), until = s->shortfall_until_us, oldest, newest;
    char text[32];
    for (size_t i = 0; i < o->n; i++) {
        int64_t end = o->r[i].end_us + o->r[i].retention_days * DAY_US;
        if (end > now && end > until)
            until = end;
    }
    if (until <= now)
        return;
    double days = 0;
    if (s->cfg.index_ops->span(s->maint_index, &oldest, &newest) >= 0)
        days = (double)(now - oldest) / (double)DAY_US;
    if (until != s->shortfall_until_us) {
        snprintf(text, sizeof(text), "%lld", (long long)until);
        (void)s->cfg.index_ops->meta_put(s->maint_index, "shortfall_until_us", text, NULL);
        s->shortfall_until_us = until;
    }
    pthread_mutex_lock(&s->lock);
    s->stats.actual_days = days > 0 ? days : 0.001;
    pthread_mutex_unlock(&s->lock);
    if (s->last_shortfall_us && now - s->last_shortfall_us < TELL_EVERY_US &&
        now >= s->last_shortfall_us)
        return;
    s->last_shortfall_us = now;
    store_tell(s, "retention-shortfall", "",
               "the disk is full: recordings are deleted before their time, %.2f days are "
               "kept of %d promised",
               days, s->cfg.retention_days);
}

static void done(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->want_space = false;
    pthread_mutex_unlock(&s->lock);
}

static int delete_some(struct store *s, struct oldest *o, int64_t wanted, size_t limit)
{
    o->n = 0, o->bytes = 0, o->wanted = wanted;
    pthread_mutex_lock(&s->maint_lock);
    int err = store_maint_index(s, NULL);
    if (err >= 0)
        err = s->cfg.index_ops->oldest(s->maint_index, limit, collect, o, NULL);
    if (err >= 0 && o->n > 0)
        err = retain_delete(s, o->r, o->n, "disk-full", NULL);
    if (err >= 0 && o->n > 0)
        tell_shortfall(s, o);
    pthread_mutex_unlock(&s->maint_lock);
    return err < 0 ? err : (int)o->n;
}

/*
 * A write was refused although the numbers may look good: free a little, and twice as much each
 * time it happens again soon after.
 */
static size_t after_refusal(struct store *s)
{
    int64_t now = store_real_us();
    if (now - s->refused_at_us > MINUTE_US || s->refused_files == 0)
        s->refused_files = 1;
    else if (s->refused_files < BATCH)
        s->refused_files *= 2;
    s->refused_at_us = now;
    return s->refused_files < BATCH ? s->refused_files : BATCH;
}

int store_make_space(struct store *s)
{
    struct oldest *o = calloc(1, sizeof(*o));
    int n = 0;
    for (int rounds = 0; o && rounds < 100; rounds++) {
        uint64_t total, free_bytes;
        int64_t reserve = store_reserve(s), goal = reserve + reserve / 8;
        pthread_mutex_lock(&s->lock);
        bool stop = s->stop_maint, refused = s->space_refused;
        s->space_refused = false;
        pthread_mutex_unlock(&s->lock);
        if (stop || store_space_free(s, &total, &free_bytes) < 0)
            break;
        int64_t missing = goal - (int64_t)free_bytes;
        if (missing <= 0 && !refused) {
            done(s);
            break;
        }
        n = delete_some(s, o, missing > 0 ? missing : INT64_MAX,
                        missing > 0 ? BATCH : after_refusal(s));
        if (n <= 0)
            break; /* nothing to delete, or not now: the next second tries again */
    }
    free(o);
    return n;
}
