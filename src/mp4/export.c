/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One progressive file: ftyp · mdat (64-bit size) · moov. The tables wait in memory (about 16 bytes a sample, 35 MB a
 * day at 25 frames/s) and are written last. Not fragmented: what takes evidence in (players of offices and courts,
 * editing programs) knows plain MP4 best, and a reader that needs neither sidx nor moof cannot trip over them.
 * A gap is the long duration of the sample in front of it: the clock of every player stays right, the picture stands.
 * Source: ISO/IEC 14496-12 §8.5.2 (stsd), §8.6 (stts, ctts, stss), §8.7 (stsz, stsc, co64).
 */
#include "mp4/export.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "mp4/box.h"

#define PENDING_BYTES ((size_t)1 << 20)
#define CHUNK_BYTES ((uint64_t)1 << 20)
#define MOOV_CEILING ((size_t)3 << 30)
#define DESCRIPTIONS_MAX 4096
#define FTYP_BYTES 28
#define MDAT_HEADER 16

struct exported {
    uint32_t size, duration;
    int32_t offset; /* presentation - decode */
    uint32_t key;
};

struct chunk {
    uint64_t at;
    uint32_t samples, description;
};

struct export_track {
    struct media_track track; /* of the first source that has it; params is not kept */
    bool present;
    struct buf samples, chunks;     /* arrays of struct exported, struct chunk */
    struct buf entries, entry_ends; /* distinct sample entries, and where each ends (size_t) */
    uint32_t description; /* of the current source, counted from 1; 0: source has no such track */
    int64_t last_dts;
    uint64_t duration;
    bool offsets, negative, others; /* ctts is needed, of version 1; not all are sync samples */
};

struct mp4_export {
    int fd;
    uint64_t at; /* end of what was written or is pending */
    struct buf pending;
    struct mp4_info source;
    bool based;
    int64_t base_us; /* UTC of time 0 of the file: the first sample's presentation */
    struct export_track track[MP4_TRACKS];
    int last_track; /* of the chunk that grows */
};

