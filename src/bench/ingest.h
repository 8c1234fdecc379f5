/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BENCH_INGEST_H
#define BENCH_INGEST_H
/*
 * Record simulated cameras and count what it costs: Lethe, and peers on the same streams in the same run. Recorders
 * run on the first processor, simulator and peers' sources on the last.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct ingest_config {
    const char *program;       /* path of the lethe binary */
    const char *folder;        /* recordings go below it; emptied between recorders */
    int cameras, peer_cameras; /* peers cost a process or several threads a camera: fewer of them */
    int seconds;               /* length of the measured window */
    const char *bitrate;       /* as for `lethe sim`: "2M" */
    int fps;
};

struct ingest_result {
    char name[16];
    int cameras;
    double seconds, start_seconds; /* until the last camera recorded its first frame */
    double cpu_percent_per_camera; /* of one processor, during the window */
    int64_t rss_bytes_per_camera;  /* proportional set size of all processes of the recorder */
    uint64_t frames_sent, frames_recorded, frames_lost, bytes_sent;
    double sim_cpu_percent;
    bool ok;
    char note[160];
};

/* @progress gets one line per step. Errors: what keeps the run from starting. */
int ingest_lethe(const struct ingest_config *c, void (*progress)(const char *line),
                 struct ingest_result *ret, struct err *reterr);
/* "ffmpeg" (a process per camera, -c copy, segments) or "gstreamer" (one process, splitmuxsink). */
int ingest_peer(const struct ingest_config *c, const char *peer, void (*progress)(const char *line),
                struct ingest_result *ret, struct err *reterr);
#endif
