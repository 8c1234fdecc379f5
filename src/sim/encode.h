/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_ENCODE_H
#define SIM_ENCODE_H
/* Programs made here: the street scene through libx264 or libx265, and noise of exact bitrate. Blocking, reentrant. */
#include "sim/program.h"
#include "sim/scene.h"

struct sim_encode_options {
    enum media_codec codec;
    int width, height, fps, gop, bframes, slices;
    int64_t bitrate; /* bits per second; met by filler NAL units where the encoder stays under it */
    double seconds;
    enum sim_scene_kind scene;
    double empty_s; /* as in struct sim_scene_config */
    uint32_t seed, ssrc;
    size_t packet_bytes;
    const char *name;
};
/* Encode one period of the scene with its ground truth. */
int sim_encode_street(const struct sim_encode_options *o, struct sim_program **ret,
                      struct err *reterr);
/*
 * Cheap load: one real key picture, then random payload behind slice headers of a real stream at exact bitrate.
 * Not meant to be decoded beyond the first picture.
 */
int sim_encode_noise(const struct sim_encode_options *o, struct sim_program **ret,
                     struct err *reterr);
#endif
