/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/durable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)65536)

static int fail(struct err *reterr, const char *doing, const char *path)
{
    int code = errno ? -errno : -EIO;
    return err_set(reterr, code, "%s %s: %s", doing, path, err_text(code));
}

static int sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return r;
}

static bool split_dir(const char *path, char dir[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len >= PATH_MAX)
        return false;
    snprintf(dir, PATH_MAX, "%.*s", slash ? (int)(len ? len : 1) : 1, slash ? path : ".");
    return true;
}

/* Like mkdir -p; each directory made is synced into the one above it. */
static int make_dirs(const struct durable *d, const char *dir)
{
    char above[PATH_MAX];
    if (mkdir(dir, 0755) == 0)
        return d->sync && split_dir(dir, above) ? sync_dir(above) : 0;
    if (errno == EEXIST)
        return 0;
    if (errno != ENOENT || !split_dir(dir, above) || make_dirs(d, above) < 0)
        return -1;
    if (mkdir(dir, 0755) < 0 && errno != EEXIST)
        return -1;
    return d->sync ? sync_dir(above) : 0;
}

static int remember(struct durable *d, const char *dir, struct err *reterr)
{
    for (size_t i = d->dirs_n; i > 0; i--)
        if (strcmp(d->dirs[i - 1], dir) == 0)
            return 0;
    if (d->dirs_n == DURABLE_DIRS) {
        int r = durable_flush(d, reterr);
        if (r < 0)
            return r;
    }
    d->dirs[d->dirs_n] = strdup(dir);
    if (!d->dirs[d->dirs_n])
        return -ENOMEM;
    d->dirs_n++;
    return 0;
}

static int write_all(int fd, const char *data, size_t len, bool sync)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n ? errno : ENOSPC;
            return -1;
        }
        data += n;
        len -= (size_t)n;
    }
    return sync ? fsync(fd) : 0;
}

int durable_write(struct durable *d, const char *path, const void *data, size_t len, mode_t mode,
                  struct err *reterr)
{
    char temporary[PATH_MAX], dir[PATH_MAX];
    int n = snprintf(temporary, sizeof(temporary), "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof(temporary) || !split_dir(path, dir))
        return err_set(reterr, -ENAMETOOLONG, "%s: the path is too long", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0 && errno == ENOENT) {
        if (make_dirs(d, dir) < 0)
            return fail(reterr, "making", dir);
        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    }
    if (fd < 0)
        return fail(reterr, "writing", path);
    int r = write_all(fd, data, len, d->sync) < 0 ? fail(reterr, "writing", path) : 0;
    close(fd);
    if (r == 0 && rename(temporary, path) < 0)
        r = fail(reterr, "writing", path);
    if (r < 0)
        unlink(temporary);
    return r < 0 || !d->sync ? r : remember(d, dir, reterr);
}

int durable_flush(struct durable *d, struct err *reterr)
{
    int r = 0;
    for (size_t i = 0; i < d->dirs_n; i++)
        if (r == 0 && sync_dir(d->dirs[i]) < 0)
            r = fail(reterr, "syncing", d->dirs[i]);
    durable_release(d);
    return r;
}

void durable_release(struct durable *d)
{
    for (size_t i = 0; i < d->dirs_n; i++)
        free(d->dirs[i]);
    d->dirs_n = 0;
}

int durable_replace(const char *path, const void *data, size_t len, mode_t mode, bool sync,
                    struct err *reterr)
{
    struct durable d = {.sync = sync};
    int r = durable_write(&d, path, data, len, mode, reterr);
    if (r >= 0)
        r = durable_flush(&d, reterr);
    durable_release(&d);
    return r;
}

int durable_read(const char *path, struct buf *ret, struct err *reterr)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r = 0;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return err_set(reterr, E_NOTFOUND, "%s is not there", path);
    if (fd < 0)
        return fail(reterr, "reading", path);
    ret->len = 0;
    for (ssize_t got = 1; r >= 0 && got != 0;) {
        uint8_t over;
        size_t room = ret->ceiling - ret->len;
        size_t want = room < CHUNK_BYTES ? room : CHUNK_BYTES;
        r = buf_reserve(ret, want);
        if (r < 0)
            break;
        got = room ? read(fd, ret->data + ret->len, want) : read(fd, &over, 1);
        if (got < 0 && errno != EINTR)
            r = -errno;
        else if (got > 0 && !room)
            r = E_LIMIT;
        else if (got > 0)
            ret->len += (size_t)got;
    }
    close(fd);
    return r < 0 ? err_set(reterr, r, "reading %s: %s", path, err_text(r)) : 0;
}

int durable_remove_dir(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    char file[PATH_MAX];
    if (!d)
        return errno == ENOENT ? 0 : -errno;
    while ((e = readdir(d))) {
        int n = snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.' && n > 0 && (size_t)n < sizeof(file))
            unlink(file);
    }
    closedir(d);
    return rmdir(path) < 0 ? -errno : 0;
}
