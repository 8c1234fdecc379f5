/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef INDEX_SQLITE_PRIVATE_H
#define INDEX_SQLITE_PRIVATE_H
/* What the files of the SQLite back end share. Nobody else includes this. */
#include <sqlite3.h>

#include "base/buf.h"
#include "index/index.h"

/* A file spans at most one epoch, an epoch at most an hour: bounds how far back a query by time
 * must look. */
#define SQLITE_LONGEST_RECORDING_US (INT64_C(7200) * 1000000)

/* From here on a gap is in the index gap_long; the number stands in the SQL too. */
#define SQLITE_LONG_GAP_US INT64_C(600000000)

enum sqlite_statement {
    SQL_BEGIN,
    SQL_SNAPSHOT,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_PUT_RECORDING,
    SQL_SET_STATE,
    SQL_STATE_OF,
    SQL_NEIGHBOURS,
    SQL_RUNS_BEFORE,
    SQL_RUN_PUT,
    SQL_RUN_REMOVE,
    SQL_OPEN_OF_CAMERA,
    SQL_MINUTES_GET,
    SQL_MINUTES_PUT,
    SQL_MINUTES,
    SQL_HOURS_GET,
    SQL_HOURS_PUT,
    SQL_HOURS,
    SQL_PRUNE_MINUTES,
    SQL_PRUNE_HOURS,
    SQL_CAMERA_KEY,
    SQL_CAMERA_INTERN,
    SQL_CAMERA_IDS,
    SQL_BY_ID,
    SQL_CAMERA_ONE,
    SQL_OUTBOX_PUT,
    SQL_OUTBOX,
    SQL_OUTBOX_DROP,
    SQL_META_REMOVE,
    SQL_UNLISTED,
    SQL_UNLISTED_LAST,
    SQL_LISTED,
    SQL_ERASURE_ADD,
    SQL_ERASURE_TOLD,
    SQL_ERASURES,
    SQL_HOLDS,
    SQL_HOLD_PUT,
    SQL_HOLD_REMOVE,
    SQL_DROP_RECORDING,
    SQL_PUT_GAP,
    SQL_PUT_EVENT,
    SQL_RECORDINGS_OF_CAMERA,
    SQL_RECORDINGS_OF_ALL,
    SQL_EXPIRED,
    SQL_OLDEST,
    SQL_UNFINISHED,
    SQL_FIND,
    SQL_OLDEST_US,
    SQL_NEWEST_US,
    SQL_GAPS,
    SQL_LONG_GAPS,
    SQL_SHORT_GAPS,
    SQL_EVENTS,
    SQL_PRUNE_GAPS,
    SQL_PRUNE_EVENTS,
    SQL_CAMERAS,
    SQL_CAMERAS_WITHOUT_ADDRESSES,
    SQL_CAMERA_INSERT,
    SQL_CAMERA_REPLACE,
    SQL_CAMERA_REMOVE,
    SQL_ADDRESS_PUT,
    SQL_ADDRESS_REMOVE,
    SQL_CAMERA_VERSION,
    SQL_META_GET,
    SQL_META_PUT,
    SQL_STATEMENTS,
};

struct sqlite_index {
    struct index index; /* first */
    sqlite3 *db;
    bool read_only;
    bool addresses;                     /* cameras.db is attached as schema "address" */
    sqlite3_stmt *stmt[SQL_STATEMENTS]; /* prepared at first use, kept */
};

static inline struct sqlite_index *sqlite_index(struct index *ix)
{
    return (struct sqlite_index *)(void *)ix;
}

/* Our code for SQLite's result; @reterr gets "what: message". */
int sqlite_error(struct sqlite_index *x, const char *what, struct err *reterr);
/* The prepared statement, reset and without bindings. NULL is never returned on success. */
int sqlite_prepare(struct sqlite_index *x, enum sqlite_statement id, sqlite3_stmt **ret,
                   struct err *reterr);
/* Run a prepared statement that yields no row. */
int sqlite_run(struct sqlite_index *x, sqlite3_stmt *st, const char *what, struct err *reterr);
int sqlite_begin(struct sqlite_index *x, struct err *reterr);
/* Commit if @code >= 0, else roll back; returns the first error. */
int sqlite_finish(struct sqlite_index *x, int code, struct err *reterr);
/* Number of a camera's name; 0 if it has none and @create is false. */
int sqlite_camera_key(struct sqlite_index *x, const char *id, bool create, int64_t *ret,
                      struct err *reterr);
/* Column as text into a fixed field, cut if longer, always ended. */
void sqlite_text(sqlite3_stmt *st, int column, char *ret, size_t cap);

/* sqlite_schema.c: bring the database to this version's schema. */
int sqlite_migrate(struct sqlite_index *x, struct err *reterr);
int sqlite_schema_check(struct sqlite_index *x, struct err *reterr);

/* sqlite_open.c */
int sqlite_open(const char *where, bool read_only, struct index **ret, struct err *reterr);
void sqlite_close(struct index *ix);
/* Attach cameras.db unless it is; not inside a transaction. A reader that may not read it goes on
 * without (x->addresses stays false). */
int sqlite_attach(struct sqlite_index *x, struct err *reterr);
void sqlite_detach(struct sqlite_index *x);

