/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef AUDIT_SITE_H
#define AUDIT_SITE_H
/* What lies on the disk of a node, or of a copy: recordings by their own heads, share files by their records. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SITE_PATH 256
#define SITE_NAME 64

struct site_recording {
    char path[SITE_PATH];                      /* below DATA */
    char camera[SITE_NAME], folder[SITE_NAME]; /* by the head, by the directory */
    int view;                                  /* enum mp4_view */
    bool encrypted, closed;
    int64_t start_us, end_us, epoch_us;
    int retention_days;
    uint8_t kid[16], digest[32]; /* digest: of the list of hashes; zero while open */
    size_t listed;               /* index in the lists, plus one; 0: in none */
    const char *damage;          /* static sentence; NULL: fine */
};

struct site_key {
    uint8_t kid[16], set[16];
    char camera[SITE_NAME];
    int64_t epoch_us;
    size_t file; /* index in shares */
};

struct site_shares {
    char path[SITE_PATH];
    int64_t epoch_us;
    int days; /* by the name; 0: the name is not one of ours */
    size_t keys, damaged;
};

struct site {
    struct site_recording *recordings; /* sorted by path */
    struct site_shares *shares;
    struct site_key *keys; /* sorted by kid */
    size_t recordings_n, shares_n, keys_n;
};

/*
 * Read heads and tails of all recordings, and all share files.
 * @footage  read every fragment too, and hold it against the list of hashes
 * Errors: errno values of the directory, -ENOMEM. What is damaged is marked, not an error.
 */
int site_read(const char *data_dir, bool footage, struct site *ret, struct err *reterr);
void site_release(struct site *s);
/* NULL: there is none. */
const struct site_key *site_key_find(const struct site *s, const uint8_t kid[16]);
/* Call @file for every file below DATA/@dir, in order of names. Below 0 ends it. */
int site_walk(const char *data_dir, const char *dir,
              int (*file)(void *user, const char *data_dir, const char *path), void *user);
#endif
