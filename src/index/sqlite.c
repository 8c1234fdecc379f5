/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SQLite as the index: statements, and what is written. */
#include "index/sqlite_private.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define RECORDING_COLUMNS                                                                          \
    "r.id, c.id, r.view, r.start_us, r.end_us, r.epoch_us, r.path, r.bytes, r.frames, r.kid, "     \
    "r.manifest,"                                                                                  \
    " r.end_reason, r.state, r.retention_days FROM recording r JOIN camera_id c ON c.key = "       \
    "r.camera "
#define CAMERA_COLUMNS                                                                             \
    "id, name, transport, audio, enabled, tls_insecure, retention_days, changed_us, "              \
    "camera_group, "                                                                               \
    "zones, declared_empty_us, purpose, owner, contact, place, sees, retention_reason, review, "   \
    "lat, lon, px_per_m"
#define CAMERA_VALUES                                                                              \
    ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "   \
    "?19, ?20, ?21)"

static const char *const sql[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_SNAPSHOT] = "BEGIN",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_PUT_RECORDING] = "INSERT INTO recording(camera, view, start_us, end_us, epoch_us, path, "
                          "bytes, frames, kid, manifest,"
                          " end_reason, state, retention_days, expires_us)"
                          " VALUES((SELECT key FROM camera_id WHERE id = ?1), ?2, ?3, ?4, ?5, ?6, "
                          "?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
                          " ON CONFLICT(path) DO UPDATE SET end_us = ?4, bytes = ?7, frames = ?8, "
                          "kid = ?9, manifest = ?10,"
                          " end_reason = ?11, state = ?12, expires_us = ?14 WHERE state <> 2",
    [SQL_SET_STATE] = "UPDATE recording SET state = ?2 WHERE path = ?1",
    [SQL_STATE_OF] = "SELECT camera, view, start_us, end_us, state FROM recording WHERE path = ?1",
    [SQL_NEIGHBOURS] = "SELECT start_us, end_us FROM recording WHERE camera = ?1 AND view = ?2 AND "
                       "start_us BETWEEN ?3 AND ?5 AND end_us >= ?4 AND state = 1 AND path <> ?6",
    [SQL_RUNS_BEFORE] = "SELECT from_us, to_us FROM coverage WHERE camera = ?1 AND view = ?2 AND "
                        "from_us <= ?3 ORDER BY from_us DESC",
    [SQL_RUN_PUT] = "INSERT OR REPLACE INTO coverage VALUES(?1, ?2, ?3, ?4)",
    [SQL_RUN_REMOVE] = "DELETE FROM coverage WHERE camera = ?1 AND view = ?2 AND from_us = ?3",
    [SQL_OPEN_OF_CAMERA] = "SELECT camera, view, start_us FROM recording WHERE state <> 1 AND "
                           "state = 0 ORDER BY camera",
    [SQL_MINUTES_GET] = "SELECT minutes FROM activity_hour WHERE camera = ?1 AND hour = ?2",
    [SQL_MINUTES_PUT] = "INSERT OR REPLACE INTO activity_hour VALUES(?1, ?2, ?3)",
    [SQL_MINUTES] =
        "SELECT hour, minutes FROM activity_hour WHERE camera = ?1 AND hour BETWEEN ?2 AND ?3",
    [SQL_HOURS_GET] = "SELECT hours FROM activity_day WHERE camera = ?1 AND day = ?2",
    [SQL_HOURS_PUT] = "INSERT OR REPLACE INTO activity_day VALUES(?1, ?2, ?3)",
    [SQL_HOURS] = "SELECT day, hours FROM activity_day WHERE camera = ?1 AND day BETWEEN ?2 AND ?3",
    [SQL_PRUNE_MINUTES] = "DELETE FROM activity_hour WHERE hour < ?1",
    [SQL_PRUNE_HOURS] = "DELETE FROM activity_day WHERE day < ?1",
    [SQL_CAMERA_KEY] = "SELECT key FROM camera_id WHERE id = ?1",
    [SQL_CAMERA_INTERN] = "INSERT OR IGNORE INTO camera_id(id) VALUES(?1)",
    [SQL_CAMERA_IDS] = "SELECT id FROM camera_id ORDER BY id",
    [SQL_OUTBOX_PUT] = "INSERT INTO outbox(at_us, kind, text) VALUES(?1, ?2, ?3)",
    [SQL_OUTBOX] = "SELECT id, at_us, kind, text FROM outbox ORDER BY id LIMIT ?1",
    [SQL_OUTBOX_DROP] = "DELETE FROM outbox WHERE id <= ?1",
    [SQL_META_REMOVE] = "DELETE FROM meta WHERE key = ?1",
    [SQL_UNLISTED] = "SELECT u.seq, c.id, u.view, u.start_us, u.end_us, u.path, u.bytes, u.frames, "
                     "u.kid, u.manifest FROM unlisted u JOIN camera_id c ON c.key = u.camera WHERE "
                     "u.seq <= ?1 ORDER BY c.id, u.view DESC, u.start_us, u.path",
    [SQL_UNLISTED_LAST] = "SELECT max(seq) FROM unlisted",
    [SQL_LISTED] = "DELETE FROM unlisted WHERE seq <= ?1",
    [SQL_ERASURE_ADD] =
        "INSERT INTO erasure VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(hour_us, reason) DO UPDATE "
        "SET "
        "recordings = recordings + ?3, share_files = share_files + ?4, first_epoch_us = "
        "min(first_epoch_us, ?5), last_epoch_us = max(last_epoch_us, ?6)",
    [SQL_ERASURE_TOLD] = "DELETE FROM erasure WHERE hour_us = ?1 AND reason = ?2",
    [SQL_ERASURES] =
        "SELECT hour_us, reason, recordings, share_files, first_epoch_us, last_epoch_us "
        "FROM erasure WHERE hour_us < ?1 ORDER BY hour_us, reason",
    [SQL_HOLDS] =
        "SELECT id, camera, from_us, to_us, until_us, reason, added_us FROM hold ORDER BY "
        "until_us, id",
    [SQL_HOLD_PUT] = "INSERT INTO hold VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_HOLD_REMOVE] = "DELETE FROM hold WHERE id = ?1",
    [SQL_CAMERA_ONE] = "SELECT " CAMERA_COLUMNS ", main_url, sub_url, pin FROM camera"
                       " LEFT JOIN address.camera_address USING(id) WHERE id = ?1",
    [SQL_BY_ID] = "SELECT " RECORDING_COLUMNS "WHERE r.id = ?1 AND r.state <> 2",
    [SQL_DROP_RECORDING] = "DELETE FROM recording WHERE path = ?1",
    [SQL_PUT_GAP] = "INSERT OR REPLACE INTO gap VALUES(?1, ?2, ?3, ?4, ?5)",
    [SQL_PUT_EVENT] = "INSERT INTO event(at_us, kind, camera, text) VALUES(?1, ?2, ?3, ?4)",
    [SQL_RECORDINGS_OF_CAMERA] =
        "SELECT " RECORDING_COLUMNS
        "WHERE r.camera = (SELECT key FROM camera_id WHERE id = ?1) AND (?2 < 0 OR r.view = ?2)"
        " AND r.view BETWEEN 0 AND 9 AND r.start_us >= ?3 AND r.start_us < ?5 AND (r.end_us > ?4 "
        "OR r.state = 0)"
        " AND r.state < 2 ORDER BY r.start_us, r.view, r.path",
    [SQL_RECORDINGS_OF_ALL] =
        "SELECT " RECORDING_COLUMNS "WHERE (?2 < 0 OR r.view = ?2) AND r.start_us >= ?3 AND "
        "r.start_us < ?5 AND (r.end_us > ?4 OR r.state = 0)"
        " AND r.state < 2 ORDER BY r.start_us, r.path",
    [SQL_EXPIRED] = "SELECT " RECORDING_COLUMNS
                    "WHERE r.expires_us <= ?1 AND r.state <> 0 AND NOT EXISTS(SELECT 1 FROM hold h "
                    "WHERE h.camera = c.id AND h.from_us < r.end_us AND h.to_us > r.start_us AND "
                    "h.until_us > ?1) ORDER BY r.expires_us LIMIT ?2",
    [SQL_OLDEST] = "SELECT " RECORDING_COLUMNS
                   "WHERE r.state = 1 AND NOT EXISTS(SELECT 1 FROM hold h WHERE h.camera = c.id "
                   "AND h.from_us < r.end_us AND h.to_us > r.start_us) ORDER BY r.end_us LIMIT ?1",
    [SQL_UNFINISHED] = "SELECT " RECORDING_COLUMNS "WHERE r.state <> 1",
    [SQL_FIND] = "SELECT " RECORDING_COLUMNS "WHERE r.path = ?1",
    [SQL_OLDEST_US] = "SELECT r.end_us FROM recording r WHERE r.state = 1 AND NOT EXISTS(SELECT 1 "
                      "FROM hold h JOIN "
                      "camera_id c ON c.id = h.camera WHERE c.key = r.camera AND h.from_us < "
                      "r.end_us AND h.to_us > "
                      "r.start_us) ORDER BY r.end_us LIMIT 1",
    [SQL_NEWEST_US] = "SELECT start_us FROM recording ORDER BY start_us DESC LIMIT 1",
    [SQL_GAPS] =
        "SELECT camera, from_us, to_us, reason, detail FROM gap WHERE (?1 IS NULL OR camera = ?1)"
        " AND from_us < ?3 AND (to_us > ?2 OR to_us = 0) ORDER BY from_us, camera",
    /* "?4 <= …" and not the other way round: beside the condition of the index the same words with a
     * parameter would have the statement prepared anew whenever that has another value. */
    [SQL_LONG_GAPS] =
        "SELECT camera, from_us, to_us, reason, detail FROM gap INDEXED BY gap_long WHERE camera = "
        "?1 AND from_us < ?3 AND (to_us = 0 OR to_us - from_us >= 600000000)"
        " AND (to_us = 0 OR (?2 < to_us AND ?4 <= to_us - from_us)) ORDER BY from_us",
    [SQL_SHORT_GAPS] =
        "SELECT camera, from_us, to_us, reason, detail FROM gap NOT INDEXED WHERE camera = ?1 AND "
        "from_us < ?3 AND from_us > ?5 AND ?2 < to_us AND ?4 <= to_us - from_us"
        " AND to_us - from_us < 600000000 ORDER BY from_us",
    [SQL_EVENTS] = "SELECT at_us, kind, camera, text FROM event WHERE at_us >= ?1 AND at_us < ?2"
                   " ORDER BY at_us DESC, id DESC LIMIT ?3",
    [SQL_PRUNE_GAPS] = "DELETE FROM gap WHERE to_us > 0 AND to_us < ?1",
    [SQL_PRUNE_EVENTS] = "DELETE FROM event WHERE at_us < ?1",
    [SQL_CAMERAS] = "SELECT " CAMERA_COLUMNS ", main_url, sub_url, pin FROM camera"
                    " LEFT JOIN address.camera_address USING(id) ORDER BY id",
    [SQL_CAMERAS_WITHOUT_ADDRESSES] =
        "SELECT " CAMERA_COLUMNS ", '', '', '' FROM camera ORDER BY id",
    [SQL_CAMERA_INSERT] = "INSERT INTO camera(" CAMERA_COLUMNS CAMERA_VALUES,
    [SQL_CAMERA_REPLACE] =
        "INSERT INTO camera(" CAMERA_COLUMNS CAMERA_VALUES
        " ON CONFLICT(id) DO UPDATE SET name = ?2, transport = ?3, audio = ?4, enabled = ?5, "
        "tls_insecure = ?6, retention_days = ?7, changed_us = ?8, camera_group = ?9, zones = ?10, "
        "declared_empty_us = ?11, purpose = ?12, owner = ?13, contact = ?14, place = ?15, "
        "sees = ?16, retention_reason = ?17, review = ?18, lat = ?19, lon = ?20, px_per_m = ?21",
    [SQL_CAMERA_REMOVE] = "DELETE FROM camera WHERE id = ?1",
    [SQL_ADDRESS_PUT] = "INSERT OR REPLACE INTO address.camera_address VALUES(?1, ?2, ?3, ?4)",
    [SQL_ADDRESS_REMOVE] = "DELETE FROM address.camera_address WHERE id = ?1",
    [SQL_CAMERA_VERSION] = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'camera_version'",
    [SQL_META_GET] = "SELECT value FROM meta WHERE key = ?1",
    [SQL_META_PUT] = "INSERT OR REPLACE INTO meta VALUES(?1, ?2)",
};

