/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/reorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LATE_PACKETS 16 /* that many behind in a row: the sender began anew */

void reorder_init(struct reorder *r)
{
    *r = (struct reorder){0};
}

void reorder_release(struct reorder *r)
{
    for (int i = 0; i < REORDER_PACKETS; i++)
        free(r->slot[i].data);
    *r = (struct reorder){0};
}

static void deliver_due(struct reorder *r, reorder_deliver deliver, void *user)
{
    while (r->waiting > 0) {
        struct reorder_slot *s = &r->slot[r->next % REORDER_PACKETS];
        if (!s->used)
            return;
        s->used = false;
        r->waiting--;
        r->next++;
        deliver(user, s->data, s->len);
    }
}

/* Leave the hole at the front: go on with the first packet that waits. */
static void skip_hole(struct reorder *r, reorder_deliver deliver, void *user)
{
    while (r->waiting > 0 && !r->slot[r->next % REORDER_PACKETS].used)
        r->next++;
    deliver_due(r, deliver, user);
}

static int store(struct reorder *r, uint16_t seq, const uint8_t *p, size_t n, int64_t now_us)
{
    struct reorder_slot *s = &r->slot[seq % REORDER_PACKETS];
    if (s->used)
        return 0; /* the same packet again */
    if (n > s->cap) {
        uint8_t *data = realloc(s->data, n);
        if (!data)
            return -ENOMEM;
        s->data = data;
        s->cap = (uint32_t)n;
    }
    memcpy(s->data, p, n);
    s->len = (uint32_t)n;
    s->arrival_us = now_us;
    s->used = true;
    r->waiting++;
    return 0;
}

static void restart(struct reorder *r, uint16_t seq, reorder_deliver deliver, void *user)
{
    while (r->waiting > 0)
        skip_hole(r, deliver, user);
    r->next = seq;
    r->late = 0;
}

int reorder_push(struct reorder *r, uint16_t seq, const uint8_t *p, size_t n, int64_t now_us,
                 reorder_deliver deliver, void *user)
{
    if (!r->started) {
        r->started = true;
        r->next = (uint16_t)(seq - REORDER_BEFORE);
    }
    int16_t ahead = (int16_t)(seq - r->next);
    if (ahead < 0 && ++r->late < LATE_PACKETS)
        return 0; /* a duplicate, or too late */
    if (ahead < 0 || ahead >= 16 * REORDER_PACKETS)
        restart(r, seq, deliver, user);
    r->late = 0;
    while (r->waiting > 0 && (int16_t)(seq - r->next) >= REORDER_PACKETS)
        skip_hole(r, deliver, user);
    if (r->waiting == 0 && (int16_t)(seq - r->next) >= REORDER_PACKETS)
        r->next = seq;
    if (seq != r->next)
        return store(r, seq, p, n, now_us);
    r->next++;
    deliver(user, p, n);
    deliver_due(r, deliver, user);
    return 0;
}

void reorder_expire(struct reorder *r, int64_t now_us, reorder_deliver deliver, void *user)
{
    for (int i = 0; i < REORDER_PACKETS && r->waiting > 0; i++) {
        const struct reorder_slot *s = &r->slot[(uint16_t)(r->next + i) % REORDER_PACKETS];
        if (!s->used)
            continue;
        if (now_us - s->arrival_us < REORDER_WAIT_US)
            return;
        skip_hole(r, deliver, user);
        i = -1;
    }
}
