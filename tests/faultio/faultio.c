/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * File operations that fail on demand: an LD_PRELOAD library, or linked into a test program. Rules,
 * one a line (or separated by ';'), come from the environment variable FAULTIO, from the file named
 * by FAULTIO_FILE (read again whenever it changes, also at run time), or from faultio_rules():
 *
 *     OPERATION ERRNO [path=TEXT] [after=N] [count=N] [short=N]
 *
 * OPERATION is write, sync, fallocate, truncate, open, create, rename, unlink or mkdir; `write`
 * stands for the whole family (pwrite, writev, …), `sync` for fsync, fdatasync and syncfs, `create`
 * for an open with O_CREAT. A call counts for a rule if its path holds TEXT; the first N of `after`
 * succeed, then `count` fail (default: all). `short=N` lets a failing write put N bytes on the disk
 * before, as a full disk does.
 */
#undef _FORTIFY_SOURCE   /* its inline open() and the like would be what is replaced here */
#undef _FILE_OFFSET_BITS /* both names of each function are defined here */
#include "faultio.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define RULES 16

struct rule {
    char operation[16], path[64];
    int code;
    unsigned long after, count, shorten, seen;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[RULES];
static size_t n_rules;
static struct timespec file_time;
static bool started;

static int code_of(const char *name)
{
    static const struct {
        const char *name;
        int code;
    } codes[] = {
        {"EIO", EIO},       {"ENOSPC", ENOSPC},        {"EROFS", EROFS},   {"EDQUOT", EDQUOT},
        {"EINVAL", EINVAL}, {"EACCES", EACCES},        {"EMFILE", EMFILE}, {"ENOENT", ENOENT},
        {"EINTR", EINTR},   {"EOPNOTSUPP", EOPNOTSUPP}};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(codes[i].name, name) == 0)
            return codes[i].code;
    return EIO;
}

static void parse_line(const char *line)
{
    struct rule r = {.count = (unsigned long)-1};
    char code[16], copy[256], *save = NULL;
    if (n_rules == RULES || sscanf(line, "%15s %15s", r.operation, code) != 2 || line[0] == '#')
        return;
    r.code = code_of(code);
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok_r(copy, " \t", &save); word; word = strtok_r(NULL, " \t", &save)) {
        if (strncmp(word, "path=", 5) == 0)
            snprintf(r.path, sizeof(r.path), "%s", word + 5);
        else if (strncmp(word, "after=", 6) == 0)
            r.after = strtoul(word + 6, NULL, 10);
        else if (strncmp(word, "count=", 6) == 0)
            r.count = strtoul(word + 6, NULL, 10);
        else if (strncmp(word, "short=", 6) == 0)
            r.shorten = strtoul(word + 6, NULL, 10);
    }
    rules[n_rules++] = r;
}

static void parse(const char *text)
{
    n_rules = 0;
    while (*text) {
        char line[256];
        size_t n = strcspn(text, "\n;");
        snprintf(line, sizeof(line), "%.*s", (int)n, text + strspn(text, " \t"));
        parse_line(line);
        text += n + (text[n] != 0);
    }
}

EXPORT void faultio_rules(const char *text)
{
    pthread_mutex_lock(&lock);
    started = true;
    parse(text);
    pthread_mutex_unlock(&lock);
}

EXPORT unsigned long faultio_seen(void)
{
    pthread_mutex_lock(&lock);
    unsigned long n = n_rules ? rules[0].seen : 0;
    pthread_mutex_unlock(&lock);
    return n;
}

