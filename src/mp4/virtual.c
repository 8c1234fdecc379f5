/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mp4/virtual.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "mp4/box.h"

#define FTYP_BYTES 28
#define MDAT_HEADER 16
#define TABLE_CEILING ((size_t)512 << 20)
#define DESCRIPTIONS 4096
#define EXTENT_BYTES ((uint64_t)16 << 20)

struct vsample {
    uint32_t size, duration;
    int32_t offset; /* presentation - decode */
    uint32_t key;
};

/* Samples that follow one another in a recording, and so in this file: a chunk. */
struct extent {
    uint64_t at, offset, length; /* at: from the beginning of the media data */
    int tag;
    uint32_t samples, description;
};

struct mp4_virtual {
    struct media_track track; /* of the first source; params not kept */
    struct mp4_info source;
    int tag;
    uint32_t description;
    struct buf samples, extents, entries, entry_ends, head;
    bool based, offsets, negative, others;
    int64_t base_us, last_dts, last_pts_end;
    uint64_t media_bytes, duration;
};

int mp4_virtual_new(struct mp4_virtual **ret)
{
    struct mp4_virtual *v = calloc(1, sizeof(*v));
    if (!v)
        return -ENOMEM;
    buf_init(&v->samples, TABLE_CEILING);
    buf_init(&v->extents, TABLE_CEILING);
    buf_init(&v->head, TABLE_CEILING);
    buf_init(&v->entries, 0);
    buf_init(&v->entry_ends, 0);
    v->last_dts = -1;
    *ret = v;
    return 0;
}

void mp4_virtual_free(struct mp4_virtual *v)
{
    if (!v)
        return;
    buf_release(&v->samples);
    buf_release(&v->extents);
    buf_release(&v->head);
    buf_release(&v->entries);
    buf_release(&v->entry_ends);
    free(v);
}

static size_t sample_count(const struct mp4_virtual *v)
{
    return v->samples.len / sizeof(struct vsample);
}

static size_t extent_count(const struct mp4_virtual *v)
{
    return v->extents.len / sizeof(struct extent);
}

static const struct extent *extents(const struct mp4_virtual *v)
{
    return (const struct extent *)(const void *)v->extents.data;
}

/* ---- sources ---- */

static int find_entry(const struct mp4_virtual *v, const struct buf *entry, uint32_t *ret)
{
    const size_t *ends = (const size_t *)(const void *)v->entry_ends.data;
    size_t n = v->entry_ends.len / sizeof(size_t), start = 0;
    for (size_t i = 0; i < n; start = ends[i], i++)
        if (ends[i] - start == entry->len &&
            memcmp(v->entries.data + start, entry->data, entry->len) == 0) {
            *ret = (uint32_t)i + 1;
            return 1;
        }
    *ret = (uint32_t)n + 1;
    return n == DESCRIPTIONS ? E_LIMIT : 0;
}

/* Number of the sample entry of @t, added when it is new. */
static int describe(struct mp4_virtual *v, const struct media_track *t)
{
    struct buf entry;
    struct boxes w = {.out = &entry};
    buf_init(&entry, 0);
    int r = mp4_sample_entry(&w, t, NULL);
    if (r >= 0)
        r = find_entry(v, &entry, &v->description);
    if (r == 0) {
        r = buf_append(&v->entries, entry.data, entry.len);
        size_t end = v->entries.len;
        if (r >= 0)
            r = buf_append(&v->entry_ends, &end, sizeof(end));
    }
    buf_release(&entry);
    return r < 0 ? r : 0;
}

int mp4_virtual_source(struct mp4_virtual *v, const struct mp4_info *info, int tag,
                       struct err *reterr)
{
    const struct media_track *t = &info->track[0];
    int r = info->encrypted                                                   ? E_UNSUPPORTED
            : info->tracks < 1 || !media_is_video(t->codec) || !t->clock_rate ? E_RANGE
                                                                              : describe(v, t);
    if (r < 0)
        return err_set(reterr, r, "a recording of %s: %s", info->camera, err_text(r));
    if (!v->track.clock_rate) {
        v->track = *t;
        v->track.params = NULL;
    }
    v->source = *info;
    v->tag = tag;
    return 0;
}

/* ---- samples ---- */

static int64_t rescale(int64_t n, int64_t to, int64_t from)
{
    __int128 x = (__int128)n * to, half = from / 2;
    x = (x + (x < 0 ? -half : half)) / from;
    return x > INT64_MAX / 4 ? INT64_MAX / 4 : x < INT64_MIN / 4 ? INT64_MIN / 4 : (int64_t)x;
}

static void settle(struct mp4_virtual *v, int64_t dts)
{
    size_t n = sample_count(v);
    if (!n)
        return;
    struct vsample *s = (struct vsample *)(void *)v->samples.data + n - 1;
    s->duration = (uint32_t)(dts - v->last_dts);
    v->duration += s->duration;
}

