/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "index/sqlite_private.h"

#include <string.h>

static void column_blob(sqlite3_stmt *st, int column, uint8_t *ret, size_t len)
{
    const void *data = sqlite3_column_blob(st, column);
    memset(ret, 0, len);
    if (data && (size_t)sqlite3_column_bytes(st, column) == len)
        memcpy(ret, data, len);
}

static void read_recording(sqlite3_stmt *st, struct index_recording *r)
{
    memset(r, 0, sizeof(*r));
    r->id = sqlite3_column_int64(st, 0);
    sqlite_text(st, 1, r->camera, sizeof(r->camera));
    r->view = sqlite3_column_int(st, 2);
    r->start_us = sqlite3_column_int64(st, 3);
    r->end_us = sqlite3_column_int64(st, 4);
    r->epoch_us = sqlite3_column_int64(st, 5);
    sqlite_text(st, 6, r->path, sizeof(r->path));
    r->bytes = sqlite3_column_int64(st, 7);
    r->frames = sqlite3_column_int64(st, 8);
    column_blob(st, 9, r->kid, sizeof(r->kid));
    column_blob(st, 10, r->manifest, sizeof(r->manifest));
    sqlite_text(st, 11, r->end_reason, sizeof(r->end_reason));
    r->state = (enum index_state)sqlite3_column_int(st, 12);
    r->retention_days = sqlite3_column_int(st, 13);
}

static int each_recording(struct sqlite_index *x, sqlite3_stmt *st,
                          int (*cb)(void *, const struct index_recording *), void *user,
                          struct err *reterr)
{
    int err = 0, rc = SQLITE_DONE;
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct index_recording r;
        read_recording(st, &r);
        err = cb(user, &r);
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = sqlite_error(x, "reading recordings", reterr);
    sqlite3_reset(st);
    return err;
}

int sqlite_recordings(struct index *ix, const char *camera, int view, int64_t from_us,
                      int64_t to_us, int (*cb)(void *, const struct index_recording *), void *user,
                      struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err =
        sqlite_prepare(x, camera ? SQL_RECORDINGS_OF_CAMERA : SQL_RECORDINGS_OF_ALL, &st, reterr);
    if (err < 0)
        return err;
    int64_t earliest = from_us < INT64_MIN + SQLITE_LONGEST_RECORDING_US
                           ? INT64_MIN
                           : from_us - SQLITE_LONGEST_RECORDING_US;
    if (camera)
        sqlite3_bind_text(st, 1, camera, -1, SQLITE_STATIC);
    sqlite3_bind_int(st, 2, view);
    sqlite3_bind_int64(st, 3, earliest);
    sqlite3_bind_int64(st, 4, from_us);
    sqlite3_bind_int64(st, 5, to_us);
    return each_recording(x, st, cb, user, reterr);
}

int sqlite_expired(struct index *ix, int64_t now_us, size_t limit,
                   int (*cb)(void *, const struct index_recording *), void *user,
                   struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_EXPIRED, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, now_us);
    sqlite3_bind_int64(st, 2, (int64_t)limit);
    return each_recording(x, st, cb, user, reterr);
}

int sqlite_oldest(struct index *ix, size_t limit, int (*cb)(void *, const struct index_recording *),
                  void *user, struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_OLDEST, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, (int64_t)limit);
    return each_recording(x, st, cb, user, reterr);
}

int sqlite_unfinished(struct index *ix, int (*cb)(void *, const struct index_recording *),
                      void *user, struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_UNFINISHED, &st, reterr);
    return err < 0 ? err : each_recording(x, st, cb, user, reterr);
}

/* The one recording that a bound statement finds. */
static int one_recording(struct sqlite_index *x, sqlite3_stmt *st, struct index_recording *ret)
{
    int rc = sqlite3_step(st), err = 0;
    if (rc == SQLITE_ROW)
        read_recording(st, ret);
    else
        err = rc == SQLITE_DONE ? E_NOTFOUND : sqlite_error(x, "reading recordings", NULL);
    sqlite3_reset(st);
    return err;
}

int sqlite_find(struct index *ix, const char *path, struct index_recording *ret)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_FIND, &st, NULL);
    if (err < 0)
        return err;
    sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC);
    return one_recording(x, st, ret);
}

int sqlite_recording_by_id(struct index *ix, int64_t id, struct index_recording *ret)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_BY_ID, &st, NULL);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, id);
    return one_recording(x, st, ret);
}

/* First column of the first row; E_NOTFOUND if there is none. */
static int one_number(struct sqlite_index *x, enum sqlite_statement id, int64_t *ret)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, id, &st, NULL);
    if (err < 0)
        return err;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int64(st, 0);
    else
        err = rc == SQLITE_DONE ? E_NOTFOUND : sqlite_error(x, "reading recordings", NULL);
    sqlite3_reset(st);
    return err;
}

