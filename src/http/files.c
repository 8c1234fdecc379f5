/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"

#define DEPTH 4

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".woff2", "font/woff2"},
        {".txt", "text/plain; charset=utf-8"},
        {".wasm", "application/wasm"},
        {".mjs", "text/javascript; charset=utf-8"},
    };
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t n = strlen(types[i][0]);
        if (len > n && strcmp(name + len - n, types[i][0]) == 0)
            return types[i][1];
    }
    return NULL;
}

static int read_file(int fd, const struct stat *st, struct http_file *f)
{
    uint8_t digest[32];
    f->size = (size_t)st->st_size;
    f->data = malloc(f->size ? f->size : 1);
    if (!f->data)
        return -ENOMEM;
    for (size_t at = 0; at < f->size;) {
        ssize_t n = read(fd, f->data + at, f->size - at);
        if (n <= 0)
            return n < 0 ? -errno : E_TRUNCATED;
        at += (size_t)n;
    }
    if (EVP_Digest(f->data, f->size, digest, NULL, EVP_sha256(), NULL) != 1)
        return E_CRYPTO;
    f->etag[0] = '"';
    hex_encode(digest, 16, f->etag + 1);
    memcpy(f->etag + 33, "\"", 2);
    return 0;
}

static int add_file(struct http_files *f, int dir, const char *name, const char *path)
{
    struct stat st;
    if (!type_of(name))
        return 0;
    if (f->count == HTTP_FILES_COUNT)
        return E_LIMIT;
    if (f->count == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 64;
        struct http_file *grown = reallocarray(f->file, cap, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        f->file = grown;
        f->cap = cap;
    }
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ELOOP ? 0 : -errno;
    struct http_file *file = &f->file[f->count];
    *file = (struct http_file){.type = type_of(name), .lasting = strncmp(path, "/assets/", 8) == 0};
    snprintf(file->path, sizeof(file->path), "%s", path);
    int r = fstat(fd, &st) < 0 ? -errno : 0;
    if (r >= 0 && S_ISREG(st.st_mode)) {
        f->bytes += (size_t)st.st_size;
        r = f->bytes > HTTP_FILES_BYTES ? E_LIMIT : read_file(fd, &st, file);
        f->count++;
    }
    close(fd);
    return r;
}

static int add_folder(struct http_files *f, int parent, const char *name, const char *prefix,
                      int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int code = -errno;
        if (fd >= 0)
            close(fd);
        return code;
    }
    int r = 0;
    struct dirent *e;
    while (r >= 0 && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): before any thread */
        char path[192];
        struct stat st;
        int n = snprintf(path, sizeof(path), "%s/%s", prefix, e->d_name);
        if (e->d_name[0] == '.' || n < 0 || (size_t)n >= sizeof(path) ||
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH)
            r = add_folder(f, fd, e->d_name, path, depth + 1);
        else if (S_ISREG(st.st_mode))
            r = add_file(f, fd, e->d_name, path);
    }
    closedir(dir);
    return r;
}

static int by_path(const void *a, const void *b)
{
    const struct http_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static const struct http_file *find(const struct http_files *f, const char *path)
{
    struct http_file key = {0};
    if (!f->count || strlen(path) >= sizeof(key.path))
        return NULL;
    snprintf(key.path, sizeof(key.path), "%s", path);
    return bsearch(&key, f->file, f->count, sizeof(key), by_path);
}

int http_files_load(const char *dir, struct http_files *ret, struct err *reterr)
{
    struct http_files f = {0};
    int r = add_folder(&f, AT_FDCWD, dir, "", 0);
    if (r >= 0 && f.count)
        qsort(f.file, f.count, sizeof(f.file[0]), by_path);
    if (r >= 0 && !find(&f, "/index.html"))
        r = -ENOENT;
    if (r < 0) {
        http_files_release(&f);
        *ret = f;
        return err_set(reterr, r, "the application in %s: %s", dir, err_text(r));
    }
    *ret = f;
    return 0;
}

void http_files_release(struct http_files *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->file[i].data);
    free(f->file);
    *f = (struct http_files){0};
}

int http_files_reply(const struct http_files *f, const struct http_request *rq,
                     struct http_reply *rp)
{
    const struct http_file *file = find(f, strcmp(rq->path, "/") == 0 ? "/index.html" : rq->path);
    if (!file)
        return 0;
    const char *known = http_header(rq, "If-None-Match");
    rp->type = file->type;
    rp->cache = file->lasting ? HTTP_LASTING : HTTP_REVALIDATE;
    snprintf(rp->etag, sizeof(rp->etag), "%s", file->etag);
    if (known && strstr(known, file->etag)) {
        rp->status = 304;
        return 1;
    }
    rp->self = file->data;
    rp->length = file->size;
    return 1;
}
