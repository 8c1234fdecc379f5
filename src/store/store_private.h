/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H
/*
 * What the files of the store share. docs/design/storage.md has the order of fsyncs and what every
 * failure does.
 *
 * Threads: writers (file.c) move queued fragments to the disk; one sync thread (sync.c) makes them
 * durable and watches the volume; one index thread (indexer.c) applies rows whose data is durable;
 * one maintenance thread (retain.c) deletes; one mender (mend.c) finishes what a crash or a failed
 * disk left behind.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "store/store.h"

#define STORE_FDATASYNC_MAX                                                                        \
    16 /* up to so many dirty files are synced one by one, more by one syncfs() */
#define STORE_INDEX_QUEUE 200000 /* changes kept while the database is away; about 130 MB */
#define STORE_UUID 37
#define STORE_REASON 24

enum store_state {
    STORE_OK,
    STORE_DISK_FULL,
    STORE_VOLUME_LOST,
    STORE_WRITE_FAILED,
    STORE_READ_ONLY
};

enum store_op_kind { OP_BEGIN, OP_FRAGMENT, OP_END };

struct store_op {
    struct list link; /* store_file.ops or store.free_ops */
    enum store_op_kind kind;
    struct mp4_fragment *fragment;
    int64_t next_dts_ticks, utc_us;
    size_t bytes;
    void (*done)(void *user, struct mp4_fragment *f, int code);
    void *user;
};

struct store_file {
    struct store *s;
    /* Guarded by store.lock. */
    struct list ready; /* in store.ready while it waits for a writer */
    struct list all;   /* in store.files for its whole life */
    struct list ops;
    int refs;      /* caller, writer (until finished), dirty set, queued index changes */
    bool busy;     /* waits for or is in the hands of a writer; holds a reference */
    bool dirty;    /* in store.dirty: written since the last sync began */
    bool finished; /* nothing more will be written; the sync thread closes fd */
    bool ended;    /* the caller has let go */
    int error;     /* first error; answers every later append */
    char abort_reason[STORE_REASON]; /* the store wants it closed */
    char end_reason[STORE_REASON];
    struct store_op op_begin, op_end;
    /* Only the writer that holds the file touches these. */
    int fd;
    bool direct, preallocate;
    uint64_t end, allocated;
    uint32_t sequence;
    int64_t end_us;
    int64_t frames;
    struct mp4_info
        info; /* with its own copy of the parameter sets that there are, and room for no more */
    struct buf head;
    struct mp4_entry *entries;
    size_t n_entries, cap_entries;
    char path[INDEX_PATH];
};

struct store_queued_change {
    uint64_t generation;     /* applied once this generation of data is durable */
    struct store_file *file; /* reference, or NULL */
    struct index_change change;
};
#define STORE_CHANGE_CHUNK 128
struct store_change_chunk {
    struct store_change_chunk *next;
    unsigned first, n; /* items [first, n) are waiting */
    struct store_queued_change item[STORE_CHANGE_CHUNK];
};

struct store_file_set {
    struct store_file **v;
    size_t n, cap;
};

/* Something that must be finished from its file alone. */
struct store_mend {
    struct list link;
    int64_t retry_mono_us;
    bool crash;  /* left by an earlier run: tell the gap */
    bool probed; /* torn tail is cut, gap is told */
    char path[INDEX_PATH], reason[STORE_REASON], camera[INDEX_ID];
};

/* First recording of a camera in this run, and where the run before ended: the two sides of a crash
 * gap. */
struct store_run {
    char camera[INDEX_ID];
    int64_t ended_us, started_us; /* 0: not known (yet) */
};

struct store {
    struct store_config cfg;
    char *data_dir;
    char uuid[STORE_UUID];
    pthread_t writer[64], sync_thread, index_thread, maint_thread, mend_thread;
    int writers;
    int64_t tick_us; /* the volume is looked at and rows are written: twice the sync interval, 1 s
                        normally */

    /* Descriptor of the data directory; replaced when a lost volume is back. Readers hold the lock
     * while they use it. */
    pthread_rwlock_t dir_lock;
    int dirfd;

