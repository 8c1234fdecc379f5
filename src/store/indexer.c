/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The index thread: rows follow data that is durable, in one transaction a second. While the
 * database is away, rows wait in memory up to STORE_INDEX_QUEUE; beyond that they are dropped and
 * the files are looked through afterwards.
 */
#include "store/store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 2000
#define AWAY_AFTER_US (10 * SECOND_US)

static struct store_change_chunk *take_chunk_locked(struct store *s)
{
    struct store_change_chunk *c = s->changes_spare;
    s->changes_spare = NULL;
    if (!c)
        c = malloc(sizeof(*c));
    if (c) {
        c->next = NULL;
        c->first = c->n = 0;
    }
    return c;
}

static int64_t change_time(const struct index_change *c)
{
    switch (c->kind) {
    case INDEX_PUT_RECORDING:
    case INDEX_CLOSE_RECORDING:
    case INDEX_GARBAGE_RECORDING:
    case INDEX_DROP_RECORDING:
        return c->recording.start_us;
    case INDEX_PUT_GAP:
    case INDEX_PUT_EVENT:
    case INDEX_PUT_ACTIVITY:
    case INDEX_PUT_OUTBOX:
    case INDEX_PUT_META:
    case INDEX_LISTED:
    case INDEX_ADD_ERASURE:
    case INDEX_TOLD_ERASURE:
        break;
    }
    return INT64_MAX; /* no file: cannot be found again */
}

static void drop_locked(struct store *s, const struct index_change *c)
{
    s->dropped_changes++;
    if (change_time(c) < s->rescan_from_us)
        s->rescan_from_us = change_time(c);
}

void store_change_locked(struct store *s, struct store_file *sf, const struct index_change *c)
{
    if (s->n_changes >= STORE_INDEX_QUEUE) {
        drop_locked(s, c);
        return;
    }
    struct store_change_chunk *last = s->changes_last;
    if (!last || last->n == STORE_CHANGE_CHUNK) {
        last = take_chunk_locked(s);
        if (!last) {
            drop_locked(s, c);
            return;
        }
        if (s->changes_last)
            s->changes_last->next = last;
        else
            s->changes_first = last;
        s->changes_last = last;
    }
    if (sf)
        sf->refs++;
    last->item[last->n++] = (struct store_queued_change){s->generation, sf, *c};
    s->n_changes++;
}

static void pop_chunk_locked(struct store *s)
{
    struct store_change_chunk *c = s->changes_first;
    s->changes_first = c->next;
    if (!c->next)
        s->changes_last = NULL;
    free(s->changes_spare);
    s->changes_spare = c;
}

/* Copy what may be applied now to @batch, leaving it queued. */
static size_t peek_locked(struct store *s, struct index_change *batch, size_t cap)
{
    size_t n = 0;
    for (struct store_change_chunk *c = s->changes_first; c; c = c->next) {
        for (unsigned i = c->first; i < c->n; i++) {
            if (n == cap || c->item[i].generation > s->durable)
                return n;
            batch[n++] = c->item[i].change;
        }
    }
    return n;
}

static void consume_locked(struct store *s, size_t n)
{
    s->n_changes -= n;
    while (n > 0) {
        struct store_change_chunk *c = s->changes_first;
        struct store_queued_change *q = &c->item[c->first++];
        if (q->file)
            store_file_unref_locked(q->file);
        n--;
        if (c->first == c->n)
            pop_chunk_locked(s);
    }
}

void store_changes_free(struct store *s)
{
    while (s->changes_first) {
        for (unsigned i = s->changes_first->first; i < s->changes_first->n; i++)
            if (s->changes_first->item[i].file)
                store_file_unref_locked(s->changes_first->item[i].file);
        pop_chunk_locked(s);
    }
    free(s->changes_spare);
    s->changes_spare = NULL;
}

static void close_index(struct store *s)
{
    if (s->index)
        s->cfg.index_ops->close(s->index);
    s->index = NULL;
}

