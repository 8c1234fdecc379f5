/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SEAL_BECH32_H
#define SEAL_BECH32_H
/*
 * Text form of X25519 keys: Bech32 without a length limit, as age uses it. Recipients are lower case ("age1…"),
 * identities upper case ("AGE-SECRET-KEY-1…"). Constant time in the key. Reentrant.
 * Source: BIP 173 "Bech32"; C2SP age.md v1, "X25519 recipient type".
 */
#include <stddef.h>
#include <stdint.h>

#define SEAL_RECIPIENT_CHARS 62 /* "age1" + 58 */
#define SEAL_IDENTITY_CHARS 74  /* "AGE-SECRET-KEY-1" + 58 */

/* NUL at the end. */
void seal_recipient_encode(const uint8_t key[32], char out[SEAL_RECIPIENT_CHARS + 1]);
void seal_identity_encode(const uint8_t key[32], char out[SEAL_IDENTITY_CHARS + 1]);
/* @text needs no NUL. E_SYNTAX (length, prefix, case, character, padding, checksum); @key is wiped then. */
int seal_recipient_decode(const char *text, size_t len, uint8_t key[32]);
int seal_identity_decode(const char *text, size_t len, uint8_t key[32]);
#endif
