/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/masked.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define ROWS_MAX 100000

/* ---- one recording ---- */

int masked_open(const char *data_dir, const char *path, struct masked_file *ret, struct err *reterr)
{
    char full[512 + INDEX_PATH];
    struct mp4_reader *reader = NULL;
    snprintf(full, sizeof(full), "%.511s/%s", data_dir, path);
    if (strncmp(path, "recordings/", 11) != 0 || strstr(path, ".."))
        return err_set(reterr, E_DENIED, "That is no recording.");
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_set(reterr, errno == ENOENT ? E_NOTFOUND : -errno,
                       "A recording cannot be opened: %s.", err_text(-errno));
    int r = mp4_reader_open(fd, &reader, reterr);
    if (r >= 0) {
        const struct mp4_info *info = mp4_reader_info(reader);
        if (info->view != MP4_MASKED || info->encrypted)
            r = err_set(reterr, E_DENIED,
                        "That recording is not masked; originals open in a case "
                        "only.");
    }
    if (r < 0) {
        mp4_reader_close(reader);
        close(fd);
        return r;
    }
    *ret = (struct masked_file){fd, reader};
    return 0;
}

void masked_close(struct masked_file *f)
{
    if (!f->reader)
        return;
    mp4_reader_close(f->reader);
    close(f->fd);
    f->reader = NULL;
}

static int64_t ticks_us(const struct masked_file *f, int64_t ticks)
{
    const struct mp4_info *info = mp4_reader_info(f->reader);
    int64_t rate = info->track[0].clock_rate;
    return info->start_us + (rate ? (int64_t)((__int128)ticks * SECOND_US / rate) : 0);
}

int64_t masked_fragment_us(const struct masked_file *f, size_t i)
{
    return ticks_us(f, mp4_reader_entry(f->reader, i)->dts_ticks);
}

int64_t masked_fragment_end_us(const struct masked_file *f, size_t i)
{
    const struct mp4_entry *e = mp4_reader_entry(f->reader, i);
    return ticks_us(f, e->dts_ticks + e->duration_ticks);
}

/* ---- which ones ---- */

static int add_row(void *user, const struct index_recording *r)
{
    struct masked_rows *rows = user;
    if (rows->count == ROWS_MAX)
        return E_LIMIT;
    if (rows->count == rows->cap) {
        size_t cap = rows->cap ? 2 * rows->cap : 16;
        struct index_recording *more = reallocarray(rows->row, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        rows->row = more;
        rows->cap = cap;
    }
    rows->row[rows->count++] = *r;
    return 0;
}

int masked_find(struct index *ix, const char *camera, int64_t from_us, int64_t to_us,
                struct masked_rows *ret, struct err *reterr)
{
    *ret = (struct masked_rows){0};
    int r = ix->ops->recordings(ix, camera, MP4_MASKED, from_us, to_us, add_row, ret, reterr);
    if (r < 0)
        masked_rows_release(ret);
    return r;
}

void masked_rows_release(struct masked_rows *r)
{
    free(r->row);
    *r = (struct masked_rows){0};
}
