/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One file on the disk. Direct I/O: buffered writing of 2,000 growing files cost over ten times the
 * CPU time. */
#include "store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int disk_make_dirs(int dirfd, const char *path, bool *ret_made)
{
    char dir[INDEX_PATH];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t n = (size_t)(slash - path);
        if (n >= sizeof(dir))
            return -ENAMETOOLONG;
        memcpy(dir, path, n);
        dir[n] = '\0';
        if (mkdirat(dirfd, dir, 0700) == 0)
            *ret_made = true;
        else if (errno != EEXIST)
            return -errno;
    }
    return 0;
}

int disk_sync_parents(int dirfd, const char *path)
{
    char dir[INDEX_PATH];
    snprintf(dir, sizeof(dir), "%s", path);
    for (char *slash = strrchr(dir, '/'); slash; slash = strrchr(dir, '/')) {
        *slash = '\0';
        int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return -errno;
        int err = fsync(fd) < 0 ? -errno : 0;
        close(fd);
        if (err < 0)
            return err;
    }
    return fsync(dirfd) < 0 ? -errno : 0;
}

int disk_open_new(int dirfd, const char *path, bool *ret_direct, int *ret_fd)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd = openat(dirfd, path, flags | O_DIRECT, 0600);
    *ret_direct = fd >= 0;
    if (fd < 0 && errno == EINVAL) {
        /* The file system knows no direct I/O. Linux may have made the name before it refused. */
        unlinkat(dirfd, path, 0);
        fd = openat(dirfd, path, flags, 0600);
    }
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

void disk_buffered(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && flags & O_DIRECT)
        (void)fcntl(fd, F_SETFL, flags & ~O_DIRECT);
}

int disk_write(int fd, const void *data, size_t len, uint64_t at)
{
    const uint8_t *p = data;
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO;
        p += n, at += (uint64_t)n, len -= (size_t)n;
        if (len > 0 && len % MP4_ALIGN != 0)
            disk_buffered(fd); /* cut short at an odd place: direct I/O cannot go on from there */
    }
    return 0;
}

int disk_read(int fd, void *data, size_t len, uint64_t at)
{
    uint8_t *p = data;
    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return E_TRUNCATED;
        p += n, at += (uint64_t)n, len -= (size_t)n;
    }
    return 0;
}

unsigned disk_max_fragments(const struct mp4_info *info)
{
    int64_t seconds = info->epoch_length_us / SECOND_US;
    if (seconds < 0 || seconds > 7200)
        seconds = 7200;
    return (unsigned)(seconds + seconds / 4 + 16); /* fragments of a second; some end early */
}

int64_t disk_entry_end_us(const struct mp4_info *info, const struct mp4_entry *e)
{
    int64_t rate = info->track[0].clock_rate ? info->track[0].clock_rate : 90000;
    int64_t ticks = e->dts_ticks + (int64_t)e->duration_ticks;
    return ticks / rate * SECOND_US + ticks % rate * SECOND_US / rate;
}

int disk_finish(int fd, const struct mp4_info *info, const struct mp4_entry *entries, size_t n,
                uint64_t end, const char *reason, uint64_t *ret_size, uint8_t ret_manifest[32])
{
    struct buf b;
    uint64_t at = 0;
    buf_init(&b, 0);
    disk_buffered(fd);
    /* A file with more fragments than expected goes without a sidx; the mfra finds everything, too.
     */
    int err = mp4_sidx_build(info, entries, n, disk_max_fragments(info), &b, &at);
    if (err >= 0)
        err = disk_write(fd, b.data, b.len, at);
    else if (err == E_LIMIT || err == E_FULL)
        err = 0;
    b.len = 0;
    if (err >= 0)
        err = mp4_tail_build(info, entries, n, end, reason, &b, ret_manifest);
    if (err >= 0)
        err = disk_write(fd, b.data, b.len, end);
    if (err >= 0 &&
        ftruncate(fd, (off_t)(end + b.len)) < 0) /* frees what was preallocated behind it */
        err = -errno;
    if (err >= 0)
        *ret_size = end + b.len;
    buf_release(&b);
    return err < 0 ? err : 0;
}
