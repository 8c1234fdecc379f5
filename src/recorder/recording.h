/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_RECORDING_H
#define RECORDER_RECORDING_H
/*
 * One view of one camera on its way to the disk: the open file and the fragment in the making. Sealed and masked view
 * have one each. Bound to the thread that feeds it, but for the counters that the store's threads keep.
 */
#include <stdatomic.h>

#include "base/clock.h"
#include "recorder/pool.h"
#include "store/store.h"

struct recording {
    struct store *store;
    struct pool *pool;
    const char *camera; /* id, borrowed, for log lines and gaps */
    enum mp4_view view;

    struct store_file *file; /* NULL: none is open */
    uint32_t rate;           /* ticks a second of the video track */
    int64_t epoch_us, start_us, first_dts;
    struct pool_slot *slot; /* fragment in the making */
    int64_t slot_first_dts, slot_opened_us, last_dts, last_step;
    int64_t covered_until_us; /* UTC up to which footage exists; 0: none yet */
    uint64_t frames_lost;     /* refused by the store, or by the fragment */

    /* kept by the store's threads */
    _Atomic int in_flight; /* fragments that are with the store: free nothing before it is 0 */
    _Atomic int write_error;
    _Atomic uint64_t frames_recorded, frames_failed;
};

void recording_init(struct recording *r, struct store *store, struct pool *pool, const char *camera,
                    enum mp4_view view);
/* What the head of the open file says. */
const struct mp4_info *recording_info(const struct recording *r);
/* Open a file for @info, whose media time 0 is @dts of the stream. Errors of store_file_begin(). */
int recording_begin(struct recording *r, const struct mp4_info *info, int64_t dts,
                    struct err *reterr);
/* Note the decode time of each video access unit that arrives, recorded or not. */
void recording_pace(struct recording *r, uint32_t rate, int64_t dts);
/*
 * Append one video access unit; @dts in the stream's ticks, @utc_us its time. Hands a fragment to the store whenever
 * one is long enough. Errors: it was not recorded (counted in frames_lost, logged).
 */
int recording_append(struct recording *r, const struct media_au *au, int64_t dts, int64_t utc_us,
                     struct mp4_cipher *cipher);
/* Hand on a fragment that has waited a second for more. */
void recording_flush(struct recording *r, int64_t now_us);
/* Code of a write that failed (the fragment in the making is lost, the file is to be ended), or 0. */
int recording_failed(struct recording *r);
/* Hand on what is pending, and end the file. Nothing if none is open. */
void recording_end(struct recording *r, const char *reason);
#endif
