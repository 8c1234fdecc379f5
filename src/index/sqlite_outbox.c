/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the log has to be told: entries in the transaction of the change that they tell of. */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "index/sqlite_private.h"
#include "tlog/entry.h"

#define ENTRY_BYTES 65535

int sqlite_put_outbox(struct sqlite_index *x, const struct index_outbox *o, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_OUTBOX_PUT, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, o->at_us);
    sqlite3_bind_text(st, 2, o->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 3, o->text, -1, SQLITE_STATIC);
    return sqlite_run(x, st, "writing an entry for the log", reterr);
}

int sqlite_outbox(struct index *ix, size_t limit, int (*cb)(void *, const struct index_outbox *),
                  void *user, struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_OUTBOX, &st, reterr), rc = SQLITE_DONE;
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, (int64_t)limit);
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct index_outbox o = {sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                                 (const char *)sqlite3_column_text(st, 2),
                                 (const char *)sqlite3_column_text(st, 3)};
        err = o.kind && o.text ? cb(user, &o) : E_CORRUPT;
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = sqlite_error(x, "reading entries for the log", reterr);
    sqlite3_reset(st);
    return err;
}

static int up_to(struct sqlite_index *x, enum sqlite_statement id, int64_t number,
                 struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, id, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, number);
    return sqlite_run(x, st, "dropping what is done", reterr);
}

int sqlite_outbox_drop(struct index *ix, int64_t number, struct err *reterr)
{
    return up_to(sqlite_index(ix), SQL_OUTBOX_DROP, number, reterr);
}

int sqlite_listed(struct sqlite_index *x, int64_t number, struct err *reterr)
{
    return up_to(x, SQL_LISTED, number, reterr);
}

static void read_unlisted(sqlite3_stmt *st, struct index_recording *r)
{
    *r = (struct index_recording){.view = sqlite3_column_int(st, 2),
                                  .start_us = sqlite3_column_int64(st, 3),
                                  .end_us = sqlite3_column_int64(st, 4),
                                  .bytes = sqlite3_column_int64(st, 6),
                                  .frames = sqlite3_column_int64(st, 7),
                                  .state = INDEX_CLOSED};
    sqlite_text(st, 1, r->camera, sizeof(r->camera));
    sqlite_text(st, 5, r->path, sizeof(r->path));
    if (sqlite3_column_bytes(st, 8) == (int)sizeof(r->kid))
        memcpy(r->kid, sqlite3_column_blob(st, 8), sizeof(r->kid));
    if (sqlite3_column_bytes(st, 9) == (int)sizeof(r->manifest))
        memcpy(r->manifest, sqlite3_column_blob(st, 9), sizeof(r->manifest));
}

static int last_unlisted(struct sqlite_index *x, int64_t *ret, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_UNLISTED_LAST, &st, reterr);
    if (err < 0)
        return err;
    if (sqlite3_step(st) == SQLITE_ROW)
        *ret = sqlite3_column_int64(st, 0);
    else
        err = sqlite_error(x, "reading recordings", reterr);
    sqlite3_reset(st);
    return err;
}

int sqlite_unlisted(struct index *ix, int (*cb)(void *, const struct index_recording *), void *user,
                    int64_t *ret_listed, struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st;
    int64_t last = 0;
    int rc = SQLITE_DONE, err = last_unlisted(x, &last, reterr);
    if (err >= 0)
        err = sqlite_prepare(x, SQL_UNLISTED, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, last);
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct index_recording r;
        read_unlisted(st, &r);
        err = cb(user, &r);
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = sqlite_error(x, "reading recordings", reterr);
    sqlite3_reset(st);
    if (err == 0)
        *ret_listed = last;
    return err;
}

/* ---- what was erased ---- */

