/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Check, and with repair mend, what rows and files say about each other. The files are the truth: a
 * row is made from its file, never the other way round. One line per finding; what repair did
 * stands in the same line.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mp4/reader.h"
#include "store/store_private.h"

#define KID 16
#define SHARES_MAX ((size_t)256 << 20)

/* The share file that was read last: recordings come in order of time. */
struct share_cache {
    char path[INDEX_PATH];
    uint8_t (*kid)[KID]; /* sorted */
    size_t n, cap;
};

struct fsck {
    int dirfd;
    const struct index_ops *ops;
    struct index *ix, *walk; /* to look up and to change; to iterate */
    bool repair, verify;
    void (*line)(void *user, const char *text);
    void *user;
    struct store_check *count;
    struct share_cache shares;
};

enum outcome { FOUND, REPAIRED, LOST };

static void say(struct fsck *f, enum outcome outcome, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct fsck *f, enum outcome outcome, const char *fmt, ...)
{
    static const char *const suffix[] = {
        [FOUND] = "", [REPAIRED] = " (repaired)", [LOST] = " (cannot be repaired)"};
    char text[512];
    va_list ap;
    f->count->problems++;
    f->count->repaired += outcome == REPAIRED;
    f->count->unrepairable += outcome == LOST;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text) - 32, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    size_t len = strlen(text);
    snprintf(text + len, sizeof(text) - len, "%s", suffix[outcome]);
    if (f->line)
        f->line(f->user, text);
}

static int change(struct fsck *f, int kind, const struct index_recording *r)
{
    struct index_change c = {.kind = kind, .recording = *r};
    return f->ops->apply(f->ix, &c, 1, NULL);
}

/* A repair that failed is a problem that stays. */
static enum outcome outcome_of(const struct fsck *f, int err)
{
    return !f->repair ? FOUND : err < 0 ? LOST : REPAIRED;
}

static int remake_row(struct fsck *f, const struct index_recording *r)
{
    struct index_change c[2] = {{.kind = INDEX_DROP_RECORDING, .recording = *r},
                                {.kind = INDEX_CLOSE_RECORDING, .recording = *r}};
    return f->ops->apply(f->ix, c, 2, NULL);
}

static int drop(struct fsck *f, const struct index_recording *r, bool with_file)
{
    if (with_file && unlinkat(f->dirfd, r->path, 0) < 0 && errno != ENOENT)
        return -errno;
    if (with_file)
        (void)disk_sync_parents(f->dirfd, r->path);
    return change(f, INDEX_DROP_RECORDING, r);
}

/* ---- shares ---- */

static int by_kid(const void *a, const void *b)
{
    return memcmp(a, b, KID);
}

static int add_kid(struct share_cache *c, const uint8_t *record, size_t record_len)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 256;
        uint8_t(*v)[KID] = realloc(c->kid, cap * sizeof(*v));
        if (!v)
            return -ENOMEM;
        c->kid = v;
        c->cap = cap;
    }
    uint8_t hash[32];
    if (!EVP_Digest(record, record_len, hash, NULL, EVP_sha256(), NULL))
        return E_BUG;
    memcpy(c->kid[c->n++], hash, KID);
    return 0;
}

/* Length of the whole record at @p, 0 if there is none. Its inside is not looked at: that takes the
 * seal's code. */
static size_t share_record(const uint8_t *p, size_t len)
{
    uint8_t hash[32];
    if (len < 32 || memcmp(p, "LETHKEY1", 8) != 0)
        return 0;
    size_t whole = rd32(p + 8), text = rd16(p + 12);
    if (whole < 32 || whole > 65536 || whole > len || 16 + text > whole - 16 ||
        !EVP_Digest(p, whole - 16, hash, NULL, EVP_sha256(), NULL))
        return 0;
    return memcmp(hash, p + whole - 16, 16) == 0 ? whole : 0;
}

/* Key ids of all whole records. The id of a key is not in the file: it is the hash of its key
 * record. */
static int list_kids(struct share_cache *c, const uint8_t *data, size_t len)
{
    int err = 0;
    for (size_t at = 0; err >= 0 && at < len;) {
        size_t n = share_record(data + at, len - at);
        if (n > 0) {
            err = add_kid(c, data + at + 16, rd16(data + at + 12));
            at += n;
        } else { /* torn by a crash: on to the next */
            const uint8_t *next = memmem(data + at + 1, len - at - 1, "LETHKEY1", 8);
            at = next ? (size_t)(next - data) : len;
        }
    }
    if (c->n > 1)
        qsort(c->kid, c->n, sizeof(*c->kid), by_kid);
    return err;
}

