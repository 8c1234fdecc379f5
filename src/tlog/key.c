/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Keys of notes as text. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/utf8.h"
#include "tlog/base64.h"
#include "tlog/note.h"

#define SECRET_PREFIX "PRIVATE+KEY+"

bool tlog_name_valid(const char *name, size_t len)
{
    uint32_t c;
    if (len == 0 || len >= TLOG_NAME_BYTES)
        return false;
    for (size_t at = 0; at < len;) {
        int n = utf8_next(name + at, len - at, &c);
        if (n < 0 || c < 0x20 || c == '+' || utf8_is_space(c))
            return false;
        at += (size_t)n;
    }
    return true;
}

static void key_id(struct tlog_vkey *k)
{
    uint8_t hash[32];
    crypto_hash_sha256_state st;
    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, (const uint8_t *)k->name, strlen(k->name));
    crypto_hash_sha256_update(&st, (const uint8_t *)"\n", 1);
    crypto_hash_sha256_update(&st, &k->type, 1);
    crypto_hash_sha256_update(&st, k->public_key, sizeof(k->public_key));
    crypto_hash_sha256_final(&st, hash);
    memcpy(k->id, hash, sizeof(k->id));
}

/* Name and type; the rest of @k is zero then. */
static int key_begin(struct tlog_vkey *k, const char *name, size_t len, uint8_t type,
                     struct err *reterr)
{
    if (!tlog_name_valid(name, len))
        return err_set(reterr, E_RANGE,
                       "a key's name is 1 to %d bytes of UTF-8 without white space and '+', for "
                       "example cameras.example.org/log",
                       TLOG_NAME_BYTES - 1);
    if (type != TLOG_KEY_NOTE && type != TLOG_KEY_COSIGNATURE)
        return err_set(reterr, E_UNSUPPORTED,
                       "key %.*s is of type %u; known are 1 (Ed25519) and 4 (Ed25519 cosignature)",
                       (int)len, name, type);
    *k = (struct tlog_vkey){.type = type};
    memcpy(k->name, name, len);
    return 0;
}

int tlog_vkey_init(struct tlog_vkey *k, const char *name, enum tlog_key_type type,
                   const uint8_t public_key[32], struct err *reterr)
{
    int r = key_begin(k, name, strlen(name), (uint8_t)type, reterr);
    if (r < 0)
        return r;
    memcpy(k->public_key, public_key, sizeof(k->public_key));
    key_id(k);
    return 0;
}

/* "name+id+base64(type ‖ 32 bytes)". */
static int split_key(const char *text, size_t len, struct tlog_vkey *k, uint8_t id[4],
                     uint8_t raw[33], struct err *reterr)
{
    const char *plus = memchr(text, '+', len), *end = text + len;
    size_t n = 0, id_n = 0;
    char hex[9];
    if (!plus || end - plus < 10 || plus[9] != '+')
        return err_set(reterr, E_SYNTAX, "not a key of the form name+id+base64");
    memcpy(hex, plus + 1, 8);
    hex[8] = 0;
    if (strspn(hex, "0123456789abcdef") != 8 || hex_decode(hex, id, 4, &id_n) < 0 ||
        tlog_base64_decode(plus + 10, (size_t)(end - plus - 10), raw, 33, &n) < 0 || n < 1)
        return err_set(reterr, E_SYNTAX, "not a key of the form name+id+base64");
    int r = key_begin(k, text, (size_t)(plus - text), raw[0], reterr);
    if (r < 0)
        return r;
    return n == 33 ? 0 : err_set(reterr, E_SYNTAX, "key %s is not 32 bytes long", k->name);
}

int tlog_vkey_parse(const char *text, size_t len, struct tlog_vkey *ret, struct err *reterr)
{
    uint8_t id[4], raw[33];
    struct tlog_vkey k;
    int r = split_key(text, len, &k, id, raw, reterr);
    if (r < 0)
        return r;
    memcpy(k.public_key, raw + 1, 32);
    key_id(&k);
    if (memcmp(id, k.id, 4) != 0)
        return err_set(reterr, E_MISMATCH,
                       "key %s: its id is not that of name and key; copied wrongly?", k.name);
    *ret = k;
    return 0;
}

char *tlog_vkey_format(const struct tlog_vkey *k, char out[TLOG_VKEY_TEXT])
{
    uint8_t raw[33];
    char id[9], base64[TLOG_BASE64_TEXT(sizeof(raw))];
    raw[0] = k->type;
    memcpy(raw + 1, k->public_key, 32);
    snprintf(out, TLOG_VKEY_TEXT, "%s+%s+%s", k->name, hex_encode(k->id, 4, id),
             tlog_base64(raw, sizeof(raw), base64));
    return out;
}

bool tlog_vkey_equal(const struct tlog_vkey *a, const struct tlog_vkey *b)
{
    return a->type == b->type && strcmp(a->name, b->name) == 0 &&
           memcmp(a->public_key, b->public_key, sizeof(a->public_key)) == 0;
}

int tlog_skey_init(struct tlog_skey *k, const char *name, enum tlog_key_type type,
                   const uint8_t *seed, struct err *reterr)
{
    uint8_t public_key[32];
    struct tlog_skey made;
    if (seed)
        crypto_sign_seed_keypair(public_key, made.secret, seed);
    else
        crypto_sign_keypair(public_key, made.secret);
    int r = tlog_vkey_init(&made.vkey, name, type, public_key, reterr);
    if (r >= 0)
        *k = made;
    tlog_skey_wipe(&made);
    return r;
}

int tlog_skey_parse(const char *text, size_t len, struct tlog_skey *ret, struct err *reterr)
{
    const size_t prefix = strlen(SECRET_PREFIX);
    uint8_t id[4], raw[33];
    struct tlog_vkey named;
    struct tlog_skey k = {0};
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (len < prefix || memcmp(text, SECRET_PREFIX, prefix) != 0)
        return err_set(reterr, E_SYNTAX,
                       "not a signing key: it does not start with " SECRET_PREFIX);
    int r = split_key(text + prefix, len - prefix, &named, id, raw, reterr);
    if (r >= 0)
        r = tlog_skey_init(&k, named.name, named.type, raw + 1, reterr);
    if (r >= 0 && memcmp(id, k.vkey.id, 4) != 0)
        r = err_set(reterr, E_MISMATCH, "signing key %s: its id is not that of name and key",
                    named.name);
    if (r >= 0)
        *ret = k;
    sodium_memzero(raw, sizeof(raw));
    tlog_skey_wipe(&k);
    return r;
}

char *tlog_skey_format(const struct tlog_skey *k, char out[TLOG_SKEY_TEXT])
{
    uint8_t raw[33];
    char id[9], base64[TLOG_BASE64_TEXT(sizeof(raw))];
    raw[0] = k->vkey.type;
    memcpy(raw + 1, k->secret, 32);
    snprintf(out, TLOG_SKEY_TEXT, SECRET_PREFIX "%s+%s+%s", k->vkey.name,
             hex_encode(k->vkey.id, 4, id), tlog_base64(raw, sizeof(raw), base64));
    sodium_memzero(raw, sizeof(raw));
    sodium_memzero(base64, sizeof(base64));
    return out;
}

void tlog_skey_wipe(struct tlog_skey *k)
{
    sodium_memzero(k, sizeof(*k));
}
