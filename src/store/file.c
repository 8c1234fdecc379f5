/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Recordings being written: the queue and the writers. */
#include "store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPS_PER_SLAB 64
#define PREALLOCATE_MIN ((uint64_t)1 << 20)
#define PREALLOCATE_MAX ((uint64_t)32 << 20)
#define PREALLOCATE_FRAGMENTS 32 /* ahead by so many fragments of the size seen */

/* What one writer keeps between files. */
struct writer {
    EVP_MD_CTX *md;
    uint8_t *bounce; /* aligned copy of a head */
    size_t bounce_cap;
};

/* ---- queue ---- */

static struct store_op *take_op_locked(struct store *s)
{
    if (list_empty(&s->free_ops)) {
        void **slabs = realloc(s->op_slabs, (s->n_op_slabs + 1) * sizeof(*slabs));
        struct store_op *ops = slabs ? calloc(OPS_PER_SLAB, sizeof(*ops)) : NULL;
        if (slabs)
            s->op_slabs = slabs;
        if (!ops)
            return NULL;
        s->op_slabs[s->n_op_slabs++] = ops;
        for (int i = 0; i < OPS_PER_SLAB; i++)
            list_append(&s->free_ops, &ops[i].link);
    }
    struct store_op *op = list_entry(s->free_ops.next, struct store_op, link);
    list_remove(&op->link);
    return op;
}

void store_schedule_locked(struct store_file *sf)
{
    struct store *s = sf->s;
    if (sf->busy)
        return;
    sf->busy = true;
    sf->refs++;
    s->busy_files++;
    list_append(&s->ready, &sf->ready);
    pthread_cond_signal(&s->work);
}

static int begin_allowed_locked(struct store *s, struct err *reterr)
{
    switch (s->state) {
    case STORE_VOLUME_LOST:
        return err_set(reterr, E_NOTFOUND, "the volume %s is not mounted at %s", s->uuid,
                       s->data_dir);
    case STORE_DISK_FULL:
        return err_set(reterr, -ENOSPC, "the disk of %s is full", s->data_dir);
    case STORE_READ_ONLY:
        return err_set(reterr, -EROFS, "the disk of %s is read-only", s->data_dir);
    case STORE_WRITE_FAILED:
        if (s->fail_streak >= 8 && store_real_us() - s->last_fail_us < s->tick_us)
            return err_set(reterr, -EIO, "writing to %s fails", s->data_dir);
        break;
    case STORE_OK:
        break;
    }
    if (s->closing)
        return err_set(reterr, E_CLOSED, "the store is closing");
    if (s->queue_bytes >= s->cfg.queue_bytes)
        return err_set(reterr, E_FULL, "the disk of %s does not keep up", s->data_dir);
    return 0;
}

/* Parameter sets are needed until the end (the sidx lies behind them); most files have three of the
 * sixteen. */
static int copy_params(struct media_track *t)
{
    const struct media_params *from = t->params;
    t->params = NULL;
    if (!from || from->count < 0 || from->count > MEDIA_PARAM_SETS)
        return from ? E_RANGE : 0;
    size_t size = offsetof(struct media_params, set) + (size_t)from->count * sizeof(from->set[0]);
    t->params = malloc(size);
    if (!t->params)
        return -ENOMEM;
    memcpy(t->params, from, size);
    return 0;
}

void store_file_free(struct store_file *sf)
{
    if (!sf)
        return;
    if (sf->fd >= 0)
        close(sf->fd);
    for (int i = 0; i < MP4_TRACKS; i++)
        free(sf->info.track[i].params);
    buf_release(&sf->head);
    free(sf->entries);
    free(sf);
}

static struct store_file *file_new(struct store *s, const struct mp4_info *info)
{
    struct store_file *sf = calloc(1, sizeof(*sf));
    if (!sf)
        return NULL;
    sf->s = s;
    sf->fd = -1;
    list_init(&sf->ready);
    list_init(&sf->all);
    list_init(&sf->ops);
    buf_init(&sf->head, 0);
    sf->info = *info;
    sf->end_us = info->start_us;
    int err = 0;
    for (int i = 0; i < MP4_TRACKS; i++) {
        int copied = copy_params(&sf->info.track[i]);
        err = err < 0 ? err : copied;
    }
    if (err >= 0)
        return sf;
    store_file_free(sf);
    return NULL;
}

