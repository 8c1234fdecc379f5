/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The SEI: 06 05 (H.264) or 4e 01 05 (H.265), payload size, UUID, one byte of flags, TLVs (tag 1 byte, length 2), stop
 * bit. Flags: 0x80 certificate SEI, 0x40 emulation prevention was applied before signing.
 * Source: ONVIF Media Signing Specification 26.06, "SEI format".
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "media/signing_sei.h"

enum { TAG_GENERAL = 1, TAG_LIST, TAG_SIGNATURE, TAG_CRYPTO, TAG_VENDOR, TAG_CHAIN, TAG_ARBITRARY };

static const uint8_t uuid[16] = {0x00, 0x5b, 0xc9, 0x3f, 0x2d, 0x71, 0x5e, 0x95,
                                 0xad, 0xa4, 0x79, 0x6f, 0x90, 0x87, 0x7a, 0x6f};

/* Bytes in front of the payload size, 0 if it is no SEI with user data. */
static size_t head_len(enum media_codec codec, const uint8_t *nal, size_t len)
{
    if (codec == MEDIA_H264)
        return len > 2 && nal[0] == 0x06 && nal[1] == 0x05 ? 2 : 0;
    return len > 3 && nal[0] == 0x4e && nal[1] == 0x01 && nal[2] == 0x05 ? 3 : 0;
}

/* Offset of the UUID and the payload size that stands in front of it; 0 if there is none. */
static size_t payload_at(enum media_codec codec, const uint8_t *nal, size_t len, size_t *ret_size)
{
    size_t at = head_len(codec, nal, len), size = 0;
    if (!at)
        return 0;
    while (at < len && nal[at] == 0xff) {
        size += 0xff;
        at++;
    }
    if (at >= len)
        return 0;
    *ret_size = size + nal[at];
    return at + 1;
}

bool signing_sei_is(enum media_codec codec, const uint8_t *nal, size_t len)
{
    size_t size, at = payload_at(codec, nal, len, &size);
    return at && len - at > sizeof(uuid) && memcmp(nal + at, uuid, sizeof(uuid)) == 0;
}

/* Some writers leave emulation prevention out; 00 00 00…02 shows it. */
static bool is_bare(const uint8_t *p, size_t len)
{
    for (size_t i = 2; i < len; i++)
        if (p[i] <= 2 && p[i - 1] == 0 && p[i - 2] == 0)
            return true;
    return false;
}

/* Copy without emulation prevention. Returns the length. */
static size_t unescape(const uint8_t *p, size_t len, uint8_t *out)
{
    size_t n = 0;
    int zeros = 0;
    for (size_t i = 0; i < len; i++) {
        if (zeros >= 2 && p[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = p[i] ? 0 : zeros + 1;
        out[n++] = p[i];
    }
    return n;
}

/* Where byte @want of the unescaped text stands in the escaped one. */
static size_t escaped_offset(const uint8_t *p, size_t len, size_t want)
{
    size_t n = 0;
    int zeros = 0;
    for (size_t i = 0; i < len; i++) {
        if (zeros >= 2 && p[i] == 3) {
            zeros = 0;
            continue;
        }
        if (n++ == want)
            return i;
        zeros = p[i] ? 0 : zeros + 1;
    }
    return len;
}

static uint64_t number(const uint8_t *p, int n, bool little)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[little ? n - 1 - i : i];
    return v;
}

/* 100 ns since 1601 to microseconds since 1970. */
static int64_t utc_of(uint64_t ticks)
{
    return (int64_t)(ticks / 10) - INT64_C(11644473600000000);
}

static bool is_year_of_ours(uint64_t ticks)
{
    int64_t us = utc_of(ticks);
    return us > INT64_C(946684800000000) && us < INT64_C(4102444800000000); /* 2000 to 2100 */
}

/*
 * The specification wants little endian, the reference implementation and the cameras that carry it write big endian.
 * The length of the hash list tells which it is, without a list the time.
 */
static void read_numbers(struct signing_doc *d)
{
    const uint8_t *counter = d->group - 6, *covered = d->group - 2;
    bool little = d->list ? number(covered, 2, true) * d->hash_len == d->list_len &&
                                number(covered, 2, false) * d->hash_len != d->list_len
                          : is_year_of_ours(number(d->numbers, 8, true));
    if (d->list && number(covered, 2, true) == number(covered, 2, false))
        little = is_year_of_ours(number(d->numbers, 8, true));
    d->counter = (uint32_t)number(counter, 4, little);
    d->covered = (uint16_t)number(covered, 2, little);
    d->start_us = utc_of(number(d->numbers, 8, little));
}

static int parse_general(struct signing_doc *d, const uint8_t *v, size_t len)
{
    size_t fixed = len > 0 && v[0] == 2 ? 27 : 19; /* version 1 has no end time */
    if (len < 1 || v[0] < 1 || v[0] > 2)
        return E_UNSUPPORTED;
    if (len <= fixed || (len - fixed) % 2 || (len - fixed) / 2 > SIGNING_HASH || d->general)
        return E_SYNTAX;
    d->general = true;
    d->partial = v[4] != 0;
    d->numbers = v + 5;
    d->hash_len = (len - fixed) / 2;
    d->group = v + fixed;
    d->linked = d->group + d->hash_len;
    return 0;
}

/* The digest named by the contents of a DER object identifier. */
static const EVP_MD *digest_of(const uint8_t *oid, size_t len)
{
    static const uint8_t nist[8] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02};
    if (len >= 2 && oid[0] == 6 && oid[1] == len - 2) { /* with tag and length */
        oid += 2;
        len -= 2;
    }
    if (len != 9 || memcmp(oid, nist, sizeof(nist)) != 0)
        return NULL;
    return oid[8] == 1   ? EVP_sha256()
           : oid[8] == 2 ? EVP_sha384()
           : oid[8] == 3 ? EVP_sha512()
                         : NULL;
}

