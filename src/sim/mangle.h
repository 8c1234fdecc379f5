/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_MANGLE_H
#define SIM_MANGLE_H
/* The slow path: access units that a fault rewrites are built anew for one session. */
#include "sim/server.h"

struct sim_mangle; /* what faults have done to one player so far */

/* Build and send the access unit that is due as the camera's quirks want it. False: the session is gone. */
bool sim_mangle_play(struct sim_player *p);
/* Let an event happen to a player (or to its session). */
void sim_mangle_event(struct sim_player *p, const struct sim_rule *r);
void sim_mangle_free(struct sim_mangle *m); /* NULL is fine */
/* What the mangled stream's numbers are now, for reports and RTP-Info. */
uint32_t sim_mangle_timestamp(const struct sim_player *p, uint32_t ts);
uint16_t sim_mangle_sequence(const struct sim_player *p, uint16_t seq);
uint32_t sim_mangle_ssrc(const struct sim_player *p);
#endif
