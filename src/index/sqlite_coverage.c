/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Runs: from when to when a view of a camera is recorded without a break. Two million rows of
 * recordings in 30 days of 500 cameras are one row of `coverage` each, as long as nothing breaks, so
 * that a timeline reads next to nothing. Follows every change of a closed recording inside the
 * change's own transaction; runs of one camera and view never touch.
 */
#include "index/sqlite_private.h"

#define JOIN_US                                                                                    \
    INT64_C(1000000) /* a shorter break is none: files of one stream do not meet exactly */
#define MANY 64

struct span {
    int64_t camera;
    int view;
    int64_t from_us, to_us;
    int state;
};

/* The span of a row; state < 0 when there is none. */
static int span_of(struct sqlite_index *x, const char *path, struct span *ret, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_STATE_OF, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC);
    int rc = sqlite3_step(st);
    ret->state = -1;
    if (rc == SQLITE_ROW)
        *ret = (struct span){sqlite3_column_int64(st, 0), sqlite3_column_int(st, 1),
                             sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3),
                             sqlite3_column_int(st, 4)};
    else if (rc != SQLITE_DONE)
        err = sqlite_error(x, "reading a recording's row", reterr);
    sqlite3_reset(st);
    return err;
}

static int put_run(struct sqlite_index *x, const struct span *s, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_RUN_PUT, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, s->camera);
    sqlite3_bind_int(st, 2, s->view);
    sqlite3_bind_int64(st, 3, s->from_us);
    sqlite3_bind_int64(st, 4, s->to_us);
    return sqlite_run(x, st, "writing coverage", reterr);
}

static int remove_run(struct sqlite_index *x, const struct span *s, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, SQL_RUN_REMOVE, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, s->camera);
    sqlite3_bind_int(st, 2, s->view);
    sqlite3_bind_int64(st, 3, s->from_us);
    return sqlite_run(x, st, "writing coverage", reterr);
}

/* The runs that touch [from, to], latest first, at most MANY; returns how many. */
static int runs_at(struct sqlite_index *x, const struct span *s, int64_t from_us, int64_t to_us,
                   struct span ret[MANY], struct err *reterr)
{
    sqlite3_stmt *st;
    int n = 0, rc = SQLITE_DONE;
    int err = sqlite_prepare(x, SQL_RUNS_BEFORE, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, s->camera);
    sqlite3_bind_int(st, 2, s->view);
    sqlite3_bind_int64(st, 3, to_us);
    while (n < MANY && (rc = sqlite3_step(st)) == SQLITE_ROW &&
           sqlite3_column_int64(st, 1) >= from_us) {
        ret[n] = *s;
        ret[n].from_us = sqlite3_column_int64(st, 0);
        ret[n++].to_us = sqlite3_column_int64(st, 1);
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = sqlite_error(x, "reading coverage", reterr);
    sqlite3_reset(st);
    return err < 0 ? err : n;
}

static int join(struct sqlite_index *x, struct span s, struct err *reterr)
{
    struct span run[MANY];
    int n = MANY;
    while (n == MANY) {
        n = runs_at(x, &s, s.from_us - JOIN_US, s.to_us + JOIN_US, run, reterr);
        if (n < 0)
            return n;
        for (int i = 0; i < n; i++) {
            int err = remove_run(x, &run[i], reterr);
            if (err < 0)
                return err;
            s.from_us = run[i].from_us < s.from_us ? run[i].from_us : s.from_us;
            s.to_us = run[i].to_us > s.to_us ? run[i].to_us : s.to_us;
        }
    }
    return put_run(x, &s, reterr);
}

int sqlite_coverage_add(struct sqlite_index *x, const char *path, struct err *reterr)
{
    struct span s;
    int err = span_of(x, path, &s, reterr);
    if (err < 0 || s.state != INDEX_CLOSED || s.to_us <= s.from_us)
        return err;
    return join(x, s, reterr);
}

/* What is left of @run when @s goes. Pieces that are too short to be sure of are left to the
 * neighbours. */
static int keep_rest(struct sqlite_index *x, const struct span *run, const struct span *s,
                     struct err *reterr)
{
    struct span left = *run, right = *run;
    left.to_us = s->from_us;
    right.from_us = s->to_us;
    int err = remove_run(x, run, reterr);
    if (err >= 0 && left.to_us - left.from_us > JOIN_US)
        err = put_run(x, &left, reterr);
    if (err >= 0 && right.to_us - right.from_us > JOIN_US)
        err = put_run(x, &right, reterr);
    return err;
}

/* Recordings that overlap or touch what was cut out cover their own part again. The row at @path is
 * about to change and does not count. */
static int restore_neighbours(struct sqlite_index *x, const struct span *s, const char *path,
                              struct err *reterr)
{
    struct span next[MANY];
    sqlite3_stmt *st;
    int n = 0, rc = SQLITE_DONE;
    int err = sqlite_prepare(x, SQL_NEIGHBOURS, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, s->camera);
    sqlite3_bind_int(st, 2, s->view);
    sqlite3_bind_int64(st, 3, s->from_us - SQLITE_LONGEST_RECORDING_US);
    sqlite3_bind_int64(st, 4, s->from_us);
    sqlite3_bind_int64(st, 5, s->to_us);
    sqlite3_bind_text(st, 6, path, -1, SQLITE_STATIC);
    while (n < MANY && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        next[n] = *s;
        next[n].from_us = sqlite3_column_int64(st, 0);
        next[n++].to_us = sqlite3_column_int64(st, 1);
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = sqlite_error(x, "reading recordings", reterr);
    sqlite3_reset(st);
    for (int i = 0; i < n && err >= 0; i++)
        err = join(x, next[i], reterr);
    return err;
}

int sqlite_coverage_cut(struct sqlite_index *x, const char *path, struct err *reterr)
{
    struct span s, run[MANY];
    int err = span_of(x, path, &s, reterr);
    if (err < 0 || s.state != INDEX_CLOSED || s.to_us <= s.from_us)
        return err;
    s.from_us -= JOIN_US; /* a break that was none as long as both sides were there */
    s.to_us += JOIN_US;
    int n = runs_at(x, &s, s.from_us + 1, s.to_us - 1, run, reterr);
    for (int i = 0; i < n && err >= 0; i++)
        err = keep_rest(x, &run[i], &s, reterr);
    if (n < 0 || err < 0)
        return n < 0 ? n : err;
    return restore_neighbours(x, &s, path, reterr);
}