static int write_at(int fd, const uint8_t *p, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int flush(struct mp4_export *e)
{
    int r = write_at(e->fd, e->pending.data, e->pending.len, e->at - e->pending.len);
    if (r >= 0)
        e->pending.len = 0;
    return r;
}

static int put(struct mp4_export *e, const void *data, size_t len)
{
    int r = 0;
    if (e->pending.len && e->pending.len + len > PENDING_BYTES)
        r = flush(e);
    if (r >= 0 && len >= PENDING_BYTES)
        r = write_at(e->fd, data, len, e->at);
    else if (r >= 0)
        r = buf_append(&e->pending, data, len);
    if (r >= 0)
        e->at += len;
    return r;
}

/* Number of the sample entry of @t, adding it when it is new. */
static int describe(struct export_track *x, const struct media_track *t, uint32_t *ret)
{
    struct buf b;
    struct boxes w = {.out = &b};
    buf_init(&b, 0);
    int r = mp4_sample_entry(&w, t, NULL);
    size_t n = x->entry_ends.len / sizeof(size_t), start = 0;
    const size_t *ends = (const size_t *)(const void *)x->entry_ends.data;
    for (size_t i = 0; i < n && r >= 0; start = ends[i], i++) {
        if (ends[i] - start != b.len || memcmp(x->entries.data + start, b.data, b.len) != 0)
            continue;
        *ret = (uint32_t)i + 1;
        goto done;
    }
    if (r >= 0 && n == DESCRIPTIONS_MAX)
        r = E_LIMIT;
    if (r >= 0)
        r = buf_reserve(&x->entry_ends, sizeof(size_t));
    if (r >= 0)
        r = buf_append(&x->entries, b.data, b.len);
    if (r >= 0) {
        size_t end = x->entries.len;
        r = buf_append(&x->entry_ends, &end, sizeof(end));
        *ret = (uint32_t)n + 1;
    }
done:
    buf_release(&b);
    return r < 0 ? r : 0;
}

int mp4_export_source(struct mp4_export *e, const struct mp4_info *info, struct err *reterr)
{
    for (int i = 0; i < MP4_TRACKS; i++) {
        struct export_track *x = &e->track[i];
        uint32_t description = 0;
        const struct media_track *t = &info->track[i];
        int r = i >= info->tracks ? 0 : t->clock_rate == 0 ? E_RANGE : describe(x, t, &description);
        if (r < 0)
            return err_set(reterr, r, "export: track %d of %s: %s", i, info->camera, err_text(r));
        x->description = description;
        if (description && !x->present) {
            x->present = true;
            x->track = *t;
            x->track.params = NULL;
        }
    }
    e->source = *info;
    return 0;
}

int mp4_export_open(int fd, const struct mp4_info *first, struct mp4_export **ret,
                    struct err *reterr)
{
    uint8_t front[FTYP_BYTES + MDAT_HEADER] = {0};
    struct mp4_export *e = calloc(1, sizeof(*e));
    if (!e)
        return err_set(reterr, -ENOMEM, "export: out of memory");
    e->fd = fd;
    e->last_track = -1;
    for (int i = 0; i < MP4_TRACKS; i++) {
        e->track[i].samples.ceiling = e->track[i].chunks.ceiling = MOOV_CEILING;
        e->track[i].last_dts = -1;
    }
    wr32(front, FTYP_BYTES);
    memcpy(front + 4, "ftypisom", 8);
    memcpy(front + 16, "isomiso6mp41", 12);
    wr32(front + FTYP_BYTES, 1);
    memcpy(front + FTYP_BYTES + 4, "mdat", 4);
    int r = put(e, front, sizeof(front));
    if (r >= 0)
        r = mp4_export_source(e, first, reterr);
    else
        err_set(reterr, r, "export: %s", err_text(r));
    if (r < 0) {
        mp4_export_abort(e);
        return r;
    }
    *ret = e;
    return 0;
}

static int64_t rescale(int64_t v, int64_t to, int64_t from)
{
    __int128 x = (__int128)v * to, half = from / 2;
    x = (x + (x < 0 ? -half : half)) / from;
    return x > INT64_MAX / 4 ? INT64_MAX / 4 : x < INT64_MIN / 4 ? INT64_MIN / 4 : (int64_t)x;
}

/* Add to the chunk that grows, or begin another when track or description change or it is long enough. */
static int note_chunk(struct mp4_export *e, int track, uint32_t size)
{
    struct export_track *x = &e->track[track];
    size_t n = x->chunks.len / sizeof(struct chunk);
    struct chunk *last = n ? (struct chunk *)(void *)x->chunks.data + n - 1 : NULL;
    if (last && e->last_track == track && last->description == x->description &&
        e->at + size - last->at <= CHUNK_BYTES) {
        last->samples++;
        return 0;
    }
    struct chunk c = {e->at, 1, x->description};
    int r = buf_append(&x->chunks, &c, sizeof(c));
    if (r >= 0)
        e->last_track = track;
    return r;
}

/* Settle the duration of the sample before, now that the next decode time is known. */
static void settle(struct export_track *x, int64_t dts)
{
    size_t n = x->samples.len / sizeof(struct exported);
    if (n == 0)
        return;
    int64_t d = dts - x->last_dts;
    struct exported *s = (struct exported *)(void *)x->samples.data + n - 1;
    s->duration = d > UINT32_MAX ? UINT32_MAX : (uint32_t)d;
    x->duration += s->duration;
}

int mp4_export_sample(struct mp4_export *e, const struct mp4_sample *s, struct err *reterr)
{
    if (s->track < 0 || s->track >= e->source.tracks || !e->track[s->track].description)
        return err_set(reterr, E_RANGE, "export: the source has no track %d", s->track);
    struct export_track *x = &e->track[s->track];
    int64_t from = e->source.track[s->track].clock_rate, rate = x->track.clock_rate;
    if (!e->based) {
        e->based = true;
        e->base_us = e->source.start_us + rescale(s->pts_ticks, SECOND_US, from);
    }
    int64_t shift = rescale(e->source.start_us - e->base_us, rate, SECOND_US);
    int64_t dts = shift + rescale((int64_t)(s->dts_ticks & INT64_MAX), rate, from);
    int64_t pts = shift + rescale(s->pts_ticks, rate, from);
    if (dts <= x->last_dts)
        dts = x->last_dts + 1;
    if (x->samples.len && dts - x->last_dts > UINT32_MAX)
        return err_set(
            reterr, E_RANGE,
            "export: a gap is longer than a sample can last; export the spans one by one");
    int64_t offset = pts - dts;
    struct exported add = {s->size, (uint32_t)rescale((int64_t)s->duration_ticks, rate, from),
                           offset > INT32_MAX || offset < INT32_MIN ? 0 : (int32_t)offset, s->key};
    int r = buf_reserve(&x->samples, sizeof(add));
    if (r >= 0)
        r = buf_reserve(&e->pending, s->size < PENDING_BYTES ? s->size : 0);
    if (r >= 0)
        r = note_chunk(e, s->track, s->size);
    if (r >= 0)
        r = put(e, s->data, s->size);
    if (r < 0)
        return err_set(reterr, r, "export: %s", err_text(r));
    settle(x, dts);
    buf_append(&x->samples, &add, sizeof(add));
    x->last_dts = dts;
    x->offsets |= add.offset != 0;
    x->negative |= add.offset < 0;
    x->others |= !add.key;
    return 0;
}

static size_t counted(struct boxes *w, const char *type, unsigned version, size_t *ret_count_at)
{
    size_t box = box_open_full(w, type, version, 0);
    *ret_count_at = w->out->len;
    box_u32(w, 0);
    return box;
}

static void close_counted(struct boxes *w, size_t box, size_t count_at, size_t count)
{
    if (w->err >= 0)
        wr32(w->out->data + count_at, (uint32_t)count);
    box_close(w, box);
}

/* stts and ctts: runs of equal values. */
static void run_table(struct boxes *w, const char *type, unsigned version, const struct exported *s,
                      size_t n, bool offsets)
{
    size_t at, box = counted(w, type, version, &at), runs = 0;
    for (size_t i = 0, k; i < n; i = k, runs++) {
        uint32_t v = offsets ? (uint32_t)s[i].offset : s[i].duration;
        for (k = i + 1; k < n && (offsets ? (uint32_t)s[k].offset : s[k].duration) == v;)
            k++;
        box_u32(w, (uint32_t)(k - i));
        box_u32(w, v);
    }
    close_counted(w, box, at, runs);
}

static void sync_table(struct boxes *w, const struct exported *s, size_t n)
{
    size_t at, box = counted(w, "stss", 0, &at), keys = 0;
    for (size_t i = 0; i < n; i++) {
        if (!s[i].key)
            continue;
        box_u32(w, (uint32_t)i + 1);
        keys++;
    }
    close_counted(w, box, at, keys);
}

static void chunk_tables(struct boxes *w, const struct chunk *c, size_t n)
{
    size_t at, box = counted(w, "stsc", 0, &at), runs = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && c[i].samples == c[i - 1].samples && c[i].description == c[i - 1].description)
            continue;
        box_u32(w, (uint32_t)i + 1);
        box_u32(w, c[i].samples);
        box_u32(w, c[i].description);
        runs++;
    }
    close_counted(w, box, at, runs);
    box = counted(w, "co64", 0, &at);
    for (size_t i = 0; i < n; i++)
        box_u64(w, c[i].at);
    close_counted(w, box, at, n);
}