    pthread_mutex_t
        lock; /* guards everything down to the next comment, and the marked part of store_file */
    pthread_cond_t work, sync_wake, index_wake, maint_wake, mend_wake, idle;
    struct list ready, files, free_ops, mends;
    void **op_slabs;
    size_t n_op_slabs;
    size_t queue_bytes;
    unsigned busy_files;
    bool stop_writers, stop_sync, stop_index, stop_maint, stop_mend, closing;
    enum store_state state;
    unsigned fail_streak;
    int64_t last_fail_us, last_failure_alarm_us, disk_slow_until_us;
    uint64_t unreported_failures;
    struct store_file_set dirty;
    bool names_dirty; /* a file or directory was made or removed: only syncfs() will do */
    uint64_t generation, durable;
    struct store_change_chunk *changes_first, *changes_last, *changes_spare;
    uint64_t n_changes, dropped_changes;
    int64_t rescan_from_us; /* INT64_MAX: none; files from here on may lack rows */
    bool rescan_ready;      /* the index accepts again: scan */
    int64_t rescan_retry_us;
    bool scanning;
    size_t n_mends;
    bool index_away;        /* alarm was raised */
    int64_t index_since_us; /* last success or first failure */
    bool want_space, space_refused, tight;
    atomic_bool hurry; /* the mender drops what it does: the store closes */
    struct store_stats stats;
    struct store_run *runs;
    size_t n_runs, cap_runs;
    bool runs_told;
    int64_t epoch_length_us; /* longest seen */
    int64_t shortfall_until_us;

    /* Only the sync thread. */
    struct store_file_set syncing;
    int64_t last_tick_us;

    /* Only the index thread. */
    struct index *index;

    /* Maintenance thread and store_retain(). */
    pthread_mutex_t maint_lock;
    struct index *maint_index;
    size_t refused_files; /* so many were deleted at the last refusal */
    int64_t refused_at_us;
    int64_t last_retain_us, last_tidy_us, last_shortfall_us;
    int64_t trusted_offset_us, candidate_offset_us, candidate_since_us;
    bool offset_known, held;
    unsigned retain_failures;
    struct store_thinned *thinned; /* share files of which only what is held is left */
    uint64_t thinned_holds;        /* what was held then */
};