static int load_shares(struct fsck *f, const char *path)
{
    struct share_cache *c = &f->shares;
    struct stat st;
    c->n = 0;
    snprintf(c->path, sizeof(c->path), "%s", path);
    int fd = openat(f->dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    int err = fstat(fd, &st) < 0 ? -errno : (uint64_t)st.st_size > SHARES_MAX ? E_LIMIT : 0;
    if (err >= 0 && st.st_size > 0) {
        uint8_t *data = malloc((size_t)st.st_size);
        err = data ? disk_read(fd, data, (size_t)st.st_size, 0) : -ENOMEM;
        if (err >= 0)
            err = list_kids(c, data, (size_t)st.st_size);
        free(data);
    }
    close(fd);
    return err;
}

static bool has_key(struct fsck *f, const struct index_recording *r)
{
    char path[INDEX_PATH];
    if (store_shares_path(r->epoch_us, r->retention_days, path) < 0)
        return false;
    if (strcmp(path, f->shares.path) != 0)
        (void)load_shares(f, path);
    return f->shares.n > 0 && bsearch(r->kid, f->shares.kid, f->shares.n, KID, by_kid);
}

static void check_key(struct fsck *f, const struct index_recording *r)
{
    static const uint8_t none[16];
    if (r->view == MP4_SEALED && memcmp(r->kid, none, 16) != 0 && !has_key(f, r))
        say(f, f->repair ? LOST : FOUND,
            "%s: the shares of its key are missing, nobody can open it", r->path);
}

/* ---- one recording ---- */

static void verify_hashes(struct fsck *f, const char *path)
{
    struct mp4_reader *r = NULL;
    struct err e = {0};
    size_t bad = 0, first = 0;
    int fd = openat(f->dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && mp4_reader_open(fd, &r, &e) >= 0) {
        for (size_t i = 0; i < mp4_reader_fragments(r); i++)
            if (mp4_reader_verify(r, i, &e) < 0 && bad++ == 0)
                first = i;
    }
    if (bad > 0)
        say(f, f->repair ? LOST : FOUND,
            "%s: %zu fragments differ from their SHA-256, the first is number %zu", path, bad,
            first);
    mp4_reader_close(r);
    if (fd >= 0)
        close(fd);
}

static void finish_file(struct fsck *f, const struct index_recording *row, const char *what)
{
    enum recover_result result = RECOVER_DAMAGED;
    struct index_recording r;
    struct err e = {0};
    int err = f->repair ? recover_file(f->dirfd, row->path, "crash", &result, &r, NULL, &e) : 0;
    if (f->repair && err >= 0)
        err = remake_row(f, &r);
    say(f, outcome_of(f, err), "%s: %s%s%s", row->path, what, err < 0 ? ": " : "",
        err < 0 ? err_str(&e, err) : "");
}

static bool row_matches(const struct index_recording *row, const struct index_recording *file)
{
    return strcmp(row->camera, file->camera) == 0 && row->view == file->view &&
           row->start_us == file->start_us && row->epoch_us == file->epoch_us &&
           memcmp(row->kid, file->kid, 16) == 0 && row->bytes == file->bytes &&
           row->frames == file->frames && memcmp(row->manifest, file->manifest, 32) == 0 &&
           strcmp(row->end_reason, file->end_reason) == 0;
}

/* A closed file against its row; @row NULL: there is none. */
static void check_closed(struct fsck *f, const struct index_recording *row,
                         const struct index_recording *file)
{
    if (!row) {
        say(f, outcome_of(f, f->repair ? change(f, INDEX_CLOSE_RECORDING, file) : 0),
            "%s: has no row", file->path);
    } else if (row->state == INDEX_OPEN) {
        say(f, outcome_of(f, f->repair ? remake_row(f, file) : 0), "%s: is closed, its row is not",
            file->path);
    } else if (!row_matches(row, file)) {
        const char *what = row->bytes != file->bytes                        ? "size"
                           : memcmp(row->manifest, file->manifest, 32) != 0 ? "hash of the manifest"
                                                                            : "description";
        say(f, outcome_of(f, f->repair ? remake_row(f, file) : 0),
            "%s: the %s in its row is not that of the file", file->path, what);
    }
    check_key(f, file);
    if (f->verify)
        verify_hashes(f, file->path);
}

static void check_file(struct fsck *f, const char *path, const struct index_recording *row)
{
    enum recover_result result = RECOVER_DAMAGED;
    struct index_recording file;
    struct err e = {0};
    uint64_t end = 0, size = 0;
    int err = recover_probe(f->dirfd, path, &result, &file, &end, &size, &e);
    snprintf(file.path, sizeof(file.path), "%s", path);
    if (err == E_NOTFOUND) {
        say(f, outcome_of(f, f->repair && row ? drop(f, row, false) : 0),
            "%s: the file of this row is missing", path);
    } else if (err < 0) {
        say(f, f->repair ? LOST : FOUND, "%s", err_str(&e, err));
    } else if (result == RECOVER_WAS_CLOSED) {
        check_closed(f, row, &file);
    } else if (result == RECOVER_EMPTY) {
        say(f, outcome_of(f, f->repair ? drop(f, &file, true) : 0), "%s: holds no picture", path);
    } else if (result == RECOVER_DAMAGED) {
        say(f, f->repair ? LOST : FOUND, "%s: is not readable as a recording", path);
    } else {
        char what[96] = "was left open";
        if (row && row->state == INDEX_CLOSED)
            snprintf(what, sizeof(what), "was cut short, %lld of %lld pictures are left",
                     (long long)file.frames, (long long)row->frames);
        else if (end < size)
            snprintf(what, sizeof(what), "was left open, %llu bytes at its end are torn",
                     (unsigned long long)(size - end));
        finish_file(f, &file, what);
        check_key(f, &file);
    }
}

/* ---- passes ---- */

static int on_row(void *user, const struct index_recording *r)
{
    struct fsck *f = user;
    f->count->rows++;
    check_file(f, r->path, r);
    return 0;
}

struct garbage {
    struct index_recording *r;
    size_t n, cap;
};

static int on_unfinished(void *user, const struct index_recording *r)
{
    struct garbage *g = user;
    if (r->state != INDEX_GARBAGE)
        return 0;
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 64;
        struct index_recording *v = realloc(g->r, cap * sizeof(*v));
        if (!v)
            return -ENOMEM;
        g->r = v;
        g->cap = cap;
    }
    g->r[g->n++] = *r;
    return 0;
}

