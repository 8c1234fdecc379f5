/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* RTSPS with a certificate made at start; a client has to pin it. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "sim/server.h"

#define LIFE_S (10L * 365 * 24 * 3600)

static int fill_certificate(X509 *x, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(x);
    X509V3_CTX v;
    X509V3_set_ctx(&v, x, x, NULL, NULL, 0);
    X509_EXTENSION *san =
        X509V3_EXT_conf_nid(NULL, &v, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    bool ok = san && X509_add_ext(x, san, -1) && X509_set_version(x, 2) &&
              ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
              X509_gmtime_adj(X509_getm_notBefore(x), -3600) &&
              X509_gmtime_adj(X509_getm_notAfter(x), LIFE_S) && X509_set_pubkey(x, key) &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                         (const unsigned char *)"simulated camera", -1, -1, 0) &&
              X509_set_issuer_name(x, name) && X509_sign(x, key, EVP_sha256());
    X509_EXTENSION_free(san);
    return ok ? 0 : E_CRYPTO;
}

int sim_tls_open(struct sim_server *s, struct err *reterr)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    s->tls = SSL_CTX_new(TLS_server_method());
    int r = key && x && s->tls ? fill_certificate(x, key) : E_CRYPTO;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    if (r >= 0 && (!SSL_CTX_use_certificate(s->tls, x) || !SSL_CTX_use_PrivateKey(s->tls, key) ||
                   !X509_digest(x, EVP_sha256(), digest, &len)))
        r = E_CRYPTO;
    if (r >= 0) {
        SSL_CTX_set_mode(s->tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                     SSL_MODE_RELEASE_BUFFERS);
        printf("rtsps rtsps://%s:%d/ pin sha256 %s\n", s->o->address, s->o->tls_port,
               hex_encode(digest, len, hex));
    }
    X509_free(x);
    EVP_PKEY_free(key);
    return r < 0 ? err_set(reterr, r, "making a certificate failed") : 0;
}
