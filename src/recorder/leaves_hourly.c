/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Once an hour: the list of what was recorded (docs/format/manifest.md), the sums of what was erased.
 * Order: list → fsync → rename → fsync of its directory → one transaction with entry, `unlisted`, and
 * the hour that is done.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "mp4/writer.h"
#include "recorder/leaves_private.h"
#include "tlog/manifest.h"

#define GRACE_US (90 * SECOND_US) /* recordings that ended with the hour are closed by then */
#define KEPT_US (400 * DAY_US)
#define CHUNK ((size_t)1 << 18)

/* ---- writing a list ---- */

struct list {
    int fd;
    struct buf out;
    struct tlog_root root;
    uint64_t count;
    int64_t listed;
};

static int flush(struct list *list)
{
    for (size_t at = 0; at < list->out.len;) {
        ssize_t n = write(list->fd, list->out.data + at, list->out.len - at);
        if (n < 0 && errno != EINTR)
            return -errno;
        at += n > 0 ? (size_t)n : 0;
    }
    list->out.len = 0;
    return 0;
}

static int add_line(void *user, const struct index_recording *r)
{
    struct list *list = user;
    struct tlog_manifest_line l = {.start_us = r->start_us,
                                   .end_us = r->end_us < r->start_us ? r->start_us : r->end_us,
                                   .frames = r->frames,
                                   .bytes = r->bytes};
    struct tlog_hash leaf;
    snprintf(l.camera, sizeof(l.camera), "%s", r->camera);
    snprintf(l.view, sizeof(l.view), "%s", r->view == MP4_MASKED ? "masked" : "sealed");
    snprintf(l.path, sizeof(l.path), "%s", r->path);
    memcpy(l.kid, r->kid, sizeof(l.kid));
    memcpy(l.manifest, r->manifest, sizeof(l.manifest));
    size_t before = list->out.len;
    int err = tlog_manifest_put_line(&l, &list->out);
    if (err < 0)
        return err;
    tlog_leaf_hash(list->out.data + before, list->out.len - before - 1, &leaf);
    tlog_root_add(&list->root, &leaf);
    list->count++;
    return list->out.len > CHUNK ? flush(list) : 0;
}

static int count_line(void *user, const struct index_recording *r)
{
    (void)r;
    ++*(uint64_t *)user;
    return 0;
}

static int write_lines(struct leaves *l, struct list *list, int64_t hour_us, struct err *reterr)
{
    struct tlog_manifest_head h = {.hour_us = hour_us};
    int err = l->index->ops->unlisted(l->index, count_line, &h.recordings, &list->listed, reterr);
    snprintf(h.node, sizeof(h.node), "%s", l->cfg.config->node);
    if (err >= 0)
        err = tlog_manifest_put_head(&h, &list->out);
    if (err >= 0)
        err = l->index->ops->unlisted(l->index, add_line, list, &list->listed, reterr);
    if (err >= 0 && list->count != h.recordings)
        err = err_set(reterr, E_BUSY, "recordings ended while they were listed");
    return err < 0 ? err : flush(list);
}

static int make_dir(const char *path)
{
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return r;
}

/* DATA/manifests/DAY, made and durable. */
static int list_folder(const struct leaves *l, int64_t hour_us, char *ret, size_t cap)
{
    char date[TIME_TEXT];
    snprintf(ret, cap, "%s/manifests", l->cfg.data_dir);
    int r = make_dir(ret);
    if (r >= 0)
        r = sync_dir(l->cfg.data_dir);
    snprintf(ret, cap, "%s/manifests/%s", l->cfg.data_dir, time_format_date(hour_us, date));
    if (r >= 0)
        r = make_dir(ret);
    char parent[4096];
    snprintf(parent, sizeof(parent), "%s/manifests", l->cfg.data_dir);
    return r < 0 ? r : sync_dir(parent);
}

static int write_list(struct leaves *l, int64_t hour_us, struct list *list, struct err *reterr)
{
    char dir[4096], clock[TIME_TEXT], path[4200], next[4210];
    int r = list_folder(l, hour_us, dir, sizeof(dir));
    snprintf(path, sizeof(path), "%s/%.2sZ.manifest", dir, time_format_clock(hour_us, clock));
    snprintf(next, sizeof(next), "%s.new", path);
    if (r >= 0) {
        list->fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        r = list->fd < 0 ? -errno : write_lines(l, list, hour_us, reterr);
    }
    if (r >= 0 && fsync(list->fd) < 0)
        r = -errno;
    if (list->fd >= 0)
        close(list->fd);
    if (r >= 0 && rename(next, path) < 0)
        r = -errno;
    if (r >= 0)
        r = sync_dir(dir);
    if (r < 0) {
        unlink(next);
        if (!reterr->text[0])
            err_set(reterr, r, "the list of recordings %s: %s", path, err_text(r));
    }
    return r;
}

/* "20261126T09Z" */
static void hour_text(int64_t hour_us, char out[16])
{
    char date[TIME_TEXT], clock[TIME_TEXT];
    time_format_date(hour_us, date);
    snprintf(out, 16, "%.4s%.2s%.2sT%.2sZ", date, date + 5, date + 8,
             time_format_clock(hour_us, clock));
}