int sqlite_span(struct index *ix, int64_t *ret_oldest_us, int64_t *ret_newest_us)
{
    struct sqlite_index *x = sqlite_index(ix);
    int64_t oldest = 0, newest = 0;
    int err = one_number(x, SQL_NEWEST_US, &newest);
    if (err < 0)
        return err;
    err = one_number(x, SQL_OLDEST_US, &oldest);
    if (err < 0 && err != E_NOTFOUND)
        return err;
    *ret_oldest_us = err < 0 ? newest : oldest;
    *ret_newest_us = newest;
    return 0;
}

static int each_gap(struct sqlite_index *x, sqlite3_stmt *st,
                    int (*cb)(void *, const struct index_gap *), void *user, struct err *reterr)
{
    int err = 0, rc = SQLITE_DONE;
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct index_gap g = {0};
        sqlite_text(st, 0, g.camera, sizeof(g.camera));
        g.from_us = sqlite3_column_int64(st, 1);
        g.to_us = sqlite3_column_int64(st, 2);
        sqlite_text(st, 3, g.reason, sizeof(g.reason));
        sqlite_text(st, 4, g.detail, sizeof(g.detail));
        err = cb(user, &g);
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = sqlite_error(x, "reading gaps", reterr);
    sqlite3_reset(st);
    return err;
}

int sqlite_gaps(struct index *ix, const char *camera, int64_t from_us, int64_t to_us,
                int (*cb)(void *, const struct index_gap *), void *user, struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_GAPS, &st, reterr);
    if (err < 0)
        return err;
    if (camera)
        sqlite3_bind_text(st, 1, camera, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, from_us);
    sqlite3_bind_int64(st, 3, to_us);
    return each_gap(x, st, cb, user, reterr);
}

static int some_gaps(struct sqlite_index *x, enum sqlite_statement which, const char *camera,
                     const int64_t bounds[4], int (*cb)(void *, const struct index_gap *),
                     void *user, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, which, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_text(st, 1, camera, -1, SQLITE_STATIC);
    for (int i = 0; i < sqlite3_bind_parameter_count(st) - 1; i++)
        sqlite3_bind_int64(st, 2 + i, bounds[i]);
    return each_gap(x, st, cb, user, reterr);
}

/* Those from ten minutes on are few and have an index of their own. A shorter one that reaches into
 * the span begins at most ten minutes before it. */
int sqlite_long_gaps(struct index *ix, const char *camera, int64_t from_us, int64_t to_us,
                     int64_t min_us, int (*cb)(void *, const struct index_gap *), void *user,
                     struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    const int64_t bounds[4] = {from_us, to_us, min_us,
                               from_us < SQLITE_LONG_GAP_US ? 0 : from_us - SQLITE_LONG_GAP_US};
    int err = some_gaps(x, SQL_LONG_GAPS, camera, bounds, cb, user, reterr);
    if (err >= 0 && min_us < SQLITE_LONG_GAP_US)
        err = some_gaps(x, SQL_SHORT_GAPS, camera, bounds, cb, user, reterr);
    return err;
}

int sqlite_events(struct index *ix, int64_t from_us, int64_t to_us, size_t limit,
                  int (*cb)(void *, const struct index_event *), void *user, struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_EVENTS, &st, reterr), rc = SQLITE_DONE;
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, from_us);
    sqlite3_bind_int64(st, 2, to_us);
    sqlite3_bind_int64(st, 3, (int64_t)limit);
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct index_event e = {0};
        e.at_us = sqlite3_column_int64(st, 0);
        sqlite_text(st, 1, e.kind, sizeof(e.kind));
        sqlite_text(st, 2, e.camera, sizeof(e.camera));
        sqlite_text(st, 3, e.text, sizeof(e.text));
        err = cb(user, &e);
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = sqlite_error(x, "reading events", reterr);
    sqlite3_reset(st);
    return err;
}

static int tell_each(struct sqlite_index *x, const char *query, const char *good, void *user,
                     int (*problem)(void *user, const char *text), struct err *reterr)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(x->db, query, -1, &st, NULL) != SQLITE_OK)
        return sqlite_error(x, "checking the index", reterr);
    int err = 0, rc = SQLITE_DONE;
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(st, 0);
        if (text && strcmp(text, good) != 0)
            err = problem(user, text);
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = sqlite_error(x, "checking the index", reterr);
    sqlite3_finalize(st);
    return err;
}

int sqlite_check(struct index *ix, int (*problem)(void *user, const char *text), void *user,
                 struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    int err = sqlite_attach(x, reterr);
    if (err >= 0)
        err = tell_each(x, "PRAGMA integrity_check", "ok", user, problem, reterr);
    if (err == 0 && x->addresses)
        err =
            tell_each(x,
                      "SELECT 'camera ' || id || ' has no address: give it one with `lethe camera "
                      "set ' || id || ' --main URL`' FROM camera WHERE id NOT IN (SELECT id FROM "
                      "address.camera_address)",
                      "", user, problem, reterr);
    return err;
}