/* store.c */
void store_tell(struct store *s, const char *kind, const char *camera, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Change the state and tell if it is a new one. @text may be NULL for STORE_OK. */
void store_set_state(struct store *s, enum store_state state, const char *text);
const char *store_state_name(enum store_state state);
void store_timed_wait(struct store *s, pthread_cond_t *cond, int64_t us); /* lock held; real time */
void store_file_unref_locked(struct store_file *sf);
void store_file_free(struct store_file *sf); /* file.c */
/* A reason for the state, such as disk-full, if @code is of its kind, else write-failed. Sets the
 * state. */
const char *store_classify(struct store *s, int code);

/* file.c */
void *store_writer_main(void *arg);
void store_schedule_locked(struct store_file *sf);
/* The callers are gone: end every file. */
void store_end_all(struct store *s, const char *reason);
/* Close every open file with @reason; appends answer @code from now on. */
void store_abort_all(struct store *s, const char *reason, int code);
void store_abort_locked(struct store_file *sf, const char *reason, int code);

/* disk.c: one file on the disk */
int disk_open_new(int dirfd, const char *path, bool *ret_direct, int *ret_fd);
int disk_write(int fd, const void *data, size_t len, uint64_t at);
int disk_read(int fd, void *data, size_t len, uint64_t at); /* E_TRUNCATED at the end of the file */
void disk_buffered(int fd);
int disk_make_dirs(int dirfd, const char *path, bool *ret_made);
int disk_sync_parents(int dirfd, const char *path);
/* Room for the sidx of a recording, a function of the head alone, so that recovery knows it too. */
unsigned disk_max_fragments(const struct mp4_info *info);
/* sidx and tail; @fd is buffered. The file ends behind the tail afterwards. */
int disk_finish(int fd, const struct mp4_info *info, const struct mp4_entry *entries, size_t n,
                uint64_t end, const char *reason, uint64_t *ret_size, uint8_t ret_manifest[32]);
/* Microseconds of media from the start of the recording to the end of entry @e. */
int64_t disk_entry_end_us(const struct mp4_info *info, const struct mp4_entry *e);

/* path.c */
int path_make(const struct mp4_info *info, unsigned n, char ret[INDEX_PATH]);
bool path_camera_valid(const char *camera);
/* Start and view by the name alone; E_SYNTAX if it is not the name of a recording. */
int path_parse(const char *path, char ret_camera[INDEX_ID], int64_t *ret_start_us, int *ret_view);
/*
 * Every recording under DATA/recordings whose name says that it began at or after @from_us. @cb
 * gets the relative path;
 * @other gets files that are none (may be NULL). Nonzero stops.
 */
int path_walk(int dirfd, int64_t from_us, int (*cb)(void *user, const char *path),
              int (*other)(void *user, const char *path), void *user);

/* volume.c */
/* Open and lock DATA: one recorder or one repair at a time (E_BUSY). The lock goes with the
 * descriptor. */
int volume_lock(const char *path, int *ret, struct err *reterr);
int volume_read_id(int dirfd, char ret[STORE_UUID]); /* E_NOTFOUND */
int volume_open(struct store *s, struct err *reterr);
int volume_bind(struct store *s, struct index *ix, bool *ret_index_is_new, struct err *reterr);
int volume_probe(struct store *s); /* 0, or E_NOTFOUND if DATA is not our volume now */
int volume_reopen(struct store *s);
void volume_tick(struct store *s); /* sync thread, every second */

/* sync.c */
void *store_sync_main(void *arg);
void store_mark_dirty_locked(struct store_file *sf);

/* indexer.c */
void *store_index_main(void *arg);
/* Queue a change behind the data written so far. @sf: reference taken, or NULL. Lock held. */
void store_change_locked(struct store *s, struct store_file *sf, const struct index_change *c);
void store_changes_free(struct store *s);

/* retain.c, space.c */
void *store_maint_main(void *arg);
int store_make_space(struct store *s);
int store_space_free(struct store *s, uint64_t *ret_total, uint64_t *ret_free);
int64_t store_reserve(const struct store *s);
int store_maint_index(struct store *s, struct err *reterr);
/* @reason for the log: "retention" or "disk-full". */
int retain_delete(struct store *s, const struct index_recording *r, size_t n, const char *reason,
                  struct err *reterr);

/* forget_shares.c: share files that are past their class, but for what holds keep. */
int64_t store_forget_shares(struct store *s, int64_t now_us, struct err *reterr);
void store_forget_thinned(struct store *s);
/* A sum of what is erased now, and one thing more in it. */
struct index_erasure store_erasure(struct store *s, const char *reason);
void store_erasure_add(struct index_erasure *sum, int64_t epoch_us, bool share_file);

/* mend.c, recover.c */
/* At start, before anything is written: what the last run left open, and from when on files may
 * lack rows. */
int store_mend_collect(struct store *s, bool index_is_new, struct err *reterr);
void *store_mend_main(void *arg);
void store_mend_add(struct store *s, const char *path, const char *camera, const char *reason,
                    bool crash);
void store_run_started(struct store *s, const char *camera, int64_t start_us);

enum recover_result { RECOVER_WAS_CLOSED, RECOVER_CLOSED, RECOVER_EMPTY, RECOVER_DAMAGED };
/* Where the file at @path stands, without changing it. @ret_end: length up to the last whole
 * fragment. */
int recover_probe(int dirfd, const char *path, enum recover_result *ret,
                  struct index_recording *ret_row, uint64_t *ret_end, uint64_t *ret_size,
                  struct err *reterr);
/*
 * Bring the file to the form of a normal close: torn tail cut, sidx, manifest (hashes made now),
 * mfra; synced. Fills the row. RECOVER_EMPTY and RECOVER_DAMAGED leave the file alone.
 */
int recover_file(int dirfd, const char *path, const char *reason, enum recover_result *ret,
                 struct index_recording *ret_row, const atomic_bool *stop, struct err *reterr);

/* For waiting and for rates: real time, whatever the clock of the configuration says. */
static inline int64_t store_real_us(void)
{
    return clock_mono_us(&clock_system);
}
static inline int64_t store_wall_us(const struct store *s)
{
    return clock_wall_us(s->cfg.clock);
}
static inline int64_t store_mono_us(const struct store *s)
{
    return clock_mono_us(s->cfg.clock);
}
#endif