static int ensure_index(struct store *s, struct err *reterr)
{
    pthread_mutex_lock(&s->lock);
    bool lost = s->state == STORE_VOLUME_LOST;
    pthread_mutex_unlock(&s->lock);
    /* The database lies on the volume: without it a new, empty one would be made on whatever is
     * mounted there now. */
    if (lost || volume_probe(s) < 0) {
        close_index(s);
        return err_set(reterr, E_NOTFOUND, "the volume is away");
    }
    if (s->index)
        return 0;
    return s->cfg.index_ops->open(s->data_dir, false, &s->index, reterr);
}

/* Remember across restarts that files from a time on may lack rows, before later rows make it look
 * complete. */
static int remember_rescan(struct store *s, struct err *reterr)
{
    char text[32];
    pthread_mutex_lock(&s->lock);
    int64_t from = s->rescan_from_us;
    bool known = s->rescan_ready;
    pthread_mutex_unlock(&s->lock);
    if (from == INT64_MAX || known)
        return 0;
    snprintf(text, sizeof(text), "%lld", (long long)from);
    int err = s->cfg.index_ops->meta_put(s->index, "rescan_from_us", text, reterr);
    if (err < 0)
        return err;
    pthread_mutex_lock(&s->lock);
    s->rescan_ready = true;
    pthread_cond_signal(&s->mend_wake);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

static void report(struct store *s, int err, const char *text)
{
    int64_t now = store_real_us();
    bool tell_away = false, tell_back = false;
    pthread_mutex_lock(&s->lock);
    uint64_t waiting = s->n_changes, dropped = s->dropped_changes;
    if (err >= 0) {
        tell_back = s->index_away;
        s->index_away = false;
        s->index_since_us = now;
        if (tell_back)
            s->dropped_changes = 0;
    } else if (!s->index_away && now - s->index_since_us > AWAY_AFTER_US) {
        s->index_away = tell_away = true;
    }
    pthread_mutex_unlock(&s->lock);
    if (tell_away)
        store_tell(s, "index-away", "",
                   "the index does not accept rows (%s), %llu wait; recording goes on", text,
                   (unsigned long long)waiting);
    if (tell_back)
        store_tell(s, "index-back", "", "the index accepts rows again, %llu were dropped%s",
                   (unsigned long long)dropped,
                   dropped ? " and are being found again in the files" : "");
}

/* One transaction. Returns the number of rows applied, or an error. */
static int64_t apply_batch(struct store *s, struct index_change *batch)
{
    struct err e = {0};
    pthread_mutex_lock(&s->lock);
    size_t n = peek_locked(s, batch, BATCH);
    pthread_mutex_unlock(&s->lock);
    if (n == 0)
        return 0;
    int err = ensure_index(s, &e);
    if (err >= 0)
        err = remember_rescan(s, &e);
    if (err >= 0)
        err = s->cfg.index_ops->apply(s->index, batch, n, &e);
    if (err < 0 && err != E_BUSY)
        close_index(s); /* a broken handle does not heal; a new one may */
    report(s, err, err_str(&e, err));
    if (err < 0)
        return err;
    pthread_mutex_lock(&s->lock);
    consume_locked(s, n);
    pthread_mutex_unlock(&s->lock);
    return (int64_t)n;
}

void *store_index_main(void *arg)
{
    struct store *s = arg;
    struct index_change *batch = calloc(BATCH, sizeof(*batch));
    int64_t deadline = INT64_MAX;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        if (!s->stop_index)
            store_timed_wait(s, &s->index_wake, s->tick_us);
        bool stop = s->stop_index;
        pthread_mutex_unlock(&s->lock);
        int64_t now = store_real_us(), n = 0;
        if (stop && deadline == INT64_MAX)
            deadline =
                now + 5 * SECOND_US; /* what does not get in is found again at the next start */
        while (batch && (n = apply_batch(s, batch)) == BATCH)
            ;
        if (stop && (n >= 0 || now > deadline || !batch))
            break;
    }
    close_index(s);
    free(batch);
    return NULL;
}
