/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_TILE_H
#define TLOG_TILE_H
/*
 * The static files of a log.
 *
 *   checkpoint                       the newest checkpoint
 *   tile/LEVEL/NNN[.p/WIDTH]         WIDTH (else 256) hashes of 32 bytes; level 0: of entries, above: of full tiles below
 *   tile/entries/NNN[.p/WIDTH]       as many entries, each a 16-bit length (big-endian) and its bytes
 *
 * NNN is the tile's number in groups of three digits, all but the last with an x in front: 1234067 is x001/x234/067.
 * Reentrant.
 *
 * Source: C2SP tlog-tiles v0.1.0.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "tlog/merkle.h"

#define TLOG_TILE_WIDTH 256u
#define TLOG_TILE_BYTES (TLOG_TILE_WIDTH * 32)
#define TLOG_ENTRY_BYTES 65535
#define TLOG_BUNDLE_BYTES ((size_t)TLOG_TILE_WIDTH * (TLOG_ENTRY_BYTES + 2))
#define TLOG_LEVELS 8 /* 256^8 entries are more than there are numbers for */
#define TLOG_LEVEL_ENTRIES (-1)
#define TLOG_TILE_PATH 64 /* longest path, with its NUL */
#define TLOG_SIZE_MAX ((uint64_t)INT64_MAX)

struct tlog_tile {
    int level; /* 0..63, or TLOG_LEVEL_ENTRIES */
    uint64_t n;
    unsigned width; /* 1..256 */
};

/* How many hashes the tile has in a log of @size entries: 0 (it does not exist) to 256. Entries are as level 0. */
unsigned tlog_tile_width(int level, uint64_t n, uint64_t size);
/* "tile/0/x001/x234/067.p/8". Returns @out. */
char *tlog_tile_path(const struct tlog_tile *t, char out[TLOG_TILE_PATH]);
/* The reverse; only what tlog_tile_path() writes. E_SYNTAX. */
int tlog_tile_path_parse(const char *path, struct tlog_tile *ret);

/*
 * Walk a bundle of entries: @at starts at 0 and moves behind the entry.
 * Returns 1 and the entry, 0 at the end, E_TRUNCATED.
 */
int tlog_bundle_next(const void *bundle, size_t len, size_t *at, const uint8_t **ret_entry,
                     size_t *ret_len);
/* Append one entry to a bundle. E_LIMIT, -ENOMEM. */
int tlog_bundle_append(struct buf *bundle, const void *entry, size_t len);
/* Hash of 2^@height (0..8) hashes that lie one behind the other. */
void tlog_tile_subtree(const uint8_t *hashes, unsigned height, struct tlog_hash *ret);
#endif
