/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_MANGLE_H
#define SIM_MANGLE_H
/*
 * The slow path: access units that a fault rewrites are built anew for one session. A player that has been here once
 * stays here, as its sequence numbers are its own from then on.
 */
#include "sim/server.h"

struct sim_mangle; /* what faults have done to one player so far */

/* Build and send the access unit that is due as the camera's quirks want it. False: the session is gone. */
bool sim_mangle_play(struct sim_player *p);
/* Let an event happen to a session. It may be gone afterwards. */
void sim_mangle_event(struct sim_session *ss, const struct sim_rule *r);
void sim_mangle_free(struct sim_mangle *m); /* NULL is fine */
/* What a number of the shared time line is on this player's wire. */
uint32_t sim_mangle_timestamp(const struct sim_player *p, uint32_t ts);
uint16_t sim_mangle_sequence(const struct sim_player *p, uint16_t seq);
uint32_t sim_mangle_ssrc(const struct sim_player *p);
/* Is the player silent because of a stall? */
bool sim_mangle_stalled(const struct sim_player *p);
#endif
