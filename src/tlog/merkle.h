/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_MERKLE_H
#define TLOG_MERKLE_H
/*
 * Merkle trees over SHA-256, and the two proofs: an entry is in a tree, a tree is the beginning of a larger one.
 * Proofs are made from any source of complete subtrees and checked from nothing but themselves. Reentrant.
 *
 * Source: RFC 6962 §2.1 (hashes, PATH, PROOF); RFC 9162 §2.1.3.2, §2.1.4.2 (how to check them).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TLOG_PATH_HASHES 64

struct tlog_hash {
    uint8_t bytes[32];
};

/* The hashes of one proof, in the order in which RFC 6962 lists them. */
struct tlog_path {
    struct tlog_hash hashes[TLOG_PATH_HASHES];
    size_t n;
};

/* Root hashes of complete subtrees: of the 2^@height leaves from @index · 2^@height on. */
struct tlog_subtrees {
    int (*get)(void *user, unsigned height, uint64_t index, struct tlog_hash *ret,
               struct err *reterr);
    void *user;
};

bool tlog_hash_equal(const struct tlog_hash *a, const struct tlog_hash *b);
void tlog_leaf_hash(const void *entry, size_t len, struct tlog_hash *ret);
/* @ret may be one of the two. */
void tlog_node_hash(const struct tlog_hash *left, const struct tlog_hash *right,
                    struct tlog_hash *ret);
void tlog_empty_hash(struct tlog_hash *ret);

/* Errors: those of the source. */
int tlog_tree_root(const struct tlog_subtrees *s, uint64_t size, struct tlog_hash *ret,
                   struct err *reterr);
/* Entry @index is in the tree of @size entries. E_RANGE unless @index < @size. */
int tlog_tree_inclusion(const struct tlog_subtrees *s, uint64_t index, uint64_t size,
                        struct tlog_path *ret, struct err *reterr);
/* The first @old entries of the tree of @size are the tree of @old. Empty for 0 and for @size. E_RANGE if @old > @size. */
int tlog_tree_consistency(const struct tlog_subtrees *s, uint64_t old, uint64_t size,
                          struct tlog_path *ret, struct err *reterr);

/* The root that follows from an inclusion proof. E_RANGE, E_MISMATCH when the proof has the wrong number of hashes. */
int tlog_inclusion_root(const struct tlog_hash *leaf, uint64_t index, uint64_t size,
                        const struct tlog_path *p, struct tlog_hash *ret);
/* E_RANGE, E_MISMATCH. */
int tlog_inclusion_check(const struct tlog_hash *leaf, uint64_t index, uint64_t size,
                         const struct tlog_hash *root, const struct tlog_path *p);
/* E_RANGE, E_MISMATCH. For @old 0 the proof must be empty and any tree will do. */
int tlog_consistency_check(uint64_t old, const struct tlog_hash *old_root, uint64_t size,
                           const struct tlog_hash *root, const struct tlog_path *p);
#endif
