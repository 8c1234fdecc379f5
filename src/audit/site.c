/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "audit/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/facts.h"
#include "base/buf.h"
#include "base/clock.h"
#include "mp4/reader.h"
#include "seal/record.h"
#include "seal/share_file.h"
#include "tlog/durable.h"

#define DEPTH 6
#define MANIFEST_MAX ((size_t)64 << 20)
#define SHARE_FILE_MAX ((size_t)256 << 20)

/* ---- walking ---- */

struct walk {
    const char *data_dir;
    int (*file)(void *user, const char *data_dir, const char *path);
    void *user;
};

static int walk(const struct walk *w, const char *dir, int depth)
{
    char full[PATH_MAX], path[PATH_MAX];
    struct dirent **names = NULL;
    struct stat st;
    snprintf(full, sizeof(full), "%s/%s", w->data_dir, dir);
    int n = scandir(full, &names, NULL, alphasort), r = n < 0 ? -errno : 0;
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        int a = snprintf(path, sizeof(path), "%s/%s", dir, name);
        int b = snprintf(full, sizeof(full), "%s/%s/%s", w->data_dir, dir, name);
        bool fits = a > 0 && (size_t)a < sizeof(path) && b > 0 && (size_t)b < sizeof(full);
        if (r >= 0 && fits && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
            lstat(full, &st) == 0) {
            if (S_ISDIR(st.st_mode) && depth < DEPTH)
                r = walk(w, path, depth + 1);
            else if (S_ISREG(st.st_mode))
                r = w->file(w->user, w->data_dir, path);
        }
        free(names[i]);
    }
    free(names);
    return r;
}

int site_walk(const char *data_dir, const char *dir,
              int (*file)(void *user, const char *data_dir, const char *path), void *user)
{
    const struct walk w = {data_dir, file, user};
    int r = walk(&w, dir, 0);
    return r == -ENOENT ? 0 : r;
}

/* ---- recordings ---- */

/* SHA-256 of the list of hashes, the uuid box in mfra, which begins at @at. */
static bool digest_at(int fd, uint64_t at, uint8_t ret[32])
{
    uint8_t head[8], *box;
    if (pread(fd, head, sizeof(head), (off_t)at) != (ssize_t)sizeof(head) ||
        memcmp(head + 4, "mfra", 4) != 0)
        return false;
    size_t size = rd32(head);
    if (size < 8 || size > MANIFEST_MAX || !(box = malloc(size)))
        return false;
    bool found = false;
    if (pread(fd, box, size, (off_t)at) == (ssize_t)size)
        for (size_t p = 8; p + 8 <= size && !found;) {
            size_t len = rd32(box + p);
            if (len < 8 || len > size - p)
                break;
            found = memcmp(box + p + 4, "uuid", 4) == 0;
            if (found)
                crypto_hash_sha256(ret, box + p, len);
            p += len;
        }
    free(box);
    return found;
}

static int64_t end_of(const struct mp4_reader *r, const struct mp4_info *info)
{
    size_t n = mp4_reader_fragments(r);
    uint32_t rate = info->track[0].clock_rate;
    if (n == 0 || rate == 0)
        return info->start_us;
    const struct mp4_entry *last = mp4_reader_entry(r, n - 1);
    double seconds = (double)(last->dts_ticks + last->duration_ticks) / rate;
    return info->start_us + (int64_t)(seconds * 1e6);
}

static void read_recording(struct site_recording *x, int fd, bool footage)
{
    struct mp4_reader *r = NULL;
    if (mp4_reader_open(fd, &r, NULL) < 0) {
        x->damage = "it is not readable as a recording";
        return;
    }
    const struct mp4_info *info = mp4_reader_info(r);
    snprintf(x->camera, sizeof(x->camera), "%s", info->camera);
    x->view = (int)info->view;
    x->encrypted = info->encrypted;
    x->start_us = info->start_us;
    x->end_us = end_of(r, info);
    x->epoch_us = info->epoch_us;
    x->retention_days = info->retention_days;
    memcpy(x->kid, info->kid, sizeof(x->kid));
    x->closed = mp4_reader_closed(r);
    if (x->closed && !digest_at(fd, mp4_reader_valid_end(r), x->digest))
        x->damage = "its list of hashes cannot be read";
    for (size_t i = 0; footage && x->closed && i < mp4_reader_fragments(r); i++)
        if (mp4_reader_verify(r, i, NULL) < 0)
            x->damage = "its pictures are not those of its list of hashes";
    mp4_reader_close(r);
}

struct reading {
    struct site *s;
    bool footage;
};

