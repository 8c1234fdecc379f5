/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* recordings/CAMERA/YYYY-MM-DD/HHMMSSZ-sealed[.n].mp4: the day is that of the epoch, the time that of the first frame. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/open.h"

/* No file is longer: an epoch has an hour at most and waits some seconds for a key frame. */
#define LONGEST_US (2 * HOUR_US)

static int add_source(struct open_job *j, const struct open_source *s)
{
    if (j->sources % 64 == 0) {
        struct open_source *more = reallocarray(j->source, j->sources + 64, sizeof(*more));
        if (!more)
            return -ENOMEM;
        j->source = more;
    }
    j->source[j->sources++] = *s;
    return 0;
}

/* Time of the name on the day of its folder, or -1 when it is no sealed recording. */
static int64_t time_of_name(const char *name, int64_t day_us)
{
    if (strspn(name, "0123456789") != 6 || strncmp(name + 6, "Z-sealed.", 9) != 0)
        return -1;
    size_t len = strlen(name);
    if (strcmp(name + len - 4, ".mp4") != 0)
        return -1;
    long v = strtol((char[7]){name[0], name[1], name[2], name[3], name[4], name[5], 0}, NULL, 10);
    return day_us + (v / 10000 * 3600 + v / 100 % 100 * 60 + v % 100) * SECOND_US;
}

static int64_t media_us(const struct mp4_info *info, int64_t ticks)
{
    uint32_t rate = info->track[0].clock_rate ? info->track[0].clock_rate : 1;
    return info->start_us + (int64_t)((__int128)ticks * SECOND_US / rate);
}

static void describe(const struct mp4_reader *r, struct open_source *s)
{
    const struct mp4_info *info = mp4_reader_info(r);
    size_t n = mp4_reader_fragments(r);
    const struct mp4_entry *first = n ? mp4_reader_entry(r, 0) : NULL,
                           *last = n ? mp4_reader_entry(r, n - 1) : NULL;
    const char *reason = mp4_reader_end_reason(r);
    s->start_us = n ? media_us(info, first->dts_ticks) : info->start_us;
    s->end_us = n ? media_us(info, last->dts_ticks + last->duration_ticks) : info->start_us;
    s->epoch_us = info->epoch_us;
    s->epoch_length_us = info->epoch_length_us;
    s->encrypted = info->encrypted;
    s->readable = true;
    memcpy(s->kid, info->kid, SEAL_KID);
    snprintf(s->end_reason, sizeof(s->end_reason), "%s", reason ? reason : "");
}

/* @guess_us: start by the name, for a file whose head cannot be read */
static int look_at(struct open_job *j, int dirfd, const char *folder, const char *name,
                   int64_t guess_us)
{
    struct open_source s = {0};
    struct err e = {0};
    struct mp4_reader *r = NULL;
    snprintf(s.path, sizeof(s.path), "recordings/%s/%s/%s", j->camera, folder, name);
    int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno; /* deleted by retention at this moment */
    int code = mp4_reader_open(fd, &r, &e);
    close(fd);
    if (code == -ENOMEM)
        return code;
    if (code == E_TRUNCATED) /* a crash before the first fragment: nothing was recorded in it */
        return 0;
    if (code < 0) {
        if (guess_us < j->from_us - LONGEST_US || guess_us >= j->to_us)
            return 0;
        fprintf(stderr, "%s cannot be read: %s\n", s.path, err_str(&e, code));
        j->lost = true;
        int64_t from = guess_us > j->from_us ? guess_us : j->from_us;
        return open_gap_add(j, from, from, "damaged", s.path);
    }
    describe(r, &s);
    bool empty = mp4_reader_fragments(r) == 0;
    bool other = strcmp(mp4_reader_info(r)->camera, j->camera) != 0;
    mp4_reader_close(r);
    if (other)
        fprintf(stderr, "%s is left out: it is of another camera\n", s.path);
    return empty || other || s.start_us >= j->to_us || s.end_us <= j->from_us ? 0
                                                                              : add_source(j, &s);
}

static int list_day(struct open_job *j, int camera_fd, int64_t day_us)
{
    char folder[TIME_TEXT];
    int r = 0, fd = openat(camera_fd, time_format_date(day_us, folder),
                           O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        int code = errno;
        if (fd >= 0)
            close(fd);
        return code == ENOENT ? 0 : -code;
    }
    for (struct dirent *e; r >= 0 && (e = readdir(d));) {
        int64_t at = time_of_name(e->d_name, day_us);
        bool touches = at >= j->from_us - LONGEST_US && at < j->to_us;
        /* the first frame may stand a little before its epoch, on the evening before the folder's day */
        bool evening = at - DAY_US >= j->from_us - LONGEST_US && at - DAY_US < j->to_us &&
                       at >= day_us + DAY_US - HOUR_US;
        if (at >= 0 && (touches || evening))
            r = look_at(j, dirfd(d), folder, e->d_name, at);
    }
    closedir(d);
    return r;
}

static int by_start(const void *a, const void *b)
{
    const struct open_source *x = a, *y = b;
    if (x->start_us != y->start_us)
        return x->start_us < y->start_us ? -1 : 1;
    return strcmp(x->path, y->path);
}

int open_list(struct open_job *j, struct err *reterr)
{
    char path[4096], from[TIME_TEXT], to[TIME_TEXT];
    snprintf(path, sizeof(path), "%s/recordings/%s", j->data_dir, j->camera);
    int r = 0, fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT
                   ? err_set(reterr, E_NOTFOUND, "there are no recordings of camera %s in %s",
                             j->camera, j->data_dir)
                   : err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    int64_t first = j->from_us - LONGEST_US;
    for (int64_t day = first - first % DAY_US; day < j->to_us + DAY_US && r >= 0; day += DAY_US)
        r = list_day(j, fd, day);
    close(fd);
    if (r < 0)
        return err_set(reterr, r, "looking through %s: %s", path, err_text(r));
    if (!j->sources)
        return err_set(reterr, E_NOTFOUND, "camera %s has no sealed recording between %s and %s",
                       j->camera, time_format(j->from_us, from), time_format(j->to_us, to));
    qsort(j->source, j->sources, sizeof(*j->source), by_start);
    return 0;
}
