/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/private.h"

#define BUSY_MS 5000

/* Each entry brings the schema from version i to i + 1. Entries are never edited, only added. */
static const char *const migrations[] = {
    "CREATE TABLE user(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash TEXT NOT NULL,"
    " grants TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0, created_us INTEGER NOT NULL,"
    " seen_us INTEGER NOT NULL DEFAULT 0, layouts TEXT NOT NULL DEFAULT '{}');"
    "CREATE TABLE session(hash BLOB PRIMARY KEY, user INTEGER NOT NULL REFERENCES user(id) ON "
    "DELETE"
    " CASCADE, created_us INTEGER NOT NULL, seen_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX session_user ON session(user);"
    "CREATE TABLE token(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, user INTEGER NOT NULL"
    " REFERENCES user(id) ON DELETE CASCADE, name TEXT NOT NULL, verbs INTEGER NOT NULL,"
    " created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, used_us INTEGER NOT NULL DEFAULT "
    "0);"
    "CREATE TABLE attempt(key TEXT PRIMARY KEY, level REAL NOT NULL, at_us INTEGER NOT NULL) "
    "WITHOUT"
    " ROWID;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;",
    "CREATE TABLE ticket(id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL,"
    " camera TEXT NOT NULL, span TEXT NOT NULL, text TEXT NOT NULL, reply TEXT NOT NULL,"
    " made_us INTEGER NOT NULL, due_us INTEGER NOT NULL, closed_us INTEGER NOT NULL DEFAULT 0,"
    " outcome TEXT NOT NULL DEFAULT '');"
    "CREATE INDEX ticket_open ON ticket(closed_us, due_us);",
};
#define VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

int account_sql_error(struct account *a, struct err *reterr)
{
    int rc = sqlite3_errcode(a->db);
    int code = rc == SQLITE_BUSY || rc == SQLITE_LOCKED         ? E_BUSY
               : rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB    ? E_CORRUPT
               : rc == SQLITE_NOMEM                             ? -ENOMEM
               : rc == SQLITE_FULL                              ? -ENOSPC
               : rc == SQLITE_CONSTRAINT                        ? E_EXISTS
               : rc == SQLITE_READONLY || rc == SQLITE_CANTOPEN ? -EACCES
                                                                : -EIO;
    return err_set(reterr, code, "the accounts (web.db): %s", sqlite3_errmsg(a->db));
}

sqlite3_stmt *account_prepare(struct account *a, struct err *reterr, const char *sql,
                              const char *types, ...)
{
    sqlite3_stmt *st = NULL;
    va_list ap;
    if (sqlite3_prepare_v2(a->db, sql, -1, &st, NULL) != SQLITE_OK) {
        account_sql_error(a, reterr);
        return NULL;
    }
    va_start(ap, types);
    for (int i = 0; types[i]; i++) {
        if (types[i] == 'i')
            sqlite3_bind_int64(st, i + 1, va_arg(ap, int64_t));
        else if (types[i] == 't')
            sqlite3_bind_text(st, i + 1, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
        else
            sqlite3_bind_blob(st, i + 1, va_arg(ap, const void *), ACCOUNT_HASH, SQLITE_TRANSIENT);
    }
    va_end(ap);
    return st;
}

int account_step(struct account *a, sqlite3_stmt *st, struct err *reterr)
{
    if (!st)
        return reterr && reterr->code < 0 ? reterr->code : -EIO;
    int rc = sqlite3_step(st);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : account_sql_error(a, reterr);
}

int account_run(struct account *a, sqlite3_stmt *st, struct err *reterr)
{
    int r;
    while ((r = account_step(a, st, reterr)) > 0)
        ;
    if (r == 0)
        r = sqlite3_changes(a->db);
    sqlite3_finalize(st);
    return r;
}

int account_begin(struct account *a, struct err *reterr)
{
    int r = sqlite3_exec(a->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    return r == SQLITE_OK ? 0 : account_sql_error(a, reterr);
}

int account_end(struct account *a, int r, struct err *reterr)
{
    if (r >= 0 && sqlite3_exec(a->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        r = account_sql_error(a, reterr);
    if (r < 0)
        sqlite3_exec(a->db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

static int migrate(struct account *a, struct err *reterr)
{
    struct err e = {0};
    int r = account_begin(a, reterr), version = 0;
    if (r < 0)
        return r;
    sqlite3_stmt *st = account_prepare(a, &e, "PRAGMA user_version", "");
    if (account_step(a, st, &e) > 0)
        version = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    if (version > VERSION)
        r = err_set(&e, E_UNSUPPORTED, "web.db was made by a newer version of lethe (%d, not %d)",
                    version, VERSION);
    for (; r >= 0 && version < VERSION; version++) {
        char set[48];
        snprintf(set, sizeof(set), "PRAGMA user_version = %d", version + 1);
        if (sqlite3_exec(a->db, migrations[version], NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(a->db, set, NULL, NULL, NULL) != SQLITE_OK)
            r = account_sql_error(a, &e);
    }
    r = account_end(a, r, &e);
    return r < 0 ? err_set(reterr, r, "%s", err_str(&e, r)) : 0;
}

/* Whoever makes the files as root leaves them to the owner of the data directory. */
static int give_to_owner(const char *data_dir, const char *path)
{
    struct stat st, own;
    if (geteuid() != 0 || stat(data_dir, &st) < 0 || stat(path, &own) < 0 ||
        own.st_uid == st.st_uid)
        return 0;
    return chown(path, st.st_uid, st.st_gid) < 0 ? -errno : 0;
}

static int open_file(struct account *a, const char *data_dir, struct err *reterr)
{
    char dir[512], path[560];
    snprintf(dir, sizeof(dir), "%s/web", data_dir);
    snprintf(path, sizeof(path), "%s/web.db", dir);
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return err_set(reterr, -errno, "%s: %s", dir, err_text(-errno));
    mode_t before = umask(0077);
    int rc = sqlite3_open_v2(
        path, &a->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    umask(before);
    if (rc != SQLITE_OK)
        return err_set(reterr, a->db ? -EACCES : -ENOMEM, "%s: %s", path,
                       a->db ? sqlite3_errmsg(a->db) : "no memory");
    int r = give_to_owner(data_dir, dir);
    if (r >= 0)
        r = give_to_owner(data_dir, path);
    return r < 0 ? err_set(reterr, r, "%s: %s", path, err_text(r)) : 0;
}

int account_open(const char *data_dir, const struct clock *clock, struct account **ret,
                 struct err *reterr)
{
    if (sodium_init() < 0)
        return err_set(reterr, E_CRYPTO, "libsodium does not start");
    struct account *a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->clock = clock;
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->hashing, NULL);
    int r = open_file(a, data_dir, reterr);
    if (r >= 0) {
        sqlite3_busy_timeout(a->db, BUSY_MS);
        if (sqlite3_exec(a->db,
                         "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                         "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
                         "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF",
                         NULL, NULL, NULL) != SQLITE_OK)
            r = account_sql_error(a, reterr);
    }
    if (r >= 0)
        r = migrate(a, reterr);
    if (r < 0) {
        account_close(a);
        return r;
    }
    *ret = a;
    return 0;
}

void account_close(struct account *a)
{
    if (!a)
        return;
    sqlite3_close(a->db);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->hashing);
    free(a);
}
