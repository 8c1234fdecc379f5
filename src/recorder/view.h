/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_VIEW_H
#define RECORDER_VIEW_H
/*
 * The thread of the masked views. It takes access units from the loops, hands them to the maskers, and records and
 * serves what comes back. Loops only copy into its bounded queue: whatever maskers, viewers or this thread do, the
 * recording of originals does not wait for them. docs/design/recorder.md draws it.
 */
#include "base/clock.h"
#include "base/err.h"
#include "recorder/pool.h"
#include "store/store.h"

#define VIEW_INBOX_BYTES                                                                           \
    ((size_t)64 << 20) /* access units that wait for the thread; more are dropped */

struct view;

struct view_config {
    const struct clock *clock; /* the node's time */
    struct store *store;
    struct pool *pool;
    const char *node, *data_dir; /* borrowed */
    int64_t epoch_length_us;
    int retention_days; /* of the node */
    int workers;        /* maskers of the node: cameras are spread over so many */
    int width, fps;     /* of masked pictures; 0: the masker's default */
    int64_t learn_us;   /* 0: by state */
};

/*
 * Listen on DATA/run/masker.sock and live.sock, and start the thread.
 * Errors: E_LIMIT (path too long), errno of bind and listen, -ENOMEM; sentence in @reterr.
 */
int view_start(const struct view_config *cfg, struct view **ret, struct err *reterr);
/* End the thread; every camera must have been closed. NULL is fine. */
void view_stop(struct view *v);
/* Maskers that are connected now. Any thread. */
int view_maskers(const struct view *v);
#endif
