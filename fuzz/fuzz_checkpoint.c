/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Checkpoints, proofs, policies, paths of tiles, bundles: the texts of a log that come from strangers. */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tlog/proof.h"
#include "tlog/tile.h"

static void checkpoint(const char *text, size_t size)
{
    struct tlog_checkpoint c, again;
    struct buf b;
    if (tlog_checkpoint_parse(text, size, &c, NULL) < 0)
        return;
    buf_init(&b, 0);
    assert(tlog_checkpoint_format(&c, &b) == 0 && b.len <= size &&
           memcmp(b.data, text, b.len) == 0);
    assert(tlog_checkpoint_parse((char *)b.data, b.len, &again, NULL) == 0);
    buf_release(&b);
}

static void proof(const uint8_t *data, size_t size)
{
    struct tlog_proof p;
    struct tlog_hash leaf, root;
    struct buf b;
    if (tlog_proof_parse(data, size, &p, NULL) < 0)
        return;
    buf_init(&b, 0);
    assert(tlog_proof_format(&p, &b) == 0 && b.len == size && memcmp(b.data, data, size) == 0);
    buf_release(&b);
    tlog_leaf_hash(data, size, &leaf);
    for (uint64_t more = 1; more < 1000; more += 97)
        (void)tlog_inclusion_root(&leaf, p.index, p.index + more, &p.path, &root);
    assert(tlog_consistency_check(p.index, &leaf, p.index + 77, &leaf, &p.path) < 0 ||
           p.index == 0);
}

static void policy(const uint8_t *data, size_t size)
{
    static struct tlog_policy p;
    struct err e = {0};
    if (tlog_policy_parse(data, size, &p, &e) < 0)
        assert(e.text[0]);
    else
        (void)tlog_policy_quorum(&p, 0x55);
}

static void bundle(const uint8_t *data, size_t size)
{
    const uint8_t *entry;
    size_t at = 0, len;
    while (tlog_bundle_next(data, size, &at, &entry, &len) > 0)
        assert(at <= size && entry + len == data + at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), again[TLOG_TILE_PATH];
    struct tlog_tile t;
    assert(text && sodium_init() >= 0);
    memcpy(text, data, size);
    text[size] = 0;
    checkpoint(text, size);
    proof(data, size);
    policy(data, size);
    bundle(data, size);
    if (tlog_tile_path_parse(text, &t) == 0)
        assert(strcmp(tlog_tile_path(&t, again), text) == 0);
    free(text);
    return 0;
}
