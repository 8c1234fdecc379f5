/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <sodium.h>
#include <string.h>

#include "base/err.h"
#include "seal/age.h"
#include "seal/age_key.h"
#include "seal/ct.h"

#define BASE64_32 43 /* characters of 32 bytes */
static const char intro[] = "age-encryption.org/v1\n-> X25519 ";
#define HEADER_BYTES (sizeof(intro) - 1 + BASE64_32 + 1 + BASE64_32 + 1 + 4 + BASE64_32 + 1)

static size_t chunk_count(size_t len)
{
    return len ? (len + AGE_CHUNK - 1) / AGE_CHUNK : 1;
}

size_t seal_age_size(size_t len)
{
    return HEADER_BYTES + AGE_NONCE + len + chunk_count(len) * AGE_TAG;
}

/* Room was reserved: appending cannot fail. */
static void put(struct buf *out, const void *data, size_t len)
{
    memcpy(out->data + out->len, data, len);
    out->len += len;
}

static void put_base64(struct buf *out, const uint8_t data[32])
{
    char text[BASE64_32 + 1];
    sodium_bin2base64(text, sizeof(text), data, 32, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    put(out, text, BASE64_32);
}

/* The file key wrapped for the recipient: public share of an ephemeral key and the encrypted file key. */
static int wrap(const uint8_t public_key[32], const uint8_t file_key[AGE_FILE_KEY],
                uint8_t ephemeral[32], uint8_t body[AGE_BODY])
{
    static const uint8_t zero[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    uint8_t secret[32], shared[32], key[32];
    randombytes_buf(secret, sizeof(secret));
    crypto_scalarmult_base(ephemeral, secret);
    SEAL_DECLASSIFY(ephemeral, 32);
    int r = crypto_scalarmult(shared, secret, public_key);
    SEAL_DECLASSIFY(&r, sizeof(r));
    if (r == 0) {
        age_wrap_key(shared, ephemeral, public_key, key);
        crypto_aead_chacha20poly1305_ietf_encrypt(body, NULL, file_key, AGE_FILE_KEY, NULL, 0, NULL,
                                                  zero, key);
        SEAL_DECLASSIFY(body, AGE_BODY);
    }
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(shared, sizeof(shared));
    sodium_memzero(key, sizeof(key));
    return r == 0 ? 0 : E_CRYPTO;
}

static void put_payload(struct buf *out, const uint8_t file_key[AGE_FILE_KEY], const uint8_t *text,
                        size_t len)
{
    uint8_t start[AGE_NONCE], key[32], nonce[12];
    randombytes_buf(start, sizeof(start));
    put(out, start, sizeof(start));
    age_payload_key(file_key, start, key);
    for (uint64_t i = 0, chunks = chunk_count(len); i < chunks; i++) {
        size_t at = (size_t)i * AGE_CHUNK, n = len - at < AGE_CHUNK ? len - at : AGE_CHUNK;
        age_chunk_nonce(i, i + 1 == chunks, nonce);
        crypto_aead_chacha20poly1305_ietf_encrypt(out->data + out->len, NULL, text + at, n, NULL, 0,
                                                  NULL, nonce, key);
        out->len += n + AGE_TAG;
    }
    sodium_memzero(key, sizeof(key));
}

int seal_age_encrypt(const uint8_t public_key[32], const uint8_t *text, size_t len, struct buf *out)
{
    uint8_t file_key[AGE_FILE_KEY], ephemeral[32], body[AGE_BODY], mac[32];
    int r = buf_reserve(out, seal_age_size(len));
    if (r < 0)
        return r;
    randombytes_buf(file_key, sizeof(file_key));
    r = wrap(public_key, file_key, ephemeral, body);
    if (r < 0)
        goto done;
    size_t start = out->len;
    put(out, intro, sizeof(intro) - 1);
    put_base64(out, ephemeral);
    put(out, "\n", 1);
    put_base64(out, body);
    put(out, "\n---", 4);
    age_header_mac(file_key, out->data + start, out->len - start, mac);
    SEAL_DECLASSIFY(mac, sizeof(mac));
    put(out, " ", 1);
    put_base64(out, mac);
    put(out, "\n", 1);
    put_payload(out, file_key, text, len);
done:
    sodium_memzero(file_key, sizeof(file_key));
    return r;
}