static int take_recording(void *user, const char *data_dir, const char *path)
{
    struct reading *g = user;
    char full[PATH_MAX];
    size_t len = strlen(path);
    if (len >= SITE_PATH || len < 4 || strcmp(path + len - 4, ".mp4") != 0)
        return 0;
    struct site_recording *x = facts_grow(&g->s->recordings, &g->s->recordings_n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    memcpy(x->path, path, len + 1);
    const char *folder = strchr(path, '/');
    if (folder)
        snprintf(x->folder, sizeof(x->folder), "%.*s", (int)strcspn(folder + 1, "/"), folder + 1);
    snprintf(full, sizeof(full), "%s/%s", data_dir, path);
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        x->damage = "it cannot be opened";
        return 0;
    }
    read_recording(x, fd, g->footage);
    close(fd);
    return 0;
}

/* ---- share files ---- */

/* "keys/YYYY-MM-DD/HHMMZ-30d.shares" */
static void parse_share_path(const char *path, struct site_shares *x)
{
    char day[11], clock[5], text[32];
    int days = 0, used = 0;
    if (sscanf(path, "keys/%10[0-9-]/%4[0-9]Z-%5dd.shares%n", day, clock, &days, &used) != 3 ||
        !used || path[used] || days < 1)
        return;
    snprintf(text, sizeof(text), "%sT%.2s:%.2s:00Z", day, clock, clock + 2);
    if (time_parse(text, &x->epoch_us) == 0)
        x->days = days;
}

static int take_keys(struct site *s, size_t file, const struct buf *b)
{
    struct seal_shares *all;
    int r = seal_shares_parse(b->data, b->len, &all, NULL);
    if (r < 0)
        return r;
    s->shares[file].keys = seal_shares_count(all);
    s->shares[file].damaged = seal_shares_damaged(all);
    for (size_t i = 0; i < seal_shares_count(all) && r >= 0; i++) {
        const uint8_t *data;
        size_t len;
        struct seal_context context;
        struct seal_record record;
        struct site_key *k = facts_grow(&s->keys, &s->keys_n, sizeof(*k));
        if (!k) {
            r = -ENOMEM;
            break;
        }
        seal_shares_at(all, i, k->kid, &context, &data, &len);
        snprintf(k->camera, sizeof(k->camera), "%s", context.camera);
        k->epoch_us = context.epoch_us;
        k->file = file;
        if (seal_record_parse((const char *)data + SHARE_FILE_HEAD, rd16(data + 12), &record) >= 0)
            memcpy(k->set, record.set, sizeof(k->set));
    }
    seal_shares_free(all);
    return r;
}

static int take_shares(void *user, const char *data_dir, const char *path)
{
    struct site *s = user;
    char full[PATH_MAX];
    struct buf b;
    if (strlen(path) >= SITE_PATH)
        return 0;
    struct site_shares *x = facts_grow(&s->shares, &s->shares_n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    snprintf(x->path, sizeof(x->path), "%s", path);
    parse_share_path(path, x);
    snprintf(full, sizeof(full), "%s/%s", data_dir, path);
    buf_init(&b, SHARE_FILE_MAX);
    int r = durable_read(full, &b, NULL);
    if (r < 0)
        x->damaged = 1;
    else
        r = take_keys(s, s->shares_n - 1, &b);
    buf_release(&b);
    return r == -ENOMEM ? r : 0;
}

static int by_kid(const void *a, const void *b)
{
    return memcmp(((const struct site_key *)a)->kid, ((const struct site_key *)b)->kid, 16);
}

int site_read(const char *data_dir, bool footage, struct site *ret, struct err *reterr)
{
    struct reading g = {ret, footage};
    *ret = (struct site){0};
    int r = site_walk(data_dir, "recordings", take_recording, &g);
    if (r >= 0)
        r = site_walk(data_dir, "keys", take_shares, ret);
    if (r < 0)
        return err_set(reterr, r, "%s: %s", data_dir, err_text(r));
    if (ret->keys_n)
        qsort(ret->keys, ret->keys_n, sizeof(*ret->keys), by_kid);
    return 0;
}

void site_release(struct site *s)
{
    free(s->recordings);
    free(s->shares);
    free(s->keys);
    *s = (struct site){0};
}

const struct site_key *site_key_find(const struct site *s, const uint8_t kid[16])
{
    struct site_key want = {.file = 0};
    memcpy(want.kid, kid, sizeof(want.kid));
    return s->keys_n ? bsearch(&want, s->keys, s->keys_n, sizeof(want), by_kid) : NULL;
}
