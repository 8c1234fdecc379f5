/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The cut. It begins with the last key frame presented at or before `from`, so that a player can start, and ends in
 * decode order with the last picture presented before `to`: with B-frames that takes along the picture behind `to`
 * which they refer to, and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/open.h"
#include "mp4/export.h"

#define REORDER_US (5 * SECOND_US) /* no picture is decoded longer before it is shown */

struct copy {
    struct open_job *job;
    struct mp4_reader *r;
    const struct mp4_info *info;
    const uint8_t *key; /* NULL: the recording is clear */
    int64_t first_ticks,
        last_ticks; /* decode times of the video samples that are copied, both included */
    uint64_t done, total;
};

static int64_t utc_of(const struct mp4_info *info, int track, int64_t ticks)
{
    uint32_t rate = info->track[track].clock_rate;
    return info->start_us + (int64_t)((__int128)ticks * SECOND_US / (rate ? rate : 1));
}

static int64_t fragment_utc(const struct copy *c, size_t i)
{
    return utc_of(c->info, 0, mp4_reader_entry(c->r, i)->dts_ticks);
}

/* Look at the video samples around the ends of the span and settle first_ticks and last_ticks; E_NOTFOUND: none. */
static int find_cut(struct copy *c, struct err *reterr)
{
    const struct open_job *j = c->job;
    size_t n = mp4_reader_fragments(c->r), begin = 0;
    bool any = false;
    while (begin + 1 < n && fragment_utc(c, begin + 1) <= j->from_us)
        begin++;
    while (begin > 0 && !(mp4_reader_entry(c->r, begin)->key &&
                          fragment_utc(c, begin) <= j->from_us - REORDER_US))
        begin--;
    c->first_ticks = INT64_MIN;
    for (size_t i = begin; i < n && fragment_utc(c, i) < j->to_us; i++) {
        bool near_from = fragment_utc(c, i) <= j->from_us;
        bool near_to = i + 2 >= n || fragment_utc(c, i + 1) >= j->to_us - REORDER_US;
        struct mp4_sample s;
        if (!near_from && !near_to)
            continue;
        int r = mp4_reader_load(c->r, i, NULL, reterr);
        if (r < 0 && r != E_CORRUPT)
            return r;
        while (r >= 0 && mp4_reader_next(c->r, &s)) {
            int64_t at = utc_of(c->info, s.track, s.pts_ticks);
            if (s.track != 0 || at >= j->to_us)
                continue;
            if (s.key && at <= j->from_us)
                c->first_ticks = (int64_t)s.dts_ticks;
            c->last_ticks = (int64_t)s.dts_ticks;
            any = true;
        }
    }
    return any ? 0 : E_NOTFOUND;
}

static bool wanted(const struct copy *c, const struct mp4_sample *s)
{
    if (s->track == 0)
        return (int64_t)s->dts_ticks >= c->first_ticks && (int64_t)s->dts_ticks <= c->last_ticks;
    int64_t at = utc_of(c->info, s->track, s->pts_ticks);
    bool early = c->first_ticks != INT64_MIN && at < utc_of(c->info, 0, c->first_ticks);
    return !early && at < c->job->to_us;
}

static int copy_fragment(struct copy *c, size_t i, struct mp4_export *out, struct err *reterr)
{
    struct mp4_sample s;
    int r = mp4_reader_load(c->r, i, c->key, reterr);
    if (r == E_CORRUPT) { /* one damaged second must not cost the rest */
        const struct mp4_entry *e = mp4_reader_entry(c->r, i);
        fprintf(stderr, "%s\n", err_str(reterr, r));
        c->job->lost = true;
        return open_gap_add(c->job, fragment_utc(c, i),
                            utc_of(c->info, 0, e->dts_ticks + e->duration_ticks), "damaged",
                            "the fragment cannot be read");
    }
    while (r >= 0 && mp4_reader_next(c->r, &s)) {
        if (!wanted(c, &s))
            continue;
        r = mp4_export_sample(out, &s, reterr);
        if (r < 0)
            break;
        if (s.track == 0 && c->job->frames++ == 0)
            c->job->first_us = utc_of(c->info, 0, s.pts_ticks);
    }
    return r;
}

static int copy_file(struct copy *c, struct mp4_export *out, const volatile int *stop,
                     struct err *reterr)
{
    int r = find_cut(c, reterr);
    if (r < 0)
        return r == E_NOTFOUND ? 0 : r;
    for (size_t i = 0; i < mp4_reader_fragments(c->r) && r >= 0; i++) {
        const struct mp4_entry *e = mp4_reader_entry(c->r, i);
        c->done += e->length;
        open_progress(c->done, c->total);
        if (*stop)
            return err_set(reterr, E_CLOSED, "interrupted");
        if (e->dts_ticks + (int64_t)e->duration_ticks <= c->first_ticks ||
            e->dts_ticks > c->last_ticks)
            continue;
        r = copy_fragment(c, i, out, reterr);
    }
    return r;
}

/* The exporter is made with the first source. */
static int copy_source(struct copy *c, const struct open_source *s, int in, int out_fd,
                       struct mp4_export **out, const volatile int *stop, struct err *reterr)
{
    int r = mp4_reader_open(in, &c->r, reterr);
    if (r < 0)
        return r;
    c->info = mp4_reader_info(c->r);
    if (memcmp(c->info->kid, s->kid, SEAL_KID) != 0 || c->info->encrypted != s->encrypted)
        r = err_set(reterr, E_MISMATCH, "the file changed while it was read");
    if (r >= 0)
        r = *out ? mp4_export_source(*out, c->info, reterr)
                 : mp4_export_open(out_fd, c->info, out, reterr);
    if (r >= 0)
        r = copy_file(c, *out, stop, reterr);
    mp4_reader_close(c->r);
    c->r = NULL;
    return r;
}

static uint64_t total_bytes(const struct open_job *j, int dir)
{
    uint64_t total = 0;
    for (size_t i = 0; i < j->sources; i++) {
        struct stat st;
        if (j->source[i].readable && fstatat(dir, j->source[i].path, &st, 0) == 0)
            total += (uint64_t)st.st_size;
    }
    return total;
}

static int copy_all(struct open_job *j, int dir, int fd, struct mp4_export **out,
                    const volatile int *stop, struct err *reterr)
{
    struct copy c = {.job = j, .total = total_bytes(j, dir)};
    for (size_t i = 0; i < j->sources; i++) {
        struct open_source *s = &j->source[i];
        if (!s->readable)
            continue;
        int in = openat(dir, s->path, O_RDONLY | O_CLOEXEC);
        c.key = s->encrypted ? j->keys + i * SEAL_KEY : NULL;
        int r = in < 0 ? err_set(reterr, -errno, "%s", err_text(-errno))
                       : copy_source(&c, s, in, fd, out, stop, reterr);
        if (in >= 0)
            close(in);
        if (r < 0 && r != E_CLOSED)
            err_prefix(reterr, "%s: ", s->path);
        if (r < 0)
            return r;
    }
    return *out ? 0
                : err_set(reterr, E_NOTFOUND,
                          "none of the %zu recordings of the span can be opened", j->sources);
}

int open_copy(struct open_job *j, int fd, const volatile int *stop, struct err *reterr)
{
    struct mp4_export *out = NULL;
    int dir = open(j->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_set(reterr, -errno, "%s: %s", j->data_dir, err_text(-errno));
    int r = copy_all(j, dir, fd, &out, stop, reterr);
    close(dir);
    if (r >= 0)
        return mp4_export_close(out, &j->bytes, reterr);
    mp4_export_abort(out);
    return r;
}
