/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Trees and proofs against the recursive definitions of RFC 6962 §2.1, written out as they stand there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "tlog/merkle.h"

#define LEAVES 300
static struct tlog_hash leaves[LEAVES];

static int setup(void **state)
{
    for (int i = 0; i < LEAVES; i++)
        tlog_leaf_hash(&i, sizeof(i), &leaves[i]);
    return 0;
}

/* MTH of D[b:e]. */
static struct tlog_hash mth(uint64_t b, uint64_t e)
{
    struct tlog_hash h, l, r;
    uint64_t k = 1;
    if (e - b == 1)
        return leaves[b];
    while (k * 2 < e - b)
        k *= 2;
    l = mth(b, b + k), r = mth(b + k, e);
    tlog_node_hash(&l, &r, &h);
    return h;
}

/* PATH(m, D[b:e]). */
static void path(uint64_t m, uint64_t b, uint64_t e, struct tlog_path *p)
{
    uint64_t k = 1;
    if (e - b == 1)
        return;
    while (k * 2 < e - b)
        k *= 2;
    if (m < k)
        path(m, b, b + k, p), p->hashes[p->n++] = mth(b + k, e);
    else
        path(m - k, b + k, e, p), p->hashes[p->n++] = mth(b, b + k);
}

/* SUBPROOF(m, D[b:e], whole). */
static void subproof(uint64_t m, uint64_t b, uint64_t e, bool whole, struct tlog_path *p)
{
    uint64_t k = 1;
    if (m == e - b) {
        if (!whole)
            p->hashes[p->n++] = mth(b, e);
        return;
    }
    while (k * 2 < e - b)
        k *= 2;
    if (m <= k)
        subproof(m, b, b + k, whole, p), p->hashes[p->n++] = mth(b + k, e);
    else
        subproof(m - k, b + k, e, false, p), p->hashes[p->n++] = mth(b, b + k);
}

static int get(void *user, unsigned height, uint64_t index, struct tlog_hash *ret,
               struct err *reterr)
{
    uint64_t size = *(uint64_t *)user, b = index << height, e = (index + 1) << height;
    assert_true(e <= size);
    *ret = mth(b, e);
    return 0;
}

static void same_path(const struct tlog_path *a, const struct tlog_path *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->hashes, b->hashes, a->n * sizeof(a->hashes[0]));
}

static void test_tree__roots_are_those_of_the_definition(void **state)
{
    static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    char hex[65];
    struct tlog_hash h, want;
    uint64_t size = 0;
    struct tlog_subtrees s = {get, &size};
    assert_int_equal(tlog_tree_root(&s, 0, &h, NULL), 0);
    assert_string_equal(hex_encode(h.bytes, 32, hex), empty);
    for (size = 1; size <= LEAVES; size++) {
        assert_int_equal(tlog_tree_root(&s, size, &h, NULL), 0);
        want = mth(0, size);
        assert_memory_equal(&h, &want, sizeof(h));
    }
}

static void test_inclusion__every_entry_of_every_size(void **state)
{
    uint64_t size;
    struct tlog_subtrees s = {get, &size};
    for (size = 1; size <= 70; size++) {
        struct tlog_hash root = mth(0, size);
        for (uint64_t i = 0; i < size; i++) {
            struct tlog_path p, want = {.n = 0};
            assert_int_equal(tlog_tree_inclusion(&s, i, size, &p, NULL), 0);
            path(i, 0, size, &want);
            same_path(&p, &want);
            assert_int_equal(tlog_inclusion_check(&leaves[i], i, size, &root, &p), 0);
            uint64_t other = (i + 1) % size;
            if (size > 1)
                assert_int_equal(tlog_inclusion_check(&leaves[other], i, size, &root, &p),
                                 E_MISMATCH);
        }
    }
    struct tlog_path p;
    size = 5;
    assert_int_equal(tlog_tree_inclusion(&s, 5, 5, &p, NULL), E_RANGE);
}

