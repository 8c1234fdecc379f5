/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A recording finished from its file alone: after a crash, after a failed disk, and for the offline
 * tools. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mp4/reader.h"
#include "store/store_private.h"

#define MANIFEST_MAX (64u << 20)

/* The manifest is the one uuid box in mfra. */
static int hash_in_mfra(const uint8_t *p, size_t len, uint8_t ret[32])
{
    for (size_t at = 8; at + 8 <= len;) {
        uint32_t size = rd32(p + at);
        if (size < 8 || size > len - at)
            return E_CORRUPT;
        if (memcmp(p + at + 4, "uuid", 4) == 0)
            return EVP_Digest(p + at, size, ret, NULL, EVP_sha256(), NULL) ? 0 : E_BUG;
        at += size;
    }
    return E_CORRUPT;
}

/* SHA-256 of the manifest box; mfra begins where the last fragment ends. */
static int hash_manifest(int fd, uint64_t at, uint8_t ret[32])
{
    uint8_t head[8];
    int err = disk_read(fd, head, sizeof(head), at);
    if (err < 0)
        return err;
    uint32_t size = rd32(head);
    if (memcmp(head + 4, "mfra", 4) != 0 || size < 8 || size > MANIFEST_MAX)
        return E_CORRUPT;
    uint8_t *box = malloc(size);
    if (!box)
        return -ENOMEM;
    err = disk_read(fd, box, size, at);
    if (err >= 0)
        err = hash_in_mfra(box, size, ret);
    free(box);
    return err;
}

static void row_from(const char *path, const struct mp4_reader *r, struct index_recording *row)
{
    const struct mp4_info *info = mp4_reader_info(r);
    size_t n = mp4_reader_fragments(r);
    memset(row, 0, sizeof(*row));
    snprintf(row->camera, sizeof(row->camera), "%s", info->camera);
    snprintf(row->path, sizeof(row->path), "%s", path);
    row->view = (int)info->view;
    row->start_us = info->start_us;
    row->end_us = info->start_us + (n ? disk_entry_end_us(info, mp4_reader_entry(r, n - 1)) : 0);
    row->epoch_us = info->epoch_us;
    row->retention_days = info->retention_days;
    memcpy(row->kid, info->kid, sizeof(row->kid));
    for (size_t i = 0; i < n; i++)
        row->frames += mp4_reader_entry(r, i)->samples;
    row->bytes = (int64_t)mp4_reader_file_size(r);
    if (mp4_reader_closed(r) && mp4_reader_end_reason(r)) {
        row->state = INDEX_CLOSED;
        snprintf(row->end_reason, sizeof(row->end_reason), "%s", mp4_reader_end_reason(r));
    }
}

static bool begins_with_zeros(int fd)
{
    uint8_t page[4096];
    ssize_t n = pread(fd, page, sizeof(page), 0);
    for (ssize_t i = 0; i < n; i++)
        if (page[i])
            return false;
    return n >= 0;
}

/* A file without a whole head has never had a fragment: the head was written first and alone. */
static enum recover_result judge_headless(int fd, int code, uint64_t size)
{
    if (size == 0 || code == E_TRUNCATED || (begins_with_zeros(fd) && size <= (1u << 20)))
        return RECOVER_EMPTY;
    return RECOVER_DAMAGED;
}

static int open_reader(int fd, struct mp4_reader **ret, enum recover_result *ret_result,
                       uint64_t *ret_size, struct err *reterr)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    *ret_size = (uint64_t)st.st_size;
    struct err e = {0};
    int err = mp4_reader_open(fd, ret, &e);
    if (err >= 0) {
        *ret_result = mp4_reader_closed(*ret)           ? RECOVER_WAS_CLOSED
                      : mp4_reader_fragments(*ret) == 0 ? RECOVER_EMPTY
                                                        : RECOVER_CLOSED;
        return 0;
    }
    *ret = NULL;
    if (err == -EIO || err == -ENOMEM || err == -EACCES) /* says nothing about the file */
        return err_set(reterr, err, "%s", err_str(&e, err));
    *ret_result = judge_headless(fd, err, *ret_size);
    return 0;
}

