/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Share files are DATA/keys/YYYY-MM-DD/HHMMZ-*.shares; no epoch is longer than an hour. */
#include "case/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define LONGEST_EPOCH_US HOUR_US
#define FILE_MAX_BYTES ((off_t)1 << 30)

static int read_all(int fd, uint8_t *data, size_t len, size_t *ret_len)
{
    size_t n = 0;
    while (n < len) {
        ssize_t got = read(fd, data + n, len - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *ret_len = n;
    return 0;
}

/* Copy the records that the order covers. */
static int take_records(const uint8_t *data, size_t len, const struct case_order *o,
                        struct buf *out)
{
    struct seal_shares *s = NULL;
    int r = seal_shares_parse(data, len, &s, NULL);
    if (r < 0)
        return r;
    for (size_t i = 0; i < seal_shares_count(s) && r >= 0; i++) {
        uint8_t kid[SEAL_KID];
        struct seal_context c;
        const uint8_t *record;
        size_t n;
        seal_shares_at(s, i, kid, &c, &record, &n);
        if (case_order_covers(o, &c, NULL) >= 0)
            r = buf_append(out, record, n);
    }
    seal_shares_free(s);
    return r;
}

static int take_file(int dir, const char *name, const struct case_order *o, struct buf *out)
{
    struct stat st;
    uint8_t *data = NULL;
    size_t len = 0;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno; /* erased at this moment */
    int r = fstat(fd, &st) < 0 ? -errno : st.st_size > FILE_MAX_BYTES ? E_LIMIT : 0;
    if (r >= 0 && !(data = malloc((size_t)st.st_size + 1)))
        r = -ENOMEM;
    if (r >= 0)
        r = read_all(fd, data, (size_t)st.st_size, &len);
    close(fd);
    if (r >= 0)
        r = take_records(data, len, o, out);
    free(data);
    return r;
}

/* Start of the epoch by the file's name, or -1. */
static int64_t epoch_of(const char *name, int64_t day_us)
{
    size_t n = strlen(name);
    if (strspn(name, "0123456789") != 4 || name[4] != 'Z' || n < 12 ||
        strcmp(name + n - 7, ".shares") != 0)
        return -1;
    long v = strtol((char[5]){name[0], name[1], name[2], name[3], 0}, NULL, 10);
    return day_us + (v / 100 * 60 + v % 100) * MINUTE_US;
}

static int take_day(const char *data_dir, int64_t day_us, const struct case_order *o,
                    struct buf *out, struct err *reterr)
{
    char path[4096], day[TIME_TEXT];
    struct dirent **list = NULL;
    snprintf(path, sizeof(path), "%s/keys/%s", data_dir, time_format_date(day_us, day));
    int n = scandir(path, &list, NULL, alphasort);
    if (n < 0)
        return errno == ENOENT ? 0 : err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    int r = 0, dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        r = err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    for (int i = 0; i < n; i++) {
        int64_t at = epoch_of(list[i]->d_name, day_us);
        if (r >= 0 && at >= 0 && at < o->to_us && at + LONGEST_EPOCH_US > o->from_us) {
            r = take_file(dir, list[i]->d_name, o, out);
            if (r < 0)
                err_set(reterr, r, "%s/%s: %s", path, list[i]->d_name, err_text(r));
        }
        free(list[i]);
    }
    free(list);
    if (dir >= 0)
        close(dir);
    return r;
}

int case_bundle_collect(const char *data_dir, const struct case_order *o, struct buf *out,
                        struct err *reterr)
{
    size_t before = out->len;
    int64_t first = o->from_us - LONGEST_EPOCH_US;
    int r = 0;
    for (int64_t day = first - first % DAY_US; day < o->to_us && r >= 0; day += DAY_US)
        r = take_day(data_dir, day, o, out, reterr);
    if (r >= 0 && out->len == before)
        r = err_set(reterr, E_NOTFOUND,
                    "there are no keys for this span: nothing was recorded in it, or it is erased");
    return r;
}
