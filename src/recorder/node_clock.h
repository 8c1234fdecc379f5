/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_NODE_CLOCK_H
#define RECORDER_NODE_CLOCK_H
/*
 * The recorder's time: rises steadily, follows the system's wall clock by at most 500 ppm, and
 * takes over a step of more than NODE_CLOCK_STEP_US at once, but as a named event: every file is
 * ended and begun anew.
 */
#include <stdatomic.h>

#include "base/clock.h"

#define NODE_CLOCK_STEP_US (2 * SECOND_US)
#define NODE_CLOCK_SLEW_PPM 500

struct node_clock {
    struct clock clock; /* wall_us: node time; mono_us: the system's */
    const struct clock *system;
    _Atomic int64_t offset_us;   /* node time - monotonic time */
    _Atomic unsigned generation; /* counts steps */
    int64_t last_mono_us;        /* of the thread that calls discipline() */
};

void node_clock_init(struct node_clock *c, const struct clock *system);
/*
 * Compare with the system's wall clock; call about once a second from one thread.
 * Returns 0, or the size of the step that was taken over in microseconds (never 0 then).
 */
int64_t node_clock_discipline(struct node_clock *c);
#endif
