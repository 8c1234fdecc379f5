/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_TIMEBASE_H
#define RECORDER_TIMEBASE_H
/*
 * Wall-clock time of a stream's ticks. The stream's clock gives the rhythm, the recorder's arrival
 * times the date: the least delayed access unit of each window says where the stream stands, and
 * the mapping follows it by at most 500 ppm. A camera can thus neither back-date its footage nor
 * make time jump. Thread-bound.
 */
#include <stdbool.h>
#include <stdint.h>

#define TIMEBASE_WINDOW_US INT64_C(10000000)
#define TIMEBASE_SLEW_PPM 500
#define TIMEBASE_EARLY_US                                                                          \
    INT64_C(5000000) /* further ahead of arrival: the stream's clock has jumped */
#define TIMEBASE_LATE_US                                                                           \
    INT64_C(30000000) /* further behind: likewise; a congested camera may be seconds late */

struct timebase {
    bool started;
    uint32_t rate;
    int64_t base_ticks, base_us;
    int64_t window_end_us, window_min_us;
};

void timebase_reset(struct timebase *tb, uint32_t rate);
/* UTC of @ticks; only after the first observe(). */
int64_t timebase_utc(const struct timebase *tb, int64_t ticks);
/* Note one arrival, in order. Returns false if the stream's clock has jumped: end the file, reset,
 * observe again. */
bool timebase_observe(struct timebase *tb, int64_t ticks, int64_t arrival_us);
#endif
