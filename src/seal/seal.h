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
#include "tlog/note.h"

#define SEAL_CUSTODIANS 32
#define SEAL_KEY 16
#define SEAL_KID 16
#define SEAL_NAME 64
#define SEAL_ROLE 32

struct seal_custodian {
    char name[SEAL_NAME];
    char recipient[80]; /* age1… (Bech32) */
    uint8_t public_key[32];
    bool signs;              /* has a signing key, and so can approve orders */
    struct tlog_vkey signer; /* Ed25519, as notes are signed */
    char role[SEAL_ROLE];    /* "" : none */
};

#define SEAL_REQUIRED 4
/* At least @count custodians with @role have to be among those who approve an order. */
struct seal_required {
    char role[SEAL_ROLE];
    int count;
};

/* Who must take part to open. Value type; seal_policy_check() before use. */
struct seal_policy {
    int threshold, count;
    struct seal_custodian custodian[SEAL_CUSTODIANS];
    struct seal_required require[SEAL_REQUIRED];
    int required;
    bool practice;
};
/*
 * 2 <= t <= n; names, recipients and signing keys valid and all different; required roles can be had among t.
 * Fills public_key. E_RANGE, E_SYNTAX, E_EXISTS.
 */
int seal_policy_check(struct seal_policy *p, struct err *reterr);
/*
 * Read a custodian file (docs/format/custodians.md), checked.
 * @threshold  used where the file does not say; 0: the file must say
 * Errors:     errno values, E_SYNTAX and E_RANGE with file and line, those of seal_policy_check().
 */
int seal_policy_load(const char *path, int threshold, struct seal_policy *ret, struct err *reterr);
/* Write it: temporary file, fsync, rename, fsync of the directory. */
int seal_policy_save(const char *path, const struct seal_policy *p, struct err *reterr);
/* Identity of the set: threshold and recipients in order, not the names. First 16 bytes of a SHA-256. */
#define SEAL_SET 16
void seal_policy_id(const struct seal_policy *p, uint8_t ret[SEAL_SET]);
/*
 * The practice set, two of three, with its identities in DATA/practice/custodian-{1,2,3}.txt. Made on the first call,
 * read on later ones (the identity files may be gone by then). A call that was interrupted is completed by the next.
 */
int seal_practice_create(const char *data_dir, struct seal_policy *ret, struct err *reterr);
/*
 * The set that a node uses: @file if it is not "" (the setting `custodians`), else DATA/custodians.txt if there is
 * one, else the practice set, which is made if @make_practice is set and missing (E_NOTFOUND otherwise).
 */
int seal_policy_find(const char *data_dir, const char *file, int threshold, bool make_practice,
                     struct seal_policy *ret, struct err *reterr);

/* What a share is bound to; part of its encrypted text, and hashed into the KID. */
struct seal_context {
    char camera[SEAL_NAME], node[SEAL_NAME];
    int64_t epoch_us, epoch_length_us;
};

/*
 * Locked, non-dumpable memory for the keys that are open now: one arena between guard pages, 32 bytes a key, so that
 * 8 MiB of RLIMIT_MEMLOCK are plenty. A child process sees zeros in it. Thread-safe.
 * Errors of _new: -ENOMEM (with a sentence when RLIMIT_MEMLOCK is too low), E_RANGE, E_BUG.
 */
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
 * before it seals anything with the key. About 90 us of CPU per custodian, nearly all of it X25519.
 * Errors: E_LIMIT (vault is full), -ENOMEM, E_RANGE (names with spaces, times that are not whole milliseconds),
 *         E_BUG (unchecked policy); no key exists then and @out is as it was.
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
    bool signs;
    struct tlog_skey
        signer; /* of the line "# signing key: …", which other tools take for a comment */
};
/*
 * Make a new identity and write the identity file (mode 0600, whole or not at all).
 * @name   name of the signing key
 * @keep   NULL, or an identity whose signing key goes on: the recipient changes every week, the signer does not
 * Errors: E_EXISTS if there is a file, E_RANGE (name), errno values.
 */
