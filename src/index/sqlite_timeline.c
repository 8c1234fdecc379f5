/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Coverage and activity of many cameras, cut into buckets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "index/sqlite_private.h"

#define FINE_US (15 * MINUTE_US) /* buckets below this take activity by the minute */

struct open_recording {
    int64_t camera, start_us;
    int view;
};

struct line {
    struct sqlite_index *x;
    const struct index_timeline *t;
    int64_t bucket_us;
    struct index_bucket *bucket;
    int64_t *covered[2]; /* microseconds */
    int64_t *motion_sum, *motion_weight;
    struct open_recording *open; /* by camera */
    size_t n_open;
};

static void cover(struct line *l, int view, int64_t from_us, int64_t to_us)
{
    const struct index_timeline *t = l->t;
    from_us = from_us < t->from_us ? t->from_us : from_us;
    to_us = to_us > t->to_us ? t->to_us : to_us;
    if (from_us >= to_us || view < 0 || view > 1)
        return;
    for (size_t i = (size_t)((from_us - t->from_us) / l->bucket_us); from_us < to_us; i++) {
        int64_t end = t->from_us + (int64_t)(i + 1) * l->bucket_us;
        int64_t part = (end < to_us ? end : to_us) - from_us;
        l->covered[view][i] += part;
        from_us += part;
    }
}

/* Latest first, up to one that ends before: runs of a view do not overlap, so what is older is not
 * looked at. */
static int read_runs(struct line *l, int64_t camera, int view, struct err *reterr)
{
    sqlite3_stmt *st;
    int rc, err = sqlite_prepare(l->x, SQL_RUNS_BEFORE, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, camera);
    sqlite3_bind_int(st, 2, view);
    sqlite3_bind_int64(st, 3, l->t->to_us);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && sqlite3_column_int64(st, 1) > l->t->from_us)
        cover(l, view, sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1));
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = sqlite_error(l->x, "reading coverage", reterr);
    sqlite3_reset(st);
    return err;
}

static int compare_camera(const void *a, const void *b)
{
    const struct open_recording *x = a, *y = b;
    return (x->camera > y->camera) - (x->camera < y->camera);
}

static void cover_open(struct line *l, int64_t camera)
{
    struct open_recording key = {.camera = camera};
    const struct open_recording *o =
        l->n_open ? bsearch(&key, l->open, l->n_open, sizeof(key), compare_camera) : NULL;
    if (!o)
        return;
    while (o > l->open && o[-1].camera == camera)
        o--;
    for (; o < l->open + l->n_open && o->camera == camera; o++)
        cover(l, o->view, o->start_us, l->t->now_us);
}

/* What is open now, of all cameras: one look instead of one for each. */
static int read_open(struct line *l, struct err *reterr)
{
    sqlite3_stmt *st;
    size_t room = 0;
    int rc, err = sqlite_prepare(l->x, SQL_OPEN_OF_CAMERA, &st, reterr);
    if (err < 0)
        return err;
    while (err >= 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        if (l->n_open == room) {
            room = room ? room * 2 : 256;
            void *more = reallocarray(l->open, room, sizeof(*l->open));
            if (!more) {
                err = -ENOMEM;
                break;
            }
            l->open = more;
        }
        l->open[l->n_open++] = (struct open_recording){
            sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 2), sqlite3_column_int(st, 1)};
    }
    if (err >= 0 && rc != SQLITE_DONE)
        err = sqlite_error(l->x, "reading recordings", reterr);
    sqlite3_reset(st);
    return err;
}

/* A bucket and where it ends. Times come in order, so the next one is found by going on. */
struct place {
    size_t i;
    int64_t end_us;
};

static struct place place_of(const struct line *l, int64_t at_us)
{
    int64_t i = at_us <= l->t->from_us ? 0 : (at_us - l->t->from_us) / l->bucket_us;
    return (struct place){(size_t)i, l->t->from_us + (i + 1) * l->bucket_us};
}

/* Every bucket that the entry's time touches shows it. */
static void show(struct line *l, struct place *p, int64_t from_us, int64_t to_us,
                 const struct sqlite_activity *a)
{
    if (to_us > l->t->to_us)
        to_us = l->t->to_us;
    for (; p->end_us <= from_us; p->i++)
        p->end_us += l->bucket_us;
    for (struct place at = *p;; at.i++, at.end_us += l->bucket_us) {
        struct index_bucket *b = &l->bucket[at.i];
        b->motion_max = a->motion_max > b->motion_max ? (uint16_t)a->motion_max : b->motion_max;
        b->persons_max = a->persons_max > b->persons_max ? (uint8_t)a->persons_max : b->persons_max;
        b->vehicles_max =
            a->vehicles_max > b->vehicles_max ? (uint8_t)a->vehicles_max : b->vehicles_max;
        l->motion_sum[at.i] += (int64_t)a->motion_mean * a->known;
        l->motion_weight[at.i] += a->known;
        if (at.end_us >= to_us)
            break;
    }
}

/* A row of @entries entries of @entry_us each. */
static void show_row(struct line *l, const uint8_t *row, int entries, int64_t from_us,
                     int64_t entry_us)
{
    struct place place = place_of(l, from_us);
    struct sqlite_activity a;
    for (int i = 0; i < entries; i++, from_us += entry_us, row += SQLITE_ACTIVITY_BYTES) {
        if (!row[0] || from_us + entry_us <= l->t->from_us)
            continue;
        if (from_us >= l->t->to_us)
            break;
        sqlite_activity_unpack(row, &a);
        show(l, &place, from_us, from_us + entry_us, &a);
    }
}

