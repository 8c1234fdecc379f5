/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_FRONTIER_H
#define TLOG_FRONTIER_H
/*
 * The right edge of a log: its partial tiles and the partial bundle of entries. All that is needed to append, and to
 * know the root. Thread-bound.
 */
#include "tlog/reader.h"

struct tlog_frontier {
    uint64_t size;
    struct buf bundle; /* entries of the partial bundle */
    uint8_t
        tiles[TLOG_LEVELS]
             [TLOG_TILE_BYTES]; /* the partial tile of each level: size >> 8·level & 255 hashes */
};

/* Called with every tile that became full, lower levels first, and the bundle that belongs to it before. */
typedef int (*tlog_full_fn)(void *user, const struct tlog_tile *t, const void *data, size_t len,
                            struct err *reterr);

void tlog_frontier_init(struct tlog_frontier *f);
void tlog_frontier_release(struct tlog_frontier *f);
/*
 * Read it from the files of a log of @size entries; entries and their hashes are held against each other.
 * Errors: those of the reader, E_CORRUPT.
 */
int tlog_frontier_load(struct tlog_frontier *f, struct tlog_reader *r, uint64_t size,
                       struct err *reterr);
/* @to becomes a copy of @from. -ENOMEM. */
int tlog_frontier_copy(struct tlog_frontier *to, const struct tlog_frontier *from);
/* Append one entry. After an error @f is of no use. E_LIMIT, and those of @full. */
int tlog_frontier_append(struct tlog_frontier *f, const void *entry, size_t len, tlog_full_fn full,
                         void *user, struct err *reterr);
void tlog_frontier_root(const struct tlog_frontier *f, struct tlog_hash *ret);
#endif
