/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Secrets: passwords by Argon2id (RFC 9106), random ones by SHA-256 (they cannot be guessed, so nothing slow is needed). */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "account/private.h"

#define RANDOM_BYTES 32

void account_secret_hash(const char *text, uint8_t ret_hash[ACCOUNT_HASH])
{
    crypto_hash_sha256(ret_hash, (const unsigned char *)text, strlen(text));
}

void account_secret_make(const char *prefix, char ret_text[ACCOUNT_SECRET],
                         uint8_t ret_hash[ACCOUNT_HASH])
{
    uint8_t random[RANDOM_BYTES];
    size_t n = strlen(prefix);
    randombytes_buf(random, sizeof(random));
    memcpy(ret_text, prefix, n);
    sodium_bin2base64(ret_text + n, ACCOUNT_SECRET - n, random, sizeof(random),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(random, sizeof(random));
    account_secret_hash(ret_text, ret_hash);
}

int account_password_check(const char *password, struct err *reterr)
{
    size_t bytes = strlen(password), characters = 0;
    for (size_t i = 0; i < bytes; i++)
        characters += ((unsigned char)password[i] & 0xc0) != 0x80;
    if (characters < ACCOUNT_PASSWORD_MIN || bytes > ACCOUNT_PASSWORD_MAX)
        return err_set(reterr, E_RANGE,
                       "A password has at least %d characters and at most %d bytes.",
                       ACCOUNT_PASSWORD_MIN, ACCOUNT_PASSWORD_MAX);
    return 0;
}

int account_password_hash(struct account *a, const char *password, char ret[ACCOUNT_PASSWORD_HASH],
                          struct err *reterr)
{
    pthread_mutex_lock(&a->hashing);
    int r =
        crypto_pwhash_str_alg(ret, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                              crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
    pthread_mutex_unlock(&a->hashing);
    return r == 0 ? 0 : err_set(reterr, E_FULL, "There is no memory to hash a password (64 MiB).");
}

int account_password_verify(struct account *a, const char *password, const char *hash)
{
    /* Of a random password that nobody knows. */
    static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$3hl1si0Y83/YLc9AM+iL2w$"
                                 "7Dsqyrzu1UONPCJC8ZW/F12NzNUilQYL2D09L3XJlAs";
    pthread_mutex_lock(&a->hashing);
    int r = crypto_pwhash_str_verify(*hash ? hash : nobody, password, strlen(password));
    pthread_mutex_unlock(&a->hashing);
    return r == 0 && *hash ? 0 : E_AUTH;
}
