/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Opening a key: which shares the identities decrypt, whether they belong here, what they give together. */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "seal/age.h"
#include "seal/ct.h"
#include "seal/shares.h"

/* What was opened so far; lives in locked memory. */
struct opening {
    int count;
    uint8_t shares[SEAL_CUSTODIANS * SEAL_SHAMIR_SHARE];
    uint8_t text[SEAL_SHARE_TEXT];
    uint8_t secret[SEAL_SECRET];
};

static int check_context(const struct seal_context *have, const struct seal_context *want,
                         struct err *reterr)
{
    char a[TIME_TEXT], b[TIME_TEXT];
    if (strcmp(have->camera, want->camera) != 0)
        return err_set(reterr, E_MISMATCH, "the shares of this key are for camera %s, not for %s",
                       have->camera, want->camera);
    if (have->epoch_us != want->epoch_us)
        return err_set(reterr, E_MISMATCH,
                       "the shares of this key are for the epoch %s, not for %s",
                       time_format(have->epoch_us, a), time_format(want->epoch_us, b));
    if (want->epoch_length_us && have->epoch_length_us != want->epoch_length_us)
        return err_set(reterr, E_MISMATCH,
                       "the shares of this key are for an epoch of %lld s, not of %lld s",
                       (long long)(have->epoch_length_us / SECOND_US),
                       (long long)(want->epoch_length_us / SECOND_US));
    if (want->node[0] && strcmp(have->node, want->node) != 0)
        return err_set(reterr, E_MISMATCH, "the shares of this key are of node %s, not of %s",
                       have->node, want->node);
    return 0;
}

/* Decrypt share @i if one of the identities can, and take it in. */
static int open_share(const struct seal_entry *e, int i, struct seal_identity *const *ids, size_t n,
                      struct opening *o, struct err *reterr)
{
    size_t file_len, text_len, record_len;
    const uint8_t *file = seal_entry_share(e, i, &file_len);
    const char *record = seal_entry_text(e, &record_len);
    int r = seal_age_decrypt(file, file_len, ids, n, o->text, sizeof(o->text), &text_len);
    if (r == E_NOTFOUND)
        return 0;
    if (r < 0)
        return err_set(reterr, E_CRYPTO, "share %d of this key is damaged (%s)", i + 1,
                       err_text(r));
    r = seal_share_parse((const char *)o->text, text_len, record, record_len, i + 1,
                         o->shares + (size_t)o->count * SEAL_SHAMIR_SHARE);
    if (r == E_MISMATCH)
        return err_set(
            reterr, r,
            "share %d belongs to another key: another camera, another epoch or another custodian",
            i + 1);
    if (r < 0)
        return err_set(reterr, r, "share %d of this key cannot be read", i + 1);
    o->count++;
    return 0;
}

static int combine(const struct seal_record *record, struct opening *o, uint8_t ret_key[SEAL_KEY],
                   struct err *reterr)
{
    uint8_t commitment[32];
    int r = seal_shamir_combine(o->shares, record->threshold, SEAL_SECRET, o->secret);
    if (r >= 0) {
        seal_commitment(o->secret, commitment);
        int bad = sodium_memcmp(commitment, record->commitment, sizeof(commitment));
        SEAL_DECLASSIFY(&bad, sizeof(bad));
        r = bad ? E_CRYPTO : 0;
    }
    if (r < 0)
        return err_set(reterr, E_CRYPTO, "the shares do not combine to the key that was recorded");
    memcpy(ret_key, o->secret, SEAL_KEY);
    return 0;
}

static int open_entry(const struct seal_entry *e, const struct seal_record *record,
                      struct seal_identity *const *ids, size_t n, struct opening *o,
                      uint8_t ret_key[SEAL_KEY], struct err *reterr)
{
    for (int i = 0; i < record->count && o->count < record->threshold; i++) {
        int r = open_share(e, i, ids, n, o, reterr);
        if (r < 0)
            return r;
    }
    if (o->count < record->threshold)
        return err_set(reterr, E_THRESHOLD,
                       "%d custodians are needed, the identities given open %d share%s",
                       record->threshold, o->count, o->count == 1 ? "" : "s");
    return combine(record, o, ret_key, reterr);
}