const struct mp4_info *store_file_info(const struct store_file *sf)
{
    return &sf->info;
}

int store_file_begin(struct store *s, const struct mp4_info *info, struct store_file **ret,
                     struct err *reterr)
{
    char path[INDEX_PATH];
    int err = path_make(info, 0, path);
    if (err < 0)
        return err_set(reterr, err, "a camera with this name cannot be recorded");
    struct store_file *sf = file_new(s, info);
    if (!sf)
        return -ENOMEM;
    err = mp4_head_build(info, disk_max_fragments(info), &sf->head, reterr);
    if (err < 0) {
        store_file_free(sf);
        return err;
    }
    pthread_mutex_lock(&s->lock);
    err = begin_allowed_locked(s, reterr);
    if (err >= 0) {
        sf->refs = 2; /* the caller and the writer */
        sf->op_begin.kind = OP_BEGIN;
        list_append(&s->files, &sf->all);
        list_append(&sf->ops, &sf->op_begin.link);
        s->stats.files_open++;
        if (info->epoch_length_us > s->epoch_length_us)
            s->epoch_length_us = info->epoch_length_us;
        store_schedule_locked(sf);
    }
    pthread_mutex_unlock(&s->lock);
    if (err < 0) {
        list_init(&sf->ops);
        store_file_free(sf);
        return err;
    }
    if (info->view == MP4_SEALED)
        store_run_started(s, info->camera, info->start_us);
    *ret = sf;
    return 0;
}

/* The first refusal of a while is told. */
static bool disk_slow_locked(struct store *s)
{
    int64_t now = store_real_us();
    bool first = now >= s->disk_slow_until_us;
    s->disk_slow_until_us = now + 10 * SECOND_US;
    return first;
}

int store_file_append(struct store_file *sf, struct mp4_fragment *f, int64_t next_dts_ticks,
                      int64_t utc_us, void (*done)(void *user, struct mp4_fragment *f, int code),
                      void *user)
{
    struct store *s = sf->s;
    size_t bytes = mp4_fragment_payload(f) + MP4_ALIGN;
    bool slow = false;
    struct store_op *op = NULL;
    pthread_mutex_lock(&s->lock);
    int err = sf->error;
    if (err >= 0 && s->queue_bytes + bytes > s->cfg.queue_bytes) {
        err = E_FULL;
        slow = disk_slow_locked(s);
    }
    if (err >= 0 && !(op = take_op_locked(s)))
        err = -ENOMEM;
    if (op) {
        op->kind = OP_FRAGMENT, op->fragment = f, op->bytes = bytes, op->done = done,
        op->user = user;
        op->next_dts_ticks = next_dts_ticks, op->utc_us = utc_us;
        s->queue_bytes += bytes;
        if (s->queue_bytes > s->stats.queue_bytes_max)
            s->stats.queue_bytes_max = s->queue_bytes;
        list_append(&sf->ops, &op->link);
        store_schedule_locked(sf);
    }
    pthread_mutex_unlock(&s->lock);
    if (slow)
        store_tell(s, "disk-slow", "",
                   "the disk does not keep up: %zu MB wait, frames are being lost",
                   s->cfg.queue_bytes >> 20);
    return err;
}

static void end_locked(struct store_file *sf, const char *reason)
{
    if (sf->ended)
        return;
    sf->ended = true;
    snprintf(sf->end_reason, sizeof(sf->end_reason), "%s", reason && *reason ? reason : "unknown");
    sf->s->stats.files_open--;
    if (!sf->finished) {
        sf->op_end.kind = OP_END;
        list_append(&sf->ops, &sf->op_end.link);
        store_schedule_locked(sf);
    }
    store_file_unref_locked(sf);
}

void store_file_end(struct store_file *sf, const char *reason)
{
    struct store *s = sf->s;
    pthread_mutex_lock(&s->lock);
    end_locked(sf, reason);
    pthread_mutex_unlock(&s->lock);
}

void store_abort_locked(struct store_file *sf, const char *reason, int code)
{
    if (sf->error < 0 || sf->finished)
        return;
    sf->error = code;
    snprintf(sf->abort_reason, sizeof(sf->abort_reason), "%s", reason);
    store_schedule_locked(sf);
}