static void tables(struct boxes *w, const struct export_track *x)
{
    const struct exported *s = (const struct exported *)(const void *)x->samples.data;
    size_t n = x->samples.len / sizeof(*s), box = box_open_full(w, "stsd", 0, 0);
    box_u32(w, (uint32_t)(x->entry_ends.len / sizeof(size_t)));
    box_bytes(w, x->entries.data, x->entries.len);
    box_close(w, box);
    run_table(w, "stts", 0, s, n, false);
    if (x->offsets)
        run_table(w, "ctts", x->negative, s, n, true);
    if (x->others)
        sync_table(w, s, n);
    box = box_open_full(w, "stsz", 0, 0);
    box_u32(w, 0);
    box_u32(w, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        box_u32(w, s[i].size);
    box_close(w, box);
    chunk_tables(w, (const struct chunk *)(const void *)x->chunks.data,
                 x->chunks.len / sizeof(struct chunk));
}

static int build_moov(struct mp4_export *e, struct buf *out)
{
    struct boxes w = {.out = out};
    uint32_t scale = e->track[0].track.clock_rate, tracks = 0;
    uint64_t longest = 0, movie[MP4_TRACKS] = {0};
    for (int i = 0; i < MP4_TRACKS; i++) {
        struct export_track *x = &e->track[i];
        size_t n = x->samples.len / sizeof(struct exported);
        if (n == 0)
            continue;
        x->duration += ((struct exported *)(void *)x->samples.data)[n - 1].duration;
        movie[i] = (uint64_t)rescale((int64_t)x->duration, scale, x->track.clock_rate);
        longest = movie[i] > longest ? movie[i] : longest;
    }
    size_t moov = box_open(&w, "moov");
    mp4_mvhd(&w, e->base_us, scale, longest, MP4_TRACKS + 1);
    for (int i = 0; i < MP4_TRACKS; i++) {
        const struct export_track *x = &e->track[i];
        size_t tokens[4];
        if (x->samples.len == 0)
            continue;
        mp4_trak_open(&w, ++tracks, &x->track, e->base_us, x->duration, movie[i], tokens);
        tables(&w, x);
        mp4_trak_close(&w, tokens);
    }
    box_close(&w, moov);
    return w.err < 0 ? w.err : tracks ? 0 : E_NOTFOUND;
}

int mp4_export_close(struct mp4_export *e, uint64_t *ret_bytes, struct err *reterr)
{
    struct buf moov;
    uint8_t size[8];
    uint64_t mdat = e->at - FTYP_BYTES;
    buf_init(&moov, MOOV_CEILING);
    int r = build_moov(e, &moov);
    if (r >= 0)
        r = put(e, moov.data, moov.len);
    if (r >= 0)
        r = flush(e);
    wr64(size, mdat);
    if (r >= 0)
        r = write_at(e->fd, size, sizeof(size), FTYP_BYTES + 8);
    if (r >= 0)
        *ret_bytes = e->at;
    else
        err_set(reterr, r, "export: %s",
                r == E_NOTFOUND ? "there is no picture in the span" : err_text(r));
    buf_release(&moov);
    mp4_export_abort(e);
    return r;
}

void mp4_export_abort(struct mp4_export *e)
{
    if (!e)
        return;
    for (int i = 0; i < MP4_TRACKS; i++) {
        buf_release(&e->track[i].samples);
        buf_release(&e->track[i].chunks);
        buf_release(&e->track[i].entries);
        buf_release(&e->track[i].entry_ends);
    }
    if (e->pending.data)
        memset(e->pending.data, 0, e->pending.len);
    buf_release(&e->pending);
    free(e);
}