/* By system call: our own wrappers would count these. */
static void reload_locked(void)
{
    const char *path = getenv("FAULTIO_FILE");
    char text[4096];
    struct stat st;
    if (!started) {
        const char *given = getenv("FAULTIO");
        started = true;
        if (given)
            parse(given);
    }
    if (!path)
        return;
    if (stat(path, &st) < 0) {
        n_rules = 0;
        return;
    }
    if (st.st_mtim.tv_sec == file_time.tv_sec && st.st_mtim.tv_nsec == file_time.tv_nsec)
        return;
    file_time = st.st_mtim;
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd < 0 ? 0 : read((int)fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close((int)fd);
    text[n > 0 ? n : 0] = '\0';
    parse(text);
}

/* 0, or the errno to fail with. Exactly one of @path and @fd (not -1) names the file. */
static int verdict(const char *operation, const char *path, int fd, size_t *ret_short)
{
    char link[64], name[4096] = "";
    int code = 0, saved = errno;
    pthread_mutex_lock(&lock);
    reload_locked();
    for (size_t i = 0; i < n_rules && code == 0; i++) {
        struct rule *r = &rules[i];
        if (strcmp(r->operation, operation) != 0)
            continue;
        if (!path && r->path[0] && !name[0]) {
            snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
            ssize_t n = readlink(link, name, sizeof(name) - 1);
            name[n > 0 ? n : 0] = '\0';
        }
        if (r->path[0] && !strstr(path ? path : name, r->path))
            continue;
        unsigned long at = r->seen++;
        if (at >= r->after && at - r->after < r->count) {
            code = r->code;
            if (ret_short)
                *ret_short = r->shorten;
        }
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return code;
}

#define FAIL_IF(operation, path, fd)                                                               \
    do {                                                                                           \
        int faultio_code = verdict(operation, path, fd, NULL);                                     \
        if (faultio_code) {                                                                        \
            errno = faultio_code;                                                                  \
            return -1;                                                                             \
        }                                                                                          \
    } while (0)

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
    FAIL_IF("write", NULL, fd);
    return REAL(write)(fd, data, len);
}

static ssize_t checked_pwrite(int fd, const void *data, size_t len, off_t at)
{
    size_t part = 0;
    int code = verdict("write", NULL, fd, &part);
    if (!code)
        return syscall(SYS_pwrite64, fd, data, len, at);
    if (part > 0 && part < len)
        (void)!syscall(SYS_pwrite64, fd, data, part, at);
    errno = code;
    return -1;
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    return checked_pwrite(fd, data, len, at);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    return checked_pwrite(fd, data, len, at);
}

EXPORT ssize_t writev(int fd, const struct iovec *v, int n)
{
    FAIL_IF("write", NULL, fd);
    return REAL(writev)(fd, v, n);
}

EXPORT ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
    FAIL_IF("write", NULL, fd);
    return REAL(pwritev)(fd, v, n, at);
}

EXPORT int fsync(int fd)
{
    FAIL_IF("sync", NULL, fd);
    return (int)syscall(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd)
{
    FAIL_IF("sync", NULL, fd);
    return (int)syscall(SYS_fdatasync, fd);
}

EXPORT int syncfs(int fd)
{
    FAIL_IF("sync", NULL, fd);
    return (int)syscall(SYS_syncfs, fd);
}

EXPORT int fallocate(int fd, int mode, off_t at, off_t len)
{
    FAIL_IF("fallocate", NULL, fd);
    return (int)syscall(SYS_fallocate, fd, mode, at, len);
}

EXPORT int fallocate64(int fd, int mode, off64_t at, off64_t len)
{
    FAIL_IF("fallocate", NULL, fd);
    return (int)syscall(SYS_fallocate, fd, mode, at, len);
}

EXPORT int ftruncate(int fd, off_t len)
{
    FAIL_IF("truncate", NULL, fd);
    return (int)syscall(SYS_ftruncate, fd, len);
}

EXPORT int ftruncate64(int fd, off64_t len)
{
    FAIL_IF("truncate", NULL, fd);
    return (int)syscall(SYS_ftruncate, fd, len);
}

static int checked_open(int dir, const char *path, int flags, mode_t mode)
{
    FAIL_IF(flags & O_CREAT ? "create" : "open", path, -1);
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define MODE_OF(flags, ret)                                                                        \
    mode_t ret = 0;                                                                                \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                         \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        ret = va_arg(ap, mode_t);                                                                  \
        va_end(ap);                                                                                \
    }

EXPORT int open(const char *path, int flags, ...)
{
    MODE_OF(flags, mode)
    return checked_open(AT_FDCWD, path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    MODE_OF(flags, mode)
    return checked_open(AT_FDCWD, path, flags, mode);
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
    MODE_OF(flags, mode)
    return checked_open(dir, path, flags, mode);
}

EXPORT int openat64(int dir, const char *path, int flags, ...)
{
    MODE_OF(flags, mode)
    return checked_open(dir, path, flags, mode);
}

EXPORT int rename(const char *from, const char *to)
{
    FAIL_IF("rename", from, -1);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    FAIL_IF("rename", from, -1);
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

EXPORT int unlink(const char *path)
{
    FAIL_IF("unlink", path, -1);
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

EXPORT int unlinkat(int dir, const char *path, int flags)
{
    FAIL_IF("unlink", path, -1);
    return (int)syscall(SYS_unlinkat, dir, path, flags);
}

EXPORT int mkdirat(int dir, const char *path, mode_t mode)
{
    FAIL_IF("mkdir", path, -1);
    return (int)syscall(SYS_mkdirat, dir, path, mode);
}