void store_abort_all(struct store *s, const char *reason, int code)
{
    struct store_file *sf;
    pthread_mutex_lock(&s->lock);
    list_foreach (sf, &s->files, all)
        store_abort_locked(sf, reason, code);
    pthread_mutex_unlock(&s->lock);
}

void store_end_all(struct store *s, const char *reason)
{
    struct store_file *sf, *tmp;
    pthread_mutex_lock(&s->lock);
    list_foreach_safe (sf, tmp, &s->files, all)
        end_locked(sf, reason);
    pthread_mutex_unlock(&s->lock);
}

/* ---- writers ---- */

static void fill_row(const struct store_file *sf, struct index_recording *r)
{
    memset(r, 0, sizeof(*r));
    memcpy(r->camera, sf->info.camera, sizeof(r->camera));
    memcpy(r->path, sf->path, sizeof(r->path));
    memcpy(r->kid, sf->info.kid, sizeof(r->kid));
    r->view = (int)sf->info.view;
    r->start_us = sf->info.start_us;
    r->end_us = sf->end_us;
    r->epoch_us = sf->info.epoch_us;
    r->bytes = (int64_t)sf->end;
    r->frames = sf->frames;
    r->retention_days = sf->info.retention_days;
}

/* Nothing more is written to the file; what was written becomes durable, then @kind goes to the
 * index. */
static void conclude(struct store_file *sf, int kind, const struct index_recording *r)
{
    struct store *s = sf->s;
    struct index_change c = {.kind = kind};
    if (r)
        c.recording = *r;
    free(sf->entries);
    sf->entries = NULL;
    sf->n_entries = sf->cap_entries = 0;
    pthread_mutex_lock(&s->lock);
    sf->finished = true;
    if (sf->fd >= 0)
        store_mark_dirty_locked(sf);
    if (r)
        store_change_locked(s, sf, &c);
    if (kind == INDEX_DROP_RECORDING)
        s->names_dirty = true;
    store_file_unref_locked(sf); /* the writer's */
    pthread_mutex_unlock(&s->lock);
}

/* A recording without a single fragment is taken away again. */
static void conclude_empty(struct store_file *sf)
{
    struct store *s = sf->s;
    struct index_recording r;
    fill_row(sf, &r);
    pthread_rwlock_rdlock(&s->dir_lock);
    unlinkat(s->dirfd, sf->path, 0);
    pthread_rwlock_unlock(&s->dir_lock);
    conclude(sf, INDEX_DROP_RECORDING, &r);
}

static void finish(struct store_file *sf, const char *reason)
{
    struct store *s = sf->s;
    struct index_recording r;
    uint64_t size = 0;
    if (sf->fd < 0) { /* it never came to be */
        conclude(sf, 0, NULL);
        return;
    }
    if (sf->n_entries == 0) {
        conclude_empty(sf);
        return;
    }
    fill_row(sf, &r);
    int err = disk_finish(sf->fd, &sf->info, sf->entries, sf->n_entries, sf->end, reason, &size,
                          r.manifest);
    if (err < 0) { /* the mender does it again from the file, until it can */
        store_classify(s, err);
        store_mend_add(s, sf->path, sf->info.camera, reason, false);
        conclude(sf, 0, NULL);
        return;
    }
    r.bytes = (int64_t)size;
    r.state = INDEX_CLOSED;
    snprintf(r.end_reason, sizeof(r.end_reason), "%s", reason);
    conclude(sf, INDEX_CLOSE_RECORDING, &r);
}

static void fail(struct store_file *sf, int code)
{
    struct store *s = sf->s;
    const char *reason = store_classify(s, code);
    pthread_mutex_lock(&s->lock);
    if (sf->error >= 0)
        sf->error = code;
    s->unreported_failures++;
    int64_t now = store_real_us();
    bool tell = now - s->last_failure_alarm_us >= 10 * SECOND_US || s->last_failure_alarm_us == 0;
    uint64_t failures = s->unreported_failures;
    if (tell) {
        s->last_failure_alarm_us = now;
        s->unreported_failures = 0;
    }
    pthread_mutex_unlock(&s->lock);
    if (tell)
        store_tell(s, reason, sf->info.camera,
                   "writing failed (%s: %s), the file is closed; %llu such since the last word",
                   err_name(code), err_text(code), (unsigned long long)failures);
    finish(sf, reason);
}