/* Rows of @entries entries of @entry_us each. */
static int read_activity(struct line *l, int64_t camera, enum sqlite_statement which, int entries,
                         int64_t entry_us, struct err *reterr)
{
    int64_t row_us = entries * entry_us;
    sqlite3_stmt *st;
    int rc, err = sqlite_prepare(l->x, which, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, camera);
    sqlite3_bind_int64(st, 2, l->t->from_us / row_us);
    sqlite3_bind_int64(st, 3, (l->t->to_us - 1) / row_us);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        const uint8_t *row = sqlite3_column_blob(st, 1);
        if (sqlite3_column_bytes(st, 1) == entries * SQLITE_ACTIVITY_BYTES)
            show_row(l, row, entries, sqlite3_column_int64(st, 0) * row_us, entry_us);
    }
    err = rc == SQLITE_DONE ? 0 : sqlite_error(l->x, "reading activity", reterr);
    sqlite3_reset(st);
    return err;
}

static void clear(struct line *l)
{
    size_t n = l->t->buckets;
    memset(l->bucket, 0, n * sizeof(*l->bucket));
    memset(l->covered[0], 0, n * sizeof(int64_t));
    memset(l->covered[1], 0, n * sizeof(int64_t));
    memset(l->motion_sum, 0, n * sizeof(int64_t));
    memset(l->motion_weight, 0, n * sizeof(int64_t));
}

static uint16_t permille(int64_t part, int64_t whole)
{
    if (part == 0 || part >= whole) /* nearly all buckets of nearly all screens */
        return part ? 1000 : 0;
    int64_t v = (part * 1000 + whole / 2) / whole;
    return (uint16_t)(v == 0 ? 1 : v);
}

static void finish(struct line *l)
{
    const struct index_timeline *t = l->t;
    for (size_t i = 0; i < t->buckets; i++) {
        int64_t from = t->from_us + (int64_t)i * l->bucket_us, length = l->bucket_us;
        if (from + length > t->to_us) /* the last one may be shorter */
            length = t->to_us - from;
        for (int view = 0; view < 2 && length > 0; view++)
            l->bucket[i].covered[view] = permille(l->covered[view][i], length);
        if (l->motion_weight[i])
            l->bucket[i].motion_mean = (uint16_t)(l->motion_sum[i] / l->motion_weight[i]);
    }
}

static int one_camera(struct line *l, const char *id,
                      int (*cb)(void *, const char *, const struct index_bucket *), void *user,
                      struct err *reterr)
{
    int64_t camera;
    int err = sqlite_camera_key(l->x, id, false, &camera, reterr);
    if (err < 0)
        return err;
    clear(l);
    if (camera) {
        for (int view = 0; view < 2 && err >= 0; view++)
            err = read_runs(l, camera, view, reterr);
        cover_open(l, camera);
        if (err >= 0)
            err = l->bucket_us < FINE_US
                      ? read_activity(l, camera, SQL_MINUTES, 60, MINUTE_US, reterr)
                      : read_activity(l, camera, SQL_HOURS, 24, HOUR_US, reterr);
    }
    if (err < 0)
        return err;
    finish(l);
    return cb(user, id, l->bucket);
}

static int every_camera(struct line *l,
                        int (*cb)(void *, const char *, const struct index_bucket *), void *user,
                        struct err *reterr)
{
    sqlite3_stmt *st;
    char id[INDEX_ID];
    int rc = SQLITE_DONE, err = sqlite_prepare(l->x, SQL_CAMERA_IDS, &st, reterr);
    if (err < 0)
        return err;
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        sqlite_text(st, 0, id, sizeof(id));
        err = one_camera(l, id, cb, user, reterr);
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = sqlite_error(l->x, "reading the cameras", reterr);
    sqlite3_reset(st);
    return err;
}

static int draw(struct line *l, int (*cb)(void *, const char *, const struct index_bucket *),
                void *user, struct err *reterr)
{
    const struct index_timeline *t = l->t;
    if (!l->bucket || !l->covered[0] || !l->covered[1] || !l->motion_sum || !l->motion_weight)
        return -ENOMEM;
    int err = read_open(l, reterr);
    if (err >= 0 && !t->cameras)
        return every_camera(l, cb, user, reterr);
    for (size_t i = 0; i < t->camera_count && err == 0; i++)
        err = one_camera(l, t->cameras[i], cb, user, reterr);
    return err;
}

int sqlite_timeline(struct index *ix, const struct index_timeline *t,
                    int (*cb)(void *, const char *, const struct index_bucket *), void *user,
                    struct err *reterr)
{
    struct line l = {.x = sqlite_index(ix), .t = t};
    if (t->from_us < 0 || t->from_us >= t->to_us || t->buckets < 1 || t->buckets > INDEX_BUCKETS)
        return err_set(reterr, E_RANGE, "a timeline has a beginning, an end and 1 to %d buckets",
                       INDEX_BUCKETS);
    l.bucket_us = index_bucket_us(t);
    l.bucket = calloc(t->buckets, sizeof(*l.bucket));
    l.covered[0] = calloc(t->buckets, sizeof(int64_t));
    l.covered[1] = calloc(t->buckets, sizeof(int64_t));
    l.motion_sum = calloc(t->buckets, sizeof(int64_t));
    l.motion_weight = calloc(t->buckets, sizeof(int64_t));
    bool alone = sqlite3_get_autocommit(l.x->db);
    int err = alone ? sqlite_snapshot(ix, reterr) : 0;
    if (err >= 0) {
        err = draw(&l, cb, user, reterr);
        if (alone)
            sqlite_release(ix);
    }
    free(l.bucket);
    free(l.covered[0]);
    free(l.covered[1]);
    free(l.motion_sum);
    free(l.motion_weight);
    free(l.open);
    return err;
}
