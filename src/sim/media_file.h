/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_MEDIA_FILE_H
#define SIM_MEDIA_FILE_H
/* A program from a media file (H.264 or H.265 in MP4, Matroska, MPEG-TS, or raw). Blocking. */
#include "sim/program.h"

struct sim_media_options {
    double fallback_fps; /* for raw streams without times */
    size_t packet_bytes;
    uint8_t channel;
    bool in_band; /* put parameter sets before key pictures that have none */
    uint32_t ssrc;
};
/*
 * Access units as they stand in the file, B-frames kept, from the first key picture on.
 * Errors: those of opening and demuxing, E_UNSUPPORTED (no H.264 or H.265 inside), each with the file in the sentence.
 */
int sim_media_file(const char *path, const struct sim_media_options *o, struct sim_program **ret,
                   struct err *reterr);
#endif
