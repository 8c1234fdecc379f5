/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "index/sqlite_private.h"

int sqlite_cameras(struct index *ix, int (*cb)(void *, const struct index_camera *), void *user,
                   struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_CAMERAS, &st, reterr);
    if (err < 0)
        return err;
    int rc;
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct index_camera c = {0};
        sqlite_text(st, 0, c.id, sizeof(c.id));
        sqlite_text(st, 1, c.name, sizeof(c.name));
        sqlite_text(st, 2, c.main_url, sizeof(c.main_url));
        sqlite_text(st, 3, c.sub_url, sizeof(c.sub_url));
        sqlite_text(st, 4, c.pin, sizeof(c.pin));
        c.transport = sqlite3_column_int(st, 5);
        c.audio = sqlite3_column_int(st, 6) != 0;
        c.enabled = sqlite3_column_int(st, 7) != 0;
        c.tls_insecure = sqlite3_column_int(st, 8) != 0;
        c.retention_days = sqlite3_column_int(st, 9);
        c.changed_us = sqlite3_column_int64(st, 10);
        err = cb(user, &c);
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = sqlite_error(x, "reading the cameras", reterr);
    sqlite3_reset(st);
    return err;
}

static int put_one(struct sqlite_index *x, const struct index_camera *c, bool replace,
                   struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, replace ? SQL_CAMERA_REPLACE : SQL_CAMERA_INSERT, &st, reterr);
    if (err < 0)
        return err;
    const char *text[] = {c->id, c->name, c->main_url, c->sub_url, c->pin};
    for (int i = 0; i < 5; i++)
        sqlite3_bind_text(st, i + 1, text[i], -1, SQLITE_STATIC);
    sqlite3_bind_int(st, 6, c->transport);
    sqlite3_bind_int(st, 7, c->audio);
    sqlite3_bind_int(st, 8, c->enabled);
    sqlite3_bind_int(st, 9, c->tls_insecure);
    sqlite3_bind_int(st, 10, c->retention_days);
    sqlite3_bind_int64(st, 11, c->changed_us);
    err = sqlite_run(x, st, "writing a camera", reterr);
    return err == E_EXISTS ? err_set(reterr, err, "camera %s exists already", c->id) : err;
}

int sqlite_camera_put(struct index *ix, const struct index_camera *cams, size_t n, bool replace,
                      struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    int err = sqlite_begin(x, reterr);
    if (err < 0)
        return err;
    for (size_t i = 0; i < n && err >= 0; i++)
        err = put_one(x, &cams[i], replace, reterr);
    return sqlite_finish(x, err, reterr);
}

int sqlite_camera_remove(struct index *ix, const char *id, struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_CAMERA_REMOVE, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
    err = sqlite_run(x, st, "removing a camera", reterr);
    if (err >= 0 && sqlite3_changes(x->db) == 0)
        return err_set(reterr, E_NOTFOUND, "there is no camera %s", id);
    return err;
}

int64_t sqlite_camera_version(struct index *ix)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_CAMERA_VERSION, &st, NULL);
    if (err < 0)
        return err;
    int64_t version = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0)
                                                     : sqlite_error(x, "cameras", NULL);
    sqlite3_reset(st);
    return version;
}