int seal_shares_open(const struct seal_shares *s, const uint8_t kid[SEAL_KID],
                     const struct seal_context *want, struct seal_identity *const *ids, size_t n,
                     uint8_t ret_key[SEAL_KEY], struct err *reterr)
{
    struct seal_record record;
    const struct seal_entry *e = seal_shares_entry(s, kid);
    if (!e || seal_entry_open(e, &record) < 0)
        return err_set(reterr, E_NOTFOUND, "the share file holds no shares of this key");
    int r = check_context(&record.context, want, reterr);
    if (r < 0)
        return r;
    if (sodium_init() < 0)
        return E_BUG;
    struct opening *o = sodium_malloc(sizeof(*o));
    if (!o)
        return -ENOMEM;
    o->count = 0;
    r = open_entry(e, &record, ids, n, o, ret_key, reterr);
    sodium_free(o); /* wipes */
    return r;
}

int seal_shares_unseal(const struct seal_shares *s, const uint8_t kid[SEAL_KID],
                       struct seal_identity *id, struct seal_share *ret, struct err *reterr)
{
    struct seal_record record;
    const struct seal_entry *e = seal_shares_entry(s, kid);
    if (!e || seal_entry_open(e, &record) < 0)
        return err_set(reterr, E_NOTFOUND, "the share file holds no shares of this key");
    if (sodium_init() < 0)
        return E_BUG;
    struct opening *o = sodium_malloc(sizeof(*o));
    if (!o)
        return -ENOMEM;
    o->count = 0;
    int r = 0, i = 0;
    for (; i < record.count && r >= 0 && !o->count; i++)
        r = open_share(e, i, &id, 1, o, reterr);
    if (r >= 0 && !o->count)
        r = err_set(reterr, E_NOTFOUND, "no share of this key is for this identity");
    if (r >= 0) {
        ret->number = i;
        memcpy(ret->value, o->shares, SEAL_SHARE);
    }
    sodium_free(o); /* wipes */
    return r < 0 ? r : 0;
}

/* Shares of different custodians into @o, as many as are needed. */
static void gather(const struct seal_record *record, const struct seal_share *share, size_t n,
                   struct opening *o)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < n && o->count < record->threshold; i++) {
        if (share[i].number < 1 || share[i].number > record->count ||
            (seen & UINT64_C(1) << share[i].number))
            continue;
        seen |= UINT64_C(1) << share[i].number;
        memcpy(o->shares + (size_t)o->count++ * SEAL_SHAMIR_SHARE, share[i].value, SEAL_SHARE);
    }
}

int seal_shares_combine(const struct seal_shares *s, const uint8_t kid[SEAL_KID],
                        const struct seal_context *want, const struct seal_share *share, size_t n,
                        uint8_t ret_key[SEAL_KEY], struct err *reterr)
{
    struct seal_record record;
    const struct seal_entry *e = seal_shares_entry(s, kid);
    if (!e || seal_entry_open(e, &record) < 0)
        return err_set(reterr, E_NOTFOUND, "the share file holds no shares of this key");
    int r = check_context(&record.context, want, reterr);
    if (r < 0)
        return r;
    if (sodium_init() < 0)
        return E_BUG;
    struct opening *o = sodium_malloc(sizeof(*o));
    if (!o)
        return -ENOMEM;
    o->count = 0;
    gather(&record, share, n, o);
    r = o->count < record.threshold
            ? err_set(reterr, E_THRESHOLD, "%d custodians are needed, %d gave a share of this key",
                      record.threshold, o->count)
            : combine(&record, o, ret_key, reterr);
    sodium_free(o); /* wipes */
    return r;
}

void seal_shares_at(const struct seal_shares *s, size_t i, uint8_t ret_kid[SEAL_KID],
                    struct seal_context *ret, const uint8_t **ret_data, size_t *ret_len)
{
    struct seal_record record;
    const struct seal_entry *e = &s->entries[i];
    memcpy(ret_kid, e->kid, SEAL_KID);
    *ret_data = e->data;
    *ret_len = e->len;
    if (seal_entry_open(e, &record) >= 0)
        *ret = record.context;
    else
        *ret = (struct seal_context){0};
}
