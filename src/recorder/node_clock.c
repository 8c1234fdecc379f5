/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/node_clock.h"

static int64_t node_mono(const struct clock *c)
{
    return clock_mono_us(((const struct node_clock *)(const void *)c)->system);
}

static int64_t node_wall(const struct clock *c)
{
    const struct node_clock *n = (const struct node_clock *)(const void *)c;
    return clock_mono_us(n->system) + atomic_load_explicit(&n->offset_us, memory_order_relaxed);
}

void node_clock_init(struct node_clock *c, const struct clock *system)
{
    *c = (struct node_clock){.clock = {node_wall, node_mono}, .system = system};
    c->last_mono_us = clock_mono_us(system);
    atomic_store(&c->offset_us, clock_wall_us(system) - c->last_mono_us);
}

int64_t node_clock_discipline(struct node_clock *c)
{
    int64_t mono = clock_mono_us(c->system);
    int64_t offset = atomic_load(&c->offset_us);
    int64_t error = clock_wall_us(c->system) - (mono + offset);
    if (error > NODE_CLOCK_STEP_US || error < -NODE_CLOCK_STEP_US) {
        atomic_store(&c->offset_us, offset + error);
        atomic_fetch_add(&c->generation, 1);
        c->last_mono_us = mono;
        return error;
    }
    int64_t most = (mono - c->last_mono_us) * NODE_CLOCK_SLEW_PPM / 1000000;
    c->last_mono_us = mono;
    if (error > most)
        error = most;
    if (error < -most)
        error = -most;
    atomic_store(&c->offset_us, offset + error);
    return 0;
}
