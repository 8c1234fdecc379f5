/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Spans of recordings as one file: which samples, which gaps, and the bytes. */
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/masked.h"
#include "base/clock.h"
#include "base/hex.h"

#define GAP_US (1500 * INT64_C(1000)) /* less than that between two recordings is their change */
#define GAPS_MAX 10000

/* What making a span needs to remember. */
struct making {
    struct masked_span *span;
    struct index *ix;
    int64_t from_us, to_us;
    bool strict, begun;
    int64_t shown_us;    /* first picture shown; INT64_MAX: none yet */
    int64_t covered_us;  /* what was covered up to now */
    char end_reason[24]; /* of the recording before */
    EVP_MD_CTX *digest;
};

/* ---- gaps ---- */

struct reason {
    int64_t from_us, to_us, best;
    struct index_gap *gap;
};

/* Of the noted reasons the one that overlaps most. */
static int weigh(void *user, const struct index_gap *g)
{
    struct reason *r = user;
    int64_t from = g->from_us > r->from_us ? g->from_us : r->from_us;
    int64_t to = g->to_us && g->to_us < r->to_us ? g->to_us : r->to_us;
    if (to - from > r->best) {
        r->best = to - from;
        memcpy(r->gap->reason, g->reason, sizeof(r->gap->reason));
        memcpy(r->gap->detail, g->detail, sizeof(r->gap->detail));
    }
    return 0;
}

static int note_gap(struct making *m, int64_t from_us, int64_t to_us)
{
    struct masked_span *s = m->span;
    if (to_us - from_us < GAP_US || s->gaps == GAPS_MAX)
        return 0;
    struct index_gap *more = reallocarray(s->gap, s->gaps + 1, sizeof(*more));
    if (!more)
        return -ENOMEM;
    s->gap = more;
    struct index_gap *g = &more[s->gaps++];
    *g = (struct index_gap){.from_us = from_us, .to_us = to_us};
    snprintf(g->camera, sizeof(g->camera), "%s", s->camera);
    snprintf(g->reason, sizeof(g->reason), "%s", m->end_reason[0] ? m->end_reason : "not-masked");
    struct reason r = {from_us, to_us, 0, g};
    return m->ix->ops->gaps(m->ix, s->camera, from_us, to_us, weigh, &r, NULL);
}

/* ---- samples ---- */

/* The fragment to begin with: the last key frame at or before from; with strict the first one in the span. */
static size_t first_fragment(const struct making *m, const struct masked_file *f)
{
    size_t n = mp4_reader_fragments(f->reader), best = n;
    for (size_t i = 0; i < n; i++) {
        if (!mp4_reader_entry(f->reader, i)->key)
            continue;
        int64_t at = masked_fragment_us(f, i);
        if (m->strict && at >= m->from_us)
            return i;
        if (!m->strict && (at <= m->from_us || best == n))
            best = i;
        if (at > m->from_us)
            break;
    }
    return best;
}

static int64_t sample_us(const struct mp4_info *info, int64_t ticks)
{
    return info->start_us + (int64_t)((__int128)ticks * SECOND_US / info->track[0].clock_rate);
}

static int add_fragment(struct making *m, const struct masked_file *f, size_t i, struct err *reterr)
{
    const struct mp4_info *info = mp4_reader_info(f->reader);
    struct mp4_sample s;
    int r = mp4_reader_peek(f->reader, i, reterr);
    while (r >= 0 && mp4_reader_next(f->reader, &s)) {
        int64_t at = sample_us(info, s.pts_ticks);
        if (s.track != 0)
            continue;
        if (at >= m->to_us)
            break;
        if (at + (int64_t)s.duration_ticks * SECOND_US / info->track[0].clock_rate > m->from_us &&
            at < m->shown_us)
            m->shown_us = at;
        r = mp4_virtual_sample(m->span->file, &s, reterr);
    }
    return r;
}

