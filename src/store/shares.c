/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Share files: keys/YYYY-MM-DD/HHMMZ-<days>d.shares, one for all cameras of an epoch and retention
 * class. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_private.h"

int store_shares_path(int64_t epoch_us, int retention_days, char ret[INDEX_PATH])
{
    char day[TIME_TEXT], clock[TIME_TEXT];
    if (retention_days < 1 || retention_days > 99999)
        return E_RANGE;
    snprintf(ret, INDEX_PATH, "keys/%s/%.4sZ-%dd.shares", time_format_date(epoch_us, day),
             time_format_clock(epoch_us, clock), retention_days);
    return 0;
}

/* All or nothing: after an error the file is as long as before, as far as the disk still obeys. */
static int append(int fd, const uint8_t *data, size_t len)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    int err = disk_write(fd, data, len, (uint64_t)st.st_size);
    if (err >= 0 && fdatasync(fd) < 0)
        err = -errno;
    if (err < 0 && ftruncate(fd, st.st_size) < 0)
        return err; /* a torn record stays behind; readers skip what does not parse */
    return err;
}

static int append_at(struct store *s, const char *path, const uint8_t *data, size_t len)
{
    bool made = false;
    int fd = openat(s->dirfd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW), err = 0;
    bool is_new = fd < 0 && errno == ENOENT;
    if (is_new) {
        err = disk_make_dirs(s->dirfd, path, &made);
        fd = err < 0 ? -1 : openat(s->dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    if (fd < 0)
        return err < 0 ? err : -errno;
    err = append(fd, data, len);
    close(fd);
    if (err >= 0 && is_new)
        err = disk_sync_parents(s->dirfd, path);
    return err;
}

int store_shares_append(struct store *s, int64_t epoch_us, int retention_days, const uint8_t *data,
                        size_t len, struct err *reterr)
{
    static pthread_mutex_t one_at_a_time =
        PTHREAD_MUTEX_INITIALIZER; /* fstat and write belong together */
    char path[INDEX_PATH];
    int err = store_shares_path(epoch_us, retention_days, path);
    if (err < 0)
        return err_set(reterr, err, "a retention of %d days is out of range", retention_days);
    if (volume_probe(s) < 0)
        return err_set(reterr, E_NOTFOUND, "the volume is away, no key can be made");
    pthread_mutex_lock(&one_at_a_time);
    pthread_rwlock_rdlock(&s->dir_lock);
    err = append_at(s, path, data, len);
    pthread_rwlock_unlock(&s->dir_lock);
    pthread_mutex_unlock(&one_at_a_time);
    if (err >= 0)
        return 0;
    store_classify(s, err);
    return err_set(reterr, err, "writing %s: %s", path, err_text(err));
}
