/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H
/* Key and certificate of the web server as PEM text. Reentrant. */
#include <stdbool.h>

#include "base/err.h"

struct http_tls {
    char *key, *cert; /* PEM; NULL: plain HTTP */
    bool self_signed;
};

/* Read both files; the key has to belong to the certificate. errno, E_SYNTAX, E_MISMATCH, E_LIMIT. Owns: http_tls_release(). */
int http_tls_load(const char *cert, const char *key, struct http_tls *ret, struct err *reterr);
/*
 * Make DATA/web/self-signed.{key,crt} below @data_dir if they are not there, or hold for less than 30 days: ECDSA P-256, for
 * the name of this machine, localhost and loopback addresses, a year long. Browsers ask whether to trust it, once.
 */
int http_tls_self_signed(const char *data_dir, struct http_tls *ret, struct err *reterr);
/* Wipes the key. */
void http_tls_release(struct http_tls *t);
#endif
