/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names of recordings: recordings/CAMERA/YYYY-MM-DD/HHMMSSZ-{sealed,masked}[.n].mp4, see
 * docs/format/layout.md. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_private.h"

static const char *const view_name[] = {[MP4_SEALED] = "sealed", [MP4_MASKED] = "masked"};

bool path_camera_valid(const char *camera)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char later[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t n = strnlen(camera, INDEX_ID);
    return n > 0 && n < INDEX_ID && strchr(first, camera[0]) && strspn(camera, later) == n;
}

int path_make(const struct mp4_info *info, unsigned n, char ret[INDEX_PATH])
{
    char day[TIME_TEXT], clock[TIME_TEXT], suffix[16] = "";
    if (!path_camera_valid(info->camera) || (info->view != MP4_SEALED && info->view != MP4_MASKED))
        return E_SYNTAX;
    if (n > 0)
        snprintf(suffix, sizeof(suffix), ".%u", n);
    int len = snprintf(ret, INDEX_PATH, "recordings/%s/%s/%s-%s%s.mp4", info->camera,
                       time_format_date(info->epoch_us, day),
                       time_format_clock(info->start_us, clock), view_name[info->view], suffix);
    return len < 0 || len >= INDEX_PATH ? E_LIMIT : 0;
}

/* "HHMMSSZ-sealed.mp4" or "HHMMSSZ-masked.3.mp4": seconds of the day and view. */
static int parse_name(const char *name, int *ret_seconds, int *ret_view)
{
    int h, m, s, used = 0;
    char view[8];
    if (strspn(name, "0123456789") != 6 ||
        sscanf(name, "%2d%2d%2dZ-%6[a-z]%n", &h, &m, &s, view, &used) != 4 || h > 23 || m > 59 ||
        s > 60)
        return E_SYNTAX;
    if (strcmp(view, view_name[MP4_SEALED]) == 0)
        *ret_view = MP4_SEALED;
    else if (strcmp(view, view_name[MP4_MASKED]) == 0)
        *ret_view = MP4_MASKED;
    else
        return E_SYNTAX;
    const char *rest = name + used;
    if (*rest == '.' && strspn(rest + 1, "0123456789") > 0)
        rest += 1 + strspn(rest + 1, "0123456789");
    *ret_seconds = h * 3600 + m * 60 + s;
    return strcmp(rest, ".mp4") == 0 ? 0 : E_SYNTAX;
}

static int parse_day(const char *day, int64_t *ret_us)
{
    char text[TIME_TEXT];
    if (strlen(day) != 10)
        return E_SYNTAX;
    snprintf(text, sizeof(text), "%sT00:00:00Z", day);
    return time_parse(text, ret_us);
}

/*
 * The day is that of the epoch, the clock that of the first frame. As epochs are aligned to UTC and
 * shorter than a day, both are of the same day, unless the first frame stands a little before its
 * epoch: then the result is off by a day, which the scans allow for.
 */
int path_parse(const char *path, char ret_camera[INDEX_ID], int64_t *ret_start_us, int *ret_view)
{
    char camera[INDEX_ID], day[16], name[64];
    int64_t day_us;
    int seconds, view;
    if (sscanf(path, "recordings/%63[^/]/%15[^/]/%63[^/]", camera, day, name) != 3 ||
        !path_camera_valid(camera) || parse_day(day, &day_us) < 0 ||
        parse_name(name, &seconds, &view) < 0)
        return E_SYNTAX;
    memcpy(ret_camera, camera, sizeof(camera));
    *ret_start_us = day_us + seconds * SECOND_US;
    *ret_view = view;
    return 0;
}

struct walk {
    int dirfd;
    int64_t from_us;
    int (*cb)(void *user, const char *path);
    int (*other)(void *user, const char *path);
    void *user;
};

static DIR *open_dir(int dirfd, const char *path)
{
    int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !d)
        close(fd);
    return d;
}

static int walk_day(const struct walk *w, const char *dir, int64_t day_us)
{
    DIR *d = open_dir(w->dirfd, dir);
    struct dirent *e;
    int err = 0;
    while (err == 0 && d && (e = readdir(d))) {
        char path[1024];
        int seconds, view;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int len = snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (len >= INDEX_PATH || parse_name(e->d_name, &seconds, &view) < 0)
            err = w->other ? w->other(w->user, path) : 0;
        else if (day_us + seconds * SECOND_US >= w->from_us)
            err = w->cb(w->user, path);
    }
    if (d)
        closedir(d);
    return err;
}

static int walk_camera(const struct walk *w, const char *dir)
{
    DIR *d = open_dir(w->dirfd, dir);
    struct dirent *e;
    int err = 0;
    while (err == 0 && d && (e = readdir(d))) {
        char path[1024];
        int64_t day_us;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (parse_day(e->d_name, &day_us) < 0)
            err = w->other ? w->other(w->user, path) : 0;
        else if (day_us + DAY_US > w->from_us)
            err = walk_day(w, path, day_us);
    }
    if (d)
        closedir(d);
    return err;
}

int path_walk(int dirfd, int64_t from_us, int (*cb)(void *user, const char *path),
              int (*other)(void *user, const char *path), void *user)
{
    struct walk w = {dirfd, from_us, cb, other, user};
    DIR *d = open_dir(dirfd, "recordings");
    struct dirent *e;
    int err = 0;
    if (!d)
        return errno == ENOENT ? 0 : -errno;
    while (err == 0 && (e = readdir(d))) {
        char path[512];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof(path), "recordings/%s", e->d_name);
        if (!path_camera_valid(e->d_name))
            err = other ? other(user, path) : 0;
        else
            err = walk_camera(&w, path);
    }
    closedir(d);
    return err;
}
