/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Reader of share files. As no fuzzer finds a SHA-256, the hash of every record whose length fits is mended first when
 * the input begins with a byte below 0x80.
 */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "seal/shares.h"
#include "seal/share_file.h"

static void mend(uint8_t *p, size_t len)
{
    for (size_t at = 0; at + SHARE_FILE_HEAD <= len;) {
        uint8_t hash[32];
        size_t n = memcmp(p + at, SHARE_FILE_MAGIC, 8) == 0 ? rd32(p + at + 8) : 0;
        if (n < SHARE_FILE_HEAD + SHARE_FILE_HASH || n > len - at || n > SHARE_FILE_RECORD_MAX) {
            at++;
            continue;
        }
        crypto_hash_sha256(hash, p + at, n - SHARE_FILE_HASH);
        memcpy(p + at + n - SHARE_FILE_HASH, hash, SHARE_FILE_HASH);
        at += n;
    }
}

static void open_entry(const struct seal_shares *s, const struct seal_entry *e,
                       struct seal_identity *id)
{
    struct seal_context c;
    int t, n;
    uint8_t key[SEAL_KEY];
    struct err err = {0};
    assert(seal_shares_find(s, e->kid, &c, &t, &n) == 0 && t >= 2 && n >= t &&
           n <= SEAL_CUSTODIANS);
    for (int i = 0; i < n; i++) {
        size_t len;
        const uint8_t *share = seal_entry_share(e, i, &len);
        assert(share >= e->data && share + len <= e->data + e->len);
    }
    assert(seal_shares_open(s, e->kid, &c, &id, 1, key, &err) < 0 &&
           err.text[0]); /* one is never enough */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct seal_identity id;
    struct seal_shares *s = NULL;
    if (!id.recipient[0]) {
        memset(id.secret, 0x42, sizeof(id.secret));
        if (sodium_init() < 0 || crypto_scalarmult_base(id.public_key, id.secret) != 0)
            abort();
        id.recipient[0] = 'a';
    }
    if (size < 1)
        return 0;
    uint8_t *copy =
        malloc(size > 1 ? size - 1 : 1); /* exact, so that the sanitiser sees an overrun by one */
    memcpy(copy, data + 1, size - 1);
    if (data[0] < 0x80)
        mend(copy, size - 1);
    assert(seal_shares_parse(copy, size - 1, &s, NULL) == 0);
    for (size_t i = 0; i < seal_shares_count(s) && i < 4; i++)
        open_entry(s, &s->entries[i], &id);
    seal_shares_free(s);
    free(copy);
    return 0;
}
