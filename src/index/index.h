/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H
/*
 * The index: what is recorded where. One table of functions per back end (sqlite.c; PostgreSQL is
 * another issue). The files are the truth, the index can be rebuilt from them. Blocking; call it
 * from a worker, never from a loop. An index handle is thread-bound. Times are UTC microseconds.
 * E_BUSY: another writer holds the database, try again. A callback may not use the handle that
 * calls it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define INDEX_ID 64
#define INDEX_PATH 192
#define INDEX_ZONES 2048

/* What the public register says about a camera. Every text may be "": not stated. */
struct index_register {
    char purpose[128], owner[128], contact[128];
    char place[192];            /* where it hangs, in words */
    char sees[192];             /* what is in the picture */
    char retention_reason[192]; /* why its footage is kept for so long */
    char review[11];            /* "YYYY-MM-DD": when it is looked at whether it is still needed */
    bool located;               /* lat and lon are known */
    double lat, lon;            /* degrees, WGS 84 */
    double px_per_m;            /* picture elements per metre at head height; 0: not stated */
};

struct index_camera {
    char id[INDEX_ID]; /* [a-z0-9][a-z0-9._-]{0,62} */
    char name[128];    /* for people */
    /* The camera's addresses: they hold credentials, are never logged, and are "" in an index that
     * was opened without them. */
    char main_url[512], sub_url[512];
    char pin[65];  /* hex SHA-256 of the RTSPS certificate, or "" */
    int transport; /* enum rtsp_transport */
    bool audio, enabled, tls_insecure;
    int retention_days;        /* 0: the node's */
    char group[INDEX_ID];      /* rights are given by group; an id, or "": none */
    char zones[INDEX_ZONES];   /* privacy zones as JSON (recorder/zones.h), "": none */
    int64_t declared_empty_us; /* when the place was last declared empty; 0: never */
    struct index_register reg;
    int64_t changed_us;
};

enum index_state { INDEX_OPEN, INDEX_CLOSED, INDEX_GARBAGE };

struct index_recording {
    int64_t id; /* 0 before insert */
    char camera[INDEX_ID];
    int view; /* enum mp4_view */
    int64_t start_us, end_us, epoch_us;
    char path[INDEX_PATH]; /* relative to the volume */
    int64_t bytes;
    int64_t frames; /* pictures */
    uint8_t kid[16];
    uint8_t manifest[32]; /* zero while open */
    char end_reason[24];  /* "" while open */
    enum index_state state;
    int retention_days; /* promised when it was made */
};

struct index_gap {
    char camera[INDEX_ID];
    int64_t from_us, to_us; /* to_us 0: still going on */
    char reason[24];        /* stream-lost, shutdown, crash, disk-full, … never empty */
    char detail[160];
};

struct index_event {
    int64_t at_us;
    char kind[32]; /* disk-full, retention-shortfall, volume-lost, fsync-failed, clock-stepped, … */
    char camera[INDEX_ID]; /* "" for the node */
    char text[256];
};

/* What the masker saw in one minute of one camera. Counts of that minute alone: they name nobody. */
struct index_activity {
    char camera[INDEX_ID];
    int64_t minute_us;                 /* its start, a multiple of a minute */
    uint16_t motion_max, motion_mean;  /* part of the picture that moved, permille */
    uint8_t persons_max, vehicles_max; /* at one time */
};

/* Footage of one camera and span that is kept past its retention. Several may hold the same. */
struct index_hold {
    char id[INDEX_ID]; /* an id that people can write; public */
    char camera[INDEX_ID];
    int64_t from_us, to_us;
    int64_t until_us; /* ends by itself */
    char reason[48];  /* a code: a-z 0-9 . - */
    int64_t added_us;
};

/* What was erased in one hour for one reason, summed up until the log is told. */
struct index_erasure {
    int64_t hour_us; /* start of the hour in which it was erased */
    char reason[24]; /* retention, disk-full */
    int64_t recordings, share_files;
    int64_t first_epoch_us, last_epoch_us;
};

/* An entry that waits to be handed to the logger. */
struct index_outbox {
    int64_t id; /* 0 before insert; ascending */
    int64_t at_us;
    const char *kind, *text; /* borrowed: for the time of the call */
};

