/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SEAL_SHARES_H
#define SEAL_SHARES_H
/* The share file in memory, for shares.c and combine.c. Entries were checked: their lengths add up. */
#include "seal/record.h"

struct seal_entry {
    uint8_t kid[SEAL_KID];
    const uint8_t *data; /* the whole record */
    size_t len;
};

struct seal_shares {
    struct seal_entry *entries; /* sorted by kid */
    size_t count, cap, damaged;
};

const struct seal_entry *seal_shares_entry(const struct seal_shares *s,
                                           const uint8_t kid[SEAL_KID]);  /* NULL: none */
int seal_entry_open(const struct seal_entry *e, struct seal_record *ret); /* E_CORRUPT */
const char *seal_entry_text(const struct seal_entry *e, size_t *ret_len);
/* The age file for custodian @i, 0..count-1. */
const uint8_t *seal_entry_share(const struct seal_entry *e, int i, size_t *ret_len);
#endif