static int note_extent(struct mp4_virtual *v, const struct mp4_sample *s)
{
    size_t n = extent_count(v);
    struct extent *last = n ? (struct extent *)(void *)v->extents.data + n - 1 : NULL;
    if (last && last->tag == v->tag && last->description == v->description &&
        last->offset + last->length == s->offset && last->length + s->size <= EXTENT_BYTES) {
        last->length += s->size;
        last->samples++;
        return 0;
    }
    const struct extent add = {v->media_bytes, s->offset, s->size, v->tag, 1, v->description};
    return buf_append(&v->extents, &add, sizeof(add));
}

int mp4_virtual_sample(struct mp4_virtual *v, const struct mp4_sample *s, struct err *reterr)
{
    if (s->track != 0)
        return 0;
    int64_t from = v->source.track[0].clock_rate, rate = v->track.clock_rate;
    if (!v->based) {
        v->based = true;
        v->base_us = v->source.start_us + rescale(s->pts_ticks, SECOND_US, from);
    }
    int64_t shift = rescale(v->source.start_us - v->base_us, rate, SECOND_US);
    int64_t dts = shift + rescale((int64_t)(s->dts_ticks & INT64_MAX), rate, from);
    int64_t pts = shift + rescale(s->pts_ticks, rate, from);
    if (dts <= v->last_dts)
        dts = v->last_dts + 1;
    if (sample_count(v) && dts - v->last_dts > UINT32_MAX)
        return err_set(reterr, E_RANGE,
                       "A gap is longer than a picture can last (13 hours); export "
                       "the spans before and behind it one by one.");
    if (sample_count(v) >= MP4_VIRTUAL_SAMPLES)
        return err_set(reterr, E_LIMIT, "The span holds too many pictures for one file.");
    int64_t offset = pts - dts;
    const struct vsample add = {s->size, (uint32_t)rescale((int64_t)s->duration_ticks, rate, from),
                                offset > INT32_MAX || offset < INT32_MIN ? 0 : (int32_t)offset,
                                s->key};
    int r = buf_reserve(&v->samples, sizeof(add));
    if (r >= 0)
        r = note_extent(v, s);
    if (r < 0)
        return err_set(reterr, r, "The span does not fit into memory.");
    settle(v, dts);
    buf_append(&v->samples, &add, sizeof(add));
    v->media_bytes += s->size;
    v->last_dts = dts;
    v->last_pts_end = pts + add.duration;
    v->offsets |= add.offset != 0;
    v->negative |= add.offset < 0;
    v->others |= !add.key;
    return 0;
}

/* ---- head ---- */

static size_t counted(struct boxes *w, const char *type, unsigned version, size_t *ret_at)
{
    size_t box = box_open_full(w, type, version, 0);
    *ret_at = w->out->len;
    box_u32(w, 0);
    return box;
}

static void close_counted(struct boxes *w, size_t box, size_t at, size_t count)
{
    if (w->err >= 0)
        wr32(w->out->data + at, (uint32_t)count);
    box_close(w, box);
}

static void run_table(struct boxes *w, const char *type, unsigned version, const struct vsample *s,
                      size_t n, bool offsets)
{
    size_t at, box = counted(w, type, version, &at), runs = 0;
    for (size_t i = 0, k; i < n; i = k, runs++) {
        uint32_t value = offsets ? (uint32_t)s[i].offset : s[i].duration;
        for (k = i + 1; k < n && (offsets ? (uint32_t)s[k].offset : s[k].duration) == value;)
            k++;
        box_u32(w, (uint32_t)(k - i));
        box_u32(w, value);
    }
    close_counted(w, box, at, runs);
}

