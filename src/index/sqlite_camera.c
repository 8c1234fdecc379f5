/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The register of cameras: rows in lethe.db, addresses in cameras.db. */
#include "index/sqlite_private.h"

static void read_register(sqlite3_stmt *st, struct index_register *r)
{
    sqlite_text(st, 11, r->purpose, sizeof(r->purpose));
    sqlite_text(st, 12, r->owner, sizeof(r->owner));
    sqlite_text(st, 13, r->contact, sizeof(r->contact));
    sqlite_text(st, 14, r->place, sizeof(r->place));
    sqlite_text(st, 15, r->sees, sizeof(r->sees));
    sqlite_text(st, 16, r->retention_reason, sizeof(r->retention_reason));
    sqlite_text(st, 17, r->review, sizeof(r->review));
    r->located = sqlite3_column_type(st, 18) != SQLITE_NULL;
    r->lat = sqlite3_column_double(st, 18);
    r->lon = sqlite3_column_double(st, 19);
    r->px_per_m = sqlite3_column_double(st, 20);
}

static void read_camera(sqlite3_stmt *st, struct index_camera *c)
{
    sqlite_text(st, 0, c->id, sizeof(c->id));
    sqlite_text(st, 1, c->name, sizeof(c->name));
    c->transport = sqlite3_column_int(st, 2);
    c->audio = sqlite3_column_int(st, 3) != 0;
    c->enabled = sqlite3_column_int(st, 4) != 0;
    c->tls_insecure = sqlite3_column_int(st, 5) != 0;
    c->retention_days = sqlite3_column_int(st, 6);
    c->changed_us = sqlite3_column_int64(st, 7);
    sqlite_text(st, 8, c->group, sizeof(c->group));
    sqlite_text(st, 9, c->zones, sizeof(c->zones));
    c->declared_empty_us = sqlite3_column_int64(st, 10);
    read_register(st, &c->reg);
    sqlite_text(st, 21, c->main_url, sizeof(c->main_url));
    sqlite_text(st, 22, c->sub_url, sizeof(c->sub_url));
    sqlite_text(st, 23, c->pin, sizeof(c->pin));
}

int sqlite_cameras(struct index *ix, int (*cb)(void *, const struct index_camera *), void *user,
                   struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_attach(x, reterr);
    if (err >= 0)
        err = sqlite_prepare(x, x->addresses ? SQL_CAMERAS : SQL_CAMERAS_WITHOUT_ADDRESSES, &st,
                             reterr);
    if (err < 0)
        return err;
    int rc = SQLITE_DONE;
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct index_camera c = {0};
        read_camera(st, &c);
        err = cb(user, &c);
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = sqlite_error(x, "reading the cameras", reterr);
    sqlite3_reset(st);
    return err;
}

static void bind_register(sqlite3_stmt *st, const struct index_register *r)
{
    const char *const text[] = {r->purpose,          r->owner, r->contact, r->place, r->sees,
                                r->retention_reason, r->review};
    for (int i = 0; i < 7; i++)
        sqlite3_bind_text(st, 12 + i, text[i], -1, SQLITE_STATIC);
    if (r->located) {
        sqlite3_bind_double(st, 19, r->lat);
        sqlite3_bind_double(st, 20, r->lon);
    }
    sqlite3_bind_double(st, 21, r->px_per_m);
}

static int put_row(struct sqlite_index *x, const struct index_camera *c, bool replace,
                   struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, replace ? SQL_CAMERA_REPLACE : SQL_CAMERA_INSERT, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_text(st, 1, c->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 2, c->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(st, 3, c->transport);
    sqlite3_bind_int(st, 4, c->audio);
    sqlite3_bind_int(st, 5, c->enabled);
    sqlite3_bind_int(st, 6, c->tls_insecure);
    sqlite3_bind_int(st, 7, c->retention_days);
    sqlite3_bind_int64(st, 8, c->changed_us);
    sqlite3_bind_text(st, 9, c->group, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 10, c->zones, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 11, c->declared_empty_us);
    bind_register(st, &c->reg);
    err = sqlite_run(x, st, "writing a camera", reterr);
    return err == E_EXISTS ? err_set(reterr, err, "camera %s exists already", c->id) : err;
}

static int put_address(struct sqlite_index *x, const struct index_camera *c, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_ADDRESS_PUT, &st, reterr);
    if (err < 0)
        return err;
    const char *const text[] = {c->id, c->main_url, c->sub_url, c->pin};
    for (int i = 0; i < 4; i++)
        sqlite3_bind_text(st, i + 1, text[i], -1, SQLITE_STATIC);
    return sqlite_run(x, st, "writing a camera's address", reterr);
}

/* The row as it is: 1, or 0 if there is none. */
static int find_one(struct sqlite_index *x, const char *id, struct index_camera *ret,
                    struct err *reterr)
{
    sqlite3_stmt *st = NULL;
    int err = sqlite_prepare(x, SQL_CAMERA_ONE, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
    int rc = sqlite3_step(st);
    *ret = (struct index_camera){0};
    if (rc == SQLITE_ROW)
        read_camera(st, ret);
    err = rc == SQLITE_ROW    ? 1
          : rc == SQLITE_DONE ? 0
                              : sqlite_error(x, "reading the cameras", reterr);
    sqlite3_reset(st);
    return err;
}

static int put_one(struct sqlite_index *x, const struct index_camera *c, bool replace,
                   struct err *reterr)
{
    struct index_camera before;
    int found = find_one(x, c->id, &before, reterr);
    int err = found < 0 ? found : put_row(x, c, replace, reterr);
    if (err >= 0)
        err = put_address(x, c, reterr);
    return err < 0 ? err : sqlite_tell_camera(x, found ? &before : NULL, c, reterr);
}

int sqlite_camera_put(struct index *ix, const struct index_camera *cams, size_t n, bool replace,
                      struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    int err = sqlite_attach(x, reterr);
    if (err >= 0)
        err = sqlite_begin(x, reterr);
    if (err < 0)
        return err;
    for (size_t i = 0; i < n && err >= 0; i++)
        err = put_one(x, &cams[i], replace, reterr);
    return sqlite_finish(x, err, reterr);
}

static int remove_by_id(struct sqlite_index *x, enum sqlite_statement which, const char *id,
                        struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, which, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
    err = sqlite_run(x, st, "removing a camera", reterr);
    return err < 0 ? err : sqlite3_changes(x->db);
}

int sqlite_camera_remove(struct index *ix, const char *id, struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    struct index_camera before;
    int err = sqlite_attach(x, reterr);
    if (err >= 0)
        err = sqlite_begin(x, reterr);
    if (err < 0)
        return err;
    err = find_one(x, id, &before, reterr);
    if (err == 0)
        err = err_set(reterr, E_NOTFOUND, "there is no camera %s", id);
    if (err >= 0)
        err = remove_by_id(x, SQL_CAMERA_REMOVE, id, reterr);
    if (err >= 0)
        err = remove_by_id(x, SQL_ADDRESS_REMOVE, id, reterr);
    if (err >= 0)
        err = sqlite_tell_camera(x, &before, NULL, reterr);
    return sqlite_finish(x, err < 0 ? err : 0, reterr);
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
