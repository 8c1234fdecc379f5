/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

#define HASH_TEXT 65

static int rank(const struct rtsp_auth *a)
{
    return a->scheme == RTSP_AUTH_DIGEST  ? (a->sha256 ? 3 : 2)
           : a->scheme == RTSP_AUTH_BASIC ? 1
                                          : 0;
}

static bool list_has(struct span list, const char *word)
{
    struct span item;
    while (span_cut(&list, ',', &item))
        if (span_is(item, word))
            return true;
    return false;
}

/* One name=value of a challenge; false when the challenge cannot be answered with it. */
static bool parameter(struct rtsp_auth *a, struct span name, struct span value)
{
    value = span_unquote(value);
    if (span_is(name, "realm"))
        return span_copy(value, a->realm, sizeof(a->realm)) >= 0;
    if (span_is(name, "nonce"))
        return span_copy(value, a->nonce, sizeof(a->nonce)) >= 0;
    if (span_is(name, "opaque"))
        return span_copy(value, a->opaque, sizeof(a->opaque)) >= 0;
    if (span_is(name, "stale"))
        a->stale = span_is(value, "true");
    if (span_is(name, "qop")) {
        a->qop_auth = list_has(value, "auth");
        return a->qop_auth || value.n == 0;
    }
    if (span_is(name, "algorithm")) {
        a->sha256 = span_starts(value, "SHA-256");
        a->session_variant = span_is(value, "MD5-sess") || span_is(value, "SHA-256-sess");
        return a->session_variant || span_is(value, "MD5") || span_is(value, "SHA-256") ||
               value.n == 0;
    }
    return true;
}

static bool has_quotes(const char *text)
{
    return strpbrk(text, "\"\r\n") != NULL;
}

static bool complete(const struct rtsp_auth *a)
{
    return a->scheme == RTSP_AUTH_BASIC ||
           (a->nonce[0] && !has_quotes(a->nonce) && !has_quotes(a->opaque));
}

/* "Scheme name=value" begins a challenge; "name=value" goes on with the one before. */
static bool begins_challenge(struct span item, struct span *ret_scheme, struct span *ret_rest)
{
    size_t blank = 0;
    while (blank < item.n && item.p[blank] != ' ' && item.p[blank] != '=')
        blank++;
    if (blank < item.n && item.p[blank] == '=')
        return false;
    struct span rest = span_trim((struct span){item.p + blank, item.n - blank});
    if (rest.n && rest.p[0] == '=')
        return false;
    *ret_scheme = (struct span){item.p, blank};
    *ret_rest = rest;
    return true;
}

static void consider(const struct rtsp_auth *candidate, bool usable, struct rtsp_auth *best)
{
    if (usable && candidate->scheme != RTSP_AUTH_NONE && complete(candidate) &&
        rank(candidate) > rank(best))
        *best = *candidate;
}

static void scan_header(struct span value, struct rtsp_auth *best)
{
    struct rtsp_auth c = {0};
    struct span item, scheme, rest;
    bool usable = false;
    while (span_cut(&value, ',', &item)) {
        if (begins_challenge(item, &scheme, &rest)) {
            consider(&c, usable, best);
            c = (struct rtsp_auth){0};
            usable = true;
            if (span_is(scheme, "Digest"))
                c.scheme = RTSP_AUTH_DIGEST;
            else if (span_is(scheme, "Basic"))
                c.scheme = RTSP_AUTH_BASIC;
            item = rest;
        }
        size_t eq = span_find(item, '=');
        if (eq < item.n)
            usable &= parameter(&c, span_trim((struct span){item.p, eq}),
                                span_trim((struct span){item.p + eq + 1, item.n - eq - 1}));
    }
    consider(&c, usable, best);
}

int rtsp_auth_challenge(struct rtsp_auth *a, const struct rtsp_message *m)
{
    struct rtsp_auth best = {0};
    for (int i = 0; i < m->headers; i++)
        if (span_is(m->header[i].name, "WWW-Authenticate"))
            scan_header(m->header[i].value, &best);
    if (best.scheme == RTSP_AUTH_NONE)
        return E_NOTFOUND;
    int fresh = best.scheme != a->scheme || strcmp(best.nonce, a->nonce) != 0;
    memcpy(best.user, a->user, sizeof(best.user));
    memcpy(best.password, a->password, sizeof(best.password));
    if (!fresh)
        best.nonce_count = a->nonce_count;
    *a = best;
    OPENSSL_cleanse(&best, sizeof(best));
    return fresh;
}

