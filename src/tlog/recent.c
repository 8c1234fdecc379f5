/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Open addressing over two generations: when the young one is full, it becomes the old one. Keys are BLAKE2b of the id
 * under a random key, so that nobody can choose ids that collide.
 */
#include "tlog/recent.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (TLOG_RECENT_IDS * 2)
#define HEAD_BYTES 512 /* the id line begins within so many bytes */

struct slot {
    uint8_t key[16];
    uint64_t index; /* plus one; 0: free */
};

struct generation {
    struct slot slots[SLOTS];
    unsigned used;
};

struct tlog_recent {
    uint8_t secret[crypto_generichash_KEYBYTES];
    struct generation generations[2];
    unsigned young;
};

struct tlog_recent *tlog_recent_new(void)
{
    struct tlog_recent *r = calloc(1, sizeof(*r));
    if (r)
        randombytes_buf(r->secret, sizeof(r->secret));
    return r;
}

void tlog_recent_free(struct tlog_recent *r)
{
    free(r);
}

void tlog_recent_clear(struct tlog_recent *r)
{
    memset(r->generations, 0, sizeof(r->generations));
}

bool tlog_entry_id(const char *entry, size_t len, const char **ret_id, size_t *ret_len)
{
    size_t head = len < HEAD_BYTES ? len : HEAD_BYTES;
    const char *line = head ? memmem(entry, head, "\nid ", 4) : NULL;
    if (!line)
        return false;
    const char *id = line + 4, *end = memchr(id, '\n', (size_t)(entry + len - id));
    if (!end || end == id)
        return false;
    *ret_id = id;
    *ret_len = (size_t)(end - id);
    return true;
}

static bool key_of(const struct tlog_recent *r, const char *entry, size_t len, uint8_t key[16])
{
    const char *id;
    size_t n;
    if (!tlog_entry_id(entry, len, &id, &n))
        return false;
    crypto_generichash(key, 16, (const uint8_t *)id, n, r->secret, sizeof(r->secret));
    return true;
}

/* The slot of @key, or the free one where it belongs. */
static size_t place_of(const struct generation *g, const uint8_t key[16])
{
    uint32_t at;
    memcpy(&at, key, sizeof(at));
    for (at %= SLOTS; g->slots[at].index && memcmp(g->slots[at].key, key, 16) != 0;)
        at = (at + 1) % SLOTS;
    return at;
}

void tlog_recent_add(struct tlog_recent *r, const char *entry, size_t len, uint64_t index)
{
    uint8_t key[16];
    if (!key_of(r, entry, len, key))
        return;
    struct generation *g = &r->generations[r->young];
    if (g->used == TLOG_RECENT_IDS) {
        r->young ^= 1;
        g = &r->generations[r->young];
        memset(g, 0, sizeof(*g));
    }
    struct slot *s = &g->slots[place_of(g, key)];
    g->used += s->index == 0;
    memcpy(s->key, key, sizeof(s->key));
    s->index = index + 1;
}

bool tlog_recent_find(const struct tlog_recent *r, const char *entry, size_t len,
                      uint64_t *ret_index)
{
    uint8_t key[16];
    if (!key_of(r, entry, len, key))
        return false;
    for (unsigned i = 0; i < 2; i++) {
        const struct generation *g = &r->generations[(r->young + i) % 2];
        const struct slot *s = &g->slots[place_of(g, key)];
        if (s->index) {
            *ret_index = s->index - 1;
            return true;
        }
    }
    return false;
}