static int add_samples(struct making *m, const struct masked_file *f, int tag, struct err *reterr)
{
    size_t n = mp4_reader_fragments(f->reader);
    size_t i = m->begun ? 0 : first_fragment(m, f);
    int r = 0;
    /* What comes behind a change of files has to begin with a key frame, too. */
    while (i < n && !mp4_reader_entry(f->reader, i)->key)
        i++;
    if (i >= n || masked_fragment_us(f, i) >= m->to_us)
        return 0;
    int64_t begins = masked_fragment_us(f, i);
    r = note_gap(m, m->covered_us, begins < m->to_us ? begins : m->to_us);
    if (r >= 0)
        r = mp4_virtual_source(m->span->file, mp4_reader_info(f->reader), tag, reterr);
    for (; i < n && r >= 0 && masked_fragment_us(f, i) < m->to_us; i++) {
        r = add_fragment(m, f, i, reterr);
        m->covered_us = masked_fragment_end_us(f, i);
    }
    m->begun = true;
    return r;
}

static int add_recording(struct making *m, const struct index_recording *row, struct err *reterr)
{
    struct masked_file f = {0};
    struct masked_span *s = m->span;
    int tag = (int)s->paths;
    int r = masked_open(s->data_dir, row->path, &f, reterr);
    if (r == E_NOTFOUND || r == E_TRUNCATED) /* retention was faster, or it has just begun: a gap */
        return 0;
    if (r < 0)
        return r;
    memcpy(s->path[s->paths++], row->path, INDEX_PATH);
    uint64_t frames = mp4_virtual_frames(s->file);
    r = add_samples(m, &f, tag, reterr);
    frames = mp4_virtual_frames(s->file) - frames;
    EVP_DigestUpdate(m->digest, row->path, strlen(row->path));
    EVP_DigestUpdate(m->digest, &frames, sizeof(frames));
    snprintf(m->end_reason, sizeof(m->end_reason), "%s", row->end_reason);
    masked_close(&f);
    return r;
}

