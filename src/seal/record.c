/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "seal/record.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "seal/ct.h"

#define MS_US 1000
#define YEAR_10000_US (INT64_C(253402300800) * SECOND_US)
#define SHARE_HEX (2 * SEAL_SHAMIR_SHARE)

static bool name_ok(const char *name)
{
    size_t n = strnlen(name, SEAL_NAME);
    for (size_t i = 0; i < n; i++)
        if (name[i] <= ' ' || name[i] > '~')
            return false;
    return n > 0 && n < SEAL_NAME;
}

static bool context_ok(const struct seal_context *c)
{
    return name_ok(c->camera) && name_ok(c->node) && c->epoch_us >= 0 &&
           c->epoch_us < YEAR_10000_US && c->epoch_us % MS_US == 0 && c->epoch_length_us > 0 &&
           c->epoch_length_us <= DAY_US && c->epoch_length_us % MS_US == 0;
}

int seal_record_build(const struct seal_record *r, char out[SEAL_RECORD_TEXT])
{
    char when[TIME_TEXT], set[2 * SEAL_SET + 1], commitment[65];
    if (!context_ok(&r->context) || r->threshold < 2 || r->count < r->threshold ||
        r->count > SEAL_CUSTODIANS)
        return E_RANGE;
    int n = snprintf(out, SEAL_RECORD_TEXT,
                     "lethe-key v1\ncamera %s\nnode %s\nepoch %s\nlength %" PRId64
                     " ms\nshares %d of %d\ncustodians %s\ncommitment %s\n",
                     r->context.camera, r->context.node, time_format(r->context.epoch_us, when),
                     r->context.epoch_length_us / MS_US, r->threshold, r->count,
                     hex_encode(r->set, SEAL_SET, set), hex_encode(r->commitment, 32, commitment));
    return n < SEAL_RECORD_TEXT ? n : E_BUG;
}

/* One line "KEY VALUE"; the value goes to @out with NUL. Moves *p behind the line. */
static int take(const char **p, const char *end, const char *key, char *out, size_t cap)
{
    size_t key_len = strlen(key);
    const char *nl = memchr(*p, '\n', (size_t)(end - *p));
    if (!nl || (size_t)(nl - *p) <= key_len || memcmp(*p, key, key_len) != 0 ||
        (*p)[key_len] != ' ')
        return E_SYNTAX;
    const char *value = *p + key_len + 1;
    size_t len = (size_t)(nl - value);
    if (len >= cap || memchr(value, 0, len))
        return E_SYNTAX;
    memcpy(out, value, len);
    out[len] = 0;
    *p = nl + 1;
    return 0;
}

static int take_bytes(const char **p, const char *end, const char *key, uint8_t *out, size_t len)
{
    char text[80];
    size_t n;
    if (take(p, end, key, text, sizeof(text)) < 0 || hex_decode(text, out, len, &n) < 0 || n != len)
        return E_SYNTAX;
    return 0;
}

/* Loosely: whether the text has the one right spelling is seen by building it again. */
static int parse_lines(const char *p, const char *end, struct seal_record *r)
{
    char when[TIME_TEXT], length[32], shares[32], version[8], *of;
    struct seal_context *c = &r->context;
    if (take(&p, end, "lethe-key", version, sizeof(version)) < 0 ||
        take(&p, end, "camera", c->camera, SEAL_NAME) < 0 ||
        take(&p, end, "node", c->node, SEAL_NAME) < 0 ||
        take(&p, end, "epoch", when, sizeof(when)) < 0 ||
        take(&p, end, "length", length, sizeof(length)) < 0 ||
        take(&p, end, "shares", shares, sizeof(shares)) < 0 ||
        take_bytes(&p, end, "custodians", r->set, SEAL_SET) < 0 ||
        take_bytes(&p, end, "commitment", r->commitment, 32) < 0 || p != end)
        return E_SYNTAX;
    long long ms = strtoll(length, NULL, 10);
    long t = strtol(shares, &of, 10),
         n = strncmp(of, " of ", 4) == 0 ? strtol(of + 4, NULL, 10) : 0;
    if (time_parse(when, &c->epoch_us) < 0 || ms < 1 || ms > DAY_US / MS_US || t < 0 ||
        t > SEAL_CUSTODIANS || n < 0 || n > SEAL_CUSTODIANS)
        return E_SYNTAX;
    c->epoch_length_us = ms * MS_US;
    r->threshold = (int)t;
    r->count = (int)n;
    return 0;
}

