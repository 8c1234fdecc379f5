/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "seal/bech32.h"

#include <sodium.h>
#include <string.h>

#include "base/err.h"
#include "seal/ct.h"

#define GROUPS 52 /* of five bits: 260 bits, the last four are zero */
#define CHECK 6

struct form {
    const char *prefix, *lower_prefix, *alphabet;
};
static const struct form recipient = {"age", "age", "qpzry9x8gf2tvdw0s3jn54khce6mua7l"};
static const struct form identity = {"AGE-SECRET-KEY-", "age-secret-key-",
                                     "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"};

/* All ones if a == b, zero otherwise; both below 2^8. */
static uint32_t equal(uint32_t a, uint32_t b)
{
    return ((a ^ b) - 1) >> 8;
}

static uint32_t checksum_step(uint32_t sum, uint32_t value)
{
    static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                          0x2a1462b3};
    uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (int i = 0; i < 5; i++)
        sum ^= generator[i] & (0u - (top >> i & 1u));
    return sum;
}

static uint32_t checksum(const struct form *f, const uint8_t *values, size_t n)
{
    uint32_t sum = 1;
    for (const char *p = f->lower_prefix; *p; p++)
        sum = checksum_step(sum, (uint32_t)(uint8_t)*p >> 5);
    sum = checksum_step(sum, 0);
    for (const char *p = f->lower_prefix; *p; p++)
        sum = checksum_step(sum, (uint32_t)(uint8_t)*p & 31);
    for (size_t i = 0; i < n; i++)
        sum = checksum_step(sum, values[i]);
    return sum;
}

/* Look through the whole table, so that the value is no index. */
static char to_char(const struct form *f, uint8_t value)
{
    uint32_t c = 0;
    for (uint32_t i = 0; i < 32; i++)
        c |= (uint8_t)f->alphabet[i] & equal(i, value);
    return (char)c;
}

/* 0..31, or all ones if @c is not in the alphabet. */
static uint32_t from_char(const struct form *f, char c)
{
    uint32_t value = 0, found = 0;
    for (uint32_t i = 0; i < 32; i++) {
        uint32_t m = equal((uint8_t)f->alphabet[i], (uint8_t)c);
        value |= i & m;
        found |= m;
    }
    return value | ~(0u - (found & 1u));
}

static void encode(const struct form *f, const uint8_t key[32], char *out)
{
    uint8_t values[GROUPS + CHECK] = {0};
    for (size_t i = 0; i < GROUPS; i++) {
        size_t bit = 5 * i, at = bit / 8;
        unsigned two = (unsigned)key[at] << 8 | (at + 1 < 32 ? key[at + 1] : 0u);
        values[i] = (uint8_t)(two >> (11 - bit % 8) & 31u);
    }
    uint32_t sum = checksum(f, values, sizeof(values)) ^ 1;
    for (size_t i = 0; i < CHECK; i++)
        values[GROUPS + i] = (uint8_t)(sum >> 5 * (5 - i) & 31u);
    size_t n = strlen(f->prefix);
    memcpy(out, f->prefix, n);
    out[n++] = '1';
    for (size_t i = 0; i < sizeof(values); i++)
        out[n++] = to_char(f, values[i]);
    out[n] = 0;
    sodium_memzero(values, sizeof(values));
    sodium_memzero(&sum, sizeof(sum));
}

static int decode(const struct form *f, const char *text, size_t len, uint8_t key[32])
{
    uint8_t values[GROUPS + CHECK];
    size_t n = strlen(f->prefix);
    sodium_memzero(key, 32);
    if (len != n + 1 + sizeof(values) || memcmp(text, f->prefix, n) != 0 || text[n] != '1')
        return E_SYNTAX;
    uint32_t bad = 0;
    for (size_t i = 0; i < sizeof(values); i++) {
        uint32_t v = from_char(f, text[n + 1 + i]);
        bad |= v & ~31u;
        values[i] = (uint8_t)(v & 31u);
    }
    bad |= checksum(f, values, sizeof(values)) ^ 1;
    bad |= values[GROUPS - 1] & 15u;
    for (size_t i = 0; i < GROUPS; i++) {
        size_t bit = 5 * i, at = bit / 8;
        unsigned two = (unsigned)values[i] << (11 - bit % 8);
        key[at] |= (uint8_t)(two >> 8);
        if (at + 1 < 32)
            key[at + 1] |= (uint8_t)two;
    }
    sodium_memzero(values, sizeof(values));
    SEAL_DECLASSIFY(&bad, sizeof(bad));
    if (bad)
        sodium_memzero(key, 32);
    return bad ? E_SYNTAX : 0;
}

void seal_recipient_encode(const uint8_t key[32], char out[SEAL_RECIPIENT_CHARS + 1])
{
    encode(&recipient, key, out);
}

void seal_identity_encode(const uint8_t key[32], char out[SEAL_IDENTITY_CHARS + 1])
{
    encode(&identity, key, out);
}

int seal_recipient_decode(const char *text, size_t len, uint8_t key[32])
{
    return decode(&recipient, text, len, key);
}

int seal_identity_decode(const char *text, size_t len, uint8_t key[32])
{
    return decode(&identity, text, len, key);
}