static int check_garbage(struct fsck *f, struct err *reterr)
{
    struct garbage g = {0};
    int err = f->ops->unfinished(f->walk, on_unfinished, &g, reterr);
    for (size_t i = 0; i < g.n && err >= 0; i++)
        say(f, outcome_of(f, f->repair ? drop(f, &g.r[i], true) : 0),
            "%s: its deletion was not finished", g.r[i].path);
    free(g.r);
    return err;
}

static int on_file(void *user, const char *path)
{
    struct fsck *f = user;
    struct index_recording r;
    f->count->files++;
    int err = f->ops->find(f->ix, path, &r);
    if (err == E_NOTFOUND)
        check_file(f, path, NULL);
    return err == E_NOTFOUND ? 0 : err;
}

static int on_other(void *user, const char *path)
{
    struct fsck *f = user;
    size_t n = strlen(path);
    bool aside = n > 8 && strcmp(path + n - 8, ".damaged") == 0;
    say(f, f->repair ? LOST : FOUND,
        aside ? "%s: was set aside, look at it and remove it" : "%s: is not a recording", path);
    return 0;
}

static int on_index_problem(void *user, const char *text)
{
    struct fsck *f = user;
    say(f, f->repair ? LOST : FOUND, "index: %s; `lethe reindex` makes it anew", text);
    return 0;
}

static void check_identity(struct fsck *f)
{
    char known[STORE_UUID] = "", id[STORE_UUID] = "";
    int err = volume_read_id(f->dirfd, id);
    int in_index = f->ops->meta_get(f->ix, "volume_id", known, sizeof(known));
    if (err == E_NOTFOUND && in_index == E_NOTFOUND)
        return; /* never used */
    if (err < 0)
        say(f, f->repair ? LOST : FOUND,
            "volume-id is missing or unreadable, the index knows volume %s", known);
    else if (strcmp(known, id) != 0)
        say(f,
            outcome_of(f, f->repair && !known[0] ? f->ops->meta_put(f->ix, "volume_id", id, NULL)
                                                 : E_MISMATCH),
            "this is volume %s, the index belongs to %s", id, known[0] ? known : "none");
}

static int run(struct fsck *f, struct err *reterr)
{
    check_identity(f);
    int err = f->ops->check(f->walk, on_index_problem, f, reterr);
    if (err >= 0)
        err = check_garbage(f, reterr);
    if (err >= 0)
        err = f->ops->recordings(f->walk, NULL, -1, INT64_MIN, INT64_MAX, on_row, f, reterr);
    if (err >= 0)
        err = path_walk(f->dirfd, INT64_MIN, on_file, on_other, f);
    return err;
}

int store_fsck(const char *data_dir, const struct index_ops *ops, bool repair, bool verify,
               void (*line)(void *user, const char *text), void *user, struct store_check *ret,
               struct err *reterr)
{
    struct store_check count = {0};
    struct fsck f = {.dirfd = -1,
                     .ops = ops,
                     .repair = repair,
                     .verify = verify,
                     .line = line,
                     .user = user,
                     .count = &count};
    int err = volume_lock(data_dir, &f.dirfd, reterr);
    if (err >= 0)
        err = ops->open(data_dir, false, &f.ix, reterr);
    if (err >= 0)
        err = ops->open(data_dir, true, &f.walk, reterr);
    if (err == E_CORRUPT) {
        on_index_problem(&f, reterr ? reterr->text : "is damaged");
        err = 0;
    } else if (err >= 0) {
        err = run(&f, reterr);
    }
    free(f.shares.kid);
    if (f.walk)
        ops->close(f.walk);
    if (f.ix)
        ops->close(f.ix);
    if (f.dirfd >= 0)
        close(f.dirfd);
    if (err >= 0)
        *ret = count;
    return err < 0 ? err : 0;
}
