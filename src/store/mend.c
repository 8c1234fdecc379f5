/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The mender finishes recordings from their files: those that a crash left open, those whose end
 * could not be written, and those that have no row. It works in the background at low priority: new
 * recordings do not wait for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/store_private.h"

#define NICE 10
/* How far before the newest row a file may lie whose row was lost with the last second of the
 * write-ahead log. */
#define RESCAN_MARGIN_US (2 * HOUR_US)

void store_mend_add(struct store *s, const char *path, const char *camera, const char *reason,
                    bool crash)
{
    struct store_mend *m = calloc(1, sizeof(*m));
    if (!m)
        return; /* the row stays open, the next start finds it */
    list_init(&m->link);
    m->crash = crash;
    snprintf(m->path, sizeof(m->path), "%s", path);
    snprintf(m->camera, sizeof(m->camera), "%s", camera);
    snprintf(m->reason, sizeof(m->reason), "%s", reason);
    pthread_mutex_lock(&s->lock);
    list_append(&s->mends, &m->link);
    s->n_mends++;
    pthread_cond_signal(&s->mend_wake);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the two sides of a crash gap ---- */

static struct store_run *run_of_locked(struct store *s, const char *camera)
{
    for (size_t i = 0; i < s->n_runs; i++)
        if (strcmp(s->runs[i].camera, camera) == 0)
            return &s->runs[i];
    return NULL;
}

static void put_crash_gap_locked(struct store *s, const struct store_run *run)
{
    struct index_change c = {.kind = INDEX_PUT_GAP};
    memcpy(c.gap.camera, run->camera, sizeof(c.gap.camera));
    c.gap.from_us = run->ended_us;
    c.gap.to_us = run->started_us;
    snprintf(c.gap.reason, sizeof(c.gap.reason), "crash");
    snprintf(c.gap.detail, sizeof(c.gap.detail),
             "the recorder ended without closing this recording");
    store_change_locked(s, NULL, &c);
}

void store_run_started(struct store *s, const char *camera, int64_t start_us)
{
    pthread_mutex_lock(&s->lock);
    struct store_run *run = run_of_locked(s, camera);
    if (run && run->started_us == 0) {
        run->started_us = start_us;
        if (run->ended_us && s->runs_told)
            put_crash_gap_locked(s, run);
    }
    pthread_mutex_unlock(&s->lock);
}

/* Every torn file has been looked at: tell the gaps, then keep only cameras that are not back yet.
 */
static void tell_runs(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    size_t kept = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        if (s->runs[i].ended_us)
            put_crash_gap_locked(s, &s->runs[i]);
        if (s->runs[i].ended_us && !s->runs[i].started_us)
            s->runs[kept++] = s->runs[i];
    }
    s->n_runs = kept;
    s->runs_told = true;
    pthread_mutex_unlock(&s->lock);
}

/* ---- what a start finds ---- */

static int add_run(struct store *s, const char *camera)
{
    if (s->n_runs && strcmp(s->runs[s->n_runs - 1].camera, camera) == 0)
        return 0;
    if (run_of_locked(s, camera))
        return 0;
    if (s->n_runs == s->cap_runs) {
        size_t cap = s->cap_runs ? s->cap_runs * 2 : 64;
        struct store_run *v = realloc(s->runs, cap * sizeof(*v));
        if (!v)
            return -ENOMEM;
        s->runs = v;
        s->cap_runs = cap;
    }
    struct store_run *run = &s->runs[s->n_runs++];
    memset(run, 0, sizeof(*run));
    memcpy(run->camera, camera, sizeof(run->camera));
    return 0;
}

static int collect_row(void *user, const struct index_recording *r)
{
    struct store *s = user;
    if (r->state != INDEX_OPEN)
        return 0; /* garbage is the retention's */
    store_mend_add(s, r->path, r->camera, "crash", true);
    return r->view == MP4_SEALED ? add_run(s, r->camera) : 0; /* gaps are those of the originals */
}

int store_mend_collect(struct store *s, bool index_is_new, struct err *reterr)
{
    const struct index_ops *ops = s->cfg.index_ops;
    char text[32];
    int64_t oldest, newest;
    int err = ops->unfinished(s->index, collect_row, s, reterr);
    if (err < 0)
        return err;
    err = ops->span(s->index, &oldest, &newest);
    if (err < 0 && err != E_NOTFOUND)
        return err_set(reterr, err, "reading the index: %s", err_text(err));
    s->rescan_from_us = err == E_NOTFOUND || index_is_new ? INT64_MIN : newest - RESCAN_MARGIN_US;
    if (ops->meta_get(s->index, "rescan_from_us", text, sizeof(text)) >= 0 && *text &&
        strtoll(text, NULL, 10) < s->rescan_from_us)
        s->rescan_from_us = strtoll(text, NULL, 10);
    s->rescan_ready = true;
    return 0;
}

/* ---- work ---- */

static int own_dir(struct store *s)
{
    pthread_rwlock_rdlock(&s->dir_lock);
    int fd = fcntl(s->dirfd, F_DUPFD_CLOEXEC, 0);
    pthread_rwlock_unlock(&s->dir_lock);
    return fd < 0 ? -errno : fd;
}

