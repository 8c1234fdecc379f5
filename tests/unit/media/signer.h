/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A camera that signs: writes Media Signing SEI over units that a test makes up. Written from the specification. */
#include <assert.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define UNITS 512

struct unit {
    uint8_t *data;
    size_t len;
};

struct signer {
    bool h265, raw; /* raw: sign with emulation prevention */
    EVP_PKEY *key;
    char *pem;
    size_t pem_len;
    struct unit out[UNITS]; /* the stream */
    size_t units;
    uint8_t anchor[32], first[32], last_first[32], list[UNITS][32]; /* of the group that is open */
    size_t listed;
    uint32_t counter;
    unsigned seed;
};

static void hash2(const void *a, size_t an, const void *b, size_t bn, uint8_t out[32])
{
    uint8_t *both = malloc(an + bn + 1);
    memcpy(both, a, an);
    memcpy(both + an, b, bn);
    SHA256(both, an + bn, out);
    free(both);
}

static void signer_key(struct signer *s, bool rsa)
{
    EVP_PKEY_free(s->key);
    free(s->pem);
    s->key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_time_adj_ex(X509_getm_notBefore(x), 0, 0, &(time_t){1700000000});
    X509_time_adj_ex(X509_getm_notAfter(x), 0, 0, &(time_t){1710000000});
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"gate-1", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, s->key);
    X509_sign(x, s->key, EVP_sha256());
    BIO *b = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(b, x);
    char *p;
    s->pem_len = (size_t)BIO_get_mem_data(b, &p);
    s->pem = malloc(s->pem_len + 1);
    memcpy(s->pem, p, s->pem_len);
    s->pem[s->pem_len] = 0;
    BIO_free(b);
    X509_free(x);
}

static void signer_push(struct signer *s, const uint8_t *p, size_t n)
{
    assert(s->units < UNITS);
    s->out[s->units].data = malloc(n);
    memcpy(s->out[s->units].data, p, n);
    s->out[s->units++].len = n;
}

/* A slice: key pictures begin a group. */
static void signer_slice(struct signer *s, bool key, bool primary)
{
    uint8_t u[200], h[32];
    size_t n = 40 + (size_t)(rand_r(&s->seed) % 150), head = s->h265 ? 2 : 1;
    for (size_t i = 0; i < n; i++)
        u[i] = (uint8_t)(rand_r(&s->seed) | 4);
    u[0] = s->h265 ? (key ? 19 << 1 : 1 << 1) : (key ? 0x65 : 0x41);
    u[1] = s->h265 ? 1 : u[1];
    u[head] = (uint8_t)(primary ? u[head] | 0x80 : u[head] & 0x7f);
    u[n - 1] = 0x80;
    hash2(u, n, "", 0, h);
    if (key && primary)
        memcpy(s->anchor, h, 32);
    else
        hash2(s->anchor, 32, h, 32, h);
    if (!s->listed)
        memcpy(s->first, h, 32);
    memcpy(s->list[s->listed++], h, 32);
    signer_push(s, u, n);
}

static void put(uint8_t *b, size_t *n, const void *p, size_t len)
{
    memcpy(b + *n, p, len);
    *n += len;
}

static void tlv(uint8_t *b, size_t *n, int tag, const void *p, size_t len)
{
    uint8_t h[3] = {(uint8_t)tag, (uint8_t)(len >> 8), (uint8_t)len};
    put(b, n, h, 3);
    put(b, n, p, len);
}

static size_t escape(const uint8_t *p, size_t n, uint8_t *out)
{
    size_t o = 0;
    int zeros = 0;
    for (size_t i = 0; i < n; i++) {
        if (zeros >= 2 && p[i] <= 3) {
            out[o++] = 3;
            zeros = 0;
        }
        zeros = p[i] ? 0 : zeros + 1;
        out[o++] = p[i];
    }
    return o;
}

enum { SEI_LIST = 1, SEI_SIGNED = 2, SEI_CHAIN = 4, SEI_PARTIAL = 8, SEI_CERTIFICATE = 16 };

