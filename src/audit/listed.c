/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "audit/listed.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/facts.h"
#include "audit/site.h"
#include "base/clock.h"
#include "mp4/writer.h"
#include "tlog/durable.h"
#include "tlog/manifest.h"

#define LIST_BYTES ((size_t)256 << 20)

static int take_line(struct listed *l, size_t hour, const struct tlog_manifest_line *m)
{
    struct listed_recording *x = facts_grow(&l->recordings, &l->recordings_n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    snprintf(x->camera, sizeof(x->camera), "%s", m->camera);
    snprintf(x->path, sizeof(x->path), "%s", m->path);
    x->view = strcmp(m->view, "masked") == 0 ? MP4_MASKED : MP4_SEALED;
    x->start_us = m->start_us;
    x->end_us = m->end_us;
    memcpy(x->kid, m->kid, sizeof(x->kid));
    memcpy(x->digest, m->manifest, sizeof(x->digest));
    x->hour = hour;
    return 0;
}

/* What is wrong in the middle of a list does not take away the lines above it. */
static int take_list(struct listed *l, size_t hour, const struct buf *b)
{
    struct tlog_manifest_reader reader;
    struct tlog_manifest_line line;
    struct tlog_root root = {0};
    struct tlog_hash leaf;
    int r = tlog_manifest_open((const char *)b->data, b->len, &reader, NULL), more = 0;
    if (r < 0) {
        l->hours[hour].damage = "its head is not that of a list";
        return 0;
    }
    l->hours[hour].hour_us = reader.head.hour_us;
    while (r >= 0 && (more = tlog_manifest_next(&reader, &line, &leaf, NULL)) > 0) {
        tlog_root_add(&root, &leaf);
        r = take_line(l, hour, &line);
    }
    if (more < 0)
        l->hours[hour].damage = "a line of it is not one, or out of order, or missing";
    tlog_root_get(&root, &leaf);
    memcpy(l->hours[hour].root, leaf.bytes, 32);
    l->hours[hour].recordings = root.count;
    return r;
}

static int take_file(void *user, const char *data_dir, const char *path)
{
    struct listed *l = user;
    char full[PATH_MAX];
    struct buf b;
    size_t len = strlen(path);
    if (len >= LISTED_PATH || len < 9 || strcmp(path + len - 9, ".manifest") != 0)
        return 0;
    struct listed_hour *h = facts_grow(&l->hours, &l->hours_n, sizeof(*h));
    if (!h)
        return -ENOMEM;
    memcpy(h->path, path, len + 1);
    snprintf(full, sizeof(full), "%s/%s", data_dir, path);
    buf_init(&b, LIST_BYTES);
    int r = durable_read(full, &b, NULL);
    if (r >= 0)
        r = take_list(l, l->hours_n - 1, &b);
    else if (r != -ENOMEM)
        h->damage = "the file cannot be read", r = 0;
    buf_release(&b);
    return r;
}

static int by_path(const void *a, const void *b)
{
    const struct listed_recording *x = a, *y = b;
    int r = strcmp(x->path, y->path);
    return r ? r : (x->hour > y->hour) - (x->hour < y->hour);
}

/* A recording that was repaired is listed again: the newest line counts. Leaves them in order of paths. */
static void keep_newest(struct listed *l)
{
    size_t n = 0;
    if (l->recordings_n)
        qsort(l->recordings, l->recordings_n, sizeof(*l->recordings), by_path);
    for (size_t i = 0; i < l->recordings_n; i++) {
        bool again = n > 0 && strcmp(l->recordings[n - 1].path, l->recordings[i].path) == 0;
        n -= again;
        if (n != i)
            l->recordings[n] = l->recordings[i];
        n++;
    }
    l->recordings_n = n;
}

int listed_read(const char *data_dir, struct listed *ret, struct err *reterr)
{
    *ret = (struct listed){0};
    int r = site_walk(data_dir, "manifests", take_file, ret);
    if (r < 0)
        return err_set(reterr, r, "%s/manifests: %s", data_dir, err_text(r));
    keep_newest(ret);
    return 0;
}

struct listed_recording *listed_find(const struct listed *l, const char *path)
{
    size_t low = 0, high = l->recordings_n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int r = strcmp(l->recordings[middle].path, path);
        if (r == 0)
            return &l->recordings[middle];
        if (r < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void listed_release(struct listed *l)
{
    free(l->recordings);
    free(l->hours);
    *l = (struct listed){0};
}
