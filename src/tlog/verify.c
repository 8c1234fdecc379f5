/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlog/frontier.h"

struct run {
    struct tlog_files files;
    const struct tlog_checkpoint *c;
    const struct tlog_verify *v;
    struct buf file;
    int problems;
};

static void problem(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void problem(struct run *r, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    r->v->problem(r->v->user, text);
    r->problems++;
}

/* A tile as it was computed, against the file. Where a partial tile is gone, the full one is looked at. */
static int compare(void *user, const struct tlog_tile *t, const void *data, size_t len,
                   struct err *reterr)
{
    struct run *r = user;
    struct tlog_tile full = *t;
    char path[TLOG_TILE_PATH];
    if (t->level < 0)
        return 0; /* the entries themselves: they were what is computed from */
    full.width = TLOG_TILE_WIDTH;
    buf_release(&r->file);
    buf_init(&r->file, TLOG_TILE_BYTES);
    int got = r->files.get(r->files.user, tlog_tile_path(t, path), &r->file, reterr);
    if (got == E_NOTFOUND && t->width < TLOG_TILE_WIDTH)
        got = r->files.get(r->files.user, tlog_tile_path(&full, path), &r->file, NULL);
    tlog_tile_path(t, path);
    if (got < 0)
        problem(r, "%s cannot be read: %s", path, err_text(got));
    else if (r->file.len < len || memcmp(r->file.data, data, len) != 0)
        problem(r, "%s is not what the entries give", path);
    return 0;
}

static int take_bundle(struct run *r, struct tlog_frontier *f, const struct buf *bundle,
                       struct err *reterr)
{
    const uint8_t *entry;
    size_t at = 0, len;
    int got = 0;
    while (got >= 0 && f->size < r->c->size &&
           tlog_bundle_next(bundle->data, bundle->len, &at, &entry, &len) > 0) {
        if (r->v->entry)
            got = r->v->entry(r->v->user, f->size, (const char *)entry, len, reterr);
        if (got >= 0)
            got = tlog_frontier_append(f, entry, len, compare, r, reterr);
    }
    return got;
}

static void compare_partial(struct run *r, const struct tlog_frontier *f)
{
    for (int level = 0; level < TLOG_LEVELS; level++) {
        uint64_t hashes = f->size >> (8 * level);
        struct tlog_tile t = {level, hashes / TLOG_TILE_WIDTH, (unsigned)hashes % TLOG_TILE_WIDTH};
        if (t.width)
            (void)compare(r, &t, f->tiles[level], (size_t)t.width * 32, NULL);
    }
}

static void compare_root(struct run *r, const struct tlog_frontier *f)
{
    struct tlog_hash root;
    tlog_frontier_root(f, &root);
    if (!tlog_hash_equal(&root, &r->c->root))
        problem(r, "the %llu entries do not give the root hash that was signed",
                (unsigned long long)r->c->size);
}

int tlog_verify(struct tlog_files files, const struct tlog_checkpoint *c,
                const struct tlog_verify *v, struct err *reterr)
{
    struct run r = {.files = files, .c = c, .v = v};
    struct tlog_reader *reader = NULL;
    struct tlog_frontier *f = calloc(1, sizeof(*f));
    struct buf bundle;
    struct err why = {0};
    int got = f ? tlog_reader_open(files, c->size, &reader) : -ENOMEM;
    buf_init(&bundle, TLOG_BUNDLE_BYTES);
    if (f)
        tlog_frontier_init(f);
    while (got >= 0 && f->size < c->size) {
        int read = tlog_reader_bundle(reader, f->size / TLOG_TILE_WIDTH, &bundle, &why);
        if (read < 0) {
            problem(&r, "the entries from %llu on cannot be read: %s", (unsigned long long)f->size,
                    err_str(&why, read));
            break;
        }
        got = take_bundle(&r, f, &bundle, reterr);
    }
    if (got >= 0 && f->size == c->size) {
        compare_partial(&r, f);
        compare_root(&r, f);
    }
    tlog_reader_close(reader);
    if (f)
        tlog_frontier_release(f);
    free(f);
    buf_release(&bundle);
    buf_release(&r.file);
    return got < 0 ? got : r.problems;
}
