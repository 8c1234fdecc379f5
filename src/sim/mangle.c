/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/mangle.h"

bool sim_mangle_play(struct sim_player *p)
{
    return !list_empty(&p->wheel);
}

void sim_mangle_free(struct sim_mangle *m)
{
    (void)m;
}

uint32_t sim_mangle_timestamp(const struct sim_player *p, uint32_t ts)
{
    return ts;
}

uint16_t sim_mangle_sequence(const struct sim_player *p, uint16_t seq)
{
    return seq;
}

uint32_t sim_mangle_ssrc(const struct sim_player *p)
{
    return p->program->ssrc;
}
