/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SEAL_RECORD_H
#define SEAL_RECORD_H
/*
 * Texts of the share file: the key record, which the KID is a hash of, and what a custodian finds in a share.
 * docs/format/shares.md. Both have one spelling only: the parsers refuse every other. Reentrant.
 */
#include "seal/seal.h"
#include "seal/shamir.h"

#define SEAL_RECORD_TEXT 512 /* room for a key record with NUL */
#define SEAL_SHARE_TEXT 640  /* room for a key record and a share with NUL */
#define SEAL_SECRET 32       /* what is split: K and the salt of the commitment */

struct seal_record {
    struct seal_context context;
    int threshold, count;
    uint8_t set[SEAL_SET];
    uint8_t commitment[32];
};

/* Writes text and NUL. Returns the length, or E_RANGE. */
int seal_record_build(const struct seal_record *r, char out[SEAL_RECORD_TEXT]);
int seal_record_parse(const char *text, size_t len, struct seal_record *ret);
/* First 16 bytes of SHA-256 of the text. */
void seal_record_kid(const char *text, size_t len, uint8_t ret[SEAL_KID]);
/* What the record says of the secret without telling it: SHA-256 of a label, K and salt. */
void seal_commitment(const uint8_t secret[SEAL_SECRET], uint8_t ret[32]);

/* The record's text and then "share NUMBER HEX". @number 1..count. Returns the length or E_RANGE. Secret. */
int seal_share_build(const char *record, size_t record_len, int number,
                     const uint8_t share[SEAL_SHAMIR_SHARE], char out[SEAL_SHARE_TEXT]);
/* E_SYNTAX; E_MISMATCH when it belongs to another record or is not share @number. */
int seal_share_parse(const char *text, size_t len, const char *record, size_t record_len,
                     int number, uint8_t ret_share[SEAL_SHAMIR_SHARE]);
#endif
