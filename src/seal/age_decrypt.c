/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Reader of age files. The header is text; stanza bodies are Base64 in lines of 64 characters, the last one shorter.
 * Everything before the MAC is a stranger's: each length is checked before it is used.
 */
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "seal/age.h"
#include "seal/age_key.h"
#include "seal/ct.h"

#define LINE_BYTES ((size_t)4096)
#define BODY_LINE ((size_t)64)
#define BASE64_32 ((size_t)43)
#define STANZAS_MAX 128

struct text {
    const char *p;
    size_t len;
};

struct stanza {
    struct text type, arg; /* arg: the second word, if there is one */
    int args;
    uint8_t
        body[BODY_LINE / 4 * 3 + 1]; /* of bodies that fit on two lines, all that X25519 needs */
    size_t body_len;
    bool body_long;
};

struct reader {
    const char *p, *end;
};

static bool is(struct text t, const char *word)
{
    return t.len == strlen(word) && !memcmp(t.p, word, t.len);
}

/* The next line without its end. */
static int next_line(struct reader *r, struct text *ret)
{
    size_t left = (size_t)(r->end - r->p), most = left < LINE_BYTES ? left : LINE_BYTES;
    const char *nl = left ? memchr(r->p, '\n', most) : NULL;
    if (!nl)
        return E_SYNTAX;
    *ret = (struct text){r->p, (size_t)(nl - r->p)};
    r->p = nl + 1;
    return 0;
}

