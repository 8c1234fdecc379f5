/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_SIM_H
#define SIM_SIM_H
/*
 * The camera simulator: an RTSP server for tests and demonstrations that feeds thousands of recorders' sessions from
 * one core. Shares no code with the RTSP client. docs/guide/simulator.md and docs/format/faults.md describe it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/frame.h"
#include "sim/scene.h"

#define SIM_MEDIA_FILES 64
#define SIM_SCENES 16

enum sim_auth {
    SIM_AUTH_NONE,
    SIM_AUTH_BASIC,
    SIM_AUTH_DIGEST_MD5,
    SIM_AUTH_DIGEST_SHA256,
    SIM_AUTH_ALL
};
enum sim_join { SIM_JOIN_SHIFT, SIM_JOIN_NEXT_KEY, SIM_JOIN_AT_ONCE };

struct sim_options {
    const char *address; /* "127.0.0.1" */
    int port, tls_port;  /* tls_port 0: no RTSPS */
    int cameras;
    const char *media[SIM_MEDIA_FILES];
    int media_count;
    enum sim_scene_kind scene;
    int scenes;                    /* different scenes that the cameras share; 0: chosen */
    double scene_seconds;          /* length of the loop; 0: chosen */
    enum media_codec codec, audio; /* audio MEDIA_NONE, MEDIA_AAC or MEDIA_PCMU */
    int64_t bitrate, sub_bitrate;  /* bits per second */
    int width, height, fps, gop, bframes, slices;
    int sub_width, sub_height, sub_fps;
    uint32_t seed;
    size_t packet_bytes; /* longest RTP payload */
    bool in_band;        /* parameter sets before each key picture of media files */
    enum sim_join join;
    int session_timeout_s;
    const char *faults, *truth, *frames_log, *frames_log_cameras;
    enum sim_auth auth;
    const char *user, *password; /* NULL with SIM_AUTH_NONE */
    int64_t nonce_us;            /* a digest nonce is stale after that long */
    int64_t stats_us;            /* a line of numbers to stderr that often; 0: none */
    int64_t run_us;              /* end after that long; 0: on SIGINT or SIGTERM */
};
void sim_options_default(struct sim_options *o);

/* Serve until a signal ends it. Blocking; prints "ready rtsp://… N cameras" on stdout once it listens. */
int sim_run(const struct sim_options *o, struct err *reterr);
#endif