int sqlite_error(struct sqlite_index *x, const char *what, struct err *reterr)
{
    int code;
    switch (sqlite3_errcode(x->db) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        code = E_BUSY;
        break;
    case SQLITE_FULL:
        code = -ENOSPC;
        break;
    case SQLITE_IOERR:
        code = -EIO;
        break;
    case SQLITE_NOMEM:
        code = -ENOMEM;
        break;
    case SQLITE_READONLY:
        code = -EROFS;
        break;
    case SQLITE_CANTOPEN:
        code = -ENOENT;
        break;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        code = -EACCES;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        code = E_CORRUPT;
        break;
    case SQLITE_CONSTRAINT:
        code = E_EXISTS;
        break;
    default:
        code = E_BUG;
    }
    return err_set(reterr, code, "%s: %s", what, sqlite3_errmsg(x->db));
}

int sqlite_prepare(struct sqlite_index *x, enum sqlite_statement id, sqlite3_stmt **ret,
                   struct err *reterr)
{
    sqlite3_stmt **st = &x->stmt[id];
    if (!*st &&
        sqlite3_prepare_v3(x->db, sql[id], -1, SQLITE_PREPARE_PERSISTENT, st, NULL) != SQLITE_OK)
        return sqlite_error(x, "preparing a query of the index", reterr);
    sqlite3_reset(*st);
    sqlite3_clear_bindings(*st);
    *ret = *st;
    return 0;
}