static int parse_crypto(struct signing_doc *d, const uint8_t *v, size_t len)
{
    if (len < 2 || v[0] != 1)
        return E_UNSUPPORTED;
    size_t hash = v[1];
    if (2 + hash + 1 > len || 2 + hash + 1 + v[2 + hash] + 2 != len)
        return E_SYNTAX;
    d->digest = digest_of(v + 2, hash);
    return d->digest ? 0 : E_UNSUPPORTED;
}

static int parse_tlv(struct signing_doc *d, unsigned tag, const uint8_t *v, size_t len)
{
    if (tag == TAG_ARBITRARY)
        d->arbitrary = true;
    else
        d->other = true;
    switch (tag) {
    case TAG_GENERAL:
        return parse_general(d, v, len);
    case TAG_CRYPTO:
        return parse_crypto(d, v, len);
    case TAG_LIST:
        if (len < 1 || v[0] != 1 || d->list)
            return E_SYNTAX;
        d->list = v + 1;
        d->list_len = len - 1;
        return 0;
    case TAG_CHAIN:
        if (len < 3 || v[0] != 1 || v[1] > 1)
            return E_SYNTAX;
        d->chain[v[1]] = (const char *)v + 2;
        d->chain_len[v[1]] = len - 2;
        return 0;
    case TAG_SIGNATURE:
        if (len < 3 || v[0] != 1)
            return E_SYNTAX;
        d->signature = v + 3;
        d->signature_len = rd16(v + 1);
        return d->signature_len <= len - 3 && d->signature_len ? 0 : E_SYNTAX;
    default: /* vendor information and what later editions bring */
        return 0;
    }
}

static int parse_tlvs(struct signing_doc *d, size_t at, size_t end)
{
    while (at < end) {
        if (end - at < 3 || d->signature) /* the signature comes last */
            return E_SYNTAX;
        size_t len = rd16(d->text + at + 1);
        if (len > end - at - 3)
            return E_SYNTAX;
        if (d->text[at] == TAG_SIGNATURE)
            d->signed_len = at;
        int r = parse_tlv(d, d->text[at], d->text + at + 3, len);
        if (r < 0)
            return r;
        at += 3 + len;
    }
    if (d->arbitrary && d->other)
        return E_SYNTAX;
    if (d->general)
        read_numbers(d);
    if (d->list) { /* early writers leave an old number beside a short list at the end of a stream */
        if (!d->general || !d->list_len || d->list_len % d->hash_len)
            return E_SYNTAX;
        d->covered = (uint16_t)(d->list_len / d->hash_len);
    }
    return 0;
}

int signing_sei_parse(enum media_codec codec, const uint8_t *nal, size_t len,
                      struct signing_doc *ret)
{
    *ret = (struct signing_doc){0};
    if (len > SIGNING_SEI_BYTES)
        return E_LIMIT;
    ret->text = malloc(len + 1);
    if (!ret->text)
        return -ENOMEM;
    bool bare = is_bare(nal, len);
    size_t n = len, size = 0;
    if (bare)
        memcpy(ret->text, nal, len);
    else
        n = unescape(nal, len, ret->text);
    size_t at = payload_at(codec, ret->text, n, &size);
    if (!at || size < sizeof(uuid) + 1 || size > n - at)
        return E_SYNTAX;
    uint8_t flags = ret->text[at + sizeof(uuid)];
    ret->certificate_sei = flags & 0x80;
    ret->signed_raw = flags & 0x40;
    int r = parse_tlvs(ret, at + sizeof(uuid) + 1, at + size);
    if (r >= 0 && ret->signed_raw && !bare && ret->signature)
        ret->signed_len = escaped_offset(nal, len, ret->signed_len);
    return r;
}

void signing_sei_release(struct signing_doc *d)
{
    free(d->text);
    *d = (struct signing_doc){0};
}

/* OpenSSL would ask at the terminal for the password of an encrypted block. */
static int no_password(char *out, int size, int writing, void *user)
{
    return -1;
}

X509 *signing_leaf(const char *pem, size_t len, STACK_OF(X509) * *ret_rest)
{
    if (len > INT32_MAX)
        return NULL;
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *leaf = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    if (leaf && ret_rest) {
        STACK_OF(X509) *rest = sk_X509_new_null();
        X509 *next;
        while (rest && sk_X509_num(rest) < 8 &&
               (next = PEM_read_bio_X509(bio, NULL, no_password, NULL)))
            if (!sk_X509_push(rest, next))
                X509_free(next);
        *ret_rest = rest;
    }
    BIO_free(bio);
    return leaf;
}

bool signing_sei_verify(const struct signing_doc *d, const uint8_t *nal, const EVP_MD *digest,
                        EVP_PKEY *key)
{
    const uint8_t *text = d->signed_raw ? nal : d->text;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pc = NULL;
    bool ok = c && EVP_DigestVerifyInit(c, &pc, digest, NULL, key) == 1;
    if (ok && EVP_PKEY_base_id(key) == EVP_PKEY_RSA)
        ok = EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING) > 0;
    ok = ok && EVP_DigestVerify(c, d->signature, d->signature_len, text, d->signed_len) == 1;
    EVP_MD_CTX_free(c);
    return ok;
}
