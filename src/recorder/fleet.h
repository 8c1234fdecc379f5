/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_FLEET_H
#define RECORDER_FLEET_H
/*
 * All cameras of the process and the loops they live on. Follows the camera table of the index: a
 * camera that is added, changed or removed there starts, restarts or ends here within a second.
 * Bound to the main thread.
 */
#include "index/index.h"
#include "recorder/camera.h"
#include "recorder/loop.h"

struct fleet_member {
    struct fleet_member *next;
    struct index_camera cfg;
    struct camera *camera;
    bool seen, leaving;
    _Atomic bool gone; /* set by the loop when the camera has been freed */
};

struct fleet {
    struct fleet_member *first;
    struct loop *loops;
    int loop_count;
    struct index *index;
    int64_t version;
    int reread; /* ticks until the table is read once more; 0: not */
    const struct camera_context *ctx;
    struct index_camera *pending; /* read from the index, not yet started */
    size_t pending_count, pending_next;
};

#define FLEET_STARTS_PER_TICK 128 /* cameras started per call of fleet_tick() */

/* @ix stays with the caller and must outlive the fleet. */
int fleet_open(struct fleet *f, struct index *ix, const struct camera_context *ctx, int threads,
               struct err *reterr);
/* Look for changes; call ten times a second. A locked index is not an error: the cameras that are
 * known go on. */
void fleet_tick(struct fleet *f);
/* End every camera with @reason, wait for them, end the loops. */
void fleet_close(struct fleet *f, const char *reason);
size_t fleet_count(const struct fleet *f);
#endif
