/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "index/sqlite_private.h"

/*
 * Each entry brings the schema from version i to i + 1 (PRAGMA user_version). Entries are never
 * edited, only added.
 *
 * recording  one row per file; found by path, by camera and time, by end of retention, by age.
 * `state` 0 open, 1 closed, 2 garbage. `expires_us` is end_us + retention: retention reads one
 * index from the front. camera_id  camera names are long and repeat millions of times: rows hold a
 * number. camera     register of cameras. Triggers count every change in meta, so that any process
 * can see them.
 * coverage   runs without a break of each camera and view, kept from what recordings say.
 * outbox     entries that wait for the logger. unlisted  recordings that no manifest has yet.
 * activity_* minutes of an hour, hours of a day in one row (sqlite_activity.c).
 *
 * Since version 2 the cameras' addresses are in cameras.db (sqlite_open.c).
 */
static const char *const migrations[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE camera("
    " id TEXT PRIMARY KEY, name TEXT NOT NULL, main_url TEXT NOT NULL, sub_url TEXT NOT NULL, pin "
    "TEXT NOT NULL,"
    " transport INTEGER NOT NULL, audio INTEGER NOT NULL, enabled INTEGER NOT NULL, tls_insecure "
    "INTEGER NOT NULL,"
    " retention_days INTEGER NOT NULL, changed_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE camera_id(key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);"
    "CREATE TABLE recording("
    " id INTEGER PRIMARY KEY, camera INTEGER NOT NULL REFERENCES camera_id(key), view INTEGER NOT "
    "NULL,"
    " start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, epoch_us INTEGER NOT NULL, path TEXT NOT "
    "NULL,"
    " bytes INTEGER NOT NULL, frames INTEGER NOT NULL, kid BLOB NOT NULL, manifest BLOB NOT NULL,"
    " end_reason TEXT NOT NULL, state INTEGER NOT NULL, retention_days INTEGER NOT NULL, "
    "expires_us INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX recording_path ON recording(path);"
    "CREATE INDEX recording_time ON recording(camera, view, start_us);"
    "CREATE INDEX recording_start ON recording(start_us);"
    "CREATE INDEX recording_end ON recording(end_us);"
    "CREATE INDEX recording_expires ON recording(expires_us);"
    "CREATE INDEX recording_unfinished ON recording(state) WHERE state <> 1;"
    "CREATE TABLE gap("
    " camera TEXT NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, reason TEXT NOT NULL,"
    " detail TEXT NOT NULL, PRIMARY KEY(camera, from_us)) WITHOUT ROWID;"
    "CREATE INDEX gap_to ON gap(to_us);"
    "CREATE TABLE event("
    " id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, kind TEXT NOT NULL, camera TEXT NOT NULL, "
    "text TEXT NOT NULL);"
    "CREATE INDEX event_at ON event(at_us);"
    "INSERT INTO meta VALUES('camera_version', '1');"
    "CREATE TRIGGER camera_inserted AFTER INSERT ON camera BEGIN"
    " UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'camera_version'; END;"
    "CREATE TRIGGER camera_updated AFTER UPDATE ON camera BEGIN"
    " UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'camera_version'; END;"
    "CREATE TRIGGER camera_deleted AFTER DELETE ON camera BEGIN"
    " UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'camera_version'; END;",

    "CREATE TABLE camera_new("
    " id TEXT PRIMARY KEY, name TEXT NOT NULL, transport INTEGER NOT NULL DEFAULT 0, audio INTEGER "
    "NOT NULL DEFAULT 0, enabled INTEGER NOT NULL DEFAULT 1, tls_insecure INTEGER NOT NULL DEFAULT "
    "0, retention_days INTEGER NOT NULL DEFAULT 0, changed_us INTEGER NOT NULL,"
    " camera_group TEXT NOT NULL DEFAULT '', zones TEXT NOT NULL DEFAULT '', declared_empty_us "
    "INTEGER NOT NULL DEFAULT 0,"
    " purpose TEXT NOT NULL DEFAULT '', owner TEXT NOT NULL DEFAULT '', contact TEXT NOT NULL "
    "DEFAULT '', place TEXT NOT NULL DEFAULT '', sees TEXT NOT NULL DEFAULT '', retention_reason "
    "TEXT NOT NULL DEFAULT '', review TEXT NOT NULL DEFAULT '',"
    " lat REAL, lon REAL, px_per_m REAL NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "INSERT INTO camera_new(id, name, transport, audio, enabled, tls_insecure, retention_days, "
    "changed_us)"
    " SELECT id, name, transport, audio, enabled, tls_insecure, retention_days, changed_us FROM "
    "main.camera;"
    "DROP TABLE camera;"
    "ALTER TABLE camera_new RENAME TO camera;"
    "CREATE TRIGGER camera_inserted AFTER INSERT ON camera BEGIN"
    " UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'camera_version'; END;"
    "CREATE TRIGGER camera_updated AFTER UPDATE ON camera BEGIN"
    " UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'camera_version'; END;"
    "CREATE TRIGGER camera_deleted AFTER DELETE ON camera BEGIN"
    " UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'camera_version'; END;",

    "CREATE TABLE coverage(camera INTEGER NOT NULL, view INTEGER NOT NULL, from_us INTEGER NOT "
    "NULL,"
    " to_us INTEGER NOT NULL, PRIMARY KEY(camera, view, from_us)) WITHOUT ROWID;"
    "INSERT INTO coverage SELECT camera, view, min(start_us), max(end_us) FROM ("
    " SELECT camera, view, start_us, end_us, sum(fresh) OVER (PARTITION BY camera, view ORDER BY "
    "start_us, end_us ROWS UNBOUNDED PRECEDING) AS run FROM ("
    "  SELECT camera, view, start_us, end_us, coalesce(start_us > 1000000 + max(end_us) OVER "
    "(PARTITION BY camera, view ORDER BY start_us, end_us ROWS BETWEEN UNBOUNDED PRECEDING AND 1 "
    "PRECEDING), 1) AS fresh FROM recording WHERE state = 1)) GROUP BY camera, view, run;"
    "CREATE TABLE activity_hour(camera INTEGER NOT NULL, hour INTEGER NOT NULL, minutes BLOB NOT "
    "NULL, PRIMARY KEY(camera, hour)) WITHOUT ROWID;"
    "CREATE TABLE activity_day(camera INTEGER NOT NULL, day INTEGER NOT NULL, hours BLOB NOT NULL, "
    "PRIMARY KEY(camera, day)) WITHOUT ROWID;",

    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, kind TEXT "
    "NOT "
    "NULL, text TEXT NOT NULL);"
    "CREATE TABLE unlisted(seq INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, "
    "camera "
    "INTEGER NOT NULL, view INTEGER NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, "
    "bytes INTEGER NOT NULL, frames INTEGER NOT NULL, kid BLOB NOT NULL, manifest BLOB NOT NULL);"
    "INSERT INTO unlisted(path, camera, view, start_us, end_us, bytes, frames, kid, manifest)"
    " SELECT path, camera, view, start_us, end_us, bytes, frames, kid, manifest FROM recording "
    "WHERE "
    "state = 1;"
    "CREATE TRIGGER recording_closed_new AFTER INSERT ON recording WHEN new.state = 1 BEGIN"
    " DELETE FROM unlisted WHERE path = new.path; INSERT INTO unlisted(path, camera, view, "
    "start_us, end_us, bytes, frames, kid, "
    "manifest) VALUES(new.path, new.camera, new.view, new.start_us, new.end_us, new.bytes, "
    "new.frames, new.kid, new.manifest); END;"
    "CREATE TRIGGER recording_closed AFTER UPDATE ON recording WHEN new.state = 1 AND (old.state "
    "<> 1 "
    "OR old.manifest <> new.manifest) BEGIN"
    " DELETE FROM unlisted WHERE path = new.path; INSERT INTO unlisted(path, camera, view, "
    "start_us, end_us, bytes, frames, kid, "
    "manifest) VALUES(new.path, new.camera, new.view, new.start_us, new.end_us, new.bytes, "
    "new.frames, new.kid, new.manifest); END;"
    "CREATE TABLE hold(id TEXT PRIMARY KEY, camera TEXT NOT NULL, from_us INTEGER NOT NULL, to_us "
    "INTEGER NOT NULL, until_us INTEGER NOT NULL, reason TEXT NOT NULL, added_us INTEGER NOT NULL) "
    "WITHOUT ROWID;"
    "CREATE INDEX hold_camera ON hold(camera, from_us);",

    "CREATE TABLE erasure(hour_us INTEGER NOT NULL, reason TEXT NOT NULL, recordings INTEGER NOT "
    "NULL, share_files INTEGER NOT NULL, first_epoch_us INTEGER NOT NULL, last_epoch_us INTEGER "
    "NOT "
    "NULL, PRIMARY KEY(hour_us, reason)) WITHOUT ROWID;",

    ("CREATE INDEX gap_long ON gap(camera, from_us)"
     " WHERE to_us = 0 OR to_us - from_us >= 600000000;"),
};
#define VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

static int read_version(struct sqlite_index *x, int *ret, struct err *reterr)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(x->db, "PRAGMA user_version", -1, &st, NULL);
    if (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
        *ret = sqlite3_column_int(st, 0);
        sqlite3_finalize(st);
        return 0;
    }
    int err = sqlite_error(x, "reading the index", reterr);
    sqlite3_finalize(st);
    return err;
}

int sqlite_schema_check(struct sqlite_index *x, struct err *reterr)
{
    int version = 0;
    int err = read_version(x, &version, reterr);
    if (err < 0)
        return err;
    if (version == VERSION)
        return 0;
    return err_set(reterr, E_UNSUPPORTED,
                   "the index has schema version %d, this program knows %d: %s", version, VERSION,
                   version > VERSION ? "it was made by a newer version of lethe"
                                     : "start the recorder once to update it");
}

static int step(struct sqlite_index *x, int from, struct err *reterr)
{
    char set[48];
    sqlite3_snprintf(sizeof(set), set, "PRAGMA user_version = %d", from + 1);
    if (sqlite3_exec(x->db, migrations[from], NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(x->db, set, NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_error(x, "updating the index", reterr);
    return 0;
}

/*
 * Version 1 kept addresses in lethe.db. They are durable in cameras.db before they go from here: a
 * transaction over both files would not be one in a power cut. Their bytes go too, from the pages
 * and from the log.
 */
static int move_addresses(struct sqlite_index *x, struct err *reterr)
{
    static const char copy[] =
        "PRAGMA main.secure_delete = ON; PRAGMA address.synchronous = FULL; BEGIN IMMEDIATE;"
        "INSERT OR REPLACE INTO address.camera_address SELECT id, main_url, sub_url, pin FROM "
        "main.camera; COMMIT";
    if (sqlite3_exec(x->db, copy, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    int err = sqlite_error(x, "moving the cameras' addresses out of the index", reterr);
    return sqlite_finish(x, err, NULL);
}

/* An index that is made anew beside addresses that are still there begins with those cameras. */
static int adopt_addresses(struct sqlite_index *x, struct err *reterr)
{
    static const char take[] =
        "INSERT OR IGNORE INTO main.camera(id, name, changed_us)"
        " SELECT id, '', CAST(strftime('%s', 'now') AS INTEGER) * 1000000 FROM "
        "address.camera_address WHERE main_url <> ''";
    return sqlite3_exec(x->db, take, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : sqlite_error(x, "taking over the cameras' addresses", reterr);
}

static int run_steps(struct sqlite_index *x, struct err *reterr)
{
    int version = 0;
    int err = sqlite_begin(x, reterr);
    if (err < 0)
        return err;
    err = read_version(x, &version, reterr); /* another process may have been quicker */
    for (int v = version; err >= 0 && v < VERSION; v++)
        err = step(x, v, reterr);
    if (err >= 0 && version == 0)
        err = adopt_addresses(x, reterr);
    return sqlite_finish(x, err, reterr);
}

int sqlite_migrate(struct sqlite_index *x, struct err *reterr)
{
    int version = 0;
    int err = read_version(x, &version, reterr);
    if (err < 0 || version == VERSION)
        return err;
    if (version > VERSION)
        return sqlite_schema_check(x, reterr);
    err = sqlite_attach(x, reterr);
    if (err >= 0 && version == 1)
        err = move_addresses(x, reterr);
    if (err >= 0)
        err = run_steps(x, reterr);
    if (err >= 0 && version == 1)
        (void)sqlite3_wal_checkpoint_v2(x->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite_detach(x);
    return err;
}
