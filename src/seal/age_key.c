/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "seal/age_key.h"

#include <sodium.h>
#include <string.h>

#include "base/buf.h"

void age_hkdf(const uint8_t *key, size_t key_len, const uint8_t *salt, size_t salt_len,
              const char *info, uint8_t out[32])
{
    crypto_auth_hmacsha256_state st;
    uint8_t prk[32], one = 1;
    crypto_auth_hmacsha256_init(&st, salt ? salt : &one, salt_len);
    crypto_auth_hmacsha256_update(&st, key, key_len);
    crypto_auth_hmacsha256_final(&st, prk);
    crypto_auth_hmacsha256_init(&st, prk, sizeof(prk));
    crypto_auth_hmacsha256_update(&st, (const uint8_t *)info, strlen(info));
    crypto_auth_hmacsha256_update(&st, &one, 1);
    crypto_auth_hmacsha256_final(&st, out);
    sodium_memzero(prk, sizeof(prk));
    sodium_memzero(&st, sizeof(st));
}

void age_wrap_key(const uint8_t shared[32], const uint8_t ephemeral[32],
                  const uint8_t recipient[32], uint8_t out[32])
{
    uint8_t salt[64];
    memcpy(salt, ephemeral, 32);
    memcpy(salt + 32, recipient, 32);
    age_hkdf(shared, 32, salt, sizeof(salt), "age-encryption.org/v1/X25519", out);
}

void age_header_mac(const uint8_t file_key[AGE_FILE_KEY], const uint8_t *header, size_t len,
                    uint8_t out[32])
{
    uint8_t key[32];
    crypto_auth_hmacsha256_state st;
    age_hkdf(file_key, AGE_FILE_KEY, NULL, 0, "header", key);
    crypto_auth_hmacsha256_init(&st, key, sizeof(key));
    crypto_auth_hmacsha256_update(&st, header, len);
    crypto_auth_hmacsha256_final(&st, out);
    sodium_memzero(key, sizeof(key));
    sodium_memzero(&st, sizeof(st));
}

void age_payload_key(const uint8_t file_key[AGE_FILE_KEY], const uint8_t nonce[AGE_NONCE],
                     uint8_t out[32])
{
    age_hkdf(file_key, AGE_FILE_KEY, nonce, AGE_NONCE, "payload", out);
}

void age_chunk_nonce(uint64_t counter, int last, uint8_t out[12])
{
    memset(out, 0, 12);
    wr64(out + 3, counter);
    out[11] = last ? 1 : 0;
}
