/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/reader.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlog/durable.h"

#define CACHED_TILES 32 /* a proof walks at most four tiles wide over eight levels */

struct cached {
    struct tlog_tile tile; /* width 0: empty */
    uint64_t used;
    uint8_t hashes[TLOG_TILE_BYTES];
};

struct tlog_reader {
    struct tlog_files files;
    uint64_t size, tick;
    struct buf bundle;
    uint64_t bundle_n, bundle_size; /* what is in bundle, and of which size of the log */
    struct cached cache[CACHED_TILES];
};

static int dir_get(void *user, const char *path, struct buf *ret, struct err *reterr)
{
    char full[PATH_MAX];
    int n = snprintf(full, sizeof(full), "%s/%s", (const char *)user, path);
    if (n < 0 || (size_t)n >= sizeof(full))
        return err_set(reterr, -ENAMETOOLONG, "%s: the path is too long", (const char *)user);
    return durable_read(full, ret, reterr);
}

struct tlog_files tlog_files_dir(const char *dir)
{
    union {
        const char *in;
        void *out;
    } u = {.in = dir}; /* dir_get() only reads it */
    return (struct tlog_files){dir_get, u.out};
}

int tlog_reader_open(struct tlog_files files, uint64_t size, struct tlog_reader **ret)
{
    struct tlog_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->files = files;
    r->size = size;
    buf_init(&r->bundle, TLOG_BUNDLE_BYTES);
    *ret = r;
    return 0;
}

void tlog_reader_close(struct tlog_reader *r)
{
    if (!r)
        return;
    buf_release(&r->bundle);
    free(r);
}

void tlog_reader_grow(struct tlog_reader *r, uint64_t size)
{
    r->size = size;
}

/* A partial tile may be gone once the full one is there. */
static int get_tile(struct tlog_reader *r, struct tlog_tile t, struct buf *ret, struct err *reterr)
{
    char path[TLOG_TILE_PATH];
    int got = r->files.get(r->files.user, tlog_tile_path(&t, path), ret, reterr);
    if (got == E_NOTFOUND && t.width < TLOG_TILE_WIDTH) {
        t.width = TLOG_TILE_WIDTH;
        got = r->files.get(r->files.user, tlog_tile_path(&t, path), ret, NULL);
    }
    return got;
}

static int load_hashes(struct tlog_reader *r, struct tlog_tile t, struct cached *slot,
                       struct err *reterr)
{
    char path[TLOG_TILE_PATH];
    struct buf b;
    buf_init(&b, TLOG_TILE_BYTES);
    slot->tile.width = 0;
    int got = get_tile(r, t, &b, reterr);
    if (got >= 0 && b.len != t.width * 32 && b.len != TLOG_TILE_BYTES)
        got = err_set(reterr, E_CORRUPT, "%s has %zu bytes, not %u hashes of 32",
                      tlog_tile_path(&t, path), b.len, t.width);
    if (got >= 0) {
        memcpy(slot->hashes, b.data, t.width * 32);
        slot->tile = t;
    }
    buf_release(&b);
    return got;
}

/* The tile with at least the width it has now; the slot that was not used for longest is given up. */
static int find_tile(struct tlog_reader *r, int level, uint64_t n, struct cached **ret,
                     struct err *reterr)
{
    struct tlog_tile t = {level, n, tlog_tile_width(level, n, r->size)};
    struct cached *oldest = r->cache;
    for (struct cached *c = r->cache; c < r->cache + CACHED_TILES; c++) {
        if (c->tile.width >= t.width && c->tile.level == level && c->tile.n == n && t.width) {
            c->used = ++r->tick;
            *ret = c;
            return 0;
        }
        oldest = c->used < oldest->used ? c : oldest;
    }
    if (t.width == 0)
        return err_set(reterr, E_RANGE, "a log of %llu entries has no tile %llu at level %d",
                       (unsigned long long)r->size, (unsigned long long)n, level);
    oldest->used = ++r->tick;
    *ret = oldest;
    return load_hashes(r, t, oldest, reterr);
}

static int subtree(void *user, unsigned height, uint64_t index, struct tlog_hash *ret,
                   struct err *reterr)
{
    struct tlog_reader *r = user;
    struct cached *c = r->cache;
    unsigned inside = height % 8;
    uint64_t first = index << inside;
    int got = find_tile(r, (int)(height / 8), first / TLOG_TILE_WIDTH, &c, reterr);
    if (got < 0)
        return got;
    unsigned offset = (unsigned)(first % TLOG_TILE_WIDTH);
    if (offset + (1u << inside) > c->tile.width)
        return err_set(reterr, E_RANGE, "the log has no complete subtree there yet");
    tlog_tile_subtree(c->hashes + (size_t)offset * 32, inside, ret);
    return 0;
}

struct tlog_subtrees tlog_reader_subtrees(struct tlog_reader *r)
{
    return (struct tlog_subtrees){subtree, r};
}

/* Cut @b behind @width entries. */
static int cut_bundle(struct buf *b, const struct tlog_tile *t, struct err *reterr)
{
    char path[TLOG_TILE_PATH];
    const uint8_t *entry;
    size_t at = 0, len;
    unsigned n = 0;
    int r = 1;
    while (n < t->width && (r = tlog_bundle_next(b->data, b->len, &at, &entry, &len)) > 0)
        n++;
    if (r < 0 || n < t->width)
        return err_set(reterr, E_CORRUPT, "%s holds %u whole entries, not %u",
                       tlog_tile_path(t, path), n, t->width);
    b->len = at;
    return 0;
}

int tlog_reader_bundle(struct tlog_reader *r, uint64_t n, struct buf *ret, struct err *reterr)
{
    struct tlog_tile t = {TLOG_LEVEL_ENTRIES, n, tlog_tile_width(TLOG_LEVEL_ENTRIES, n, r->size)};
    if (t.width == 0)
        return err_set(reterr, E_RANGE, "a log of %llu entries has no bundle %llu",
                       (unsigned long long)r->size, (unsigned long long)n);
    int got = get_tile(r, t, ret, reterr);
    return got < 0 ? got : cut_bundle(ret, &t, reterr);
}

int tlog_reader_entry(struct tlog_reader *r, uint64_t index, struct buf *ret, struct err *reterr)
{
    if (index >= r->size)
        return err_set(reterr, E_RANGE, "there is no entry %llu in a log of %llu",
                       (unsigned long long)index, (unsigned long long)r->size);
    uint64_t n = index / TLOG_TILE_WIDTH;
    if (r->bundle_size != r->size || r->bundle_n != n || r->bundle.len == 0) {
        r->bundle_size = 0;
        int got = tlog_reader_bundle(r, n, &r->bundle, reterr);
        if (got < 0)
            return got;
        r->bundle_n = n;
        r->bundle_size = r->size;
    }
    const uint8_t *entry = NULL;
    size_t at = 0, len = 0;
    for (uint64_t i = 0; i <= index % TLOG_TILE_WIDTH; i++)
        if (tlog_bundle_next(r->bundle.data, r->bundle.len, &at, &entry, &len) <= 0)
            return E_CORRUPT;
    ret->len = 0;
    return buf_append(ret, entry, len);
}