static int create(struct store_file *sf)
{
    struct store *s = sf->s;
    int err = 0;
    bool made = false;
    pthread_rwlock_rdlock(&s->dir_lock);
    if (volume_probe(s) < 0)
        err = E_NOTFOUND;
    for (unsigned n = 0, races = 0; err >= 0; n++) {
        err = path_make(&sf->info, n, sf->path);
        if (err >= 0)
            err = disk_open_new(s->dirfd, sf->path, &sf->direct, &sf->fd);
        if (err == -ENOENT &&
            races++ < 8) { /* first of the day, or retention took the empty directory away */
            err = disk_make_dirs(s->dirfd, sf->path, &made);
            n--;
        } else if (err == -EEXIST && n < 100000) {
            err = 0;
        } else {
            break;
        }
    }
    pthread_rwlock_unlock(&s->dir_lock);
    return err;
}

static void preallocate(struct store_file *sf, uint64_t need)
{
    uint64_t per = sf->n_entries ? sf->end / sf->n_entries : PREALLOCATE_MIN / 4;
    uint64_t chunk = per * PREALLOCATE_FRAGMENTS;
    chunk = chunk < PREALLOCATE_MIN   ? PREALLOCATE_MIN
            : chunk > PREALLOCATE_MAX ? PREALLOCATE_MAX
                                      : chunk;
    if (chunk < need)
        chunk = need;
    chunk = (chunk + PREALLOCATE_MIN - 1) & ~(PREALLOCATE_MIN - 1);
    if (!sf->preallocate || __atomic_load_n(&sf->s->tight, __ATOMIC_RELAXED))
        return;
    if (fallocate(sf->fd, FALLOC_FL_KEEP_SIZE, (off_t)sf->end, (off_t)chunk) == 0)
        sf->allocated = sf->end + chunk;
    else if (errno != ENOSPC && errno != EINTR)
        sf->preallocate =
            false; /* not on this file system; the write itself tells about anything else */
}

static int write_out(struct store_file *sf, const uint8_t *data, size_t len)
{
    if (sf->end + len > sf->allocated)
        preallocate(sf, len);
    int err = disk_write(sf->fd, data, len, sf->end);
    if (err == -EINVAL && sf->direct) { /* direct I/O with other rules than ours */
        sf->direct = false;
        disk_buffered(sf->fd);
        err = disk_write(sf->fd, data, len, sf->end);
    }
    if (err >= 0)
        sf->end += len;
    return err;
}

static int write_head(struct store_file *sf, struct writer *w)
{
    if (w->bounce_cap < sf->head.len) {
        free(w->bounce);
        w->bounce =
            aligned_alloc(MP4_ALIGN, sf->head.len); /* a multiple of MP4_ALIGN by contract */
        w->bounce_cap = w->bounce ? sf->head.len : 0;
        if (!w->bounce)
            return -ENOMEM;
    }
    memcpy(w->bounce, sf->head.data, sf->head.len);
    int err = write_out(sf, w->bounce, sf->head.len);
    buf_release(&sf->head);
    return err;
}

static void note_success_locked(struct store *s, size_t len)
{
    s->fail_streak = 0;
    s->stats.bytes_written += len;
}

static void do_begin(struct store_file *sf, struct writer *w)
{
    struct store *s = sf->s;
    struct index_change c = {.kind = INDEX_PUT_RECORDING};
    sf->preallocate = true;
    int err = create(sf);
    if (err >= 0)
        err = write_head(sf, w);
    if (err < 0) {
        fail(sf, err);
        return;
    }
    fill_row(sf, &c.recording);
    c.recording.state = INDEX_OPEN;
    pthread_mutex_lock(&s->lock);
    note_success_locked(s, sf->end);
    s->names_dirty = true;
    store_mark_dirty_locked(sf);
    store_change_locked(s, sf, &c);
    pthread_mutex_unlock(&s->lock);
}

static int room_for_entry(struct store_file *sf)
{
    if (sf->n_entries < sf->cap_entries)
        return 0;
    size_t cap = sf->cap_entries ? sf->cap_entries + sf->cap_entries / 2 : 64;
    struct mp4_entry *v = realloc(sf->entries, cap * sizeof(*v));
    if (!v)
        return -ENOMEM;
    sf->entries = v;
    sf->cap_entries = cap;
    return 0;
}

