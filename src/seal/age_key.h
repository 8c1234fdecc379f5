/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SEAL_AGE_KEY_H
#define SEAL_AGE_KEY_H
/* Derivations that writer and reader of age files share. Outputs are secret: the caller wipes them. */
#include <stddef.h>
#include <stdint.h>

#define AGE_FILE_KEY 16
#define AGE_BODY 32 /* file key and tag */
#define AGE_NONCE 16
#define AGE_CHUNK ((size_t)64 << 10)
#define AGE_TAG ((size_t)16)

/* HKDF-SHA-256, 32 bytes. Source: RFC 5869 §2. */
void age_hkdf(const uint8_t *key, size_t key_len, const uint8_t *salt, size_t salt_len,
              const char *info, uint8_t out[32]);
/* Key that wraps the file key. */
void age_wrap_key(const uint8_t shared[32], const uint8_t ephemeral[32],
                  const uint8_t recipient[32], uint8_t out[32]);
/* MAC of the header: all of it up to and with "---". */
void age_header_mac(const uint8_t file_key[AGE_FILE_KEY], const uint8_t *header, size_t len,
                    uint8_t out[32]);
void age_payload_key(const uint8_t file_key[AGE_FILE_KEY], const uint8_t nonce[AGE_NONCE],
                     uint8_t out[32]);
/* Nonce of a chunk: 11 bytes counter, 1 byte that marks the last one. */
void age_chunk_nonce(uint64_t counter, int last, uint8_t out[12]);
#endif
