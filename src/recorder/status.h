/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_STATUS_H
#define RECORDER_STATUS_H
/* Status of the recorder as one JSON object (docs/format/status.md), served on
 * DATA/run/recorder.sock. Main thread. */
#include <uv.h>

#include "recorder/fleet.h"

#define STATUS_ALARMS 100

struct status {
    const struct fleet *fleet;
    struct store *store;
    struct node_clock *clock;
    const char *node, *version;
    bool practice;
    int64_t started_us;
    uv_pipe_t server;
    char path[108];

    uv_mutex_t lock;
    struct index_event alarms[STATUS_ALARMS]; /* guarded by lock; oldest first */
    int alarm_count;                          /* guarded by lock */
};

int status_open(struct status *s, uv_loop_t *loop, const char *data_dir, struct err *reterr);
void status_close(struct status *s);
/* Remember an alarm for the status; log it. Any thread. */
void status_alarm(struct status *s, const struct index_event *e);
#endif