int sqlite_change_erasure(struct sqlite_index *x, const struct index_erasure *e, bool told,
                          struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, told ? SQL_ERASURE_TOLD : SQL_ERASURE_ADD, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, e->hour_us);
    sqlite3_bind_text(st, 2, e->reason, -1, SQLITE_STATIC);
    if (!told) {
        sqlite3_bind_int64(st, 3, e->recordings);
        sqlite3_bind_int64(st, 4, e->share_files);
        sqlite3_bind_int64(st, 5, e->first_epoch_us);
        sqlite3_bind_int64(st, 6, e->last_epoch_us);
    }
    return sqlite_run(x, st, "adding up what was erased", reterr);
}

int sqlite_erasures(struct index *ix, int64_t before_us,
                    int (*cb)(void *, const struct index_erasure *), void *user, struct err *reterr)
{
    struct sqlite_index *x = sqlite_index(ix);
    sqlite3_stmt *st = NULL;
    int err = sqlite_prepare(x, SQL_ERASURES, &st, reterr), rc = SQLITE_DONE;
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, before_us);
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct index_erasure e = {.hour_us = sqlite3_column_int64(st, 0),
                                  .recordings = sqlite3_column_int64(st, 2),
                                  .share_files = sqlite3_column_int64(st, 3),
                                  .first_epoch_us = sqlite3_column_int64(st, 4),
                                  .last_epoch_us = sqlite3_column_int64(st, 5)};
        sqlite_text(st, 1, e.reason, sizeof(e.reason));
        err = cb(user, &e);
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = sqlite_error(x, "reading what was erased", reterr);
    sqlite3_reset(st);
    return err;
}

/* ---- the register of cameras ---- */

static void put_state(struct tlog_entry_writer *w, const struct index_camera *c)
{
    uint8_t zones[32], reg[32] = {0};
    tlog_entry_yes(w, "enabled", c->enabled);
    tlog_entry_yes(w, "audio", c->audio);
    tlog_entry_number(w, "retention-days", c->retention_days);
    if (c->declared_empty_us)
        tlog_entry_time(w, "declared-empty", c->declared_empty_us);
    else
        tlog_entry_text(w, "declared-empty", "no");
    crypto_hash_sha256(zones, (const uint8_t *)c->zones, strlen(c->zones));
    tlog_entry_hex(w, "zones", zones, sizeof(zones));
    int r = index_register_hash(c, reg);
    if (r < 0)
        w->error = w->error < 0 ? w->error : r;
    tlog_entry_hex(w, "register", reg, sizeof(reg));
}

int sqlite_post(struct sqlite_index *x, struct tlog_entry_writer *w, const char *kind,
                int64_t at_us, struct buf *b, struct err *reterr)
{
    int r = tlog_entry_end(w);
    const char *text = r < 0 ? NULL : buf_cstr(b);
    if (r >= 0 && !text)
        r = -ENOMEM;
    if (r < 0) {
        buf_release(b);
        return err_set(reterr, r, "an entry of kind %s cannot be written: %s", kind, err_text(r));
    }
    struct index_outbox o = {0, at_us, kind, text};
    r = sqlite_put_outbox(x, &o, reterr);
    buf_release(b);
    return r;
}

static int tell_row(struct sqlite_index *x, const struct index_camera *before,
                    const struct index_camera *after, int64_t at_us, struct err *reterr)
{
    struct tlog_entry_writer w;
    char id[TLOG_ENTRY_ID];
    struct buf b;
    buf_init(&b, ENTRY_BYTES);
    tlog_entry_begin(&w, "camera", tlog_entry_new_id("camera", id), &b);
    tlog_entry_time(&w, "at", at_us);
    if (after) {
        tlog_entry_text(&w, "camera", after->id);
        tlog_entry_text(&w, "change", before ? "changed" : "added");
    } else if (before) {
        tlog_entry_text(&w, "camera", before->id);
        tlog_entry_text(&w, "change", "removed");
    }
    if (after)
        put_state(&w, after);
    return sqlite_post(x, &w, "camera", at_us, &b, reterr);
}