int sqlite_run(struct sqlite_index *x, sqlite3_stmt *st, const char *what, struct err *reterr)
{
    int rc = sqlite3_step(st);
    int err = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : sqlite_error(x, what, reterr);
    sqlite3_reset(st);
    return err;
}

static int run_simple(struct sqlite_index *x, enum sqlite_statement id, const char *what,
                      struct err *reterr)
{
    sqlite3_stmt *st = NULL;
    int err = sqlite_prepare(x, id, &st, reterr);
    return err < 0 ? err : sqlite_run(x, st, what, reterr);
}

int sqlite_begin(struct sqlite_index *x, struct err *reterr)
{
    return run_simple(x, SQL_BEGIN, "opening a transaction of the index", reterr);
}

int sqlite_finish(struct sqlite_index *x, int code, struct err *reterr)
{
    if (code >= 0)
        code = run_simple(x, SQL_COMMIT, "committing to the index", reterr);
    if (code < 0 && !sqlite3_get_autocommit(x->db))
        (void)run_simple(x, SQL_ROLLBACK, "rolling back", NULL);
    return code;
}

void sqlite_text(sqlite3_stmt *st, int column, char *ret, size_t cap)
{
    const char *text = (const char *)sqlite3_column_text(st, column);
    size_t n = text ? strlen(text) : 0;
    if (n >= cap)
        n = cap - 1;
    if (n > 0)
        memcpy(ret, text, n);
    ret[n] = '\0';
}

