/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The volume: its name, whether it is still there, whether there is room. */
#include "store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ID_FILE "volume-id"

int volume_read_id(int dirfd, char ret[STORE_UUID])
{
    int fd = openat(dirfd, ID_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? E_NOTFOUND : -errno;
    ssize_t n = read(fd, ret, STORE_UUID - 1);
    int err = n < 0 ? -errno : n == STORE_UUID - 1 ? 0 : E_CORRUPT;
    ret[STORE_UUID - 1] = '\0';
    close(fd);
    return err;
}

static int make_id(int dirfd, char ret[STORE_UUID])
{
    uint8_t r[16];
    if (RAND_bytes(r, sizeof(r)) != 1)
        return E_BUG;
    r[6] = (uint8_t)((r[6] & 0x0f) | 0x40),
    r[8] = (uint8_t)((r[8] & 0x3f) | 0x80); /* RFC 9562 §5.4, version 4 */
    snprintf(ret, STORE_UUID,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
             r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
             r[15]);
    int fd = openat(dirfd, ID_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int err = disk_write(fd, ret, STORE_UUID - 1, 0);
    if (err >= 0)
        err = disk_write(fd, "\n", 1, STORE_UUID - 1);
    if (err >= 0 && fsync(fd) < 0)
        err = -errno;
    close(fd);
    if (err >= 0 && renameat(dirfd, ID_FILE ".new", dirfd, ID_FILE) < 0)
        err = -errno;
    if (err >= 0 && fsync(dirfd) < 0)
        err = -errno;
    return err;
}

int volume_lock(const char *path, int *ret, struct err *reterr)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(reterr, -errno, "opening %s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        close(fd);
        return err_set(reterr, E_BUSY, "%s is in use by another process of lethe", path);
    }
    *ret = fd;
    return 0;
}

int volume_open(struct store *s, struct err *reterr)
{
    if (mkdir(s->data_dir, 0700) < 0 && errno != EEXIST)
        return err_set(reterr, -errno, "creating %s: %s", s->data_dir, strerror(errno));
    int err = volume_lock(s->data_dir, &s->dirfd, reterr);
    if (err < 0)
        return err;
    err = volume_read_id(s->dirfd, s->uuid);
    if (err == E_NOTFOUND)
        s->uuid[0] = '\0'; /* new, or not mounted: the index decides */
    else if (err < 0)
        return err_set(reterr, err, "reading %s/" ID_FILE ": %s", s->data_dir, err_text(err));
    return 0;
}

int store_name_volume(const char *data_dir, struct index *ix, struct err *reterr)
{
    char id[STORE_UUID], known[STORE_UUID];
    int fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(reterr, -errno, "opening %s: %s", data_dir, err_text(-errno));
    int err = volume_read_id(fd, id);
    if (err == E_NOTFOUND &&
        ix->ops->meta_get(ix, "volume_id", known, sizeof(known)) == E_NOTFOUND) {
        err = make_id(fd, id);
        if (err < 0)
            err_set(reterr, err, "writing %s/" ID_FILE ": %s", data_dir, err_text(err));
    }
    close(fd);
    return err == E_NOTFOUND ? 0 : err;
}

int volume_bind(struct store *s, struct index *ix, bool *ret_index_is_new, struct err *reterr)
{
    char known[STORE_UUID] = "";
    const struct index_ops *ops = s->cfg.index_ops;
    int err = ops->meta_get(ix, "volume_id", known, sizeof(known));
    if (err < 0 && err != E_NOTFOUND)
        return err_set(reterr, err, "reading the index: %s", err_text(err));
    *ret_index_is_new = err == E_NOTFOUND;
    if (known[0] && !s->uuid[0])
        return err_set(reterr, E_MISMATCH,
                       "%s/" ID_FILE " is missing, the index knows volume %s: is the disk mounted?",
                       s->data_dir, known);
    if (known[0] && strcmp(known, s->uuid) != 0)
        return err_set(reterr, E_MISMATCH, "%s is volume %s, the index belongs to volume %s",
                       s->data_dir, s->uuid, known);
    if (!s->uuid[0]) {
        err = make_id(s->dirfd, s->uuid);
        if (err < 0)
            return err_set(reterr, err, "writing %s/" ID_FILE ": %s", s->data_dir, err_text(err));
    }
    return known[0] ? 0 : ops->meta_put(ix, "volume_id", s->uuid, reterr);
}

/* Looks by name, as every reader and the next start will. Holding the directory's descriptor would
 * not notice. */
int volume_probe(struct store *s)
{
    char id[STORE_UUID];
    int fd = open(s->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return E_NOTFOUND;
    int err = volume_read_id(fd, id);
    close(fd);
    return err < 0 || strcmp(id, s->uuid) != 0 ? E_NOTFOUND : 0;
}

/* Is the directory that we hold the one at the path? */
static bool same_directory(struct store *s)
{
    struct stat held, now;
    return fstat(s->dirfd, &held) == 0 && stat(s->data_dir, &now) == 0 &&
           held.st_dev == now.st_dev && held.st_ino == now.st_ino;
}

int volume_reopen(struct store *s)
{
    int fd = -1;
    if (same_directory(s))
        return 0;
    int err = volume_lock(s->data_dir, &fd, NULL);
    if (err < 0)
        return err;
    pthread_rwlock_wrlock(&s->dir_lock);
    close(s->dirfd);
    s->dirfd = fd;
    pthread_rwlock_unlock(&s->dir_lock);
    return 0;
}

int store_space_free(struct store *s, uint64_t *ret_total, uint64_t *ret_free)
{
    struct statvfs v;
    pthread_rwlock_rdlock(&s->dir_lock);
    int err = fstatvfs(s->dirfd, &v) < 0 ? -errno : 0;
    pthread_rwlock_unlock(&s->dir_lock);
    if (err < 0)
        return err;
    *ret_total = (uint64_t)v.f_blocks * v.f_frsize;
    *ret_free = (uint64_t)v.f_bavail * v.f_frsize;
    return v.f_flag & ST_RDONLY ? -EROFS : 0;
}

int64_t store_reserve(const struct store *s)
{
    return s->cfg.reserve_bytes > 0 ? s->cfg.reserve_bytes : (int64_t)1 << 30;
}

static void lost(struct store *s)
{
    store_set_state(s, STORE_VOLUME_LOST,
                    "the volume is no longer at its place, nothing is written until it is back");
    store_abort_all(s, "volume-lost", E_NOTFOUND);
    pthread_mutex_lock(&s->lock);
    pthread_cond_signal(&s->index_wake);
    pthread_cond_signal(&s->maint_wake);
    pthread_mutex_unlock(&s->lock);
}

/* With policy oldest-first recording goes on while space is made; it stops when that does not keep
 * up. */
static void full(struct store *s, int64_t free_bytes)
{
    pthread_mutex_lock(&s->lock);
    s->want_space = s->cfg.full_oldest_first;
    if (s->want_space)
        pthread_cond_signal(&s->maint_wake);
    bool stop = !s->want_space || free_bytes < store_reserve(s) / 4;
    enum store_state state = s->state;
    pthread_mutex_unlock(&s->lock);
    if (!stop || state == STORE_DISK_FULL)
        return;
    store_set_state(s, STORE_DISK_FULL,
                    s->cfg.full_oldest_first
                        ? "the disk is full and there is nothing old enough to delete in time"
                        : "the reserve of free disk space is reached, recording stops by policy");
    store_abort_all(s, "disk-full", -ENOSPC);
}

void volume_tick(struct store *s)
{
    uint64_t total = 0, free_bytes = 0;
    pthread_mutex_lock(&s->lock);
    bool was_lost = s->state == STORE_VOLUME_LOST;
    pthread_mutex_unlock(&s->lock);
    if (volume_probe(s) < 0 || (!was_lost && !same_directory(s))) {
        if (!was_lost)
            lost(s);
        return;
    }
    if (was_lost && volume_reopen(s) < 0)
        return;
    int err = store_space_free(s, &total, &free_bytes);
    int64_t reserve = store_reserve(s), have = (int64_t)free_bytes;
    pthread_mutex_lock(&s->lock);
    if (total > 0)
        s->stats.bytes_total = total, s->stats.bytes_free = free_bytes;
    __atomic_store_n(&s->tight, have < reserve * 2, __ATOMIC_RELAXED);
    enum store_state state = s->state;
    bool healed = store_real_us() - s->last_fail_us > 5 * s->tick_us;
    pthread_mutex_unlock(&s->lock);
    if (err == -EROFS) {
        if (state != STORE_READ_ONLY) {
            store_set_state(s, STORE_READ_ONLY,
                            "the disk became read-only, recording stops until it can be written");
            store_abort_all(s, "write-failed", -EROFS);
        }
    } else if (have < reserve) {
        full(s, have);
    } else if (state == STORE_DISK_FULL && have < reserve + reserve / 10) {
        return; /* a little more, so that it does not flap */
    } else if (state != STORE_OK && (state != STORE_WRITE_FAILED || healed)) {
        store_set_state(s, STORE_OK, NULL);
    }
}
