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

int sqlite_migrate(struct sqlite_index *x, struct err *reterr)
{
    int version = 0;
    int err = read_version(x, &version, reterr);
    if (err < 0 || version == VERSION)
        return err;
    if (version > VERSION)
        return sqlite_schema_check(x, reterr);
    err = sqlite_begin(x, reterr);
    if (err < 0)
        return err;
    err = read_version(x, &version, reterr); /* another process may have been quicker */
    for (int v = version; err >= 0 && v < VERSION; v++)
        err = step(x, v, reterr);
    return sqlite_finish(x, err, reterr);
}
