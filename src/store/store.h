/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef STORE_STORE_H
#define STORE_STORE_H
/*
 * Recordings on volumes: files, durability, retention. Order of writes, always:
 *   data → sync → (new file: its directory) → index row;   row to garbage → unlink → sync directory
 * → row away.
 *
 * A volume is DATA itself here. It is bound to its index by the UUID in DATA/volume-id and in the
 * index: when the mount vanishes, writing stops with a name instead of filling the disk below.
 *
 * Work is done by a pool of writer threads per volume and one sync thread: the loops only queue.
 * Completions are called on the writer's or sync thread; the caller posts them to its loop.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "index/index.h"
#include "mp4/writer.h"

struct store;

struct store_config {
    const char *data_dir;
    const struct clock *clock;
    const struct index_ops *index_ops;
    int writers;              /* 0: 8 */
    int64_t sync_interval_us; /* 0: 500 ms; the declared RPO is fragment + interval + time of one
                                 sync <= 2 s */
    int64_t reserve_bytes;    /* keep this much of the disk free */
    bool full_oldest_first;   /* policy when the reserve is reached: delete oldest (told), or stop
                                 (told) */
    int retention_days;
    size_t queue_bytes; /* ceiling for data queued to the disk; 0: 512 MiB */
    /*
     * A share file (@path below data_dir) is past its class, but holds keep something of it: leave only
     * the records for which @keep is true, and say how many those are. NULL: such files stay whole.
     * Maintenance thread.
     */
    int64_t (*thin_shares)(void *user, const char *path,
                           bool (*keep)(void *ctx, const char *camera, int64_t epoch_us,
                                        int64_t epoch_length_us),
                           void *ctx, struct err *reterr);
    /* Something an operator must know (disk full, volume lost, fsync failed, …). Any thread. */
    void (*alarm)(void *user, const struct index_event *e);
    void *user;
};

/*
 * Give a new volume its name (DATA/volume-id), unless it has one or @ix knows one already. Before store_open(), by who
 * may write into DATA itself. Errors: errno values. Blocks.
 */
int store_name_volume(const char *data_dir, struct index *ix, struct err *reterr);

int store_open(const struct store_config *cfg, struct store **ret, struct err *reterr);
/* Waits for everything queued, syncs, closes. Files still open are closed with reason "shutdown".
 */
void store_close(struct store *s);

struct store_file;
/*
 * Begin a recording; queued, returns at once. The path is made from camera, epoch date, start and
 * view; a suffix is added if it exists. @info is copied. Errors: E_FULL (queue), -ENOSPC by policy
 * "stop", E_NOTFOUND (volume is not the one of the index), -ENOMEM.
 */
int store_file_begin(struct store *s, const struct mp4_info *info, struct store_file **ret,
                     struct err *reterr);
/*
 * Queue one finished fragment (mp4_fragment_finish() is called by the writer thread, so is
 * SHA-256). Owns: success takes @f; @done gets it back with 0 or the error (after an error the file
 * is closed by the store and every later append answers the same error). Fragments of one file are
 * written in order.
 */
int store_file_append(struct store_file *sf, struct mp4_fragment *f, int64_t next_dts_ticks,
                      int64_t utc_us, void (*done)(void *user, struct mp4_fragment *f, int code),
                      void *user);
/* The store's copy of @info: valid for as long as fragments of the file are in the making. Any
 * thread. */
const struct mp4_info *store_file_info(const struct store_file *sf);
/* Queue the end: sidx, manifest, mfra, sync, index row. @sf is gone for the caller. */
void store_file_end(struct store_file *sf, const char *reason);
/* Index rows that are not bound to a file (gaps, events, activity); bounded queue, kept while the
 * database is away. E_FULL. */
int store_note(struct store *s, const struct index_change *c);
int store_note_gap(struct store *s, const struct index_gap *g);
int store_note_event(struct store *s, const struct index_event *e);

/* Append to the share file of (epoch, retention class) and sync it, blocking: file → fsync →
 * directory. Any thread. */
int store_shares_append(struct store *s, int64_t epoch_us, int retention_days, const uint8_t *data,
                        size_t len, struct err *reterr);

/* Path of that file relative to DATA: keys/YYYY-MM-DD/HHMMZ-<days>d.shares. E_RANGE. */
int store_shares_path(int64_t epoch_us, int retention_days, char ret[INDEX_PATH]);

struct store_stats {
    uint64_t bytes_total, bytes_free, bytes_written, queue_bytes, queue_bytes_max;
    uint64_t files_open, fragments_written, fragments_failed, index_queue, recordings_deleted;
    uint64_t mending, recordings_mended; /* left by a crash or a failed disk: at work on (0: all is
                                            in order), and done */
    double promised_days,
        actual_days; /* actual: age of the oldest recording, or promised if none is missing */
    int64_t last_sync_us, longest_sync_us;
    char state[24]; /* ok, disk-full, volume-lost, write-failed, read-only */
};
void store_stats(struct store *s, struct store_stats *ret);

/* One pass of retention at clock time; called by the store's own thread every minute, and by tests.
 * Returns files deleted. */
int64_t store_retain(struct store *s, struct err *reterr);

/* Offline tools (no store open on the directory). @line gets one line per problem or step; may be
 * NULL. */
struct store_check {
    uint64_t files, rows, problems, repaired, unrepairable;
};
int store_fsck(const char *data_dir, const struct index_ops *ops, bool repair, bool verify_hashes,
               void (*line)(void *user, const char *text), void *user, struct store_check *ret,
               struct err *reterr);
int store_reindex(const char *data_dir, const struct index_ops *ops,
                  void (*line)(void *user, const char *text), void *user, struct store_check *ret,
                  struct err *reterr);
#endif