/* Cut the torn tail, which also frees what was preallocated, and see where the recording ended. */
static void probe(struct store *s, struct store_mend *m)
{
    enum recover_result result;
    struct index_recording row;
    uint64_t end = 0, size = 0;
    int dir = own_dir(s);
    if (dir < 0)
        return;
    int err = recover_probe(dir, m->path, &result, &row, &end, &size, NULL);
    if (err >= 0 && result == RECOVER_CLOSED) {
        int fd = openat(dir, m->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && ftruncate(fd, (off_t)end) < 0)
            end = size; /* if not now, then when it is finished */
        if (fd >= 0)
            close(fd);
    }
    close(dir);
    pthread_mutex_lock(&s->lock);
    struct store_run *run = run_of_locked(s, m->camera);
    if (err >= 0 && run && row.view == MP4_SEALED &&
        (result == RECOVER_CLOSED || result == RECOVER_WAS_CLOSED) && row.end_us > run->ended_us)
        run->ended_us = row.end_us;
    pthread_mutex_unlock(&s->lock);
}

static void set_aside(struct store *s, int dir, const char *path)
{
    char aside[INDEX_PATH + 16];
    snprintf(aside, sizeof(aside), "%s.damaged", path);
    (void)renameat(dir, path, dir, aside);
    store_tell(s, "file-damaged", "",
               "%s is not readable as a recording and was renamed to *.damaged", path);
}

static int first_start(void *user, const struct index_recording *r)
{
    int64_t *after = user;
    if (r->start_us <= after[0])
        return 0;
    after[1] = r->start_us;
    return 1;
}

/* When the camera was next recorded after @end_us, by the rows; 0: not yet. */
static int64_t next_row(struct store *s, const char *camera, int64_t end_us)
{
    int64_t after[2] = {end_us, 0};
    pthread_mutex_lock(&s->maint_lock);
    if (store_maint_index(s, NULL) >= 0)
        (void)s->cfg.index_ops->recordings(s->maint_index, camera, MP4_SEALED, end_us, INT64_MAX,
                                           first_start, after, NULL);
    pthread_mutex_unlock(&s->maint_lock);
    return after[1];
}

/* A file that had no row yet when the recorder died: it was not known at start that its camera has
 * a gap. */
static void tell_late_gap(struct store *s, const struct index_recording *r)
{
    struct store_run alone = {.ended_us = r->end_us,
                              .started_us = next_row(s, r->camera, r->end_us)};
    struct store_file *sf;
    memcpy(alone.camera, r->camera, sizeof(alone.camera));
    pthread_mutex_lock(&s->lock);
    list_foreach (sf, &s->files, all)
        if (strcmp(sf->info.camera, r->camera) == 0 && sf->info.start_us > r->end_us &&
            (alone.started_us == 0 || sf->info.start_us < alone.started_us))
            alone.started_us = sf->info.start_us;
    if (alone.started_us == 0 && !run_of_locked(s, r->camera) && add_run(s, r->camera) >= 0)
        s->runs[s->n_runs - 1] = alone;
    put_crash_gap_locked(s, &alone);
    pthread_mutex_unlock(&s->lock);
}

/* 0, or an error after which it is tried again later. */
static int mend(struct store *s, const struct store_mend *m)
{
    enum recover_result result = RECOVER_EMPTY;
    struct index_change c = {.kind = INDEX_CLOSE_RECORDING};
    int dir = own_dir(s);
    if (dir < 0)
        return dir;
    int err = recover_file(dir, m->path, m->reason, &result, &c.recording, &s->hurry, NULL);
    if (err >= 0 && result == RECOVER_EMPTY)
        (void)unlinkat(dir, m->path, 0);
    else if (err >= 0 && result == RECOVER_DAMAGED)
        set_aside(s, dir, m->path);
    close(dir);
    if (err < 0 && err != E_NOTFOUND)
        return err;
    if (err == E_NOTFOUND || result == RECOVER_EMPTY || result == RECOVER_DAMAGED) {
        c.kind = INDEX_DROP_RECORDING;
        snprintf(c.recording.path, sizeof(c.recording.path), "%s", m->path);
    } else if (result == RECOVER_CLOSED && !m->crash && strcmp(m->reason, "crash") == 0 &&
               c.recording.view == MP4_SEALED) {
        tell_late_gap(s, &c.recording);
    }
    pthread_mutex_lock(&s->lock);
    s->names_dirty = true; /* the row follows the next sync */
    store_change_locked(s, NULL, &c);
    s->stats.recordings_mended++;
    pthread_mutex_unlock(&s->lock);
    return 0;
}

/* ---- files without rows ---- */

struct scan {
    struct store *s;
    int err;
};

