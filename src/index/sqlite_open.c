/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Opening the database: write-ahead log, synchronous NORMAL (a power cut may lose the last rows,
 * which the next start finds again in the files), a short busy timeout so that the caller decides
 * how long to try.
 *
 * Two files, because they have different readers: lethe.db is read by the web process, cameras.db
 * holds the cameras' addresses with their credentials and is not. It is attached as "address" by
 * the first call that needs it, so that writing rows of recordings never waits for it.
 *
 * A reader that may write nothing can use a write-ahead log only while -wal and -shm exist
 * (sqlite.org/wal.html §8), and rules of Landlock hold on to a file, not to a name. So a writer
 * never removes them: SQLITE_FCNTL_PERSIST_WAL.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/sqlite_private.h"

#define BUSY_TIMEOUT_MS 200
#define ADDRESS_NAME "cameras.db"

/* Both hold what is nobody else's business, so they must never exist with wider rights, not even
 * for a moment. */
static int create_private(const char *path, struct err *reterr)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0
                               : err_set(reterr, -errno, "creating %s: %s", path, strerror(errno));
    close(fd); /* nobody else has it open yet, so no lock of another handle is lost here */
    return 0;
}

static int address_path(struct sqlite_index *x, char *ret, size_t cap, struct err *reterr)
{
    const char *path = sqlite3_db_filename(x->db, "main");
    const char *slash = path ? strrchr(path, '/') : NULL;
    int n = snprintf(ret, cap, "%.*s" ADDRESS_NAME, slash ? (int)(slash - path) + 1 : 0,
                     slash ? path : "");
    return n < 0 || (size_t)n >= cap
               ? err_set(reterr, -ENAMETOOLONG, "the path of the data directory is too long")
               : 0;
}

static int attach(struct sqlite_index *x, const char *path, struct err *reterr)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(x->db, "ATTACH ?1 AS address", -1, &st, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC);
        rc = sqlite3_step(st);
    }
    int err = rc == SQLITE_DONE ? 0 : sqlite_error(x, path, reterr);
    sqlite3_finalize(st);
    return err;
}

static int prepare_addresses(struct sqlite_index *x, struct err *reterr)
{
    /* A limit of 0 empties the log that stays: addresses that were removed must not last in it. */
    static const char sql[] =
        "PRAGMA address.journal_mode = WAL; PRAGMA address.secure_delete = ON;"
        "PRAGMA address.journal_size_limit = 0;"
        "CREATE TABLE IF NOT EXISTS address.camera_address(id TEXT PRIMARY KEY, main_url TEXT NOT "
        "NULL, sub_url TEXT NOT NULL, pin TEXT NOT NULL) WITHOUT ROWID";
    int keep = 1;
    sqlite3_file_control(x->db, "address", SQLITE_FCNTL_PERSIST_WAL, &keep);
    return sqlite3_exec(x->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : sqlite_error(x, "opening " ADDRESS_NAME, reterr);
}

int sqlite_attach(struct sqlite_index *x, struct err *reterr)
{
    char path[4096];
    if (x->addresses)
        return 0;
    int err = address_path(x, path, sizeof(path), reterr);
    if (err < 0)
        return err;
    if (x->read_only) { /* whoever may not read it does without */
        x->addresses = access(path, R_OK) == 0 && attach(x, path, NULL) == 0 &&
                       sqlite3_table_column_metadata(x->db, "address", "camera_address", "id", NULL,
                                                     NULL, NULL, NULL, NULL) == SQLITE_OK;
        return 0;
    }
    err = create_private(path, reterr);
    if (err >= 0)
        err = attach(x, path, reterr);
    if (err < 0)
        return err;
    x->addresses = true;
    err = prepare_addresses(x, reterr);
    if (err < 0)
        sqlite_detach(x);
    return err;
}

void sqlite_detach(struct sqlite_index *x)
{
    if (sqlite3_exec(x->db, "DETACH address", NULL, NULL, NULL) == SQLITE_OK)
        x->addresses = false;
}

static int configure(struct sqlite_index *x, struct err *reterr)
{
    int keep = 1;
    sqlite3_extended_result_codes(x->db, 1);
    sqlite3_busy_timeout(x->db, BUSY_TIMEOUT_MS);
    if (x->read_only)
        return sqlite_schema_check(x, reterr);
    sqlite3_file_control(x->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    if (sqlite3_exec(
            x->db,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;"
            "PRAGMA journal_size_limit = 67108864; PRAGMA foreign_keys = OFF",
            NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_error(x, "opening the index", reterr);
    return sqlite_migrate(x, reterr);
}

void sqlite_close(struct index *ix)
{
    if (!ix)
        return;
    struct sqlite_index *x = sqlite_index(ix);
    for (int i = 0; i < SQL_STATEMENTS; i++)
        sqlite3_finalize(x->stmt[i]);
    sqlite3_close(x->db);
    free(x);
}

int sqlite_open(const char *where, bool read_only, struct index **ret, struct err *reterr)
{
    char path[4096];
    struct stat st;
    const char *name = stat(where, &st) == 0 && S_ISDIR(st.st_mode) ? "/lethe.db" : "";
    if ((size_t)snprintf(path, sizeof(path), "%s%s", where, name) >= sizeof(path))
        return err_set(reterr, -ENAMETOOLONG, "the path of the data directory is too long");
    int err = read_only ? 0 : create_private(path, reterr);
    if (err < 0)
        return err;
    struct sqlite_index *x = calloc(1, sizeof(*x));
    if (!x)
        return -ENOMEM;
    x->index.ops = &index_sqlite;
    x->read_only = read_only;
    int flags = SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    if (sqlite3_open_v2(path, &x->db, flags, NULL) != SQLITE_OK)
        err = x->db ? sqlite_error(x, path, reterr) : -ENOMEM;
    else
        err = configure(x, reterr);
    if (err < 0) {
        sqlite_close(&x->index);
        return err;
    }
    *ret = &x->index;
    return 0;
}
