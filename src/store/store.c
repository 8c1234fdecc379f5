/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Opening and closing the store, its state and its word to the operator. */
#include "store/store_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *store_state_name(enum store_state state)
{
    switch (state) {
    case STORE_OK:
        return "ok";
    case STORE_DISK_FULL:
        return "disk-full";
    case STORE_VOLUME_LOST:
        return "volume-lost";
    case STORE_WRITE_FAILED:
        return "write-failed";
    case STORE_READ_ONLY:
        return "read-only";
    }
    return "unknown";
}

void store_tell(struct store *s, const char *kind, const char *camera, const char *fmt, ...)
{
    struct index_event e = {.at_us = store_wall_us(s)};
    va_list ap;
    snprintf(e.kind, sizeof(e.kind), "%s", kind);
    snprintf(e.camera, sizeof(e.camera), "%s", camera);
    va_start(ap, fmt);
    vsnprintf(e.text, sizeof(e.text), fmt, ap);
    va_end(ap);
    (void)store_note_event(s, &e);
    if (s->cfg.alarm)
        s->cfg.alarm(s->cfg.user, &e);
}

void store_set_state(struct store *s, enum store_state state, const char *text)
{
    pthread_mutex_lock(&s->lock);
    enum store_state before = s->state;
    if (before != state) {
        s->state = state;
        if (state == STORE_OK)
            s->fail_streak = 0;
        pthread_cond_signal(&s->mend_wake);
    }
    pthread_mutex_unlock(&s->lock);
    if (before == state)
        return;
    if (state == STORE_OK)
        store_tell(s, "store-ok", "", "writing works again after %s", store_state_name(before));
    else
        store_tell(s, store_state_name(state), "", "%s", text);
}

const char *store_classify(struct store *s, int code)
{
    pthread_mutex_lock(&s->lock);
    s->fail_streak++;
    s->last_fail_us = store_real_us();
    if ((code == -ENOSPC || code == -EDQUOT) && s->cfg.full_oldest_first) {
        s->want_space = s->space_refused =
            true; /* a quota or the inodes, perhaps, that no number shows */
        pthread_cond_signal(&s->maint_wake);
    }
    enum store_state state = s->state;
    pthread_mutex_unlock(&s->lock);
    if (code == -ENOSPC || code == -EDQUOT) {
        store_set_state(s, STORE_DISK_FULL, "the disk is full");
        return "disk-full";
    }
    if (code == E_NOTFOUND)
        return "volume-lost"; /* the next look at the volume sets the state */
    if (code == -EROFS)
        store_set_state(s, STORE_READ_ONLY,
                        "the disk became read-only, recording stops until it can be written");
    else if (state == STORE_OK)
        store_set_state(s, STORE_WRITE_FAILED,
                        "writing to the disk fails, files are closed and begun anew");
    return "write-failed";
}

void store_timed_wait(struct store *s, pthread_cond_t *cond, int64_t us)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    int64_t ns = ts.tv_nsec + us % SECOND_US * 1000;
    ts.tv_sec += (time_t)(us / SECOND_US + ns / 1000000000);
    ts.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_cond_timedwait(cond, &s->lock, &ts);
}

void store_file_unref_locked(struct store_file *sf)
{
    if (--sf->refs > 0)
        return;
    list_remove(&sf->all);
    store_file_free(sf);
}

static int note(struct store *s, const struct index_change *c)
{
    pthread_mutex_lock(&s->lock);
    int err = s->n_changes >= STORE_INDEX_QUEUE ? E_FULL : 0;
    if (err >= 0)
        store_change_locked(s, NULL, c);
    pthread_mutex_unlock(&s->lock);
    return err;
}

int store_note(struct store *s, const struct index_change *c)
{
    bool whole = c->kind == INDEX_PUT_GAP || c->kind == INDEX_PUT_EVENT ||
                 c->kind == INDEX_PUT_ACTIVITY; /* the others borrow, or belong to a file */
    return whole ? note(s, c) : E_BUG;
}

int store_note_gap(struct store *s, const struct index_gap *g)
{
    struct index_change c = {.kind = INDEX_PUT_GAP, .gap = *g};
    return note(s, &c);
}

int store_note_event(struct store *s, const struct index_event *e)
{
    struct index_change c = {.kind = INDEX_PUT_EVENT, .event = *e};
    return note(s, &c);
}

void store_stats(struct store *s, struct store_stats *ret)
{
    pthread_mutex_lock(&s->lock);
    *ret = s->stats;
    ret->queue_bytes = s->queue_bytes;
    ret->index_queue = s->n_changes;
    ret->mending = s->n_mends + (s->scanning || s->rescan_ready);
    ret->promised_days = s->cfg.retention_days;
    if (ret->actual_days <= 0 || ret->actual_days > ret->promised_days)
        ret->actual_days = ret->promised_days;
    snprintf(ret->state, sizeof(ret->state), "%s", store_state_name(s->state));
    pthread_mutex_unlock(&s->lock);
}

/* ---- open ---- */

