/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SEAL_AGE_H
#define SEAL_AGE_H
/*
 * age v1 files, wholly in memory: written for one X25519 recipient, read whatever else is in the header. No armour,
 * no passphrases, no plugins. docs/format/age.md. Reentrant.
 * Source: C2SP age.md v1; RFC 7748 §5 (X25519), RFC 5869 (HKDF), RFC 8439 §2.8 (ChaCha20-Poly1305).
 */
#include "base/buf.h"
#include "seal/seal.h"

/* Bytes of the file for @len bytes of text. */
size_t seal_age_size(size_t len);
/* Append a file for the recipient to @out. E_CRYPTO (the public key is a point of low order), -ENOMEM, E_LIMIT. */
int seal_age_encrypt(const uint8_t public_key[32], const uint8_t *text, size_t len,
                     struct buf *out);
/*
 * Decrypt with the first identity that fits.
 * @out     @cap bytes, at least as long as the text; wiped on failure
 * Errors:  E_NOTFOUND (for none of the identities), E_SYNTAX (header), E_CRYPTO (header or text was tampered with),
 *          E_TRUNCATED (no text), E_LIMIT (@cap), E_UNSUPPORTED (armour).
 */
int seal_age_decrypt(const uint8_t *file, size_t len, struct seal_identity *const *ids, size_t n,
                     uint8_t *out, size_t cap, size_t *ret_len);
#endif