/* One change to the index; a batch is one transaction. */
struct index_change {
    enum {
        INDEX_PUT_RECORDING,
        INDEX_CLOSE_RECORDING,
        INDEX_GARBAGE_RECORDING,
        INDEX_DROP_RECORDING,
        INDEX_PUT_GAP,
        INDEX_PUT_EVENT,
        INDEX_PUT_ACTIVITY, /* the same minute: replaced */
        INDEX_PUT_OUTBOX,
        INDEX_PUT_META,    /* an empty value takes the key away */
        INDEX_LISTED,      /* recordings up to `listed` of unlisted() are in a manifest now */
        INDEX_ADD_ERASURE, /* added to what is known of that hour and reason */
        INDEX_TOLD_ERASURE /* the sum of that hour and reason goes */
    } kind;
    union {
        struct index_recording recording; /* found by path for CLOSE, GARBAGE and DROP */
        struct index_gap gap;             /* same camera and from_us: replaced */
        struct index_event event;
        struct index_activity activity;
        struct index_outbox outbox;
        struct {
            const char *key, *value; /* borrowed */
        } meta;
        int64_t listed;
        struct index_erasure erasure;
    };
};

/* A timeline: every camera's time from @from_us to @to_us in @buckets pieces of equal length. */
#define INDEX_BUCKETS 4000
struct index_timeline {
    const char *const *cameras; /* NULL: every camera that was ever recorded */
    size_t camera_count;
    int64_t from_us, to_us;
    int64_t now_us; /* recordings that are open reach to here */
    size_t buckets; /* 1 to INDEX_BUCKETS */
};
static inline int64_t index_bucket_us(const struct index_timeline *t)
{
    return (t->to_us - t->from_us + (int64_t)t->buckets - 1) / (int64_t)t->buckets;
}
struct index_bucket {
    uint16_t
        covered[2]; /* by enum mp4_view: part of the bucket that is recorded, permille; 1 if less */
    uint16_t motion_max, motion_mean;
    uint8_t persons_max, vehicles_max;
};

