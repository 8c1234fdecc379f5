/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_REORDER_H
#define RTSP_REORDER_H
/*
 * Puts UDP packets back into order: what comes in order goes straight through, the rest waits in 64 places until the
 * hole before it is filled, the places are used up, or it has waited too long. Duplicates are dropped. Thread-bound.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REORDER_PACKETS 64
#define REORDER_WAIT_US 200000
#define REORDER_BEFORE                                                                             \
    8 /* the first packet that comes need not be the first one sent: that many may come behind it */

struct reorder_slot {
    uint8_t *data; /* kept for the next packet of this place */
    uint32_t len, cap;
    bool used;
    int64_t arrival_us;
};

struct reorder {
    bool started;
    uint16_t next; /* sequence number that is due */
    int waiting, late;
    struct reorder_slot slot[REORDER_PACKETS];
};

/* @p a whole packet; borrowed for the time of the call. */
typedef void (*reorder_deliver)(void *user, const uint8_t *p, size_t n);

void reorder_init(struct reorder *r);
void reorder_release(struct reorder *r);
/* Hand in a packet with sequence number @seq; delivers it and what became due. -ENOMEM: the packet is lost. */
int reorder_push(struct reorder *r, uint16_t seq, const uint8_t *p, size_t n, int64_t now_us,
                 reorder_deliver deliver, void *user);
/* Give up on holes that are older than REORDER_WAIT_US. */
void reorder_expire(struct reorder *r, int64_t now_us, reorder_deliver deliver, void *user);
#endif