static void test_consistency__every_pair_of_sizes(void **state)
{
    uint64_t size;
    struct tlog_subtrees s = {get, &size};
    for (size = 1; size <= 70; size++) {
        struct tlog_hash root = mth(0, size);
        for (uint64_t old = 1; old <= size; old++) {
            struct tlog_hash old_root = mth(0, old),
                             wrong = mth(old == 1 ? 1 : 0, old == 1 ? 2 : 1);
            struct tlog_path p, want = {.n = 0};
            assert_int_equal(tlog_tree_consistency(&s, old, size, &p, NULL), 0);
            subproof(old, 0, size, true, &want);
            same_path(&p, &want);
            assert_int_equal(tlog_consistency_check(old, &old_root, size, &root, &p), 0);
            if (old > 1)
                assert_int_equal(tlog_consistency_check(old, &wrong, size, &root, &p), E_MISMATCH);
        }
    }
}

/* A proof with one hash more, less or other proves nothing. */
static void test_proofs__do_not_survive_any_change(void **state)
{
    uint64_t size = 299;
    struct tlog_subtrees s = {get, &size};
    struct tlog_hash root = mth(0, size), old_root;
    struct tlog_path p, q;
    for (uint64_t i = 0; i < size; i += 7) {
        assert_int_equal(tlog_tree_inclusion(&s, i, size, &p, NULL), 0);
        for (size_t h = 0; h < p.n; h++) {
            q = p;
            q.hashes[h].bytes[h % 32] ^= 1;
            assert_int_equal(tlog_inclusion_check(&leaves[i], i, size, &root, &q), E_MISMATCH);
        }
        q = p, q.n--;
        assert_int_equal(tlog_inclusion_check(&leaves[i], i, size, &root, &q), E_MISMATCH);
        q = p, q.hashes[q.n++] = root;
        assert_int_equal(tlog_inclusion_check(&leaves[i], i, size, &root, &q), E_MISMATCH);
        uint64_t old = i + 1;
        old_root = mth(0, old);
        assert_int_equal(tlog_tree_consistency(&s, old, size, &p, NULL), 0);
        for (size_t h = 0; h < p.n; h++) {
            q = p;
            q.hashes[h].bytes[h % 32] ^= 1;
            assert_int_equal(tlog_consistency_check(old, &old_root, size, &root, &q), E_MISMATCH);
        }
        q = p, q.n -= q.n > 0;
        if (p.n)
            assert_int_equal(tlog_consistency_check(old, &old_root, size, &root, &q), E_MISMATCH);
        q = p, q.hashes[q.n++] = root;
        assert_int_equal(tlog_consistency_check(old, &old_root, size, &root, &q), E_MISMATCH);
    }
}

static void test_proofs__hostile_numbers_end(void **state)
{
    struct tlog_path p = {.n = TLOG_PATH_HASHES};
    struct tlog_hash h = leaves[0];
    static const uint64_t numbers[] = {0,         1, 2, 255, 256, UINT64_MAX / 2, UINT64_MAX - 1,
                                       UINT64_MAX};
    for (size_t a = 0; a < 8; a++)
        for (size_t b = 0; b < 8; b++)
            for (p.n = 0; p.n <= TLOG_PATH_HASHES; p.n += 8) {
                assert_true(tlog_inclusion_check(&h, numbers[a], numbers[b], &leaves[1], &p) < 0);
                int r = tlog_consistency_check(numbers[a], &h, numbers[b], &leaves[1], &p);
                assert_true(r < 0 || (numbers[a] == 0 && p.n == 0));
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree__roots_are_those_of_the_definition),
        cmocka_unit_test(test_inclusion__every_entry_of_every_size),
        cmocka_unit_test(test_consistency__every_pair_of_sizes),
        cmocka_unit_test(test_proofs__do_not_survive_any_change),
        cmocka_unit_test(test_proofs__hostile_numbers_end),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
