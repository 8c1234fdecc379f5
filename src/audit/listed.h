/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef AUDIT_LISTED_H
#define AUDIT_LISTED_H
/* The hourly lists of recordings (docs/format/manifest.md), as they lie on the disk. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define LISTED_PATH 256

struct listed_recording {
    char camera[64], path[LISTED_PATH]; /* path below DATA */
    int view;                           /* enum mp4_view */
    int64_t start_us, end_us;
    uint8_t kid[16], digest[32];
    size_t hour; /* index in hours */
    bool found;  /* on the disk */
};
struct listed_hour {
    int64_t hour_us;
    char path[LISTED_PATH];
    uint8_t root[32]; /* as it follows from the lines */
    uint64_t recordings;
    const char *damage; /* static sentence; NULL: fine */
    bool logged;        /* the log has the same root */
};
struct listed {
    struct listed_recording *recordings; /* in order of paths, each once: the newest line of it */
    struct listed_hour *hours;
    size_t recordings_n, hours_n;
};

/* Errors: -ENOMEM, errno values of the directory. A node without lists has none. */
int listed_read(const char *data_dir, struct listed *ret, struct err *reterr);
/* NULL: it is in no list. */
struct listed_recording *listed_find(const struct listed *l, const char *path);
void listed_release(struct listed *l);
#endif
