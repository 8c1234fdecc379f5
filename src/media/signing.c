/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Units are hashed as they come; a signed SEI settles the groups that wait for it. */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "media/signing_private.h"

void signing_hash(struct signing *s, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                  uint8_t *out)
{
    EVP_DigestInit_ex(s->ctx, s->digest, NULL);
    EVP_DigestUpdate(s->ctx, a, a_len);
    if (b)
        EVP_DigestUpdate(s->ctx, b, b_len);
    EVP_DigestFinal_ex(s->ctx, out, NULL);
}

void signing_fault_add(struct signing *s, enum signing_fault_kind kind, uint64_t nal,
                       uint64_t count, int64_t at_us)
{
    struct signing_report *r = &s->report;
    if (kind != SIGNING_FAULT_MISSING)
        s->bad = true;
    if (r->faults < SIGNING_FAULTS)
        r->fault[r->faults] =
            (struct signing_fault){.kind = kind, .nal = nal, .count = count, .at_us = at_us};
    r->faults++;
}

void signing_drop(struct signing *s, size_t n)
{
    memmove(s->item, s->item + n, (s->items - n) * sizeof(*s->item));
    s->items -= n;
}

static int load_roots(struct signing *s, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *root;
    int n = 0;
    s->roots = X509_STORE_new();
    while (bio && s->roots && (root = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        n += X509_STORE_add_cert(s->roots, root) == 1;
        X509_free(root);
    }
    BIO_free(bio);
    return n ? 0 : E_SYNTAX;
}

int signing_new(enum media_codec codec, const char *roots_pem, struct signing **ret)
{
    if (codec != MEDIA_H264 && codec != MEDIA_H265)
        return E_UNSUPPORTED;
    struct signing *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->codec = codec;
    s->digest = EVP_sha256();
    s->hash_len = (size_t)EVP_MD_size(s->digest);
    s->ctx = EVP_MD_CTX_new();
    int r = s->ctx ? 0 : -ENOMEM;
    if (r >= 0 && roots_pem)
        r = load_roots(s, roots_pem);
    if (r < 0) {
        signing_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

void signing_free(struct signing *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->docs; i++)
        signing_sei_release(&s->doc[i]);
    EVP_PKEY_free(s->key[0]);
    EVP_PKEY_free(s->key[1]);
    EVP_MD_CTX_free(s->ctx);
    X509_STORE_free(s->roots);
    free(s->item);
    free(s);
}

/* Is it a unit that signatures cover, and of which kind? */
static bool covered_kind(const struct signing *s, const uint8_t *nal, size_t len,
                         enum item_kind *ret)
{
    bool h264 = s->codec == MEDIA_H264;
    unsigned type = h264 ? nal[0] & 31 : nal[0] >> 1 & 63;
    size_t head = h264 ? 1 : 2;
    if (h264 ? type < 1 || type > 5 : type > 31)
        return false;
    bool primary =
        len > head && (nal[head] & 0x80); /* first_mb_in_slice 0, first_slice_segment_in_pic_flag */
    bool key = h264 ? type == 5 : type >= 16 && type <= 21;
    *ret = key && primary ? ITEM_ANCHOR : ITEM_SLICE;
    return true;
}

static int put_item(struct signing *s, enum item_kind kind, const uint8_t *nal, size_t len,
                    int64_t at_us)
{
    if (s->items == SIGNING_PENDING) { /* no signature for so long: half of them are given up */
        size_t half = SIGNING_PENDING / 2;
        if (s->any) {
            s->report.wrong += half;
            signing_fault_add(s, SIGNING_FAULT_UNCOVERED, s->item[0].nal, half, s->item[0].at_us);
        }
        signing_drop(s, half);
    }
    if (s->items == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 64;
        struct signing_item *more = reallocarray(s->item, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        s->item = more;
        s->cap = cap;
    }
    struct signing_item *it = &s->item[s->items++];
    it->kind = kind;
    it->nal = s->report.units;
    it->at_us = at_us;
    while (len > 1 &&
           nal[len - 1] == 0) /* trailing zeros belong to a byte stream, not to the unit */
        len--;
    signing_hash(s, nal, len, NULL, 0, it->hash);
    return 0;
}

static void judge_chain(struct signing *s, X509 *leaf, STACK_OF(X509) * rest, int64_t when_us)
{
    X509_STORE_CTX *c = s->roots ? X509_STORE_CTX_new() : NULL;
    if (!c)
        return;
    bool ok = X509_STORE_CTX_init(c, s->roots, leaf, rest) == 1;
    if (ok) {
        X509_STORE_CTX_set_time(c, 0, (time_t)(when_us / SECOND_US));
        ok = X509_verify_cert(c) == 1;
    }
    X509_STORE_CTX_free(c);
    if (s->report.trust != SIGNING_TRUST_BAD)
        s->report.trust = ok ? SIGNING_TRUST_OK : SIGNING_TRUST_BAD;
}

/* Take the key out of a certificate chain; another one than before is a fault, but it is used. */
static bool take_chain(struct signing *s, const struct signing_doc *d, int which, int64_t at_us)
{
    uint8_t digest[32];
    unsigned n = sizeof(digest);
    STACK_OF(X509) *rest = NULL;
    X509 *leaf = signing_leaf(d->chain[which], d->chain_len[which], &rest);
    EVP_PKEY *key = leaf ? X509_get_pubkey(leaf) : NULL;
    bool ok = key && X509_digest(leaf, EVP_sha256(), digest, &n) == 1;
    if (ok && s->key[which] && memcmp(digest, s->leaf[which], sizeof(digest)) == 0) {
        EVP_PKEY_free(key);
    } else if (ok) {
        if (s->key[which])
            signing_fault_add(s, SIGNING_FAULT_SIGNER, s->report.units, 1, at_us);
        EVP_PKEY_free(s->key[which]);
        s->key[which] = key;
        memcpy(s->leaf[which], digest, sizeof(digest));
        memcpy(s->report.certificate, digest, sizeof(digest));
        X509_NAME_oneline(X509_get_subject_name(leaf), s->report.signer,
                          (int)sizeof(s->report.signer));
        judge_chain(s, leaf, rest, d->general && d->start_us > 0 ? d->start_us : at_us);
    } else {
        EVP_PKEY_free(key);
    }
    sk_X509_pop_free(rest, X509_free);
    X509_free(leaf);
    return ok;
}

static void take_digest(struct signing *s, const EVP_MD *digest)
{
    if (!digest || EVP_MD_size(digest) == (int)s->hash_len)
        return;
    s->digest = digest; /* what was hashed before is lost: it counts as before the stream */
    s->hash_len = (size_t)EVP_MD_size(digest);
    s->items = 0;
}

static bool check_signature(struct signing *s, const struct signing_doc *d, const uint8_t *nal,
                            int64_t at_us)
{
    for (int which = 0; which < 2; which++)
        if (d->chain[which] && !take_chain(s, d, which, at_us))
            return false;
    take_digest(s, d->digest);
    EVP_PKEY *key = s->key[1] && !d->certificate_sei ? s->key[1] : s->key[0];
    return key && signing_sei_verify(d, nal, s->digest, key);
}

static void settle(struct signing *s, int64_t at_us)
{
    for (size_t i = 0; i < s->docs; i++) {
        signing_match(s, &s->doc[i], s->report.units, at_us);
        signing_sei_release(&s->doc[i]);
    }
    s->docs = 0;
}

/* A signature, a group without one, or data of the vendor's. Owns @d from here on. */
static int take_doc(struct signing *s, struct signing_doc *d, const uint8_t *nal, size_t len,
                    int64_t at_us)
{
    int r = 0;
    if (!d->signature) {
        r = put_item(s, ITEM_SEI, nal, len, at_us);
        if (r >= 0 && d->general && s->docs < SIGNING_DOCS) {
            s->doc[s->docs++] = *d;
            return 0;
        }
    } else if (!check_signature(s, d, nal, at_us)) {
        signing_fault_add(s, SIGNING_FAULT_SIGNATURE, s->report.units, 1, at_us);
    } else if (!d->certificate_sei && s->docs < SIGNING_DOCS) {
        s->report.signatures++;
        s->doc[s->docs++] = *d;
        settle(s, at_us);
        return 0;
    }
    signing_sei_release(d);
    return r;
}

static int take_sei(struct signing *s, const uint8_t *nal, size_t len, int64_t at_us)
{
    struct signing_doc d;
    s->any = true;
    s->asleep = false;
    int r = signing_sei_parse(s->codec, nal, len, &d);
    if (r >= 0)
        return take_doc(s, &d, nal, len, at_us);
    signing_sei_release(&d);
    if (r == -ENOMEM)
        return r;
    signing_fault_add(s, SIGNING_FAULT_SIGNATURE, s->report.units, 1, at_us);
    return 0;
}

int signing_add(struct signing *s, const uint8_t *nal, size_t len, int64_t at_us)
{
    enum item_kind kind;
    int r = 0;
    if (len >= 2 && signing_sei_is(s->codec, nal, len))
        r = take_sei(s, nal, len, at_us);
    else if (len >= 2 && !s->asleep && covered_kind(s, nal, len, &kind))
        r = put_item(s, kind, nal, len, at_us);
    s->report.units++;
    if (!s->any && !s->asleep && s->report.units >= SIGNING_WAKE) {
        s->asleep = true;
        s->items = 0;
    }
    return r;
}

int signing_add_sample(struct signing *s, const uint8_t *data, size_t len, int64_t at_us)
{
    while (len >= 4) {
        size_t n = rd32(data);
        if (n > len - 4)
            return E_SYNTAX;
        int r = signing_add(s, data + 4, n, at_us);
        if (r < 0)
            return r;
        data += 4 + n;
        len -= 4 + n;
    }
    return len ? E_SYNTAX : 0;
}

void signing_report(const struct signing *s, struct signing_report *ret)
{
    *ret = s->report;
    ret->pending = s->items;
    if (!s->any)
        ret->verdict = SIGNING_NOT_SIGNED;
    else if (s->bad || s->report.trust == SIGNING_TRUST_BAD)
        ret->verdict = SIGNING_NOT_AUTHENTIC;
    else if (s->report.missing)
        ret->verdict = SIGNING_AUTHENTIC_MISSING;
    else /* signatures that cover nothing of what is here show nothing */
        ret->verdict = s->report.verified ? SIGNING_AUTHENTIC : SIGNING_NOT_SIGNED;
}

const char *signing_verdict_name(enum signing_verdict v)
{
    static const char *const names[] = {"NOT SIGNED", "AUTHENTIC",
                                        "AUTHENTIC WITH MISSING NAL UNITS", "NOT AUTHENTIC"};
    return names[v];
}

const char *signing_fault_name(enum signing_fault_kind k)
{
    static const char *const names[] = {"wrong",     "missing", "uncovered",
                                        "signature", "order",   "signer"};
    return names[k];
}