int recover_probe(int dirfd, const char *path, enum recover_result *ret,
                  struct index_recording *ret_row, uint64_t *ret_end, uint64_t *ret_size,
                  struct err *reterr)
{
    struct mp4_reader *r = NULL;
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_set(reterr, errno == ENOENT ? E_NOTFOUND : -errno, "%s: %s", path,
                       strerror(errno));
    memset(ret_row, 0, sizeof(*ret_row));
    *ret_end = 0;
    int err = open_reader(fd, &r, ret, ret_size, reterr);
    if (err >= 0 && r) {
        row_from(path, r, ret_row);
        *ret_end = mp4_reader_valid_end(r);
        if (*ret == RECOVER_WAS_CLOSED && hash_manifest(fd, *ret_end, ret_row->manifest) < 0)
            *ret = RECOVER_CLOSED; /* its tail is no good: make it again */
    }
    mp4_reader_close(r);
    close(fd);
    return err;
}

static int hash_entries(int fd, const struct mp4_reader *r, struct mp4_entry *entries,
                        const atomic_bool *stop)
{
    uint8_t *data = malloc(MP4_FRAGMENT_MAX);
    int err = data ? 0 : -ENOMEM;
    for (size_t i = 0; err >= 0 && i < mp4_reader_fragments(r); i++) {
        entries[i] = *mp4_reader_entry(r, i);
        if (stop && atomic_load(stop))
            err = E_CLOSED;
        else if (entries[i].length > MP4_FRAGMENT_MAX)
            err = E_CORRUPT;
        else
            err = disk_read(fd, data, entries[i].length, entries[i].offset);
        if (err >= 0 &&
            !EVP_Digest(data, entries[i].length, entries[i].sha256, NULL, EVP_sha256(), NULL))
            err = E_BUG;
    }
    free(data);
    return err;
}

static int close_again(int fd, struct mp4_reader *r, const char *reason,
                       struct index_recording *row, const atomic_bool *stop)
{
    size_t n = mp4_reader_fragments(r);
    uint64_t end = mp4_reader_valid_end(r), size = 0;
    struct mp4_entry *entries = calloc(n, sizeof(*entries));
    int err = entries ? 0 : -ENOMEM;
    if (err >= 0 && ftruncate(fd, (off_t)end) < 0)
        err = -errno;
    if (err >= 0)
        err = hash_entries(fd, r, entries, stop);
    if (err >= 0)
        err = disk_finish(fd, mp4_reader_info(r), entries, n, end, reason, &size, row->manifest);
    if (err >= 0 && fdatasync(fd) < 0)
        err = -errno;
    if (err >= 0) {
        row->bytes = (int64_t)size;
        row->state = INDEX_CLOSED;
        snprintf(row->end_reason, sizeof(row->end_reason), "%s", reason);
    }
    free(entries);
    return err;
}

int recover_file(int dirfd, const char *path, const char *reason, enum recover_result *ret,
                 struct index_recording *ret_row, const atomic_bool *stop, struct err *reterr)
{
    struct mp4_reader *r = NULL;
    uint64_t size;
    int fd = openat(dirfd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_set(reterr, errno == ENOENT ? E_NOTFOUND : -errno, "%s: %s", path,
                       strerror(errno));
    memset(ret_row, 0, sizeof(*ret_row));
    int err = open_reader(fd, &r, ret, &size, reterr);
    if (err >= 0 && r)
        row_from(path, r, ret_row);
    if (err >= 0 && *ret == RECOVER_WAS_CLOSED &&
        hash_manifest(fd, mp4_reader_valid_end(r), ret_row->manifest) < 0)
        *ret = RECOVER_CLOSED;
    if (err >= 0 && *ret == RECOVER_CLOSED) {
        err = close_again(fd, r, reason, ret_row, stop);
        if (err < 0)
            err_set(reterr, err, "%s: %s", path, err_text(err));
    }
    mp4_reader_close(r);
    close(fd);
    return err;
}