static void size_tables(struct boxes *w, const struct mp4_virtual *v)
{
    const struct vsample *s = (const struct vsample *)(const void *)v->samples.data;
    size_t n = sample_count(v), at, keys = 0;
    if (v->others) {
        size_t box = counted(w, "stss", 0, &at);
        for (size_t i = 0; i < n; i++)
            if (s[i].key) {
                box_u32(w, (uint32_t)i + 1);
                keys++;
            }
        close_counted(w, box, at, keys);
    }
    size_t box = box_open_full(w, "stsz", 0, 0);
    box_u32(w, 0);
    box_u32(w, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        box_u32(w, s[i].size);
    box_close(w, box);
}

/* @media: where in the file the media data begin. */
static void chunk_tables(struct boxes *w, const struct mp4_virtual *v, uint64_t media)
{
    const struct extent *c = extents(v);
    size_t n = extent_count(v), at, runs = 0, box = counted(w, "stsc", 0, &at);
    for (size_t i = 0; i < n; i++) {
        if (i && c[i].samples == c[i - 1].samples && c[i].description == c[i - 1].description)
            continue;
        box_u32(w, (uint32_t)i + 1);
        box_u32(w, c[i].samples);
        box_u32(w, c[i].description);
        runs++;
    }
    close_counted(w, box, at, runs);
    box = counted(w, "co64", 0, &at);
    for (size_t i = 0; i < n; i++)
        box_u64(w, media + c[i].at);
    close_counted(w, box, at, n);
}

static void edit_list(struct boxes *w, int64_t media_time, uint64_t duration)
{
    size_t edts = box_open(w, "edts"), elst = box_open_full(w, "elst", 1, 0);
    box_u32(w, 1);
    box_u64(w, duration);
    box_u64(w, (uint64_t)media_time);
    box_u32(w, 0x00010000);
    box_close(w, elst);
    box_close(w, edts);
}

static int build_head(struct mp4_virtual *v, int64_t skip, uint64_t media)
{
    static const uint8_t ftyp[FTYP_BYTES] = {
        0, 0, 0,   FTYP_BYTES, 'f', 't', 'y', 'p', 'i', 's', 'o', 'm', 0,   0,
        0, 0, 'i', 's',        'o', 'm', 'i', 's', 'o', '6', 'm', 'p', '4', '1'};
    const struct vsample *s = (const struct vsample *)(const void *)v->samples.data;
    struct boxes w = {.out = &v->head};
    uint64_t shown = v->duration - (uint64_t)skip;
    size_t t[4];
    v->head.len = 0;
    box_bytes(&w, ftyp, sizeof(ftyp));
    size_t moov = box_open(&w, "moov");
    mp4_mvhd(&w, v->base_us, v->track.clock_rate, shown, 2);
    mp4_trak_open(&w, 1, &v->track, v->base_us, v->duration, shown, t);
    size_t stsd = box_open_full(&w, "stsd", 0, 0);
    box_u32(&w, (uint32_t)(v->entry_ends.len / sizeof(size_t)));
    box_bytes(&w, v->entries.data, v->entries.len);
    box_close(&w, stsd);
    run_table(&w, "stts", 0, s, sample_count(v), false);
    if (v->offsets)
        run_table(&w, "ctts", v->negative, s, sample_count(v), true);
    size_tables(&w, v);
    chunk_tables(&w, v, media);
    for (int i = 3; i > 0; i--)
        box_close(&w, t[i]);
    if (skip)
        edit_list(&w, skip, shown);
    box_close(&w, t[0]);
    box_close(&w, moov);
    box_u32(&w, 1);
    box_bytes(&w, "mdat", 4);
    box_u64(&w, MDAT_HEADER + v->media_bytes);
    return w.err;
}

int mp4_virtual_finish(struct mp4_virtual *v, int64_t show_us, struct err *reterr)
{
    size_t n = sample_count(v);
    if (!n)
        return err_set(reterr, E_NOTFOUND, "There is no picture in that span.");
    v->duration += ((const struct vsample *)(const void *)v->samples.data)[n - 1].duration;
    int64_t skip = rescale(show_us - v->base_us, v->track.clock_rate, SECOND_US);
    if (skip < 0 || (uint64_t)skip >= v->duration)
        skip = 0;
    /* Once for the size of the head, once more with the offsets that follow from it. */
    int r = build_head(v, skip, 0);
    if (r >= 0)
        r = build_head(v, skip, v->head.len);
    return r < 0 ? err_set(reterr, r, "The span does not fit into memory.") : 0;
}

/* ---- reading ---- */

uint64_t mp4_virtual_bytes(const struct mp4_virtual *v)
{
    return v->head.len + v->media_bytes;
}

uint64_t mp4_virtual_frames(const struct mp4_virtual *v)
{
    return sample_count(v);
}

int64_t mp4_virtual_start_us(const struct mp4_virtual *v)
{
    return v->base_us;
}

int64_t mp4_virtual_end_us(const struct mp4_virtual *v)
{
    return v->base_us + rescale(v->last_pts_end, SECOND_US, v->track.clock_rate);
}

bool mp4_virtual_at(const struct mp4_virtual *v, uint64_t at, struct mp4_virtual_part *ret)
{
    if (at < v->head.len) {
        *ret = (struct mp4_virtual_part){.memory = v->head.data + at, .length = v->head.len - at};
        return true;
    }
    at -= v->head.len;
    if (at >= v->media_bytes)
        return false;
    const struct extent *x = extents(v);
    size_t low = 0, high = extent_count(v);
    while (high - low > 1) { /* the last extent that begins at or before it */
        size_t middle = low + (high - low) / 2;
        if (x[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    uint64_t into = at - x[low].at;
    *ret = (struct mp4_virtual_part){
        .tag = x[low].tag, .offset = x[low].offset + into, .length = x[low].length - into};
    return true;
}