/* The SEI of the open group into @out; the group is closed by it. Returns its length. */
static size_t signer_sei(struct signer *s, int what, uint8_t out[65536])
{
    static const uint8_t uuid[16] = {0x00, 0x5b, 0xc9, 0x3f, 0x2d, 0x71, 0x5e, 0x95,
                                     0xad, 0xa4, 0x79, 0x6f, 0x90, 0x87, 0x7a, 0x6f};
    static const uint8_t crypto[] = {1, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 0, 0, 0};
    static uint8_t body[65536], text[65536], list[1 + UNITS * 32], chain[8192];
    uint8_t general[27 + 64] = {2, 26, 6, 0, (what & SEI_PARTIAL) != 0}, sig[3 + 512] = {1};
    size_t n = 0, t = 0, max = (size_t)EVP_PKEY_size(s->key);
    uint64_t when = (UINT64_C(1705000000) + s->counter) * 10000000 + UINT64_C(116444736000000000);
    for (int i = 0; i < 8; i++)
        general[5 + i] = general[13 + i] = (uint8_t)(when >> 8 * i);
    for (int i = 0; i < 4; i++)
        general[21 + i] = (uint8_t)(s->counter >> 8 * i);
    general[25] = (uint8_t)s->listed;
    general[26] = (uint8_t)(s->listed >> 8);
    hash2(s->list, s->listed * 32, "", 0, general + 27);
    memcpy(general + 59, s->last_first, 32);
    put(body, &n, uuid, 16);
    put(body, &n,
        (uint8_t[1]){(uint8_t)((what & SEI_CERTIFICATE ? 0x80 : 0) | (s->raw ? 0x40 : 0))}, 1);
    tlv(body, &n, 4, crypto, sizeof(crypto));
    if (!(what & SEI_CERTIFICATE))
        tlv(body, &n, 1, general, sizeof(general));
    if (what & SEI_LIST) {
        list[0] = 1;
        memcpy(list + 1, s->list, s->listed * 32);
        tlv(body, &n, 2, list, 1 + s->listed * 32);
    }
    if (what & SEI_CHAIN) {
        chain[0] = 1, chain[1] = 0;
        memcpy(chain + 2, s->pem, s->pem_len);
        tlv(body, &n, 6, chain, 2 + s->pem_len);
    }
    size_t size = n + (what & SEI_SIGNED ? 3 + 3 + max : 0);
    put(text, &t, s->h265 ? "\x4e\x01\x05" : "\x06\x05", s->h265 ? 3 : 2);
    for (; size >= 255; size -= 255)
        text[t++] = 255;
    text[t++] = (uint8_t)size;
    put(text, &t, body, n);
    if (what & SEI_SIGNED) {
        static uint8_t escaped[65536];
        size_t e = s->raw ? escape(text, t, escaped) : t;
        EVP_MD_CTX *c = EVP_MD_CTX_new();
        EVP_PKEY_CTX *pc;
        size_t len = max;
        EVP_DigestSignInit(c, &pc, EVP_sha256(), NULL, s->key);
        if (EVP_PKEY_base_id(s->key) == EVP_PKEY_RSA)
            EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING);
        EVP_DigestSign(c, sig + 3, &len, s->raw ? escaped : text, e);
        EVP_MD_CTX_free(c);
        sig[1] = (uint8_t)(len >> 8), sig[2] = (uint8_t)len;
        tlv(text, &t, 3, sig, 3 + max);
    }
    text[t++] = 0x80;
    size_t len = escape(text, t, out);
    if (!(what & SEI_CERTIFICATE)) {
        memcpy(s->last_first, s->first, 32);
        s->listed = 0;
        s->counter++;
    }
    return len;
}

/* The same as the next unit; one without a signature belongs to the group that follows. */
static void signer_put(struct signer *s, int what)
{
    static uint8_t sei[65536];
    size_t n = signer_sei(s, what, sei);
    signer_push(s, sei, n);
    if (!(what & SEI_SIGNED)) {
        uint8_t h[32];
        hash2(sei, n, "", 0, h);
        if (!s->listed)
            memcpy(s->first, h, 32);
        memcpy(s->list[s->listed++], h, 32);
    }
}

static void signer_release(struct signer *s)
{
    for (size_t i = 0; i < s->units; i++)
        free(s->out[i].data);
    EVP_PKEY_free(s->key);
    free(s->pem);
}