/* sqlite_query.c */
int sqlite_recordings(struct index *ix, const char *camera, int view, int64_t from_us,
                      int64_t to_us, int (*cb)(void *, const struct index_recording *), void *user,
                      struct err *reterr);
int sqlite_expired(struct index *ix, int64_t now_us, size_t limit,
                   int (*cb)(void *, const struct index_recording *), void *user,
                   struct err *reterr);
int sqlite_oldest(struct index *ix, size_t limit, int (*cb)(void *, const struct index_recording *),
                  void *user, struct err *reterr);
int sqlite_unfinished(struct index *ix, int (*cb)(void *, const struct index_recording *),
                      void *user, struct err *reterr);
int sqlite_find(struct index *ix, const char *path, struct index_recording *ret);
int sqlite_span(struct index *ix, int64_t *ret_oldest_us, int64_t *ret_newest_us);
int sqlite_long_gaps(struct index *ix, const char *camera, int64_t from_us, int64_t to_us,
                     int64_t min_us, int (*cb)(void *, const struct index_gap *), void *user,
                     struct err *reterr);
int sqlite_gaps(struct index *ix, const char *camera, int64_t from_us, int64_t to_us,
                int (*cb)(void *, const struct index_gap *), void *user, struct err *reterr);
int sqlite_events(struct index *ix, int64_t from_us, int64_t to_us, size_t limit,
                  int (*cb)(void *, const struct index_event *), void *user, struct err *reterr);
int sqlite_check(struct index *ix, int (*problem)(void *user, const char *text), void *user,
                 struct err *reterr);

int sqlite_recording_by_id(struct index *ix, int64_t id, struct index_recording *ret);

/* sqlite_coverage.c: inside a transaction, before and after the row of @path changes. */
int sqlite_coverage_add(struct sqlite_index *x, const char *path, struct err *reterr);
int sqlite_coverage_cut(struct sqlite_index *x, const char *path, struct err *reterr);

/* sqlite_activity.c */
int sqlite_put_activity(struct sqlite_index *x, const struct index_activity *a, struct err *reterr);
/* One entry of activity: a minute, or an hour of @known minutes. */
struct sqlite_activity {
    unsigned known; /* minutes that it is made of; 0: nothing is known */
    unsigned motion_max, motion_mean, persons_max, vehicles_max;
};
#define SQLITE_ACTIVITY_BYTES 7
static inline void sqlite_activity_unpack(const uint8_t *p, struct sqlite_activity *ret)
{
    *ret = (struct sqlite_activity){p[0], rd16(p + 1), rd16(p + 3), p[5], p[6]};
}

/* sqlite_outbox.c */
int sqlite_put_outbox(struct sqlite_index *x, const struct index_outbox *o, struct err *reterr);
int sqlite_listed(struct sqlite_index *x, int64_t up_to, struct err *reterr);
int sqlite_outbox(struct index *ix, size_t limit, int (*cb)(void *, const struct index_outbox *),
                  void *user, struct err *reterr);
int sqlite_outbox_drop(struct index *ix, int64_t up_to, struct err *reterr);
int sqlite_unlisted(struct index *ix, int (*cb)(void *, const struct index_recording *), void *user,
                    int64_t *ret_listed, struct err *reterr);
int sqlite_change_erasure(struct sqlite_index *x, const struct index_erasure *e, bool told,
                          struct err *reterr);
int sqlite_erasures(struct index *ix, int64_t before_us,
                    int (*cb)(void *, const struct index_erasure *), void *user,
                    struct err *reterr);
/* sqlite_hold.c */
int sqlite_holds(struct index *ix, int (*cb)(void *, const struct index_hold *), void *user,
                 struct err *reterr);
int sqlite_hold_put(struct index *ix, const struct index_hold *h, struct err *reterr);
int sqlite_hold_remove(struct index *ix, const char *id, const char *change, int64_t at_us,
                       struct err *reterr);
/* Finish the entry in @b and put it into the outbox; frees @b. */
struct tlog_entry_writer;
struct buf;
int sqlite_post(struct sqlite_index *x, struct tlog_entry_writer *w, const char *kind,
                int64_t at_us, struct buf *b, struct err *reterr);
int sqlite_take_journal(struct index *ix, struct index *from, struct err *reterr);
/* The entry about a camera whose row changes from @before to @after; one of them may be NULL. */
int sqlite_tell_camera(struct sqlite_index *x, const struct index_camera *before,
                       const struct index_camera *after, struct err *reterr);

/* sqlite_timeline.c */
int sqlite_snapshot(struct index *ix, struct err *reterr);
void sqlite_release(struct index *ix);
int sqlite_timeline(struct index *ix, const struct index_timeline *t,
                    int (*cb)(void *, const char *, const struct index_bucket *), void *user,
                    struct err *reterr);

/* sqlite_camera.c */
int sqlite_cameras(struct index *ix, int (*cb)(void *, const struct index_camera *), void *user,
                   struct err *reterr);
int sqlite_camera_put(struct index *ix, const struct index_camera *cams, size_t n, bool replace,
                      struct err *reterr);
int sqlite_camera_remove(struct index *ix, const char *id, struct err *reterr);
int64_t sqlite_camera_version(struct index *ix);
#endif
