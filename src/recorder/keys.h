/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_KEYS_H
#define RECORDER_KEYS_H
/*
 * Epoch keys ahead of need. A thread makes them in batches, has their shares made durable, and only
 * then hands them to the camera's loop. So no byte is ever sealed with a key whose shares are not
 * on disk, and an epoch change costs the loops nothing.
 */
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "mp4/writer.h"
#include "seal/seal.h"
#include "store/store.h"

struct keys;
struct camera;

/* A key ready for use on a loop. */
struct epoch_key {
    struct seal_key *key;
    struct mp4_cipher cipher;
    int64_t epoch_us;
};

struct keys_config {
    struct store *store;
    const struct seal_policy *policy; /* borrowed */
    const char *node;                 /* borrowed */
    int64_t epoch_length_us;
    size_t max_keys;
};

int keys_start(const struct keys_config *cfg, struct keys **ret, struct err *reterr);
/* Ends the thread; requests that wait are dropped. Every key must have been released. */
void keys_stop(struct keys *k);
/*
 * Ask for the key of @c (its id) and the epoch that begins at @epoch_us. Answered by camera_key()
 * on the camera's loop, with NULL and the error if it failed; the camera asks again. Errors:
 * -ENOMEM; no answer will come then. Thread-safe.
 */
int keys_request(struct keys *k, struct camera *c, const char *id, int64_t epoch_us,
                 int retention_days);
/* Wipe. NULL is fine. Thread-safe. */
void keys_release(struct keys *k, struct epoch_key *e);
int64_t keys_epoch_of(const struct keys *k, int64_t utc_us);
int64_t keys_epoch_length(const struct keys *k);
#endif