static void bind_text(sqlite3_stmt *st, int at, const char *text)
{
    sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}

int sqlite_camera_key(struct sqlite_index *x, const char *id, bool create, int64_t *ret,
                      struct err *reterr)
{
    sqlite3_stmt *st = NULL;
    *ret = 0;
    for (int pass = 0; pass < 2; pass++) {
        int err = sqlite_prepare(x, SQL_CAMERA_KEY, &st, reterr);
        if (err < 0)
            return err;
        bind_text(st, 1, id);
        int rc = sqlite3_step(st);
        if (rc == SQLITE_ROW)
            *ret = sqlite3_column_int64(st, 0);
        err = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : sqlite_error(x, "cameras", reterr);
        sqlite3_reset(st);
        if (err < 0 || *ret || !create || pass)
            return err;
        err = sqlite_prepare(x, SQL_CAMERA_INTERN, &st, reterr);
        if (err < 0)
            return err;
        bind_text(st, 1, id);
        err = sqlite_run(x, st, "naming a camera in the index", reterr);
        if (err < 0)
            return err;
    }
    return 0;
}

static int try_put_recording(struct sqlite_index *x, const struct index_recording *r,
                             enum index_state state, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_PUT_RECORDING, &st, reterr);
    if (err < 0)
        return err;
    bind_text(st, 1, r->camera);
    sqlite3_bind_int(st, 2, r->view);
    sqlite3_bind_int64(st, 3, r->start_us);
    sqlite3_bind_int64(st, 4, r->end_us);
    sqlite3_bind_int64(st, 5, r->epoch_us);
    bind_text(st, 6, r->path);
    sqlite3_bind_int64(st, 7, r->bytes);
    sqlite3_bind_int64(st, 8, r->frames);
    sqlite3_bind_blob(st, 9, r->kid, sizeof(r->kid), SQLITE_STATIC);
    sqlite3_bind_blob(st, 10, r->manifest, sizeof(r->manifest), SQLITE_STATIC);
    bind_text(st, 11, r->end_reason);
    sqlite3_bind_int(st, 12, state);
    sqlite3_bind_int(st, 13, r->retention_days);
    sqlite3_bind_int64(st, 14, r->end_us + r->retention_days * DAY_US);
    return sqlite_run(x, st, "writing a recording's row", reterr);
}

