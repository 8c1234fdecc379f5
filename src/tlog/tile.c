/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/tile.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

unsigned tlog_tile_width(int level, uint64_t n, uint64_t size)
{
    unsigned shift = level < 0 ? 0 : 8u * (unsigned)level;
    uint64_t hashes = shift > 63 ? 0 : size >> shift;
    if (n > hashes / TLOG_TILE_WIDTH)
        return 0;
    uint64_t left = hashes - n * TLOG_TILE_WIDTH;
    return left < TLOG_TILE_WIDTH ? (unsigned)left : TLOG_TILE_WIDTH;
}

char *tlog_tile_path(const struct tlog_tile *t, char out[TLOG_TILE_PATH])
{
    char number[40] = "", level[12] = "entries", group[8];
    if (t->level >= 0)
        snprintf(level, sizeof(level), "%d", t->level);
    snprintf(number, sizeof(number), "%03u", (unsigned)(t->n % 1000));
    for (uint64_t n = t->n / 1000; n > 0; n /= 1000) {
        snprintf(group, sizeof(group), "x%03u/", (unsigned)(n % 1000));
        memmove(number + 5, number, strlen(number) + 1);
        memcpy(number, group, 5);
    }
    if (t->width < TLOG_TILE_WIDTH)
        snprintf(out, TLOG_TILE_PATH, "tile/%s/%s.p/%u", level, number, t->width);
    else
        snprintf(out, TLOG_TILE_PATH, "tile/%s/%s", level, number);
    return out;
}

/* Up to @digits decimal digits; the caller writes the path again to find other spellings. */
static const char *read_number(const char *p, int digits, unsigned *ret)
{
    unsigned v = 0;
    int n = 0;
    for (; n < digits && isdigit((unsigned char)p[n]); n++)
        v = v * 10 + (unsigned)(p[n] - '0');
    *ret = v;
    return n ? p + n : NULL;
}

int tlog_tile_path_parse(const char *path, struct tlog_tile *ret)
{
    struct tlog_tile t = {.width = TLOG_TILE_WIDTH};
    char again[TLOG_TILE_PATH];
    unsigned v = 0;
    const char *p = path;
    if (strncmp(p, "tile/", 5) != 0)
        return E_SYNTAX;
    p += 5;
    if (strncmp(p, "entries/", 8) == 0) {
        t.level = TLOG_LEVEL_ENTRIES;
        p += 7;
    } else if ((p = read_number(p, 2, &v))) {
        t.level = (int)v;
    }
    for (bool more = true; p && *p == '/' && more;) {
        more = p[1] == 'x';
        p = read_number(p + 1 + more, 3, &v);
        if (t.n > TLOG_SIZE_MAX / 1000 - 1)
            return E_SYNTAX;
        t.n = t.n * 1000 + v;
    }
    if (p && strncmp(p, ".p/", 3) == 0)
        p = read_number(p + 3, 3, &t.width);
    if (!p || *p || t.level > 63 || t.width < 1 || t.width > TLOG_TILE_WIDTH ||
        strcmp(tlog_tile_path(&t, again), path) != 0)
        return E_SYNTAX;
    *ret = t;
    return 0;
}

int tlog_bundle_next(const void *bundle, size_t len, size_t *at, const uint8_t **ret_entry,
                     size_t *ret_len)
{
    const uint8_t *p = (const uint8_t *)bundle + *at;
    size_t left = len - *at;
    if (left == 0)
        return 0;
    if (left < 2 || left - 2 < rd16(p))
        return E_TRUNCATED;
    *ret_entry = p + 2;
    *ret_len = rd16(p);
    *at += 2 + *ret_len;
    return 1;
}

int tlog_bundle_append(struct buf *bundle, const void *entry, size_t len)
{
    if (len > TLOG_ENTRY_BYTES)
        return E_LIMIT;
    int r = buf_reserve(bundle, len + 2);
    if (r >= 0)
        r = buf_u16(bundle, (uint16_t)len);
    return r < 0 ? r : buf_append(bundle, entry, len);
}

void tlog_tile_subtree(const uint8_t *hashes, unsigned height, struct tlog_hash *ret)
{
    struct tlog_hash level[TLOG_TILE_WIDTH];
    size_t n = (size_t)1 << height;
    memcpy(level, hashes, n * 32);
    for (; n > 1; n /= 2)
        for (size_t i = 0; i < n / 2; i++)
            tlog_node_hash(&level[2 * i], &level[2 * i + 1], &level[i]);
    *ret = level[0];
}