struct index;
/* Callbacks return 0 to go on, else iteration stops and returns that value. */
struct index_ops {
    const char *name;
    /*
     * @where: a data directory (the index is its lethe.db) or the database itself. Creates (mode
     * 0600) and migrates unless @read_only. The cameras' addresses are in cameras.db beside it.
     * @read_only works for a process that may write nothing and may not read cameras.db: addresses
     * are empty then, everything else is there. Errors: E_BUSY, E_CORRUPT (run `lethe reindex`),
     * E_UNSUPPORTED (made by a newer version).
     */
    int (*open)(const char *where, bool read_only, struct index **ret, struct err *reterr);
    void (*close)(struct index *ix);
    /* One transaction: all or nothing. */
    int (*apply)(struct index *ix, const struct index_change *changes, size_t n,
                 struct err *reterr);
    int (*recordings)(struct index *ix, const char *camera /* NULL: all */, int view /* -1: all */,
                      int64_t from_us, int64_t to_us,
                      int (*cb)(void *user, const struct index_recording *r), void *user,
                      struct err *reterr);
    /* Oldest first; end of retention is end_us + retention_days. @limit rows. Includes garbage, not
     * what is open. */
    int (*expired)(struct index *ix, int64_t now_us, size_t limit,
                   int (*cb)(void *user, const struct index_recording *r), void *user,
                   struct err *reterr);
    /* Closed recordings by end_us, whatever their retention. */
    int (*oldest)(struct index *ix, size_t limit,
                  int (*cb)(void *user, const struct index_recording *r), void *user,
                  struct err *reterr);
    int (*gaps)(struct index *ix, const char *camera, int64_t from_us, int64_t to_us,
                int (*cb)(void *user, const struct index_gap *g), void *user, struct err *reterr);
    /* Gaps of one camera that last at least @min_us, or still last, in no order; many cameras are
     * quick, one by one. */
    int (*long_gaps)(struct index *ix, const char *camera, int64_t from_us, int64_t to_us,
                     int64_t min_us, int (*cb)(void *user, const struct index_gap *g), void *user,
                     struct err *reterr);
    int (*events)(struct index *ix, int64_t from_us, int64_t to_us, size_t limit,
                  int (*cb)(void *user, const struct index_event *e), void *user,
                  struct err *reterr);
    int (*cameras)(struct index *ix, int (*cb)(void *user, const struct index_camera *c),
                   void *user, struct err *reterr);
    /* All or nothing. An entry for the log goes into the outbox with every row that is not as it was. */
    int (*camera_put)(struct index *ix, const struct index_camera *cams, size_t n, bool replace,
                      struct err *reterr);
    int (*camera_remove)(struct index *ix, const char *id, struct err *reterr);
    int64_t (*camera_version)(
        struct index *ix); /* changes whenever any camera row changes, by any process */
    int (*meta_get)(struct index *ix, const char *key, char *ret, size_t cap); /* E_NOTFOUND */
    int (*meta_put)(struct index *ix, const char *key, const char *value, struct err *reterr);
    int (*check)(struct index *ix, int (*problem)(void *user, const char *text), void *user,
                 struct err *reterr);
    /* Rows that are open or garbage: what a start has to look after. */
    int (*unfinished)(struct index *ix, int (*cb)(void *user, const struct index_recording *r),
                      void *user, struct err *reterr);
    int (*find)(struct index *ix, const char *path, struct index_recording *ret); /* E_NOTFOUND */
    /* End of the oldest closed recording that no hold keeps and start of the newest of any state; E_NOTFOUND when
     * there is none. */
    int (*span)(struct index *ix, int64_t *ret_oldest_us, int64_t *ret_newest_us);
    /* Forget gaps that ended, and activity by the minute, before @gaps_before_us; events, and activity
     * by the hour, before @events_before_us. */
    int (*prune)(struct index *ix, int64_t gaps_before_us, int64_t events_before_us,
                 struct err *reterr);
    /*
     * All that is read from here to release() is of one moment, and costs no lock for each query: for
     * many small queries one after another. Nothing may be written meanwhile, and no second snapshot
     * taken. After an error there is nothing to release.
     */
    int (*snapshot)(struct index *ix, struct err *reterr);
    void (*release)(struct index *ix);
    /*
     * Coverage and activity of many cameras, for drawing. Takes a snapshot where none is. The
     * callback gets t->buckets buckets of one camera, in the order of t->cameras. Breaks of less
     * than a second do not count. Below 15 min a bucket, activity is exact to the minute, above to
     * the hour. E_RANGE.
     */
    int (*timeline)(struct index *ix, const struct index_timeline *t,
                    int (*cb)(void *user, const char *camera, const struct index_bucket *b),
                    void *user, struct err *reterr);
    /* By index_recording.id, open or closed; E_NOTFOUND also for garbage. An id may name another
     * recording once its own is gone. */
    int (*recording_by_id)(struct index *ix, int64_t id, struct index_recording *ret);
    /* Entries that wait, oldest first; drop those that were taken, up to an id. */
    int (*outbox)(struct index *ix, size_t limit,
                  int (*cb)(void *user, const struct index_outbox *o), void *user,
                  struct err *reterr);
    int (*outbox_drop)(struct index *ix, int64_t up_to, struct err *reterr);
    /*
     * Closed recordings that are in no manifest yet, by camera, view (masked first), start and path, also those that
     * are erased by now. @ret_listed is for INDEX_LISTED. The callback's rows have no state.
     */
    int (*unlisted)(struct index *ix, int (*cb)(void *user, const struct index_recording *r),
                    void *user, int64_t *ret_listed, struct err *reterr);
    /* Sums of erasures of hours before @before_us. */
    int (*erasures)(struct index *ix, int64_t before_us,
                    int (*cb)(void *user, const struct index_erasure *e), void *user,
                    struct err *reterr);
    /*
     * Holds, by their end. expired() and oldest() leave out what an unended hold covers (@until_us after
     * its time; for oldest() whatever the time). An entry for the log goes into the outbox with each.
     * hold_put: E_EXISTS. hold_remove: @change is "removed" or "ended"; E_NOTFOUND.
     */
    int (*holds)(struct index *ix, int (*cb)(void *user, const struct index_hold *h), void *user,
                 struct err *reterr);
    int (*hold_put)(struct index *ix, const struct index_hold *h, struct err *reterr);
    int (*hold_remove)(struct index *ix, const char *id, const char *change, int64_t at_us,
                       struct err *reterr);
    /* Outbox, unlisted, erasures and holds of an index that this one takes the place of; what is here goes. */
    int (*take_journal)(struct index *ix, struct index *from, struct err *reterr);
    /* From now on a commit is on the disk when apply() returns (needed before files are unlinked).
     * May be NULL. */
    int (*durable)(struct index *ix);
};
/* Every back end's struct begins with this. */
struct index {
    const struct index_ops *ops;
};
extern const struct index_ops index_sqlite;

/* The public entry of a camera as text (docs/format/log-entries.md), and its SHA-256. -ENOMEM. */
struct buf;
int index_register_text(const struct index_camera *c, struct buf *out);
int index_register_hash(const struct index_camera *c, uint8_t ret[32]);
#endif