static int tell_manifest(struct leaves *l, int64_t hour_us, struct err *reterr)
{
    struct list list = {.fd = -1};
    struct tlog_hash root;
    struct leaf f;
    char hour[16], id[64], done[32];
    buf_init(&list.out, 2 * CHUNK);
    int r = write_list(l, hour_us, &list, reterr);
    buf_release(&list.out);
    if (r < 0)
        return r;
    hour_text(hour_us, hour);
    snprintf(id, sizeof(id), "manifest-%s", hour);
    snprintf(done, sizeof(done), "%lld", (long long)hour_us);
    tlog_root_get(&list.root, &root);
    leaf_begin(&f, "manifest", id, clock_wall_us(l->cfg.clock));
    tlog_entry_time(&f.w, "hour", hour_us);
    tlog_entry_number(&f.w, "recordings", (int64_t)list.count);
    tlog_entry_hex(&f.w, "root", root.bytes, sizeof(root.bytes));
    const struct index_change more[] = {
        {.kind = INDEX_LISTED, .listed = list.listed},
        {.kind = INDEX_PUT_META, .meta = {"manifest_hour_us", done}}};
    return leaf_post(l, &f, more, 2, reterr);
}

/* ---- erasures ---- */

struct sums {
    struct index_erasure e[32];
    size_t n;
};

static int collect_sum(void *user, const struct index_erasure *e)
{
    struct sums *s = user;
    s->e[s->n++] = *e;
    return s->n == 32;
}

static int tell_erasure(struct leaves *l, const struct index_erasure *e, struct err *reterr)
{
    struct index_change told = {.kind = INDEX_TOLD_ERASURE, .erasure = *e};
    struct leaf f;
    char hour[16], id[80];
    hour_text(e->hour_us, hour);
    snprintf(id, sizeof(id), "erasure-%s-%s", hour, e->reason);
    leaf_begin(&f, "erasure", id, clock_wall_us(l->cfg.clock));
    tlog_entry_time(&f.w, "hour", e->hour_us);
    tlog_entry_text(&f.w, "reason", e->reason);
    tlog_entry_number(&f.w, "recordings", e->recordings);
    tlog_entry_number(&f.w, "share-files", e->share_files);
    tlog_entry_time(&f.w, "first-epoch", e->first_epoch_us);
    tlog_entry_time(&f.w, "last-epoch", e->last_epoch_us);
    return leaf_post(l, &f, &told, 1, reterr);
}

static int tell_erasures(struct leaves *l, int64_t hour_us, struct err *reterr)
{
    struct sums sums = {.n = 0};
    int r = l->index->ops->erasures(l->index, hour_us, collect_sum, &sums, reterr);
    for (size_t i = 0; i < sums.n && r >= 0; i++)
        r = tell_erasure(l, &sums.e[i], reterr);
    return r;
}

/* ---- holds that ended by themselves ---- */

struct ended {
    int64_t now_us;
    char id[32][INDEX_ID];
    size_t n;
};

static int collect_ended(void *user, const struct index_hold *h)
{
    struct ended *e = user;
    if (h->until_us > e->now_us)
        return 1; /* they come by their end */
    memcpy(e->id[e->n++], h->id, INDEX_ID);
    return e->n == 32;
}

static int end_holds(struct leaves *l, int64_t now, struct err *reterr)
{
    struct ended e = {.now_us = now};
    int r = l->index->ops->holds(l->index, collect_ended, &e, reterr);
    for (size_t i = 0; i < e.n && r >= 0; i++)
        r = l->index->ops->hold_remove(l->index, e.id[i], "ended", now, reterr);
    return r == E_NOTFOUND ? 0 : r;
}

/* ---- the hour ---- */

/* Lists older than KEPT_US go, a day at a time. */
static void tidy(struct leaves *l, int64_t now)
{
    char path[4096], limit[TIME_TEXT], file[4400];
    if (now - l->manifests_tidied_us < DAY_US && now >= l->manifests_tidied_us)
        return;
    l->manifests_tidied_us = now;
    time_format_date(now - KEPT_US, limit);
    snprintf(path, sizeof(path), "%s/manifests", l->cfg.data_dir);
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        if (strlen(e->d_name) != 10 || strcmp(e->d_name, limit) >= 0)
            continue;
        for (int hour = 0; hour < 24; hour++) {
            snprintf(file, sizeof(file), "%s/%.10s/%02dZ.manifest", path, e->d_name, hour);
            unlink(file);
        }
        snprintf(file, sizeof(file), "%s/%.10s", path, e->d_name);
        rmdir(file);
    }
    if (d)
        closedir(d);
}

/* The hour whose list is the last; on a new node the one before this. */
static int64_t last_hour(struct leaves *l, int64_t this_hour)
{
    char text[32] = "";
    if (l->index->ops->meta_get(l->index, "manifest_hour_us", text, sizeof(text)) >= 0 && *text)
        return strtoll(text, NULL, 10);
    snprintf(text, sizeof(text), "%lld", (long long)(this_hour - HOUR_US));
    (void)l->index->ops->meta_put(l->index, "manifest_hour_us", text, NULL);
    return this_hour - HOUR_US;
}

/* Nothing is written below DATA unless it is the volume of the index (docs/design/storage.md). */
static bool volume_is_here(struct leaves *l)
{
    char path[4096], there[64] = "", known[64] = "";
    snprintf(path, sizeof(path), "%s/volume-id", l->cfg.data_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, there, sizeof(there) - 1);
    if (fd >= 0)
        close(fd);
    there[n > 0 ? strcspn(there, "\n") : 0] = '\0';
    return *there && l->index->ops->meta_get(l->index, "volume_id", known, sizeof(known)) >= 0 &&
           !strcmp(there, known);
}

int leaves_tell_hours(struct leaves *l, struct err *reterr)
{
    int64_t now = clock_wall_us(l->cfg.clock), settled = now - GRACE_US;
    int64_t this_hour = settled - settled % HOUR_US;
    int r = end_holds(l, now, reterr);
    if (r >= 0 && last_hour(l, this_hour) < this_hour - HOUR_US && volume_is_here(l)) {
        r = tell_manifest(l, this_hour - HOUR_US, reterr);
        if (r >= 0)
            tidy(l, now);
    }
    return r < 0 ? r : tell_erasures(l, this_hour, reterr);
}
