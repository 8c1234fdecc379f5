/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_POOL_H
#define RECORDER_POOL_H
/* Fragments in circulation: filled by a camera on its loop, written by the store, back here.
 * Thread-safe. */
#include <stdint.h>

#include "mp4/writer.h"

struct recording;
struct pool_slot {
    struct mp4_fragment *fragment;
    struct recording *recording; /* while it is being written */
    int64_t first_us;            /* UTC of the first access unit, for naming a loss */
    unsigned frames;             /* video access units in it */
    struct pool_slot *next;
};

struct pool;
int pool_new(struct pool **ret);
void pool_free(struct pool *p); /* every slot must be back */
/* A slot, or NULL when out of memory. */
struct pool_slot *pool_take(struct pool *p);
/* Give back; a fragment that has grown beyond POOL_KEEP_BYTES is freed, so that one burst does not
 * stay in memory. */
#define POOL_KEEP_BYTES ((size_t)1 << 20)
void pool_give(struct pool *p, struct pool_slot *s);
#endif