int seal_record_parse(const char *text, size_t len, struct seal_record *ret)
{
    char again[SEAL_RECORD_TEXT];
    struct seal_record r = {0};
    if (len >= SEAL_RECORD_TEXT || parse_lines(text, text + len, &r) < 0)
        return E_SYNTAX;
    int n = seal_record_build(&r, again);
    if (n < 0 || (size_t)n != len || memcmp(again, text, len) != 0)
        return E_SYNTAX;
    *ret = r;
    return 0;
}

void seal_record_kid(const char *text, size_t len, uint8_t ret[SEAL_KID])
{
    uint8_t hash[32];
    crypto_hash_sha256(hash, (const uint8_t *)text, len);
    memcpy(ret, hash, SEAL_KID);
}

void seal_commitment(const uint8_t secret[SEAL_SECRET], uint8_t ret[32])
{
    static const char label[] = "lethe-key-commitment v1\n";
    crypto_hash_sha256_state st;
    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, (const uint8_t *)label, sizeof(label) - 1);
    crypto_hash_sha256_update(&st, secret, SEAL_SECRET);
    crypto_hash_sha256_final(&st, ret);
    sodium_memzero(&st, sizeof(st));
}

int seal_share_build(const char *record, size_t record_len, int number,
                     const uint8_t share[SEAL_SHAMIR_SHARE], char out[SEAL_SHARE_TEXT])
{
    char hex[SHARE_HEX + 1];
    if (record_len + SHARE_HEX + 16 > SEAL_SHARE_TEXT || number < 1 || number > SEAL_CUSTODIANS)
        return E_RANGE;
    memcpy(out, record, record_len);
    int n = snprintf(out + record_len, SEAL_SHARE_TEXT - record_len, "share %d ", number);
    size_t len = record_len + (size_t)n;
    sodium_bin2hex(hex, sizeof(hex), share, SEAL_SHAMIR_SHARE); /* constant time */
    memcpy(out + len, hex, SHARE_HEX);
    sodium_memzero(hex, sizeof(hex));
    len += SHARE_HEX;
    out[len++] = '\n';
    out[len] = 0;
    return (int)len;
}

/* Lower case; looks through all digits, so that no secret is an index or a condition. 0 on success. */
static uint32_t from_hex(const char *text, uint8_t *out, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t bad = 0;
    for (size_t i = 0; i < 2 * len; i++) {
        uint32_t value = 0, found = 0;
        for (uint32_t d = 0; d < 16; d++) {
            uint32_t same =
                ((uint32_t)((uint8_t)digits[d] ^ (uint8_t)text[i]) - 1) >> 8; /* all ones or zero */
            value |= d & same;
            found |= same;
        }
        bad |= ~found;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | value : value << 4);
    }
    SEAL_DECLASSIFY(&bad, sizeof(bad));
    return bad & 1;
}

int seal_share_parse(const char *text, size_t len, const char *record, size_t record_len,
                     int number, uint8_t ret_share[SEAL_SHAMIR_SHARE])
{
    char head[16];
    if (len <= record_len || memcmp(text, record, record_len) != 0)
        return E_MISMATCH;
    text += record_len;
    len -= record_len;
    size_t head_len = (size_t)snprintf(head, sizeof(head), "share %d ", number);
    if (len < head_len || memcmp(text, head, head_len) != 0)
        return E_MISMATCH;
    if (len != head_len + SHARE_HEX + 1 || text[len - 1] != '\n')
        return E_SYNTAX;
    return from_hex(text + head_len, ret_share, SEAL_SHAMIR_SHARE) ? E_SYNTAX : 0;
}
