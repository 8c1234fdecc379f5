/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Holds: footage that is kept past its retention, each with an entry for the log. */
#include <string.h>

#include "base/buf.h"
#include "index/sqlite_private.h"
#include "tlog/entry.h"

static void read_hold(sqlite3_stmt *st, struct index_hold *h)
{
    *h = (struct index_hold){.from_us = sqlite3_column_int64(st, 2),
                             .to_us = sqlite3_column_int64(st, 3),
                             .until_us = sqlite3_column_int64(st, 4),
                             .added_us = sqlite3_column_int64(st, 6)};
    sqlite_text(st, 0, h->id, sizeof(h->id));
    sqlite_text(st, 1, h->camera, sizeof(h->camera));
    sqlite_text(st, 5, h->reason, sizeof(h->reason));
}

int sqlite_holds(struct index *ix, int (*cb)(void *, const struct index_hold *), void *user,
                 struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st = NULL;
    int err = sqlite_prepare(x, SQL_HOLDS, &st, reterr), rc = SQLITE_DONE;
    if (err < 0)
        return err;
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct index_hold h;
        read_hold(st, &h);
        err = cb(user, &h);
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = sqlite_error(x, "reading holds", reterr);
    sqlite3_reset(st);
    return err;
}

static int tell(struct sqlite_index *x, const struct index_hold *h, const char *change,
                int64_t at_us, struct err *reterr)
{
    struct tlog_entry_writer w;
    char id[TLOG_ENTRY_ID];
    struct buf b;
    buf_init(&b, 65535);
    tlog_entry_begin(&w, "hold", tlog_entry_new_id("hold", id), &b);
    tlog_entry_time(&w, "at", at_us);
    tlog_entry_text(&w, "hold", h->id);
    tlog_entry_text(&w, "change", change);
    tlog_entry_text(&w, "camera", h->camera);
    tlog_entry_time(&w, "from", h->from_us);
    tlog_entry_time(&w, "to", h->to_us);
    tlog_entry_time(&w, "until", h->until_us);
    tlog_entry_text(&w, "reason", h->reason);
    return sqlite_post(x, &w, "hold", at_us, &b, reterr);
}

static int put_row(struct sqlite_index *x, const struct index_hold *h, struct err *reterr)
{
    sqlite3_stmt *st = NULL;
    int err = sqlite_prepare(x, SQL_HOLD_PUT, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_text(st, 1, h->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 2, h->camera, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, h->from_us);
    sqlite3_bind_int64(st, 4, h->to_us);
    sqlite3_bind_int64(st, 5, h->until_us);
    sqlite3_bind_text(st, 6, h->reason, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 7, h->added_us);
    err = sqlite_run(x, st, "writing a hold", reterr);
    return err == E_EXISTS ? err_set(reterr, err, "hold %s exists already", h->id) : err;
}

int sqlite_hold_put(struct index *ix, const struct index_hold *h, struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    int err = sqlite_begin(x, reterr);
    if (err < 0)
        return err;
    err = put_row(x, h, reterr);
    if (err >= 0)
        err = tell(x, h, "added", h->added_us, reterr);
    return sqlite_finish(x, err, reterr);
}

struct search {
    const char *id;
    struct index_hold found;
};

static int match(void *user, const struct index_hold *h)
{
    struct search *s = user;
    if (strcmp(h->id, s->id) != 0)
        return 0;
    s->found = *h;
    return 1;
}

static int remove_row(struct sqlite_index *x, const char *id, struct err *reterr)
{
    sqlite3_stmt *st = NULL;
    int err = sqlite_prepare(x, SQL_HOLD_REMOVE, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
    return sqlite_run(x, st, "removing a hold", reterr);
}

int sqlite_hold_remove(struct index *ix, const char *id, const char *change, int64_t at_us,
                       struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    struct search s = {.id = id};
    int err = sqlite_begin(x, reterr);
    if (err < 0)
        return err;
    err = sqlite_holds(ix, match, &s, reterr);
    if (err == 0)
        err = err_set(reterr, E_NOTFOUND, "there is no hold %.63s", id);
    if (err >= 0)
        err = remove_row(x, id, reterr);
    if (err >= 0)
        err = tell(x, &s.found, change, at_us, reterr);
    return sqlite_finish(x, err, reterr);
}
