/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_AUDIO_H
#define SIM_AUDIO_H
/* A soft tone that rises and falls, as AAC (16 kHz, one channel) or G.711 µ-law (8 kHz). Blocking. */
#include "sim/program.h"

int sim_audio_tone(enum media_codec codec, uint32_t ssrc, struct sim_program **ret,
                   struct err *reterr);
#endif