static int make(struct making *m, const struct masked_rows *rows, struct err *reterr)
{
    struct masked_span *s = m->span;
    uint8_t digest[32];
    int r = EVP_DigestInit_ex(m->digest, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
    for (size_t i = 0; i < rows->count && r >= 0; i++)
        r = add_recording(m, &rows->row[i], reterr);
    if (r >= 0 && m->covered_us < m->to_us)
        r = note_gap(m, m->covered_us, m->to_us);
    if (r >= 0)
        r = mp4_virtual_finish(s->file, m->shown_us, reterr);
    if (r < 0)
        return r;
    s->from_us = m->shown_us == INT64_MAX ? mp4_virtual_start_us(s->file) : m->shown_us;
    s->to_us = mp4_virtual_end_us(s->file);
    EVP_DigestUpdate(m->digest, &s->from_us, sizeof(s->from_us));
    EVP_DigestFinal_ex(m->digest, digest, NULL);
    s->etag[0] = '"';
    hex_encode(digest, 16, s->etag + 1);
    memcpy(s->etag + 33, "\"", 2);
    return 0;
}

static int span_new(const char *data_dir, const char *camera, size_t paths,
                    struct masked_span **ret)
{
    struct masked_span *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->refs = 1;
    snprintf(s->camera, sizeof(s->camera), "%s", camera);
    s->data_dir = strdup(data_dir);
    s->path = calloc(paths + 1, sizeof(*s->path));
    int r = s->data_dir && s->path ? mp4_virtual_new(&s->file) : -ENOMEM;
    if (r < 0) {
        masked_span_unref(s);
        return r;
    }
    *ret = s;
    return 0;
}

int masked_span_make(struct index *ix, const char *data_dir, const char *camera, int64_t from_us,
                     int64_t to_us, bool strict, struct masked_span **ret, struct err *reterr)
{
    struct masked_rows rows;
    struct making m = {.ix = ix,
                       .from_us = from_us,
                       .to_us = to_us,
                       .strict = strict,
                       .shown_us = INT64_MAX,
                       .covered_us = from_us};
    int r = masked_find(ix, camera, from_us, to_us, &rows, reterr);
    if (r < 0)
        return r;
    m.digest = EVP_MD_CTX_new();
    r = m.digest ? span_new(data_dir, camera, rows.count, &m.span) : -ENOMEM;
    if (r >= 0)
        r = make(&m, &rows, reterr);
    EVP_MD_CTX_free(m.digest);
    masked_rows_release(&rows);
    if (r < 0) {
        masked_span_unref(m.span);
        return r;
    }
    *ret = m.span;
    return 0;
}

void masked_span_unref(struct masked_span *s)
{
    if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    mp4_virtual_free(s->file);
    free(s->data_dir);
    free(s->path);
    free(s->gap);
    free(s);
}

/* ---- bytes ---- */

struct masked_reader {
    struct masked_span *span;
    struct masked_file file; /* the recording read last */
    int tag;
};

int masked_reader_new(struct masked_span *s, struct masked_reader **ret)
{
    struct masked_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    r->span = s;
    r->tag = -1;
    *ret = r;
    return 0;
}

void masked_reader_free(struct masked_reader *r)
{
    if (!r)
        return;
    masked_close(&r->file);
    masked_span_unref(r->span);
    free(r);
}

ssize_t masked_reader_read(struct masked_reader *r, uint64_t at, void *to, size_t max)
{
    struct mp4_virtual_part p;
    if (!mp4_virtual_at(r->span->file, at, &p))
        return 0;
    size_t n = p.length < max ? (size_t)p.length : max;
    if (p.memory) {
        memcpy(to, p.memory, n);
        return (ssize_t)n;
    }
    if (r->tag != p.tag) {
        masked_close(&r->file);
        r->tag = -1;
        int e = masked_open(r->span->data_dir, r->span->path[p.tag], &r->file, NULL);
        if (e < 0)
            return e;
        r->tag = p.tag;
    }
    ssize_t got = pread(r->file.fd, to, n, (off_t)p.offset);
    return got > 0   ? got
           : got < 0 ? -errno
                     : E_TRUNCATED; /* it was promised: 0 would look like the end */
}

static ssize_t read_body(void *self, uint64_t at, void *to, size_t max)
{
    return masked_reader_read(self, at, to, max);
}

static void free_body(void *self)
{
    masked_reader_free(self);
}

const struct http_body_ops masked_reader_ops = {.read = read_body, .free = free_body};

/* ---- lately asked for ---- */

#define KEPT 8
#define KEPT_US (10 * MINUTE_US)

struct kept {
    struct masked_span *span;
    int64_t from_us, to_us, used_us;
    bool strict;
};
struct masked_cache {
    pthread_mutex_t lock;
    struct kept kept[KEPT]; /* guarded by lock */
};

int masked_cache_new(struct masked_cache **ret)
{
    *ret = calloc(1, sizeof(**ret));
    if (!*ret)
        return -ENOMEM;
    pthread_mutex_init(&(*ret)->lock, NULL);
    return 0;
}

void masked_cache_free(struct masked_cache *c)
{
    if (!c)
        return;
    for (int i = 0; i < KEPT; i++)
        masked_span_unref(c->kept[i].span);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

struct masked_span *masked_cache_find(struct masked_cache *c, const char *camera, int64_t from_us,
                                      int64_t to_us, bool strict, int64_t now_us)
{
    struct masked_span *found = NULL;
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < KEPT && !found; i++) {
        struct kept *k = &c->kept[i];
        if (!k->span || k->from_us != from_us || k->to_us != to_us || k->strict != strict ||
            now_us - k->used_us > KEPT_US || strcmp(k->span->camera, camera) != 0)
            continue;
        k->used_us = now_us;
        found = k->span;
        __atomic_add_fetch(&found->refs, 1, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

void masked_cache_put(struct masked_cache *c, struct masked_span *s, int64_t from_us, int64_t to_us,
                      bool strict, int64_t now_us)
{
    pthread_mutex_lock(&c->lock);
    struct kept *oldest = &c->kept[0];
    for (int i = 1; i < KEPT; i++)
        if (!c->kept[i].span || (oldest->span && c->kept[i].used_us < oldest->used_us))
            oldest = &c->kept[i];
    masked_span_unref(oldest->span);
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    *oldest = (struct kept){s, from_us, to_us, now_us, strict};
    pthread_mutex_unlock(&c->lock);
}
