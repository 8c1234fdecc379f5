/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_BYTES ((size_t)1 << 20)
#define YEAR_S (366L * 86400)
#define RENEW_S (30L * 86400)

void http_tls_release(struct http_tls *t)
{
    if (t->key)
        OPENSSL_cleanse(t->key, strlen(t->key));
    free(t->key);
    free(t->cert);
    *t = (struct http_tls){0};
}

static int read_text(const char *path, char **ret, struct err *reterr)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
    if (r >= 0 && (st.st_size <= 0 || (size_t)st.st_size > PEM_BYTES))
        r = E_LIMIT;
    char *text = r < 0 ? NULL : calloc(1, (size_t)st.st_size + 1);
    if (r >= 0 && (!text || read(fd, text, (size_t)st.st_size) != (ssize_t)st.st_size))
        r = text ? -EIO : -ENOMEM;
    if (fd >= 0)
        close(fd);
    if (r < 0) {
        free(text);
        return err_set(reterr, r, "tls: %s: %s", path, err_text(r));
    }
    *ret = text;
    return 0;
}

static X509 *parse_cert(const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    X509 *x = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    return x;
}

/* No password is asked for: a server that starts by itself cannot be told one. */
static int no_password(char *buf, int size, int rwflag, void *user)
{
    (void)buf, (void)size, (void)rwflag, (void)user;
    return -1;
}

static int check_pair(const struct http_tls *t, const char *cert, const char *key,
                      struct err *reterr)
{
    X509 *x = parse_cert(t->cert);
    BIO *in = BIO_new_mem_buf(t->key, -1);
    EVP_PKEY *k = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;
    int r = 0;
    if (!x)
        r = err_set(reterr, E_SYNTAX, "tls: %s holds no certificate in PEM", cert);
    else if (!k)
        r = err_set(reterr, E_SYNTAX, "tls: %s holds no private key in PEM without a password",
                    key);
    else if (X509_check_private_key(x, k) != 1)
        r = err_set(reterr, E_MISMATCH, "tls: the key %s does not belong to the certificate %s",
                    key, cert);
    else if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
        r = err_set(reterr, E_RANGE, "tls: the certificate %s has expired", cert);
    EVP_PKEY_free(k);
    BIO_free(in);
    X509_free(x);
    return r;
}

int http_tls_load(const char *cert, const char *key, struct http_tls *ret, struct err *reterr)
{
    struct http_tls t = {0};
    int r = read_text(cert, &t.cert, reterr);
    if (r >= 0)
        r = read_text(key, &t.key, reterr);
    if (r >= 0)
        r = check_pair(&t, cert, key, reterr);
    if (r < 0) {
        http_tls_release(&t);
        return r;
    }
    *ret = t;
    return 0;
}

/* ---- self-made ---- */

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool name_is_plain(const char *host)
{
    return *host &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
               strlen(host);
}

static X509 *make_cert(EVP_PKEY *key)
{
    char host[128] = "", names[256];
    uint8_t serial[16];
    X509 *x = X509_new();
    if (gethostname(host, sizeof(host) - 1) < 0 || !name_is_plain(host))
        snprintf(host, sizeof(host), "localhost");
    snprintf(names, sizeof(names), "DNS:%s,DNS:localhost,IP:127.0.0.1,IP:::1", host);
    X509_NAME *name = x ? X509_get_subject_name(x) : NULL;
    BIGNUM *n = RAND_bytes(serial, sizeof(serial)) == 1 ? BN_bin2bn(serial, 15, NULL) : NULL;
    bool ok = x && n && X509_set_version(x, 2) == 1 &&
              BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) &&
              X509_gmtime_adj(X509_getm_notBefore(x), -86400) &&
              X509_gmtime_adj(X509_getm_notAfter(x), YEAR_S) && X509_set_pubkey(x, key) == 1 &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1,
                                         -1, 0) == 1 &&
              X509_set_issuer_name(x, name) == 1 &&
              add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
              add_extension(x, NID_ext_key_usage, "serverAuth") &&
              add_extension(x, NID_subject_alt_name, names) && X509_sign(x, key, EVP_sha256()) > 0;
    BN_free(n);
    if (!ok) {
        X509_free(x);
        return NULL;
    }
    return x;
}

/* Temporary file and rename: a half-written key is no key. */
static int write_text(const char *path, BIO *pem)
{
    char temporary[640], *text;
    long len = BIO_get_mem_data(pem, &text);
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int r = write(fd, text, (size_t)len) == len && fsync(fd) == 0 ? 0 : -EIO;
    close(fd);
    if (r >= 0 && rename(temporary, path) < 0)
        r = -errno;
    return r;
}

static int make_pair(const char *cert, const char *key)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    X509 *x = k ? make_cert(k) : NULL;
    BIO *key_pem = BIO_new(BIO_s_secmem()), *cert_pem = BIO_new(BIO_s_mem());
    int r = x && key_pem && cert_pem &&
                    PEM_write_bio_PrivateKey(key_pem, k, NULL, NULL, 0, NULL, NULL) == 1 &&
                    PEM_write_bio_X509(cert_pem, x) == 1
                ? 0
                : E_CRYPTO;
    if (r >= 0)
        r = write_text(key, key_pem);
    if (r >= 0)
        r = write_text(cert, cert_pem);
    BIO_free(key_pem);
    BIO_free(cert_pem);
    X509_free(x);
    EVP_PKEY_free(k);
    return r;
}

static bool lasts(const struct http_tls *t)
{
    time_t soon = time(NULL) + RENEW_S;
    X509 *x = parse_cert(t->cert);
    bool ok = x && X509_cmp_time(X509_get0_notAfter(x), &soon) > 0;
    X509_free(x);
    return ok;
}

int http_tls_self_signed(const char *data_dir, struct http_tls *ret, struct err *reterr)
{
    char dir[512], cert[560], key[560];
    snprintf(dir, sizeof(dir), "%.500s/web", data_dir);
    snprintf(cert, sizeof(cert), "%s/self-signed.crt", dir);
    snprintf(key, sizeof(key), "%s/self-signed.key", dir);
    struct http_tls t = {0};
    bool fine = http_tls_load(cert, key, &t, NULL) >= 0 && lasts(&t);
    int r = 0;
    if (!fine) {
        http_tls_release(&t);
        r = mkdir(dir, 0700) < 0 && errno != EEXIST ? -errno : make_pair(cert, key);
        if (r < 0)
            return err_set(reterr, r, "tls: a certificate cannot be made in %s: %s", dir,
                           err_text(r));
        r = http_tls_load(cert, key, &t, reterr);
    }
    if (r < 0)
        return r;
    t.self_signed = true;
    *ret = t;
    return 0;
}
