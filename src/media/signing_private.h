/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MEDIA_SIGNING_PRIVATE_H
#define MEDIA_SIGNING_PRIVATE_H
/* State of the verifier, for signing.c (units, keys) and signing_match.c (units against hash lists). */
#include "media/signing_sei.h"

enum item_kind { ITEM_ANCHOR, ITEM_SLICE, ITEM_SEI };

/* A unit that no signature has spoken of yet. */
struct signing_item {
    uint8_t hash[SIGNING_HASH];   /* of the unit */
    uint8_t listed[SIGNING_HASH]; /* as it has to stand in the list, while a group is compared */
    enum item_kind kind;
    uint64_t nal;
    int64_t at_us;
};

#define SIGNING_DOCS 64 /* groups that wait for one signature */

struct signing {
    enum media_codec codec;
    X509_STORE *roots;
    const EVP_MD *digest;
    size_t hash_len;
    EVP_MD_CTX *ctx;
    EVP_PKEY *key[2]; /* of the manufacturer, of the user */
    uint8_t leaf[2][32];
    struct signing_item *item;
    size_t items, cap;
    struct signing_doc doc[SIGNING_DOCS];
    size_t docs;
    bool any, asleep, begun; /* a signature was seen; not hashing; a group was matched */
    bool bad;                /* a fault that makes the stream NOT AUTHENTIC */
    bool inside;             /* the last group goes on: its anchor is that of the next one */
    bool chained;            /* counter, first and anchor are known */
    uint32_t counter;
    uint8_t first[SIGNING_HASH], anchor[SIGNING_HASH];
    struct signing_report report;
};

void signing_hash(struct signing *s, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                  uint8_t *out);
void signing_fault_add(struct signing *s, enum signing_fault_kind kind, uint64_t nal,
                       uint64_t count, int64_t at_us);
void signing_drop(struct signing *s, size_t n); /* the first @n items */
/* Hold the items against the group that @d tells of, and take out those that it covers. */
void signing_match(struct signing *s, const struct signing_doc *d, uint64_t nal, int64_t at_us);
#endif