int seal_identity_generate(const char *path, const char *name, const struct seal_identity *keep,
                           struct seal_identity **ret, struct err *reterr);
/*
 * Read an identity file; a pipe will do. Returns 0, or 1 with a sentence in @reterr when others may read the file.
 * Errors: errno values, E_SYNTAX (not an identity, or several), E_LIMIT (over 64 KiB). Sentences name the file and
 *         line, never what stands there.
 */
int seal_identity_load(const char *path, struct seal_identity **ret, struct err *reterr);
/* The same for text in memory; @name is for the sentences. */
int seal_identity_parse(const char *name, const char *text, size_t len, struct seal_identity **ret,
                        struct err *reterr);
void seal_identity_free(struct seal_identity *i); /* wipes */

/*
 * Reader of one share file, wholly in memory; @data is borrowed until seal_shares_free(). What is torn or damaged is
 * skipped and counted, the records around it are found all the same. Errors: -ENOMEM.
 */
struct seal_shares;
int seal_shares_parse(const uint8_t *data, size_t len, struct seal_shares **ret,
                      struct err *reterr);
void seal_shares_free(struct seal_shares *s);
size_t seal_shares_count(const struct seal_shares *s);   /* whole records */
size_t seal_shares_damaged(const struct seal_shares *s); /* places where something else stands */
/*
 * Append those records to @out, byte for byte, for which @keep is true. Returns how many; what is damaged is left out.
 * -ENOMEM, E_LIMIT.
 */
int64_t seal_shares_thin(const struct seal_shares *s,
                         bool (*keep)(void *user, const char *camera, int64_t epoch_us,
                                      int64_t epoch_length_us),
                         void *user, struct buf *out);
/* What the key @kid is for, and how many of how many open it; outputs may be NULL. E_NOTFOUND. */
int seal_shares_find(const struct seal_shares *s, const uint8_t kid[SEAL_KID],
                     struct seal_context *ret, int *ret_threshold, int *ret_count);
/*
 * Open the key @kid: decrypt the shares that the identities can, check context against @want (camera and epoch; node
 * and length where @want gives them), combine, check K against the commitment in the key record.
 * Errors: E_NOTFOUND (no such KID), E_THRESHOLD ("2 custodians are needed, the identities given open 1 share"),
 *         E_MISMATCH (share of another camera or epoch), E_CRYPTO.
 */
int seal_shares_open(const struct seal_shares *s, const uint8_t kid[SEAL_KID],
                     const struct seal_context *want, struct seal_identity *const *ids, size_t n,
                     uint8_t ret_key[SEAL_KEY], struct err *reterr);

#define SEAL_SHARE 33
/* One share in clear. Secret: keep it in locked memory and wipe it. */
struct seal_share {
    int number; /* of the custodian, from 1 */
    uint8_t value[SEAL_SHARE];
};
/*
 * What one custodian does: open the share of key @kid that @id can.
 * Errors: E_NOTFOUND (no such KID, or no share for this identity), E_CRYPTO (damaged), E_MISMATCH (another key's share).
 */
int seal_shares_unseal(const struct seal_shares *s, const uint8_t kid[SEAL_KID],
                       struct seal_identity *id, struct seal_share *ret, struct err *reterr);
/*
 * What the holder of t shares does: combine and check against the commitment. Numbers that stand twice count once.
 * Errors: E_NOTFOUND, E_MISMATCH (context), E_THRESHOLD, E_CRYPTO (the shares do not give the recorded key).
 */
int seal_shares_combine(const struct seal_shares *s, const uint8_t kid[SEAL_KID],
                        const struct seal_context *want, const struct seal_share *share, size_t n,
                        uint8_t ret_key[SEAL_KEY], struct err *reterr);
/* The i-th whole record, 0..count-1, in the order of the KIDs: what it is for, and its bytes. */
void seal_shares_at(const struct seal_shares *s, size_t i, uint8_t ret_kid[SEAL_KID],
                    struct seal_context *ret, const uint8_t **ret_data, size_t *ret_len);
#endif
