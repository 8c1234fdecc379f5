/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/mask_flow.h"

static struct mask_flow_unit *unit_of(struct mask_flow *f, uint32_t sequence)
{
    return &f->unit[sequence % MASK_FLOW_UNITS];
}

static uint32_t waiting(const struct mask_flow *f)
{
    return f->sent - f->done;
}

void mask_flow_begin(struct mask_flow *f, int64_t now_us)
{
    f->generation++;
    f->done = f->sent; /* sequences go on: a unit of before is never mistaken for a new one */
    f->bytes = 0;
    f->last_picture_us = now_us;
    for (int i = 0; i < MASK_FLOW_UNITS; i++)
        f->unit[i].answered = true;
    f->fresh = true;
    mask_flow_skip(f);
}

void mask_flow_skip(struct mask_flow *f)
{
    f->skipping = true;
}

static bool stuck(const struct mask_flow *f, int64_t now_us)
{
    const struct mask_flow_unit *oldest = &f->unit[f->done % MASK_FLOW_UNITS];
    return waiting(f) > 0 && now_us - oldest->sent_us > MASK_LATE_US;
}

bool mask_flow_late(const struct mask_flow *f, int64_t now_us)
{
    bool sending = now_us - f->last_sent_us < MASK_LATE_US;
    return stuck(f, now_us) || (sending && now_us - f->last_picture_us > MASK_SILENT_US);
}

static bool may_send(struct mask_flow *f, bool key, uint32_t bytes, int64_t now_us)
{
    if (stuck(f, now_us) || waiting(f) >= MASK_FLOW_UNITS / 2 || f->bytes + bytes > MASK_FLOW_BYTES)
        mask_flow_skip(f);
    if (!f->skipping)
        return true;
    return key && waiting(f) == 0 && bytes <= MASK_FLOW_BYTES;
}

bool mask_flow_send(struct mask_flow *f, bool key, uint32_t bytes, int64_t pts_ticks,
                    int64_t utc_us, int64_t now_us, uint32_t *ret_sequence, bool *ret_loss)
{
    if (!may_send(f, key, bytes, now_us)) {
        f->dropped++;
        return false;
    }
    if (now_us - f->last_sent_us >= MASK_LATE_US) /* silence counts from when we speak */
        f->last_picture_us = now_us;
    *ret_loss = f->skipping && !f->fresh;
    f->skipping = f->fresh = false;
    *unit_of(f, f->sent) =
        (struct mask_flow_unit){f->sent, bytes, pts_ticks, utc_us, now_us, false};
    f->bytes += bytes;
    f->last_sent_us = now_us;
    *ret_sequence = f->sent++;
    return true;
}

bool mask_flow_done(struct mask_flow *f, uint32_t generation, uint32_t sequence)
{
    if (generation != f->generation)
        return true; /* of before: nothing waits for it */
    if (sequence - f->done >= waiting(f))
        return false;
    while (f->done != sequence + 1)
        f->bytes -= unit_of(f, f->done++)->bytes;
    return true;
}

/* The latest of the remembered units that has this time and no picture yet. */
static struct mask_flow_unit *find(struct mask_flow *f, int64_t pts_ticks)
{
    for (uint32_t i = 1; i <= MASK_FLOW_UNITS; i++) {
        struct mask_flow_unit *u = unit_of(f, f->sent - i);
        if (u->sequence == f->sent - i && !u->answered && u->pts_ticks == pts_ticks)
            return u;
    }
    return NULL;
}

bool mask_flow_picture(struct mask_flow *f, uint32_t generation, int64_t pts_ticks, int64_t now_us,
                       int64_t *ret_utc_us)
{
    struct mask_flow_unit *u = generation == f->generation ? find(f, pts_ticks) : NULL;
    if (!u)
        return false;
    u->answered = true;
    if (now_us - u->sent_us > MASK_LATE_US || u->utc_us <= f->last_utc_us)
        return false;
    f->last_picture_us = now_us;
    f->last_utc_us = *ret_utc_us = u->utc_us;
    return true;
}
