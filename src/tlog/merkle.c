/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/merkle.h"

#include <sodium.h>
#include <string.h>

bool tlog_hash_equal(const struct tlog_hash *a, const struct tlog_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void tlog_leaf_hash(const void *entry, size_t len, struct tlog_hash *ret)
{
    crypto_hash_sha256_state st;
    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, (const uint8_t *)"\0", 1);
    crypto_hash_sha256_update(&st, entry, len);
    crypto_hash_sha256_final(&st, ret->bytes);
}

void tlog_node_hash(const struct tlog_hash *left, const struct tlog_hash *right,
                    struct tlog_hash *ret)
{
    uint8_t both[65] = {1};
    memcpy(both + 1, left->bytes, 32);
    memcpy(both + 33, right->bytes, 32);
    crypto_hash_sha256(ret->bytes, both, sizeof(both));
}

void tlog_empty_hash(struct tlog_hash *ret)
{
    crypto_hash_sha256(ret->bytes, NULL, 0);
}

/* Height of the largest complete subtree of less than @n leaves: k of RFC 6962 is 2 to the power of this. @n >= 2. */
static unsigned split_height(uint64_t n)
{
    return 63u - (unsigned)__builtin_clzll(n - 1);
}

/* MTH(D[begin : begin+n]) as RFC 6962 splits it; @begin is a multiple of every subtree that it starts. */
static int range_root(const struct tlog_subtrees *s, uint64_t begin, uint64_t n,
                      struct tlog_hash *ret, struct err *reterr)
{
    struct tlog_hash stack[TLOG_PATH_HASHES];
    size_t depth = 0;
    stack[0] = (struct tlog_hash){{0}}; /* @n >= 1: written below */
    while (n > 0) {                     /* complete subtrees from left to right, largest first */
        unsigned height = 63u - (unsigned)__builtin_clzll(n);
        int r = s->get(s->user, height, begin >> height, &stack[depth++], reterr);
        if (r < 0)
            return r;
        begin += UINT64_C(1) << height;
        n -= UINT64_C(1) << height;
    }
    for (*ret = stack[--depth]; depth > 0;)
        tlog_node_hash(&stack[--depth], ret, ret);
    return 0;
}

int tlog_tree_root(const struct tlog_subtrees *s, uint64_t size, struct tlog_hash *ret,
                   struct err *reterr)
{
    if (size == 0)
        tlog_empty_hash(ret);
    return size == 0 ? 0 : range_root(s, 0, size, ret, reterr);
}

/* Gathered from the root down, wanted from the leaf up. */
static void turn(struct tlog_path *p)
{
    for (size_t i = 0; i < p->n / 2; i++) {
        struct tlog_hash h = p->hashes[i];
        p->hashes[i] = p->hashes[p->n - 1 - i];
        p->hashes[p->n - 1 - i] = h;
    }
}

int tlog_tree_inclusion(const struct tlog_subtrees *s, uint64_t index, uint64_t size,
                        struct tlog_path *ret, struct err *reterr)
{
    if (index >= size)
        return err_set(reterr, E_RANGE, "there is no entry %llu in a log of %llu",
                       (unsigned long long)index, (unsigned long long)size);
    ret->n = 0;
    for (uint64_t begin = 0, n = size; n > 1;) {
        uint64_t k = UINT64_C(1) << split_height(n);
        bool left = index - begin < k;
        int r = range_root(s, left ? begin + k : begin, left ? n - k : k, &ret->hashes[ret->n++],
                           reterr);
        if (r < 0)
            return r;
        begin += left ? 0 : k;
        n = left ? k : n - k;
    }
    turn(ret);
    return 0;
}

int tlog_tree_consistency(const struct tlog_subtrees *s, uint64_t old, uint64_t size,
                          struct tlog_path *ret, struct err *reterr)
{
    if (old > size)
        return err_set(reterr, E_RANGE, "a log of %llu entries was never one of %llu",
                       (unsigned long long)size, (unsigned long long)old);
    ret->n = 0;
    if (old == 0 || old == size)
        return 0;
    uint64_t begin = 0, n = size, m = old;
    bool whole =
        true; /* b of RFC 6962: the old tree is still a subtree whose hash the reader has */
    int r = 0;
    while (m < n && r >= 0) {
        uint64_t k = UINT64_C(1) << split_height(n);
        bool left = m <= k;
        r = range_root(s, left ? begin + k : begin, left ? n - k : k, &ret->hashes[ret->n++],
                       reterr);
        begin += left ? 0 : k;
        m -= left ? 0 : k;
        n = left ? k : n - k;
        whole = whole && left;
    }
    if (r >= 0 && !whole)
        r = range_root(s, begin, m, &ret->hashes[ret->n++], reterr);
    turn(ret);
    return r;
}

int tlog_inclusion_root(const struct tlog_hash *leaf, uint64_t index, uint64_t size,
                        const struct tlog_path *p, struct tlog_hash *ret)
{
    if (index >= size)
        return E_RANGE;
    uint64_t at = index, last = size - 1;
    struct tlog_hash h = *leaf;
    for (size_t i = 0; i < p->n; i++, at >>= 1, last >>= 1) {
        if (last == 0)
            return E_MISMATCH;
        if (at & 1 || at == last) {
            tlog_node_hash(&p->hashes[i], &h, &h);
            while (!(at & 1) && at != 0) /* levels where this node has no right neighbour */
                at >>= 1, last >>= 1;
        } else {
            tlog_node_hash(&h, &p->hashes[i], &h);
        }
    }
    *ret = h;
    return last == 0 ? 0 : E_MISMATCH;
}

int tlog_inclusion_check(const struct tlog_hash *leaf, uint64_t index, uint64_t size,
                         const struct tlog_hash *root, const struct tlog_path *p)
{
    struct tlog_hash h;
    int r = tlog_inclusion_root(leaf, index, size, p, &h);
    if (r < 0)
        return r;
    return tlog_hash_equal(&h, root) ? 0 : E_MISMATCH;
}

int tlog_consistency_check(uint64_t old, const struct tlog_hash *old_root, uint64_t size,
                           const struct tlog_hash *root, const struct tlog_path *p)
{
    if (old > size)
        return E_RANGE;
    if (old == size)
        return p->n == 0 && tlog_hash_equal(old_root, root) ? 0 : E_MISMATCH;
    if (old == 0)
        return p->n == 0 ? 0 : E_MISMATCH;
    uint64_t at = old - 1, last = size - 1;
    while (at & 1)
        at >>= 1, last >>= 1;
    size_t i = 0;
    if (at != 0 && p->n == 0)
        return E_MISMATCH;
    struct tlog_hash was = at == 0 ? *old_root : p->hashes[i++], is = was;
    for (; i < p->n; i++, at >>= 1, last >>= 1) {
        if (last == 0)
            return E_MISMATCH;
        if (at & 1 || at == last) {
            tlog_node_hash(&p->hashes[i], &was, &was);
            tlog_node_hash(&p->hashes[i], &is, &is);
            while (!(at & 1) && at != 0)
                at >>= 1, last >>= 1;
        } else {
            tlog_node_hash(&is, &p->hashes[i], &is);
        }
    }
    bool same = last == 0 && tlog_hash_equal(&was, old_root) && tlog_hash_equal(&is, root);
    return same ? 0 : E_MISMATCH;
}
