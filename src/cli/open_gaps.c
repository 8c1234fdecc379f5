/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What of the span is not in the output, and why. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/open.h"

#define TOLERANCE_US (SECOND_US / 2) /* less is jitter, no gap */
#define GROWING_US                                                                                 \
    (10 * SECOND_US) /* an unfinished recording that ends no longer ago is still being written */

int open_gap_add(struct open_job *j, int64_t from_us, int64_t to_us, const char *reason,
                 const char *detail)
{
    if (j->gaps % 64 == 0) {
        struct open_gap *more = reallocarray(j->gap, j->gaps + 64, sizeof(*more));
        if (!more)
            return -ENOMEM;
        j->gap = more;
    }
    struct open_gap *g = &j->gap[j->gaps++];
    *g = (struct open_gap){.from_us = from_us, .to_us = to_us};
    snprintf(g->reason, sizeof(g->reason), "%s", reason);
    snprintf(g->detail, sizeof(g->detail), "%s", detail);
    return 0;
}

static int on_gap(void *user, const struct index_gap *g)
{
    struct open_job *j = user;
    int64_t from = g->from_us > j->from_us ? g->from_us : j->from_us;
    int64_t to = g->to_us && g->to_us < j->to_us ? g->to_us : j->to_us;
    return to > from ? open_gap_add(j, from, to, g->reason, g->detail) : 0;
}

/* The index may be missing, locked by a repair, or damaged: the files tell the rest. */
static int gaps_of_index(struct open_job *j)
{
    char path[4096];
    struct err e = {0};
    struct index *ix = NULL;
    snprintf(path, sizeof(path), "%s/lethe.db", j->data_dir);
    if (access(path, F_OK) < 0)
        return 0;
    int r = index_sqlite.open(j->data_dir, true, &ix, &e);
    if (r >= 0)
        r = ix->ops->gaps(ix, j->camera, j->from_us, j->to_us, on_gap, j, &e);
    if (ix)
        ix->ops->close(ix);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        fprintf(
            stderr,
            "the index cannot be read (%s): reasons of gaps are taken from the recordings alone\n",
            err_str(&e, r));
    return 0;
}

/* [from, to) without what the first @known gaps explain. */
static int add_hole(struct open_job *j, size_t known, int64_t from_us, int64_t to_us,
                    const char *reason)
{
    while (to_us - from_us > TOLERANCE_US) {
        int64_t begin = to_us, end = to_us; /* the next known gap inside the hole */
        for (size_t i = 0; i < known; i++) {
            const struct open_gap *g = &j->gap[i];
            if (g->to_us > from_us && g->from_us < begin) {
                begin = g->from_us > from_us ? g->from_us : from_us;
                end = g->to_us;
            }
        }
        if (begin - from_us > TOLERANCE_US) {
            int r = open_gap_add(j, from_us, begin, reason,
                                 "seen in the recordings, the index says nothing of it");
            if (r < 0)
                return r;
        }
        from_us = end;
    }
    return 0;
}

/* Why nothing follows a file that ended like this. */
static const char *reason_after(const struct open_source *s)
{
    if (!s)
        return "not-recorded";
    if (!s->end_reason[0])
        return "crash";
    return strcmp(s->end_reason, "epoch") == 0 ? "not-recorded" : s->end_reason;
}

/* Not a crash: the recorder has it open, and what is missing is not on the disk yet. */
static bool growing(const struct open_source *s)
{
    int64_t age = clock_wall_us(&clock_system) - s->end_us;
    return !s->end_reason[0] && age > -GROWING_US && age < GROWING_US;
}

static int holes(struct open_job *j)
{
    size_t known = j->gaps;
    const struct open_source *before = NULL;
    int64_t at = j->from_us;
    int r = 0;
    for (size_t i = 0; i < j->sources && r >= 0; i++) {
        const struct open_source *s = &j->source[i];
        r = add_hole(j, known, at, s->start_us, reason_after(before));
        if (r >= 0 && !s->readable)
            r = open_gap_add(j, s->start_us > j->from_us ? s->start_us : j->from_us,
                             s->end_us < j->to_us ? s->end_us : j->to_us,
                             s->outside ? "outside-order" : "no-shares", s->path);
        at = s->end_us > at ? s->end_us : at;
        before = s;
    }
    if (r >= 0)
        r = add_hole(j, known, at, j->to_us,
                     before && growing(before) ? "recording" : reason_after(before));
    return r;
}

static int by_time(const void *a, const void *b)
{
    const struct open_gap *x = a, *y = b;
    if (x->from_us != y->from_us)
        return x->from_us < y->from_us ? -1 : 1;
    return x->to_us < y->to_us ? -1 : x->to_us > y->to_us;
}

int open_gaps(struct open_job *j, struct err *reterr)
{
    int r = gaps_of_index(j);
    if (r >= 0)
        r = holes(j);
    if (r < 0)
        return err_set(reterr, r, "listing the gaps: %s", err_text(r));
    if (j->gaps)
        qsort(j->gap, j->gaps, sizeof(*j->gap), by_time);
    return 0;
}