static int write_fragment(struct store_file *sf, const struct store_op *op, struct writer *w,
                          size_t *ret_len)
{
    const uint8_t *data;
    size_t len;
    int err = mp4_fragment_finish(op->fragment, sf->sequence + 1, op->next_dts_ticks, op->utc_us,
                                  &data, &len);
    if (err == E_NOTFOUND)
        return 0; /* nothing in it */
    if (err < 0 || (err = room_for_entry(sf)) < 0)
        return err;
    struct mp4_entry *e = &sf->entries[sf->n_entries];
    mp4_fragment_entry(op->fragment, e);
    e->offset = sf->end;
    if (!EVP_DigestInit_ex(w->md, EVP_sha256(), NULL) || !EVP_DigestUpdate(w->md, data, len) ||
        !EVP_DigestFinal_ex(w->md, e->sha256, NULL))
        return E_BUG;
    err = write_out(sf, data, len);
    if (err < 0)
        return err;
    int64_t rate = sf->info.track[0].clock_rate ? sf->info.track[0].clock_rate : 90000;
    sf->n_entries++;
    sf->sequence++;
    sf->frames += e->samples;
    sf->end_us = op->utc_us + e->duration_ticks * SECOND_US / rate;
    *ret_len = len;
    return 0;
}

static void do_fragment(struct store_file *sf, struct store_op *op, struct writer *w)
{
    struct store *s = sf->s;
    size_t len = 0;
    pthread_mutex_lock(&s->lock);
    int err = sf->error;
    pthread_mutex_unlock(&s->lock);
    if (err >= 0) {
        err = write_fragment(sf, op, w, &len);
        if (err < 0)
            fail(sf, err);
    }
    pthread_mutex_lock(&s->lock);
    s->queue_bytes -= op->bytes;
    if (err >= 0) {
        note_success_locked(s, len);
        s->stats.fragments_written++;
        store_mark_dirty_locked(sf);
    } else {
        s->stats.fragments_failed++;
    }
    void (*done)(void *, struct mp4_fragment *, int) = op->done;
    void *user = op->user;
    struct mp4_fragment *f = op->fragment;
    list_append(&s->free_ops, &op->link);
    pthread_mutex_unlock(&s->lock);
    if (done)
        done(user, f, err);
}

/* @abort: reason of the store to close the file now, or "". @op: NULL if that is all there is to
 * do. */
static void work_on(struct store_file *sf, struct store_op *op, const char *abort, struct writer *w)
{
    if (*abort && !sf->finished)
        finish(sf, abort);
    if (!op)
        return;
    switch (op->kind) {
    case OP_BEGIN:
        if (!sf->finished)
            do_begin(sf, w);
        break;
    case OP_FRAGMENT:
        do_fragment(sf, op, w);
        break;
    case OP_END:
        if (!sf->finished)
            finish(sf, sf->end_reason);
        break;
    }
}

void *store_writer_main(void *arg)
{
    struct store *s = arg;
    struct writer w = {EVP_MD_CTX_new(), NULL, 0};
    pthread_mutex_lock(&s->lock);
    while (w.md) {
        while (list_empty(&s->ready) && !s->stop_writers)
            pthread_cond_wait(&s->work, &s->lock);
        if (list_empty(&s->ready))
            break;
        struct store_file *sf = list_entry(s->ready.next, struct store_file, ready);
        struct store_op *op =
            list_empty(&sf->ops) ? NULL : list_entry(sf->ops.next, struct store_op, link);
        list_remove(&sf->ready);
        if (op)
            list_remove(&op->link);
        char abort[STORE_REASON];
        memcpy(abort, sf->abort_reason, sizeof(abort));
        pthread_mutex_unlock(&s->lock);
        work_on(sf, op, abort, &w);
        pthread_mutex_lock(&s->lock);
        sf->busy = false;
        s->busy_files--;
        if (!list_empty(&sf->ops))
            store_schedule_locked(sf);
        else if (s->busy_files == 0)
            pthread_cond_broadcast(&s->idle);
        store_file_unref_locked(sf); /* the one of being busy */
    }
    pthread_mutex_unlock(&s->lock);
    EVP_MD_CTX_free(w.md);
    free(w.bounce);
    return NULL;
}