static int put_recording(struct sqlite_index *x, const struct index_recording *r,
                         enum index_state state, struct err *reterr)
{
    int err = try_put_recording(x, r, state, reterr);
    if (err != E_EXISTS) /* NOT NULL failed: the camera has no number yet */
        return err;
    int64_t key;
    err = sqlite_camera_key(x, r->camera, true, &key, reterr);
    return err < 0 ? err : try_put_recording(x, r, state, reterr);
}

/* A row that is put again may end elsewhere than before: what it covered is taken back first. */
static int put_covered(struct sqlite_index *x, const struct index_recording *r,
                       enum index_state state, struct err *reterr)
{
    int err = sqlite_coverage_cut(x, r->path, reterr);
    if (err >= 0)
        err = put_recording(x, r, state, reterr);
    return err < 0 ? err : sqlite_coverage_add(x, r->path, reterr);
}

static int by_path(struct sqlite_index *x, enum sqlite_statement id, const char *path,
                   struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_coverage_cut(x, path, reterr);
    if (err >= 0)
        err = sqlite_prepare(x, id, &st, reterr);
    if (err < 0)
        return err;
    bind_text(st, 1, path);
    if (id == SQL_SET_STATE)
        sqlite3_bind_int(st, 2, INDEX_GARBAGE);
    return sqlite_run(x, st, "changing a recording's row", reterr);
}

static int put_gap(struct sqlite_index *x, const struct index_gap *g, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_PUT_GAP, &st, reterr);
    if (err < 0)
        return err;
    bind_text(st, 1, g->camera);
    sqlite3_bind_int64(st, 2, g->from_us);
    sqlite3_bind_int64(st, 3, g->to_us);
    bind_text(st, 4, g->reason);
    bind_text(st, 5, g->detail);
    return sqlite_run(x, st, "writing a gap's row", reterr);
}

static int put_event(struct sqlite_index *x, const struct index_event *e, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_PUT_EVENT, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, e->at_us);
    bind_text(st, 2, e->kind);
    bind_text(st, 3, e->camera);
    bind_text(st, 4, e->text);
    return sqlite_run(x, st, "writing an event's row", reterr);
}

static int put_meta(struct sqlite_index *x, const char *key, const char *value, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, *value ? SQL_META_PUT : SQL_META_REMOVE, &st, reterr);
    if (err < 0)
        return err;
    bind_text(st, 1, key);
    if (*value)
        bind_text(st, 2, value);
    return sqlite_run(x, st, "writing to the index", reterr);
}

static int apply_one(struct sqlite_index *x, const struct index_change *c, struct err *reterr)
{
    switch (c->kind) {
    case INDEX_PUT_RECORDING:
        return put_covered(x, &c->recording, c->recording.state, reterr);
    case INDEX_CLOSE_RECORDING:
        return put_covered(x, &c->recording, INDEX_CLOSED, reterr);
    case INDEX_GARBAGE_RECORDING:
        return by_path(x, SQL_SET_STATE, c->recording.path, reterr);
    case INDEX_DROP_RECORDING:
        return by_path(x, SQL_DROP_RECORDING, c->recording.path, reterr);
    case INDEX_PUT_GAP:
        return put_gap(x, &c->gap, reterr);
    case INDEX_PUT_EVENT:
        return put_event(x, &c->event, reterr);
    case INDEX_PUT_ACTIVITY:
        return sqlite_put_activity(x, &c->activity, reterr);
    case INDEX_PUT_OUTBOX:
        return sqlite_put_outbox(x, &c->outbox, reterr);
    case INDEX_PUT_META:
        return put_meta(x, c->meta.key, c->meta.value, reterr);
    case INDEX_LISTED:
        return sqlite_listed(x, c->listed, reterr);
    case INDEX_ADD_ERASURE:
    case INDEX_TOLD_ERASURE:
        return sqlite_change_erasure(x, &c->erasure, c->kind == INDEX_TOLD_ERASURE, reterr);
    }
    return err_set(reterr, E_BUG, "unknown change of the index");
}