/* Hex hash of the parts joined by ':'. */
static int hash(bool sha256, char out[HASH_TEXT], const char *const *part, int parts)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx && EVP_DigestInit_ex(ctx, sha256 ? EVP_sha256() : EVP_md5(), NULL);
    for (int i = 0; ok && i < parts; i++)
        ok = (i == 0 || EVP_DigestUpdate(ctx, ":", 1)) &&
             EVP_DigestUpdate(ctx, part[i], strlen(part[i]));
    ok = ok && EVP_DigestFinal_ex(ctx, md, &n) && n <= 32;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return E_BUG;
    for (unsigned i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", md[i]);
    return 0;
}

#define HASH(sha256, out, ...)                                                                     \
    hash(sha256, out, (const char *const[]){__VA_ARGS__},                                          \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static int digest(struct rtsp_auth *a, const char *method, const char *uri, const char *cnonce,
                  char *ret, size_t cap)
{
    char ha1[HASH_TEXT], ha2[HASH_TEXT], response[HASH_TEXT], nc[9], tail[128] = "";
    bool s = a->sha256;
    snprintf(nc, sizeof(nc), "%08x", ++a->nonce_count);
    int r = HASH(s, ha1, a->user, a->realm, a->password);
    if (r >= 0 && a->session_variant)
        r = HASH(s, ha1, ha1, a->nonce, cnonce);
    if (r >= 0)
        r = HASH(s, ha2, method, uri);
    if (r >= 0)
        r = a->qop_auth ? HASH(s, response, ha1, a->nonce, nc, cnonce, "auth", ha2)
                        : HASH(s, response, ha1, a->nonce, ha2);
    OPENSSL_cleanse(ha1, sizeof(ha1));
    if (r < 0)
        return r;
    if (a->qop_auth)
        snprintf(tail, sizeof(tail), ", qop=auth, nc=%s, cnonce=\"%s\"", nc, cnonce);
    else if (a->session_variant)
        snprintf(tail, sizeof(tail), ", cnonce=\"%s\"", cnonce);
    const char *algorithm = s ? ", algorithm=SHA-256" : a->session_variant ? ", algorithm=MD5" : "";
    int n = snprintf(ret, cap,
                     "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
                     "response=\"%s\"%s%s%s%s%s%s",
                     a->user, a->realm, a->nonce, uri, response, algorithm,
                     a->session_variant ? "-sess" : "", a->opaque[0] ? ", opaque=\"" : "",
                     a->opaque, a->opaque[0] ? "\"" : "", tail);
    return n < 0 || (size_t)n >= cap ? E_LIMIT : 0;
}

static int basic(const struct rtsp_auth *a, char *ret, size_t cap)
{
    unsigned char pair[sizeof(a->user) + sizeof(a->password) + 1];
    int n = snprintf((char *)pair, sizeof(pair), "%s:%s", a->user, a->password);
    char *out = NULL;
    int r = E_LIMIT;
    if (n > 0 && 6 + (size_t)(n + 2) / 3 * 4 < cap) {
        memcpy(ret, "Basic ", 6);
        out = ret + 6;
        EVP_EncodeBlock((unsigned char *)out, pair, n);
        r = 0;
    }
    OPENSSL_cleanse(pair, sizeof(pair));
    return r;
}

int rtsp_auth_answer(struct rtsp_auth *a, const char *method, const char *uri, const char *cnonce,
                     char *ret, size_t cap)
{
    if (a->scheme == RTSP_AUTH_NONE)
        return E_NOTFOUND;
    return a->scheme == RTSP_AUTH_BASIC ? basic(a, ret, cap)
                                        : digest(a, method, uri, cnonce, ret, cap);
}

void rtsp_auth_release(struct rtsp_auth *a)
{
    OPENSSL_cleanse(a, sizeof(*a));
}
