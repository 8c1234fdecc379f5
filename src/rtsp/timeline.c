/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/timeline.h"

#include "base/clock.h"
#include "base/err.h"

void timeline_init(struct timeline *t, uint32_t clock_rate)
{
    *t = (struct timeline){.clock_rate = clock_rate ? clock_rate : 90000};
    t->step = t->clock_rate / 25;
}

static bool near(const struct timeline *t, int64_t delta, int64_t elapsed_us)
{
    int64_t rate = t->clock_rate;
    if (delta >= -TIMELINE_BACK_S * rate && delta <= TIMELINE_FORWARD_S * rate)
        return true;
    int64_t late_us = delta / rate * SECOND_US - elapsed_us;
    return delta > 0 && late_us > -2 * SECOND_US && late_us < 2 * SECOND_US;
}

static int64_t trust(struct timeline *t, uint32_t raw, int64_t pts)
{
    int64_t step = pts - t->pts;
    if (step > 0 && step <= t->clock_rate)
        t->step = (uint32_t)step;
    t->far = 0;
    t->raw = raw;
    t->pts = t->out = pts;
    return pts;
}

int64_t timeline_next(struct timeline *t, uint32_t raw, int64_t arrival_us, bool *ret_stamped)
{
    int64_t elapsed = arrival_us - t->arrival_us;
    t->arrival_us = arrival_us;
    if (ret_stamped)
        *ret_stamped = false;
    if (!t->started) {
        t->started = true;
        t->raw = raw;
        return t->pts = t->out = raw;
    }
    int64_t delta = (int32_t)(raw - t->raw);
    if (near(t, delta, elapsed))
        return trust(t, raw, t->pts + delta);
    if (ret_stamped)
        *ret_stamped = true;
    int64_t again = (int32_t)(raw - t->far_raw);
    bool agrees = t->far > 0 && near(t, again, elapsed);
    t->far = agrees ? t->far + 1 : 1;
    t->far_raw = raw;
    int64_t next = t->out + (agrees && again > 0 && again <= t->clock_rate ? again : t->step);
    if (t->far >= TIMELINE_FAR_FRAMES)
        return trust(t, raw, next);
    return t->out = next;
}

int timeline_at(const struct timeline *t, uint32_t raw, int64_t *ret_pts)
{
    int64_t delta = (int32_t)(raw - t->raw);
    if (!t->started || delta > (int64_t)t->clock_rate * 60 || delta < -(int64_t)t->clock_rate * 60)
        return E_RANGE;
    *ret_pts = t->pts + delta;
    return 0;
}