static int sqlite_apply(struct index *ix, const struct index_change *changes, size_t n,
                        struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    int err = sqlite_begin(x, reterr);
    if (err < 0)
        return err;
    for (size_t i = 0; i < n && err >= 0; i++)
        err = apply_one(x, &changes[i], reterr);
    return sqlite_finish(x, err, reterr);
}

static int forget(struct sqlite_index *x, enum sqlite_statement id, int64_t before,
                  struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, id, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, before);
    return sqlite_run(x, st, "forgetting what is old", reterr);
}

static int sqlite_prune(struct index *ix, int64_t gaps_before_us, int64_t events_before_us,
                        struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    int err = sqlite_begin(x, reterr);
    if (err < 0)
        return err;
    err = forget(x, SQL_PRUNE_GAPS, gaps_before_us, reterr);
    if (err >= 0)
        err = forget(x, SQL_PRUNE_MINUTES, gaps_before_us / HOUR_US, reterr);
    if (err >= 0)
        err = forget(x, SQL_PRUNE_EVENTS, events_before_us, reterr);
    if (err >= 0)
        err = forget(x, SQL_PRUNE_HOURS, events_before_us / DAY_US, reterr);
    return sqlite_finish(x, err, reterr);
}

static int sqlite_meta_get(struct index *ix, const char *key, char *ret, size_t cap)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_META_GET, &st, NULL);
    if (err < 0)
        return err;
    bind_text(st, 1, key);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        sqlite_text(st, 0, ret, cap);
    else
        err = rc == SQLITE_DONE ? E_NOTFOUND : sqlite_error(x, "reading the index", NULL);
    sqlite3_reset(st);
    return err;
}

static int sqlite_meta_put(struct index *ix, const char *key, const char *value, struct err *reterr)
{
    return put_meta(sqlite_index(ix), key, value, reterr);
}

int sqlite_snapshot(struct index *ix, struct err *reterr)
{
    return run_simple(sqlite_index(ix), SQL_SNAPSHOT, "beginning to read the index", reterr);
}

void sqlite_release(struct index *ix)
{
    (void)sqlite_finish(sqlite_index(ix), 0, NULL);
}

static int sqlite_durable(struct index *ix)
{
    struct sqlite_index *x = sqlite_index(ix);
    if (sqlite3_exec(x->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_error(x, "asking for durable commits", NULL);
    return 0;
}

const struct index_ops index_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .apply = sqlite_apply,
    .recordings = sqlite_recordings,
    .expired = sqlite_expired,
    .oldest = sqlite_oldest,
    .gaps = sqlite_gaps,
    .long_gaps = sqlite_long_gaps,
    .events = sqlite_events,
    .cameras = sqlite_cameras,
    .camera_put = sqlite_camera_put,
    .camera_remove = sqlite_camera_remove,
    .camera_version = sqlite_camera_version,
    .meta_get = sqlite_meta_get,
    .meta_put = sqlite_meta_put,
    .check = sqlite_check,
    .unfinished = sqlite_unfinished,
    .find = sqlite_find,
    .span = sqlite_span,
    .prune = sqlite_prune,
    .timeline = sqlite_timeline,
    .snapshot = sqlite_snapshot,
    .release = sqlite_release,
    .recording_by_id = sqlite_recording_by_id,
    .outbox = sqlite_outbox,
    .outbox_drop = sqlite_outbox_drop,
    .unlisted = sqlite_unlisted,
    .erasures = sqlite_erasures,
    .holds = sqlite_holds,
    .hold_put = sqlite_hold_put,
    .hold_remove = sqlite_hold_remove,
    .take_journal = sqlite_take_journal,
    .durable = sqlite_durable,
};
