/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/frontier.h"

#include <string.h>

static unsigned width(const struct tlog_frontier *f, unsigned level)
{
    return (unsigned)(f->size >> (8 * level)) % TLOG_TILE_WIDTH;
}

void tlog_frontier_init(struct tlog_frontier *f)
{
    f->size = 0;
    buf_init(&f->bundle, TLOG_BUNDLE_BYTES);
}

void tlog_frontier_release(struct tlog_frontier *f)
{
    buf_release(&f->bundle);
}

/* The entries of the partial bundle are those that the level 0 tile was made of. */
static int check_bundle(const struct tlog_frontier *f, struct err *reterr)
{
    const uint8_t *entry;
    size_t at = 0, len;
    struct tlog_hash leaf;
    for (unsigned i = 0; tlog_bundle_next(f->bundle.data, f->bundle.len, &at, &entry, &len) > 0;
         i++) {
        tlog_leaf_hash(entry, len, &leaf);
        if (memcmp(leaf.bytes, f->tiles[0] + (size_t)i * 32, 32) != 0)
            return err_set(reterr, E_CORRUPT, "entry %llu of the log is not what its tile says",
                           (unsigned long long)f->size - width(f, 0) + i);
    }
    return 0;
}

int tlog_frontier_load(struct tlog_frontier *f, struct tlog_reader *r, uint64_t size,
                       struct err *reterr)
{
    struct tlog_subtrees s = tlog_reader_subtrees(r);
    struct tlog_hash h;
    int got = 0;
    f->size = size;
    f->bundle.len = 0;
    for (unsigned level = 0; level < TLOG_LEVELS && got >= 0; level++) {
        uint64_t end = size >> (8 * level);
        for (unsigned i = 0; i < width(f, level) && got >= 0; i++) {
            got = s.get(s.user, 8 * level, end - width(f, level) + i, &h, reterr);
            memcpy(f->tiles[level] + (size_t)i * 32, h.bytes, 32);
        }
    }
    if (got >= 0 && width(f, 0) > 0)
        got = tlog_reader_bundle(r, size / TLOG_TILE_WIDTH, &f->bundle, reterr);
    return got < 0 ? got : check_bundle(f, reterr);
}

int tlog_frontier_copy(struct tlog_frontier *to, const struct tlog_frontier *from)
{
    to->size = from->size;
    memcpy(to->tiles, from->tiles, sizeof(to->tiles));
    to->bundle.len = 0;
    return buf_append(&to->bundle, from->bundle.data, from->bundle.len);
}

/* Put a hash into each level that it completes. @f->size counts the new entry already. */
static int climb(struct tlog_frontier *f, struct tlog_hash h, tlog_full_fn full, void *user,
                 struct err *reterr)
{
    for (unsigned level = 0; level < TLOG_LEVELS; level++) {
        uint64_t at = (f->size >> (8 * level)) - 1;
        memcpy(f->tiles[level] + at % TLOG_TILE_WIDTH * 32, h.bytes, 32);
        if (at % TLOG_TILE_WIDTH != TLOG_TILE_WIDTH - 1)
            return 0;
        struct tlog_tile t = {(int)level, at / TLOG_TILE_WIDTH, TLOG_TILE_WIDTH};
        int r = full(user, &t, f->tiles[level], TLOG_TILE_BYTES, reterr);
        if (r < 0)
            return r;
        tlog_tile_subtree(f->tiles[level], 8, &h);
    }
    return E_LIMIT;
}

int tlog_frontier_append(struct tlog_frontier *f, const void *entry, size_t len, tlog_full_fn full,
                         void *user, struct err *reterr)
{
    struct tlog_hash leaf;
    int r = tlog_bundle_append(&f->bundle, entry, len);
    if (r < 0)
        return err_set(reterr, r, "an entry has at most %d bytes, this one has %zu",
                       TLOG_ENTRY_BYTES, len);
    if (f->size % TLOG_TILE_WIDTH == TLOG_TILE_WIDTH - 1) {
        struct tlog_tile t = {TLOG_LEVEL_ENTRIES, f->size / TLOG_TILE_WIDTH, TLOG_TILE_WIDTH};
        r = full(user, &t, f->bundle.data, f->bundle.len, reterr);
        f->bundle.len = 0;
        if (r < 0)
            return r;
    }
    f->size++;
    tlog_leaf_hash(entry, len, &leaf);
    return climb(f, leaf, full, user, reterr);
}

static int subtree(void *user, unsigned height, uint64_t index, struct tlog_hash *ret,
                   struct err *reterr)
{
    const struct tlog_frontier *f = user;
    size_t offset = (size_t)(index << height % 8) % TLOG_TILE_WIDTH;
    tlog_tile_subtree(f->tiles[height / 8] + offset * 32, height % 8, ret);
    return 0;
}

void tlog_frontier_root(const struct tlog_frontier *f, struct tlog_hash *ret)
{
    union {
        const struct tlog_frontier *in;
        void *out;
    } u = {.in = f};
    const struct tlog_subtrees s = {subtree, u.out};
    tlog_tree_root(&s, f->size, ret, NULL);
}
