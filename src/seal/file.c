/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "seal/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(struct err *reterr, const char *doing, const char *path)
{
    int code = -errno;
    return err_set(reterr, code, "%s %s: %s", doing, path, err_text(code));
}

int seal_file_read(const char *path, uint8_t *out, size_t cap, size_t *ret_len,
                   struct stat *ret_stat, struct err *reterr)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    if (fd < 0)
        return fail(reterr, "reading", path);
    if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
        close(fd);
        return err_set(reterr, -EISDIR, "%s is a directory", path);
    }
    size_t len = 0;
    int r = 0;
    for (;;) {
        uint8_t over;
        ssize_t n = len < cap ? read(fd, out + len, cap - len) : read(fd, &over, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            r = fail(reterr, "reading", path);
        else if (n > 0 && len == cap)
            r = err_set(reterr, E_LIMIT, "%s is longer than %zu bytes", path, cap);
        if (n <= 0 || r < 0)
            break;
        len += (size_t)n;
    }
    close(fd);
    if (r < 0)
        return r;
    if (ret_stat)
        *ret_stat = st;
    *ret_len = len;
    return 0;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return fsync(fd);
}

/* rename() that leaves an existing file alone; link() where the file system cannot (NFS). */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL || link(from, to) < 0)
        return -1;
    unlink(from);
    return 0;
}

/* Directory part of @path into @dir. */
static int directory_of(const char *path, char *dir, size_t cap)
{
    const char *slash = strrchr(path, '/');
    int n = slash == path ? snprintf(dir, cap, "/")
            : slash       ? snprintf(dir, cap, "%.*s", (int)(slash - path), path)
                          : snprintf(dir, cap, ".");
    return n >= 0 && (size_t)n < cap ? 0 : -ENAMETOOLONG;
}

static int sync_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return r;
}

int seal_file_write(const char *path, const void *data, size_t len, mode_t mode, bool replace,
                    struct err *reterr)
{
    char temporary[4096], dir[4096];
    int n = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof(temporary) || directory_of(path, dir, sizeof(dir)) < 0)
        return err_set(reterr, -ENAMETOOLONG, "%s: the path is too long", path);
    int fd = mkostemp(temporary, O_CLOEXEC); /* with mode 0600 */
    if (fd < 0)
        return fail(reterr, "writing", path);
    int r = 0;
    if (write_all(fd, data, len) < 0 || (mode != 0600 && fchmod(fd, mode) < 0))
        r = fail(reterr, "writing", path);
    close(fd);
    if (r == 0 && (replace ? rename(temporary, path) : rename_new(temporary, path)) < 0)
        r = errno == EEXIST ? err_set(reterr, E_EXISTS, "%s exists already", path)
                            : fail(reterr, "writing", path);
    if (r < 0)
        unlink(temporary);
    if (r == 0 && sync_directory(dir) < 0)
        r = fail(reterr, "syncing", dir);
    return r;
}