static bool is_live(struct store *s, const char *camera, int64_t start_us, int view)
{
    struct store_file *sf;
    bool live = false;
    int64_t second = start_us / SECOND_US % 86400;
    pthread_mutex_lock(&s->lock);
    list_foreach (sf, &s->files, all) {
        if (sf->info.start_us / SECOND_US % 86400 == second && (int)sf->info.view == view &&
            strcmp(sf->info.camera, camera) == 0) {
            live = true;
            break;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return live;
}

static bool is_queued(struct store *s, const char *path)
{
    struct store_mend *m;
    bool queued = false;
    pthread_mutex_lock(&s->lock);
    list_foreach (m, &s->mends, link) {
        if (strcmp(m->path, path) == 0) {
            queued = true;
            break;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return queued;
}

static int look_at(void *user, const char *path)
{
    struct scan *scan = user;
    struct store *s = scan->s;
    struct index_recording r;
    char camera[INDEX_ID];
    int64_t start;
    int view;
    if (atomic_load(&s->hurry))
        return E_CLOSED;
    if (path_parse(path, camera, &start, &view) < 0)
        return 0;
    /* First whether it is being written, then the row: the other way round, a file that is just
     * closed falls between. */
    bool live = is_live(s, camera, start, view);
    pthread_mutex_lock(&s->maint_lock);
    int err = store_maint_index(s, NULL);
    if (err >= 0)
        err = s->cfg.index_ops->find(s->maint_index, path, &r);
    pthread_mutex_unlock(&s->maint_lock);
    if (err < 0 && err != E_NOTFOUND)
        return err;
    bool missing = err == E_NOTFOUND || r.state == INDEX_OPEN;
    if (missing && !live && !is_queued(s, path))
        store_mend_add(s, path, camera, "crash", false);
    return 0;
}

static int scan(struct store *s, int64_t from_us)
{
    struct scan scan = {s, 0};
    int dir = own_dir(s);
    if (dir < 0)
        return dir;
    int err = path_walk(dir, from_us, look_at, NULL, &scan);
    close(dir);
    return err;
}

/* Rows that are queued must be in the index before it is asked what lacks a row. */
static bool scan_due_locked(struct store *s)
{
    return s->rescan_ready && store_real_us() >= s->rescan_retry_us &&
           s->n_changes < STORE_INDEX_QUEUE / 2 && list_empty(&s->mends);
}

static void scan_if_due(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    bool due = scan_due_locked(s);
    int64_t from = s->rescan_from_us;
    if (due) {
        s->scanning = true;
        s->rescan_ready = false;
        s->rescan_from_us = INT64_MAX;
    }
    pthread_mutex_unlock(&s->lock);
    if (!due)
        return;
    int err = scan(s, from);
    if (err >= 0) {
        pthread_mutex_lock(&s->maint_lock);
        if (store_maint_index(s, NULL) >= 0)
            err = s->cfg.index_ops->meta_put(s->maint_index, "rescan_from_us", "", NULL);
        pthread_mutex_unlock(&s->maint_lock);
    }
    pthread_mutex_lock(&s->lock);
    s->scanning = false;
    if (err < 0) { /* again later */
        if (from < s->rescan_from_us)
            s->rescan_from_us = from;
        s->rescan_ready = true;
        s->rescan_retry_us = store_real_us() + 5 * s->tick_us;
    }
    pthread_mutex_unlock(&s->lock);
}

static bool may_work_locked(struct store *s)
{
    return s->state != STORE_VOLUME_LOST && s->state != STORE_READ_ONLY;
}

static struct store_mend *next_locked(struct store *s)
{
    struct store_mend *m;
    int64_t now = store_real_us();
    if (!may_work_locked(s))
        return NULL;
    list_foreach (m, &s->mends, link)
        if (m->retry_mono_us <= now)
            return m;
    return NULL;
}

/* Only this thread takes entries out, so the list may be walked with the lock released in between.
 */
static void probe_all(struct store *s)
{
    struct store_mend *m;
    for (;;) {
        struct store_mend *found = NULL;
        pthread_mutex_lock(&s->lock);
        list_foreach (m, &s->mends, link) {
            if (m->crash && !m->probed) {
                found = m;
                break;
            }
        }
        if (found) { /* to the end, so that the next look is short */
            found->probed = true;
            list_remove(&found->link);
            list_append(&s->mends, &found->link);
        }
        bool stop = s->stop_mend;
        pthread_mutex_unlock(&s->lock);
        if (!found || stop)
            break;
        probe(s, found);
    }
    tell_runs(s);
}

void *store_mend_main(void *arg)
{
    struct store *s = arg;
    (void)setpriority(PRIO_PROCESS, 0, NICE); /* on Linux this is the thread's own */
    probe_all(s);
    pthread_mutex_lock(&s->lock);
    while (!s->stop_mend) {
        struct store_mend *m = next_locked(s);
        bool due = may_work_locked(s) && scan_due_locked(s);
        if (!m && !due) {
            store_timed_wait(s, &s->mend_wake, s->tick_us);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        int err = m ? mend(s, m) : 0;
        if (!m)
            scan_if_due(s);
        pthread_mutex_lock(&s->lock);
        if (m && err < 0) {
            m->retry_mono_us = store_real_us() + 5 * s->tick_us;
        } else if (m) {
            list_remove(&m->link);
            s->n_mends--;
            free(m);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}
