/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SEAL_SEAL_H
#define SEAL_SEAL_H
/*
 * Epoch keys and their shares. A key K (16 random bytes) seals what one camera sends in one epoch. Before the first
 * byte is sealed, K is split t-of-n (Shamir over GF(2^8), constant time) and each share, with its context, is
 * encrypted to one custodian alone (age v1). Then K exists only in locked memory until the epoch ends.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define SEAL_CUSTODIANS 32
#define SEAL_KEY 16
#define SEAL_KID 16
#define SEAL_NAME 64

struct seal_custodian {
    char name[SEAL_NAME];
    char recipient[80];  /* age1… (Bech32) */
    uint8_t public_key[32];
};

/* Who must take part to open. Value type; seal_policy_check() before use. */
struct seal_policy {
    int threshold, count;
    struct seal_custodian custodian[SEAL_CUSTODIANS];
    bool practice;
};
/* 2 <= t <= n, recipients valid and all different. Fills public_key. */
int seal_policy_check(struct seal_policy *p, struct err *reterr);

/* What a share is bound to; part of its encrypted text, and hashed into the KID. */
struct seal_context {
    char camera[SEAL_NAME], node[SEAL_NAME];
    int64_t epoch_us, epoch_length_us;
};

/* Locked, non-dumpable memory for the keys that are open now. Thread-safe. */
struct seal_vault;
int seal_vault_new(size_t max_keys, struct seal_vault **ret, struct err *reterr);
void seal_vault_free(struct seal_vault *v); /* wipes everything */

struct seal_key {
    uint8_t *k;            /* 16 bytes in the vault */
    uint8_t kid[SEAL_KID]; /* first 16 bytes of SHA-256(key record) */
    struct seal_context context;
};
/*
 * Make a key and append its record with all shares to @out (docs/format/shares.md). The caller makes @out durable
 * before it seals anything with the key. About 60 us of X25519 per custodian.
 * Errors: E_LIMIT (vault is full), -ENOMEM, E_BUG; no key exists then.
 * Thread: thread-safe.
 */
int seal_key_create(struct seal_vault *v, const struct seal_policy *p, const struct seal_context *c,
                    struct seal_key **ret, struct buf *out);
/* Wipe and free. NULL is fine. */
void seal_key_destroy(struct seal_vault *v, struct seal_key *k);

/* An age identity (AGE-SECRET-KEY-1…) read from a file as `age-keygen` or `lethe custodian keygen` writes it. */
struct seal_identity {
    uint8_t secret[32], public_key[32]; /* secret in locked memory of the identity */
    char recipient[80];
};
/* Make a new identity and write the identity file (mode 0600, fails if it exists). */
int seal_identity_generate(const char *path, struct seal_identity **ret, struct err *reterr);
int seal_identity_load(const char *path, struct seal_identity **ret, struct err *reterr);
void seal_identity_free(struct seal_identity *i); /* wipes */

/* Reader of one share file, wholly in memory. */
struct seal_shares;
int seal_shares_parse(const uint8_t *data, size_t len, struct seal_shares **ret, struct err *reterr);
void seal_shares_free(struct seal_shares *s);
/*
 * Open the key @kid: decrypt the shares that the identities can, check context against @want (camera, and that the
 * key's epoch is the one of the recording), combine, check K.
 * Errors: E_NOTFOUND (no such KID), E_THRESHOLD ("2 custodians are needed, the identities given open 1 share"),
 *         E_MISMATCH (share of another camera or epoch), E_CRYPTO.
 */
int seal_shares_open(const struct seal_shares *s, const uint8_t kid[SEAL_KID], const struct seal_context *want,
                     struct seal_identity *const *ids, size_t n, uint8_t ret_key[SEAL_KEY], struct err *reterr);
#endif
