/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/timebase.h"

static int64_t ticks_to_us(int64_t ticks, uint32_t rate)
{
    int64_t seconds = ticks / rate, rest = ticks % rate;
    return seconds * 1000000 + rest * 1000000 / rate;
}

void timebase_reset(struct timebase *tb, uint32_t rate)
{
    *tb = (struct timebase){.rate = rate ? rate : 90000};
}

int64_t timebase_utc(const struct timebase *tb, int64_t ticks)
{
    return tb->base_us + ticks_to_us(ticks - tb->base_ticks, tb->rate);
}

static int64_t clamp(int64_t v, int64_t limit)
{
    return v > limit ? limit : v < -limit ? -limit : v;
}

bool timebase_observe(struct timebase *tb, int64_t ticks, int64_t arrival_us)
{
    if (!tb->started) {
        tb->started = true;
        tb->base_ticks = ticks;
        tb->base_us = arrival_us;
        tb->window_end_us = arrival_us + TIMEBASE_WINDOW_US;
        tb->window_min_us = INT64_MAX;
        return true;
    }
    int64_t late = arrival_us - timebase_utc(tb, ticks);
    if (late < -TIMEBASE_EARLY_US || late > TIMEBASE_LATE_US)
        return false;
    if (late < tb->window_min_us)
        tb->window_min_us = late;
    if (arrival_us < tb->window_end_us)
        return true;
    /* Move the base along with the stream, so that tick differences stay small and exact. */
    tb->base_us = timebase_utc(tb, ticks) +
                  clamp(tb->window_min_us, TIMEBASE_WINDOW_US * TIMEBASE_SLEW_PPM / 1000000);
    tb->base_ticks = ticks;
    tb->window_end_us = arrival_us + TIMEBASE_WINDOW_US;
    tb->window_min_us = INT64_MAX;
    return true;
}