/* Strict: no padding, no spare bits, no other characters. */
static int from_base64(struct text t, uint8_t *out, size_t cap, size_t *ret_len)
{
    for (size_t i = 0; i < t.len; i++)
        if ((unsigned char)t.p[i] > 126) /* libsodium 1.0.18 takes some of these for letters */
            return E_SYNTAX;
    return sodium_base642bin(out, cap, t.p, t.len, NULL, ret_len, NULL,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0
               ? 0
               : E_SYNTAX;
}

static int key_from_base64(struct text t, uint8_t out[32])
{
    size_t n;
    if (t.len != BASE64_32 || from_base64(t, out, 32, &n) < 0 || n != 32)
        return E_SYNTAX;
    return 0;
}

/* "-> TYPE ARG…": words of visible ASCII, one space between. */
static int parse_words(struct text line, struct stanza *s)
{
    const char *p = line.p + 3, *end = line.p + line.len;
    s->args = -1; /* the type is not counted */
    for (;;) {
        const char *start = p;
        while (p<end && * p> ' ' && *p < 127)
            p++;
        struct text word = {start, (size_t)(p - start)};
        if (word.len == 0)
            return E_SYNTAX;
        if (++s->args == 0)
            s->type = word;
        else if (s->args == 1)
            s->arg = word;
        if (p == end)
            return 0;
        if (*p++ != ' ')
            return E_SYNTAX;
    }
}

static int parse_body(struct reader *r, struct stanza *s)
{
    s->body_len = 0;
    s->body_long = false;
    for (;;) {
        struct text line;
        uint8_t data[BODY_LINE / 4 * 3];
        size_t n;
        if (next_line(r, &line) < 0 || line.len > BODY_LINE ||
            from_base64(line, data, sizeof(data), &n) < 0)
            return E_SYNTAX;
        if (s->body_len + n > sizeof(s->body))
            s->body_long = true;
        else
            memcpy(s->body + s->body_len, data, n);
        s->body_len += s->body_long ? 0 : n;
        if (line.len < BODY_LINE)
            return 0;
    }
}

/* Try one X25519 stanza. 1: @file_key is set, 0: it is for somebody else. */
static int unwrap(const struct stanza *s, const struct seal_identity *id,
                  uint8_t file_key[AGE_FILE_KEY])
{
    static const uint8_t zero[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    uint8_t ephemeral[32], shared[32], key[32];
    if (s->args != 1 || key_from_base64(s->arg, ephemeral) < 0 || s->body_long ||
        s->body_len != AGE_BODY)
        return E_SYNTAX;
    int low = crypto_scalarmult(shared, id->secret, ephemeral);
    SEAL_DECLASSIFY(&low, sizeof(low));
    int r = E_SYNTAX;
    if (low == 0) {
        age_wrap_key(shared, ephemeral, id->public_key, key);
        int bad = crypto_aead_chacha20poly1305_ietf_decrypt(file_key, NULL, NULL, s->body, AGE_BODY,
                                                            NULL, 0, zero, key);
        SEAL_DECLASSIFY(&bad, sizeof(bad));
        r = bad ? 0 : 1;
    }
    sodium_memzero(shared, sizeof(shared));
    sodium_memzero(key, sizeof(key));
    return r;
}

static int try_identities(const struct stanza *s, struct seal_identity *const *ids, size_t n,
                          bool found, uint8_t file_key[AGE_FILE_KEY])
{
    if (!is(s->type, "X25519"))
        return 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t candidate[AGE_FILE_KEY];
        int r = unwrap(s, ids[i], candidate);
        if (r > 0 && !found)
            memcpy(file_key, candidate, AGE_FILE_KEY);
        sodium_memzero(candidate, sizeof(candidate));
        if (r != 0)
            return r;
    }
    return 0;
}

/* All stanzas. @ret_last is the line that follows them. Returns 1 if @file_key was found, 0 if not. */
static int read_stanzas(struct reader *r, struct seal_identity *const *ids, size_t n,
                        uint8_t file_key[AGE_FILE_KEY], struct text *ret_last)
{
    int found = 0, count = 0;
    bool scrypt = false;
    for (;; count++) {
        struct text line;
        struct stanza s;
        if (count > STANZAS_MAX || next_line(r, &line) < 0)
            return E_SYNTAX;
        if (line.len < 3 || memcmp(line.p, "-> ", 3) != 0) {
            *ret_last = line;
            break;
        }
        if (parse_words(line, &s) < 0 || parse_body(r, &s) < 0)
            return E_SYNTAX;
        scrypt = scrypt || is(s.type, "scrypt");
        int t = try_identities(&s, ids, n, found, file_key);
        if (t < 0)
            return t;
        found |= t;
    }
    return count == 0 || (scrypt && count > 1) ? E_SYNTAX : found;
}

static int read_header(struct reader *r, struct seal_identity *const *ids, size_t n,
                       uint8_t file_key[AGE_FILE_KEY])
{
    const char *start = r->p;
    struct text line;
    uint8_t mac[32], want[32];
    if (next_line(r, &line) < 0)
        return E_SYNTAX;
    if (!is(line, "age-encryption.org/v1"))
        return is(line, "-----BEGIN AGE ENCRYPTED FILE-----") ? E_UNSUPPORTED : E_SYNTAX;
    int found = read_stanzas(r, ids, n, file_key, &line);
    if (found < 0)
        return found;
    if (line.len != 4 + BASE64_32 || memcmp(line.p, "--- ", 4) != 0 ||
        key_from_base64((struct text){line.p + 4, BASE64_32}, mac) < 0)
        return E_SYNTAX;
    if (!found)
        return E_NOTFOUND;
    age_header_mac(file_key, (const uint8_t *)start, (size_t)(line.p + 3 - start), want);
    int bad = sodium_memcmp(mac, want, sizeof(mac));
    SEAL_DECLASSIFY(&bad, sizeof(bad));
    sodium_memzero(want, sizeof(want));
    return bad ? E_CRYPTO : 0;
}

static int read_chunks(const uint8_t *p, size_t left, const uint8_t key[32], uint8_t *out,
                       size_t cap, size_t *ret_len)
{
    size_t done = 0;
    for (uint64_t i = 0;; i++) {
        bool last = left <= AGE_CHUNK + AGE_TAG;
        size_t n = last ? left : AGE_CHUNK + AGE_TAG;
        uint8_t nonce[12];
        if (n < AGE_TAG)
            return E_TRUNCATED;
        if (n == AGE_TAG && i > 0)
            return E_SYNTAX; /* only an empty text has an empty chunk */
        if (n - AGE_TAG > cap - done)
            return E_LIMIT;
        age_chunk_nonce(i, last, nonce);
        int bad = crypto_aead_chacha20poly1305_ietf_decrypt(out + done, NULL, NULL, p, n, NULL, 0,
                                                            nonce, key);
        SEAL_DECLASSIFY(&bad, sizeof(bad));
        if (bad)
            return E_CRYPTO;
        done += n - AGE_TAG;
        p += n;
        left -= n;
        if (last) {
            *ret_len = done;
            return 0;
        }
    }
}

int seal_age_decrypt(const uint8_t *file, size_t len, struct seal_identity *const *ids, size_t n,
                     uint8_t *out, size_t cap, size_t *ret_len)
{
    struct reader r = {(const char *)file, (const char *)file + len};
    uint8_t file_key[AGE_FILE_KEY], key[32];
    int code = read_header(&r, ids, n, file_key);
    size_t left = (size_t)(r.end - r.p);
    if (code == 0 && left < AGE_NONCE + AGE_TAG)
        code = E_TRUNCATED;
    if (code == 0) {
        age_payload_key(file_key, (const uint8_t *)r.p, key);
        code =
            read_chunks((const uint8_t *)r.p + AGE_NONCE, left - AGE_NONCE, key, out, cap, ret_len);
    }
    sodium_memzero(file_key, sizeof(file_key));
    sodium_memzero(key, sizeof(key));
    if (code < 0)
        sodium_memzero(out, cap);
    return code;
}
