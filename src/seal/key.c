/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Making epoch keys. K and salt are made in a slot of the vault; what else is secret here is wiped before return. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "seal/age.h"
#include "seal/share_file.h"
#include "seal/vault.h"

static int put_share(const char *record, size_t record_len, int number, const uint8_t *share,
                     const struct seal_custodian *to, struct buf *out)
{
    char text[SEAL_SHARE_TEXT];
    int n = seal_share_build(record, record_len, number, share, text);
    int r = n;
    if (n > 0)
        r = buf_u16(out, (uint16_t)seal_age_size((size_t)n));
    if (r >= 0)
        r = seal_age_encrypt(to->public_key, (const uint8_t *)text, (size_t)n, out);
    sodium_memzero(text, sizeof(text));
    return r;
}

static int put_shares(const uint8_t *secret, const struct seal_policy *p, const char *record,
                      size_t record_len, struct buf *out)
{
    uint8_t shares[SEAL_CUSTODIANS * SEAL_SHAMIR_SHARE];
    int r = seal_shamir_split(secret, SEAL_SECRET, p->threshold, p->count, shares);
    for (int i = 0; i < p->count && r >= 0; i++)
        r = put_share(record, record_len, i + 1, shares + (size_t)i * SEAL_SHAMIR_SHARE,
                      &p->custodian[i], out);
    sodium_memzero(shares, sizeof(shares));
    return r;
}

/* Append the record of the key in @secret; on failure @out may hold a part of it. */
static int put_record(const uint8_t *secret, const struct seal_policy *p, const char *record,
                      size_t record_len, struct buf *out)
{
    uint8_t hash[32];
    size_t start = out->len;
    int r = buf_append(out, SHARE_FILE_MAGIC, 8);
    if (r >= 0)
        r = buf_u32(out, 0);
    if (r >= 0)
        r = buf_u16(out, (uint16_t)record_len);
    if (r >= 0)
        r = buf_u16(out, (uint16_t)p->count);
    if (r >= 0)
        r = buf_append(out, record, record_len);
    if (r >= 0)
        r = put_shares(secret, p, record, record_len, out);
    if (r < 0)
        return r;
    wr32(out->data + start + 8, (uint32_t)(out->len - start + SHARE_FILE_HASH));
    crypto_hash_sha256(hash, out->data + start, out->len - start);
    return buf_append(out, hash, SHARE_FILE_HASH);
}

int seal_key_create(struct seal_vault *v, const struct seal_policy *p, const struct seal_context *c,
                    struct seal_key **ret, struct buf *out)
{
    char text[SEAL_RECORD_TEXT];
    size_t start = out->len;
    struct seal_record record = {.context = *c, .threshold = p->threshold, .count = p->count};
    if (p->threshold < 2 || p->count < p->threshold || p->count > SEAL_CUSTODIANS)
        return E_BUG;
    struct seal_key *k = calloc(1, sizeof(*k));
    if (!k)
        return -ENOMEM;
    k->context = *c;
    int r = E_LIMIT;
    if (!(k->k = seal_vault_take(v)))
        goto fail;
    randombytes_buf(k->k, SEAL_SECRET);
    seal_policy_id(p, record.set);
    seal_commitment(k->k, record.commitment);
    r = seal_record_build(&record, text);
    if (r < 0)
        goto fail;
    seal_record_kid(text, (size_t)r, k->kid);
    r = put_record(k->k, p, text, (size_t)r, out);
    if (r < 0)
        goto fail;
    sodium_memzero(k->k + SEAL_KEY, SEAL_SECRET - SEAL_KEY); /* the salt is for those who open */
    *ret = k;
    return 0;
fail:
    out->len = start;
    seal_key_destroy(v, k);
    return r;
}

void seal_key_destroy(struct seal_vault *v, struct seal_key *k)
{
    if (!k)
        return;
    seal_vault_give(v, k->k);
    free(k);
}
