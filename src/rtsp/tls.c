/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TLS for rtsps on memory BIOs: bytes in, bytes out, no socket here. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rtsp/conn.h"

struct tls {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out;
    bool pinned;
    uint8_t pin[32];
    char why[160];
};

static int set_trust(struct tls *t, const struct rtsp_url *url, const struct rtsp_config *cfg)
{
    if (cfg->pinned || cfg->tls_insecure) {
        SSL_set_verify(t->ssl, SSL_VERIFY_NONE, NULL);
        t->pinned = cfg->pinned;
        memcpy(t->pin, cfg->pin_sha256, sizeof(t->pin));
        return 1;
    }
    SSL_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
    if (url->host_is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), url->host);
    return SSL_set1_host(t->ssl, url->host);
}

int tls_new(const struct rtsp_url *url, const struct rtsp_config *cfg, struct tls **ret)
{
    struct tls *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->ctx = SSL_CTX_new(TLS_client_method());
    int ok = t->ctx && SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) &&
             SSL_CTX_set_default_verify_paths(t->ctx);
    t->ssl = ok ? SSL_new(t->ctx) : NULL;
    t->in = t->ssl ? BIO_new(BIO_s_mem()) : NULL;
    t->out = t->in ? BIO_new(BIO_s_mem()) : NULL;
    if (!t->out) {
        BIO_free(t->in);
        tls_free(t);
        return -ENOMEM;
    }
    BIO_set_mem_eof_return(t->in, -1);
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_connect_state(t->ssl);
    SSL_set_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
    ok = set_trust(t, url, cfg);
    char name[sizeof(url->host)]; /* the macro wants it writable */
    snprintf(name, sizeof(name), "%s", url->host);
    if (ok && !url->host_is_address)
        ok = (int)SSL_set_tlsext_host_name(t->ssl, name);
    if (!ok) {
        tls_free(t);
        return -ENOMEM;
    }
    *ret = t;
    return 0;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    SSL_CTX_free(t->ctx);
    free(t);
}

int tls_feed(struct tls *t, const uint8_t *p, size_t n)
{
    return BIO_write(t->in, p, (int)n) == (int)n ? 0 : -ENOMEM;
}

static int refuse(struct tls *t, const char *why)
{
    long verdict = SSL_get_verify_result(t->ssl);
    unsigned long e = ERR_peek_last_error();
    if (why)
        snprintf(t->why, sizeof(t->why), "%s", why);
    else if (verdict != X509_V_OK)
        snprintf(t->why, sizeof(t->why), "certificate: %s; pin it or give the issuer to the system",
                 X509_verify_cert_error_string(verdict));
    else
        snprintf(t->why, sizeof(t->why), "TLS: %s", e ? ERR_reason_error_string(e) : "broken off");
    ERR_clear_error();
    return E_CRYPTO;
}

static bool pin_matches(const struct tls *t)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    X509 *cert = SSL_get0_peer_certificate(t->ssl);
    return cert && X509_digest(cert, EVP_sha256(), digest, &n) && n == sizeof(t->pin) &&
           CRYPTO_memcmp(digest, t->pin, n) == 0;
}

int tls_handshake(struct tls *t)
{
    ERR_clear_error();
    int r = SSL_do_handshake(t->ssl);
    if (r == 1)
        return t->pinned && !pin_matches(t) ? refuse(t, "the certificate is not the pinned one")
                                            : 1;
    int e = SSL_get_error(t->ssl, r);
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : refuse(t, NULL);
}

const char *tls_why(const struct tls *t)
{
    return t->why;
}

ssize_t tls_read(struct tls *t, uint8_t *out, size_t cap)
{
    ERR_clear_error();
    int n = SSL_read(t->ssl, out, cap > INT32_MAX ? INT32_MAX : (int)cap);
    if (n > 0)
        return n;
    int e = SSL_get_error(t->ssl, n);
    if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
        return 0;
    return e == SSL_ERROR_ZERO_RETURN ? E_CLOSED : E_CRYPTO;
}

int tls_write(struct tls *t, const void *p, size_t n)
{
    ERR_clear_error();
    return SSL_write(t->ssl, p, (int)n) == (int)n ? 0 : E_CRYPTO;
}

size_t tls_drain(struct tls *t, uint8_t *out, size_t cap)
{
    int n = BIO_read(t->out, out, (int)cap);
    return n > 0 ? (size_t)n : 0;
}
