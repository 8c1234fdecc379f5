/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "serve/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_POLL_US 100000

static int fail(struct err *e, const char *what, const char *path)
{
    int code = -errno;
    return err_set(e, code, "cannot %s %s: %s", what, path, err_text(code));
}

/* Like mkdir -p; only the last part gets mode 0700 and the owner. */
static int make_dir(const char *path, uid_t uid, gid_t gid, struct err *reterr)
{
    char part[PATH_MAX];
    if (strlen(path) >= sizeof(part))
        return err_set(reterr, -ENAMETOOLONG, "the path of the data directory is too long");
    snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return fail(reterr, "create", part);
        *slash = '/';
    }
    if (mkdir(path, 0700) < 0)
        return errno == EEXIST ? 0 : fail(reterr, "create", path);
    if (uid != (uid_t)-1 && chown(path, uid, gid) < 0)
        return fail(reterr, "give away", path);
    return 0;
}

static uid_t walk_uid;
static gid_t walk_gid;

static int chown_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)type, (void)ftw;
    return st->st_uid == walk_uid && st->st_gid == walk_gid ? 0 : lchown(path, walk_uid, walk_gid);
}

static int check_dir(const char *data, uid_t uid, bool first, struct err *reterr)
{
    struct stat st;
    if (stat(data, &st) < 0)
        return fail(reterr, "look at", data);
    if (!S_ISDIR(st.st_mode))
        return err_set(reterr, -ENOTDIR, "%s is not a directory", data);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return err_set(reterr, E_DENIED,
                       "others may write to %s; say chmod 0700 %s and start again", data, data);
    uid_t want = uid == (uid_t)-1 ? geteuid() : uid;
    bool ours = st.st_uid == want || want == 0 || (first && geteuid() == 0);
    if (!ours)
        return err_set(reterr, E_DENIED,
                       "%s belongs to user id %u, but Lethe is to run as user id %u; start it as "
                       "the owner, or say "
                       "chown -R %u %s",
                       data, (unsigned)st.st_uid, (unsigned)want, (unsigned)want, data);
    return 0;
}

int datadir_prepare(const char *data, uid_t uid, gid_t gid, bool *ret_first_run, struct err *reterr)
{
    char path[PATH_MAX];
    int r = make_dir(data, uid, gid, reterr);
    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "%s/lethe.db", data);
    bool first = access(path, F_OK) < 0;
    r = check_dir(data, uid, first, reterr);
    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "%s/run", data);
    r = make_dir(path, uid, gid, reterr);
    if (r < 0)
        return r;
    walk_uid = uid, walk_gid = gid;
    if (first && uid != (uid_t)-1 && nftw(data, chown_entry, 16, FTW_PHYS) != 0)
        return fail(reterr, "give away what is in", data);
    if (ret_first_run)
        *ret_first_run = first;
    return 0;
}

static long read_pid(int fd)
{
    char text[24] = "";
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

static int write_pid(int fd, const char *path, struct err *reterr)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
        return fail(reterr, "write", path);
    return 0;
}

int datadir_lock(const char *data, long long wait_us, int *ret_fd, struct err *reterr)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/run/lock", data);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(reterr, "open", path);
    int r;
    for (long long waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_POLL_US) {
        if (errno != EWOULDBLOCK) {
            r = fail(reterr, "lock", path);
            goto out;
        }
        long pid = read_pid(fd);
        bool alive = pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
        if (alive || waited >= wait_us) {
            r = err_set(
                reterr, E_BUSY,
                "%s is in use by process %ld; one instance per data directory, stop that one first",
                data, pid);
            goto out;
        }
        nanosleep(&(struct timespec){0, LOCK_POLL_US * 1000L}, NULL);
    }
    r = write_pid(fd, path, reterr);
    if (r >= 0) {
        *ret_fd = fd;
        return 0;
    }
out:
    close(fd);
    return r;
}

int datadir_write_run(const char *data, const char *name, const char *text, size_t len,
                      struct err *reterr)
{
    char path[PATH_MAX], next[PATH_MAX + 8];
    snprintf(path, sizeof(path), "%s/run/%s", data, name);
    snprintf(next, sizeof(next), "%s.new", path);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(reterr, "create", next);
    ssize_t n = write(fd, text, len);
    int r = n == (ssize_t)len ? 0
            : n < 0           ? fail(reterr, "write", next)
                              : err_set(reterr, -ENOSPC, "cannot write all of %s", next);
    close(fd);
    if (r >= 0 && rename(next, path) < 0)
        r = fail(reterr, "rename to", path);
    return r;
}