static void init_locks(struct store *s)
{
    pthread_condattr_t attr;
    pthread_cond_t *conds[] = {&s->work,       &s->sync_wake, &s->index_wake,
                               &s->maint_wake, &s->mend_wake, &s->idle};
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    for (size_t i = 0; i < sizeof(conds) / sizeof(conds[0]); i++)
        pthread_cond_init(conds[i], &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->maint_lock, NULL);
    pthread_rwlock_init(&s->dir_lock, NULL);
}

static struct store *store_new(const struct store_config *cfg)
{
    struct store *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->cfg = *cfg;
    s->data_dir = strdup(cfg->data_dir);
    s->cfg.data_dir = s->data_dir;
    s->dirfd = -1;
    s->writers = cfg->writers > 0 ? cfg->writers : 8;
    if (s->writers > 64)
        s->writers = 64;
    if (s->cfg.sync_interval_us <= 0)
        s->cfg.sync_interval_us = 500000;
    if (s->cfg.queue_bytes == 0)
        s->cfg.queue_bytes = (size_t)512 << 20;
    list_init(&s->ready);
    list_init(&s->files);
    list_init(&s->free_ops);
    list_init(&s->mends);
    s->generation = 1;
    s->rescan_from_us = INT64_MAX;
    s->index_since_us = store_real_us();
    s->tick_us = 2 * s->cfg.sync_interval_us;
    init_locks(s);
    return s;
}

static void store_free(struct store *s)
{
    struct store_mend *m, *tmp;
    store_changes_free(s);
    list_foreach_safe (m, tmp, &s->mends, link)
        free(m);
    while (!list_empty(&s->files)) { /* what could not be made durable to the end */
        struct store_file *sf = list_entry(s->files.next, struct store_file, all);
        sf->refs = 1;
        store_file_unref_locked(sf);
    }
    for (size_t i = 0; i < s->n_op_slabs; i++)
        free(s->op_slabs[i]);
    free(s->op_slabs);
    free(s->dirty.v);
    free(s->syncing.v);
    free(s->runs);
    if (s->index)
        s->cfg.index_ops->close(s->index);
    store_forget_thinned(s);
    if (s->maint_index)
        s->cfg.index_ops->close(s->maint_index);
    if (s->dirfd >= 0)
        close(s->dirfd);
    free(s->data_dir);
    free(s);
}

/* Another process may hold the database for a moment. */
static int open_index(struct store *s, struct err *reterr)
{
    int err = E_BUSY;
    for (int i = 0; i < 40 && err == E_BUSY; i++) {
        err = s->cfg.index_ops->open(s->data_dir, false, &s->index, reterr);
        if (err == E_BUSY)
            usleep(50000);
    }
    return err;
}

static int start_threads(struct store *s)
{
    int err = 0;
    for (int i = 0; i < s->writers && err == 0; i++)
        err = pthread_create(&s->writer[i], NULL, store_writer_main, s);
    if (err == 0)
        err = pthread_create(&s->sync_thread, NULL, store_sync_main, s);
    if (err == 0)
        err = pthread_create(&s->index_thread, NULL, store_index_main, s);
    if (err == 0)
        err = pthread_create(&s->maint_thread, NULL, store_maint_main, s);
    if (err == 0)
        err = pthread_create(&s->mend_thread, NULL, store_mend_main, s);
    return -err;
}

int store_open(const struct store_config *cfg, struct store **ret, struct err *reterr)
{
    bool new_index = false;
    struct store *s = store_new(cfg);
    if (!s || !s->data_dir)
        return -ENOMEM;
    int err = volume_open(s, reterr);
    if (err >= 0)
        err = open_index(s, reterr);
    if (err >= 0)
        err = volume_bind(s, s->index, &new_index, reterr);
    if (err >= 0)
        err = store_mend_collect(s, new_index, reterr);
    if (err < 0) {
        store_free(s);
        return err;
    }
    volume_tick(s);
    err = start_threads(s);
    if (err < 0) /* a process that cannot start a thread at birth does not get far; what runs ends
                    with it */
        return err_set(reterr, err, "starting the threads of the store failed");
    *ret = s;
    return 0;
}

static void stop_thread(struct store *s, bool *flag, pthread_cond_t *cond, pthread_t thread)
{
    pthread_mutex_lock(&s->lock);
    *flag = true;
    pthread_cond_broadcast(cond);
    pthread_mutex_unlock(&s->lock);
    pthread_join(thread, NULL);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->hurry, true);
    stop_thread(s, &s->stop_mend, &s->mend_wake, s->mend_thread);
    stop_thread(s, &s->stop_maint, &s->maint_wake, s->maint_thread);
    store_end_all(s, "shutdown");
    pthread_mutex_lock(&s->lock);
    s->stop_writers = true;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->writers; i++)
        pthread_join(s->writer[i], NULL);
    stop_thread(s, &s->stop_sync, &s->sync_wake, s->sync_thread);
    stop_thread(s, &s->stop_index, &s->index_wake, s->index_thread);
    store_free(s);
}
