/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_RECORDER_H
#define RECORDER_RECORDER_H
/* The recorder process: cameras in, sealed recordings on disk. docs/design/recorder.md draws its
 * threads. */
#include "base/clock.h"
#include "base/err.h"

struct config;

struct recorder_options {
    const struct config *config; /* borrowed for the run */
    const char *data_dir;
    int heartbeat_fd;          /* one byte a second is written here; -1: none */
    const struct clock *clock; /* the system's; tests step it */
};

/*
 * Run until SIGTERM or SIGINT; every file is closed then. Serves DATA/run/recorder.sock: whoever
 * connects gets one JSON object (docs/format/status.md) and end of file. Errors: whatever keeps the
 * store or the custodian set from opening; @reterr says what to do.
 */
int recorder_run(const struct recorder_options *o, struct err *reterr);
#endif