static int tell_empty(struct sqlite_index *x, const struct index_camera *c, int64_t at_us,
                      struct err *reterr)
{
    struct tlog_entry_writer w;
    char id[TLOG_ENTRY_ID];
    struct buf b;
    buf_init(&b, ENTRY_BYTES);
    tlog_entry_begin(&w, "masking", tlog_entry_new_id("masking", id), &b);
    tlog_entry_time(&w, "at", at_us);
    tlog_entry_text(&w, "camera", c->id);
    tlog_entry_text(&w, "change", c->declared_empty_us ? "declared-empty" : "empty-withdrawn");
    return sqlite_post(x, &w, "masking", at_us, &b, reterr);
}

static bool same(const struct index_camera *a, const struct index_camera *b)
{
    struct index_camera x = *a, y = *b;
    x.changed_us = y.changed_us = 0;
    const struct index_register *p = &x.reg, *q = &y.reg;
    bool reg = !strcmp(p->purpose, q->purpose) && !strcmp(p->owner, q->owner) &&
               !strcmp(p->contact, q->contact) && !strcmp(p->place, q->place) &&
               !strcmp(p->sees, q->sees) && !strcmp(p->retention_reason, q->retention_reason) &&
               !strcmp(p->review, q->review) && p->located == q->located &&
               (!p->located ||
                (p->lat >= q->lat && p->lat <= q->lat && p->lon >= q->lon && p->lon <= q->lon)) &&
               p->px_per_m >= q->px_per_m && p->px_per_m <= q->px_per_m;
    return reg && !strcmp(x.name, y.name) && !strcmp(x.main_url, y.main_url) &&
           !strcmp(x.sub_url, y.sub_url) && !strcmp(x.pin, y.pin) && x.transport == y.transport &&
           x.audio == y.audio && x.enabled == y.enabled && x.tls_insecure == y.tls_insecure &&
           x.retention_days == y.retention_days && !strcmp(x.group, y.group) &&
           !strcmp(x.zones, y.zones) && x.declared_empty_us == y.declared_empty_us;
}

int sqlite_tell_camera(struct sqlite_index *x, const struct index_camera *before,
                       const struct index_camera *after, struct err *reterr)
{
    int64_t at_us = after ? after->changed_us : clock_wall_us(&clock_system);
    if (before && after && same(before, after))
        return 0;
    int r = tell_row(x, before, after, at_us, reterr);
    if (r >= 0 && before && after && before->declared_empty_us != after->declared_empty_us)
        r = tell_empty(x, after, at_us, reterr);
    return r;
}

/* ---- an index made anew ---- */

int sqlite_take_journal(struct index *ix, struct index *from, struct err *reterr)
{
    static const char take[] =
        "BEGIN IMMEDIATE;"
        "DELETE FROM main.outbox; INSERT INTO main.outbox SELECT * FROM before.outbox;"
        "INSERT OR IGNORE INTO main.camera_id(id) SELECT id FROM before.camera_id;"
        "DELETE FROM main.unlisted;"
        "INSERT INTO main.unlisted SELECT u.seq, u.path, (SELECT n.key FROM main.camera_id n JOIN "
        "before.camera_id o ON o.id = n.id WHERE o.key = u.camera), u.view, u.start_us, u.end_us, "
        "u.bytes, u.frames, u.kid, u.manifest FROM before.unlisted u;"
        "DELETE FROM main.hold; INSERT INTO main.hold SELECT * FROM before.hold;"
        "DELETE FROM main.erasure; INSERT INTO main.erasure SELECT * FROM before.erasure;"
        "COMMIT";
    struct sqlite_index *x = sqlite_index(ix), *old = sqlite_index(from);
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(x->db, "ATTACH ?1 AS before", -1, &st, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(st, 1, sqlite3_db_filename(old->db, "main"), -1, SQLITE_STATIC);
        rc = sqlite3_step(st);
    }
    int err = rc == SQLITE_DONE ? 0 : sqlite_error(x, "reading the old index", reterr);
    sqlite3_finalize(st);
    if (err < 0)
        return err;
    if (sqlite3_exec(x->db, take, NULL, NULL, NULL) != SQLITE_OK)
        err = sqlite_finish(x, sqlite_error(x, "taking over entries for the log", reterr), reterr);
    sqlite3_exec(x->db, "DETACH before", NULL, NULL, NULL);
    return err;
}
