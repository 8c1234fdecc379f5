/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Fragments. Samples go straight to their final place: room for the header is left in front of them, as much as the
 * last header of this object needed and a margin, and the header is written backwards from the first sample:
 *
 *   page 0 (spare) | free · prft · moof · mdat header | video samples … | audio samples | zeros     one mapping
 *
 * Audio is kept in a zone of its own and moved behind the video at the end, so that each track needs one trun.
 * Source: ISO/IEC 14496-12 §8.8 (moof), §8.16.5 (prft); ISO/IEC 23001-7 §7.1, §7.2 (saiz, saio, senc).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "mp4/box.h"

#define SAMPLES_MAX 2048
#define AUDIO_ZONE ((size_t)512 << 10)
#define VIDEO_END (MP4_FRAGMENT_MAX - AUDIO_ZONE)
#define SENC_ZONE ((size_t)SAMPLES_MAX * MP4_SENC_BYTES)
#define FIRST_ROOM 2048
#define TRIM_BYTES ((size_t)512 << 10) /* memory that an idle fragment may keep in any case */
#define NTP_1900_TO_1970 UINT64_C(2208988800)

#define PRFT_BYTES 32
#define MFHD_BYTES 16
#define TRAF_FIXED                                                                                 \
    (8 + 20 + 20 + 24) /* traf, tfhd, tfdt, trun with data offset and first sample flags */
#define TRAF_SEALED (17 + 20 + 16) /* saiz, saio, senc without entries */
#define FLAGS_KEY 0x02000000U      /* depends on no other sample */
#define FLAGS_OTHER 0x01010000U    /* depends on others, is no sync sample */

struct sample {
    int64_t dts;
    int32_t offset; /* presentation - decode */
    uint32_t size;
    bool key;
    uint8_t senc; /* length of its senc entry */
};

struct track {
    struct sample *sample; /* SAMPLES_MAX, in the mapping */
    uint8_t *senc;         /* SENC_ZONE, in the mapping */
    unsigned samples;
    size_t senc_bytes, data_bytes;
    bool offsets;  /* some presentation time differs from the decode time */
    bool late_key; /* a sample but the first is a key frame */
};

struct mp4_fragment {
    uint8_t *map;
    const struct mp4_info *info;
    size_t room; /* bytes left for the header behind the spare page */
    size_t high_water, kept;
    struct track track[MP4_TRACKS];
    struct mp4_entry entry;
    size_t bare, bare_len; /* moof and mdat of the finished fragment, in the mapping */
};

static size_t map_bytes(void)
{
    return MP4_FRAGMENT_MAX + MP4_TRACKS * (SAMPLES_MAX * sizeof(struct sample) + SENC_ZONE);
}

int mp4_fragment_new(struct mp4_fragment **ret)
{
    struct mp4_fragment *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->map = mmap(NULL, map_bytes(), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (f->map == MAP_FAILED) {
        free(f);
        return -ENOMEM;
    }
    madvise(f->map, map_bytes(),
            MADV_NOHUGEPAGE); /* a huge page per camera would be 2 MiB of memory */
    uint8_t *p = f->map + MP4_FRAGMENT_MAX;
    for (int i = 0; i < MP4_TRACKS; i++) {
        f->track[i].sample = (struct sample *)(void *)p;
        p += SAMPLES_MAX * sizeof(struct sample);
        f->track[i].senc = p;
        p += SENC_ZONE;
    }
    f->room = FIRST_ROOM;
    *ret = f;
    return 0;
}

void mp4_fragment_free(struct mp4_fragment *f)
{
    if (!f)
        return;
    munmap(f->map, map_bytes());
    free(f);
}

/* A burst must not pin its memory for ever: what was not needed lately goes back. */
static void trim(struct mp4_fragment *f)
{
    f->kept -= f->kept / 8;
    if (f->kept < TRIM_BYTES)
        f->kept = TRIM_BYTES;
    if (f->high_water < f->kept * 2)
        return;
    madvise(f->map + f->kept / MP4_ALIGN * MP4_ALIGN, VIDEO_END - f->kept / MP4_ALIGN * MP4_ALIGN,
            MADV_DONTNEED);
    f->high_water = f->kept;
}

void mp4_fragment_begin(struct mp4_fragment *f, const struct mp4_info *info)
{
    trim(f);
    f->info = info;
    f->entry = (struct mp4_entry){0};
    for (int i = 0; i < MP4_TRACKS; i++) {
        struct track *t = &f->track[i];
        *t = (struct track){.sample = t->sample, .senc = t->senc};
    }
}

/* Upper bound of the header for what has been appended. */
static size_t header_bound(const struct mp4_fragment *f)
{
    size_t n = PRFT_BYTES + 8 + MFHD_BYTES + 8;
    for (int i = 0; i < MP4_TRACKS; i++)
        n += TRAF_FIXED + TRAF_SEALED + f->track[i].samples * (size_t)17 + f->track[i].senc_bytes;
    return n;
}

static size_t video_start(const struct mp4_fragment *f)
{
    return MP4_ALIGN + f->room;
}

static bool fits(const struct mp4_fragment *f, int track, uint32_t size)
{
    size_t head = header_bound(f) + 17 + MP4_SENC_BYTES + MP4_ALIGN;
    size_t data = f->track[0].data_bytes + f->track[1].data_bytes + size;
    if (f->track[track].samples == SAMPLES_MAX ||
        (track == 1 && f->track[1].data_bytes + size > AUDIO_ZONE))
        return false;
    return (head > video_start(f) ? head : video_start(f)) + data + 2 * MP4_ALIGN <= VIDEO_END;
}

int mp4_fragment_append(struct mp4_fragment *f, int track, const struct media_au *au,
                        int64_t dts_ticks, int64_t pts_ticks, struct mp4_cipher *cipher)
{
    if (track < 0 || track >= f->info->tracks)
        return E_RANGE;
    if (f->info->encrypted != (cipher != NULL))
        return E_BUG;
    if (au->size > MP4_FRAGMENT_MAX || !fits(f, track, au->size))
        return E_LIMIT;
    struct track *t = &f->track[track];
    uint8_t *zone = track == 0 ? f->map + video_start(f) : f->map + VIDEO_END;
    int senc = mp4_seal_sample(cipher, f->info->track[track].codec, au->data, au->size,
                               zone + t->data_bytes, t->senc + t->senc_bytes);
    if (senc < 0)
        return senc;
    int64_t least = t->samples ? t->sample[t->samples - 1].dts + 1 : 0;
    if (dts_ticks < least)
        dts_ticks = least;
    int64_t offset;
    if (__builtin_sub_overflow(pts_ticks, dts_ticks, &offset) || offset > INT32_MAX ||
        offset < INT32_MIN)
        offset = 0; /* no stream reorders over hours: a wild timestamp */
    t->sample[t->samples] =
        (struct sample){dts_ticks, (int32_t)offset, au->size, au->key, (uint8_t)senc};
    t->offsets |= offset != 0;
    t->late_key |= t->samples > 0 && au->key;
    t->samples++;
    t->senc_bytes += (size_t)senc;
    t->data_bytes += au->size;
    return 0;
}

unsigned mp4_fragment_samples(const struct mp4_fragment *f)
{
    return f->track[0].samples + f->track[1].samples;
}

size_t mp4_fragment_payload(const struct mp4_fragment *f)
{
    return f->track[0].data_bytes + f->track[1].data_bytes;
}

static size_t trun_bytes(const struct track *t)
{
    return 20 + (t->late_key ? 0 : 4) +
           t->samples * (size_t)(8 + (t->late_key ? 4 : 0) + (t->offsets ? 4 : 0));
}

static size_t traf_bytes(const struct track *t, bool video, bool sealed)
{
    if (t->samples == 0)
        return 0;
    size_t n = 8 + 20 + 20 + trun_bytes(t);
    if (sealed)
        n += 17 + (video ? t->samples : 0) + 20 + 16 + t->senc_bytes;
    return n;
}

static size_t moof_bytes(const struct mp4_fragment *f)
{
    return 8 + MFHD_BYTES + traf_bytes(&f->track[0], true, f->info->encrypted) +
           traf_bytes(&f->track[1], false, f->info->encrypted);
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
    wr32(p, v);
    return p + 4;
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
    wr64(p, v);
    return p + 8;
}

static uint8_t *put_box(uint8_t *p, size_t size, const char *type, uint32_t version_flags)
{
    p = put32(p, (uint32_t)size);
    memcpy(p, type, 4);
    return put32(p + 4, version_flags);
}

static uint32_t duration(const struct track *t, unsigned i, int64_t next_dts)
{
    int64_t next = i + 1 < t->samples ? t->sample[i + 1].dts : next_dts, d;
    if (next <= t->sample[i].dts)
        d = i > 0 ? t->sample[i].dts - t->sample[i - 1].dts : 0;
    else
        d = next - t->sample[i].dts;
    return d > UINT32_MAX ? UINT32_MAX : (uint32_t)d;
}

static uint8_t *put_trun(uint8_t *p, const struct track *t, size_t data_offset, int64_t next_dts)
{
    uint32_t flags = 0x000301U | (t->late_key ? 0x400U : 0x4U) | (t->offsets ? 0x800U : 0U);
    p = put_box(p, trun_bytes(t), "trun", 1U << 24 | flags);
    p = put32(p, t->samples);
    p = put32(p, (uint32_t)data_offset);
    if (!t->late_key)
        p = put32(p, t->sample[0].key ? FLAGS_KEY : FLAGS_OTHER);
    for (unsigned i = 0; i < t->samples; i++) {
        p = put32(p, duration(t, i, next_dts));
        p = put32(p, t->sample[i].size);
        if (t->late_key)
            p = put32(p, t->sample[i].key ? FLAGS_KEY : FLAGS_OTHER);
        if (t->offsets)
            p = put32(p, (uint32_t)t->sample[i].offset);
    }
    return p;
}

static uint8_t *put_seal(uint8_t *p, const uint8_t *moof, const struct track *t, bool video)
{
    size_t saiz = 17 + (video ? t->samples : 0);
    p = put_box(p, saiz, "saiz", 0);
    *p++ = video ? 0 : 8; /* audio: an IV and nothing else */
    p = put32(p, t->samples);
    for (unsigned i = 0; video && i < t->samples; i++)
        *p++ = t->sample[i].senc;
    p = put_box(p, 20, "saio", 0);
    p = put32(p, 1);
    p = put32(p, (uint32_t)(p + 4 + 16 - moof)); /* first IV, behind the header of senc */
    p = put_box(p, 16 + t->senc_bytes, "senc", video ? 2 : 0);
    p = put32(p, t->samples);
    memcpy(p, t->senc, t->senc_bytes);
    return p + t->senc_bytes;
}

static uint8_t *put_traf(uint8_t *p, const uint8_t *moof, const struct mp4_fragment *f, int i,
                         size_t data_offset, int64_t next_dts)
{
    const struct track *t = &f->track[i];
    if (t->samples == 0)
        return p;
    p = put32(p, (uint32_t)traf_bytes(t, i == 0, f->info->encrypted));
    memcpy(p, "traf", 4);
    p = put_box(p + 4, 20, "tfhd", 0x020020); /* offsets count from moof; default sample flags */
    p = put32(p, (uint32_t)i + 1);
    p = put32(p, i == 0 ? FLAGS_OTHER : FLAGS_KEY);
    p = put_box(p, 20, "tfdt", 1U << 24);
    p = put64(p, (uint64_t)t->sample[0].dts);
    p = put_trun(p, t, data_offset, next_dts);
    return f->info->encrypted ? put_seal(p, moof, t, i == 0) : p;
}

static uint8_t *put_prft(uint8_t *p, const struct mp4_fragment *f, int64_t utc_us)
{
    int i = f->track[0].samples ? 0 : 1;
    const struct sample *s = &f->track[i].sample[0];
    uint64_t us = utc_us > 0 ? (uint64_t)utc_us : 0, second = (uint64_t)SECOND_US;
    uint64_t ntp = (us / second + NTP_1900_TO_1970) << 32 | ((us % second) << 32) / second;
    int64_t media = s->dts + s->offset;
    p = put_box(p, PRFT_BYTES, "prft",
                1U << 24 | 8); /* flag 8: an association of our own, the recorder's clock */
    p = put32(p, (uint32_t)i + 1);
    p = put64(p, ntp);
    return put64(p, media > 0 ? (uint64_t)media : 0);
}

/* First byte of the piece: a multiple of MP4_ALIGN with nothing or at least a whole free box in front of the header. */
static size_t piece_start(size_t header_start)
{
    size_t gap = header_start % MP4_ALIGN;
    return gap > 0 && gap < 8 ? header_start - gap - MP4_ALIGN : header_start - gap;
}

static void put_free(uint8_t *p, size_t size)
{
    if (size == 0)
        return;
    wr32(p, (uint32_t)size);
    memcpy(p + 4, "free", 4);
    memset(p + 8, 0, size - 8);
}

static void note_entry(struct mp4_fragment *f, int64_t next_dts, size_t moof_offset, size_t len)
{
    const struct track *t = &f->track[0];
    struct mp4_entry *e = &f->entry;
    e->moof_offset = (uint32_t)moof_offset;
    e->length = (uint32_t)len;
    e->samples = t->samples;
    if (t->samples) {
        int64_t d = t->sample[t->samples - 1].dts - t->sample[0].dts +
                    duration(t, t->samples - 1, next_dts);
        e->dts_ticks = t->sample[0].dts;
        e->duration_ticks = d > UINT32_MAX ? UINT32_MAX : (uint32_t)d;
        e->key = t->sample[0].key;
    } else { /* audio alone: its time in ticks of the video */
        __int128 dts = (__int128)f->track[1].sample[0].dts * f->info->track[0].clock_rate;
        e->dts_ticks = (int64_t)(dts / f->info->track[1].clock_rate);
    }
}

/* Move the payload up when the header has outgrown its room; fits() made sure that there is space. */
static size_t make_room(struct mp4_fragment *f, size_t header)
{
    size_t at = video_start(f), need = header + MP4_ALIGN;
    if (need > at) {
        memmove(f->map + need, f->map + at, f->track[0].data_bytes);
        at = need;
    }
    return at;
}

int mp4_fragment_finish(struct mp4_fragment *f, uint32_t sequence, int64_t next_dts_ticks,
                        int64_t utc_us, const uint8_t **ret_data, size_t *ret_len)
{
    if (mp4_fragment_samples(f) == 0)
        return E_NOTFOUND;
    size_t moof_len = moof_bytes(f), header = PRFT_BYTES + moof_len + 8,
           payload = mp4_fragment_payload(f);
    size_t at = header + 8 <= video_start(f) ? video_start(f) : make_room(f, header);
    memcpy(f->map + at + f->track[0].data_bytes, f->map + VIDEO_END, f->track[1].data_bytes);

    size_t start = piece_start(at - header), end = at + payload;
    put_free(f->map + start, at - header - start);
    uint8_t *p = put_prft(f->map + at - header, f, utc_us), *moof = p;
    p = put32(p, (uint32_t)moof_len);
    memcpy(p, "moof", 4);
    p = put_box(p + 4, MFHD_BYTES, "mfhd", 0);
    p = put32(p, sequence);
    p = put_traf(p, moof, f, 0, moof_len + 8, next_dts_ticks);
    p = put_traf(p, moof, f, 1, moof_len + 8 + f->track[0].data_bytes, -1);
    p = put32(p, (uint32_t)(payload + 8));
    memcpy(p, "mdat", 4);
    if (p + 4 != f->map + at)
        return E_BUG;

    f->bare = (size_t)(moof - f->map);
    f->bare_len = end - f->bare;
    size_t gap = -end % MP4_ALIGN;
    gap += gap > 0 && gap < 8 ? MP4_ALIGN : 0;
    put_free(f->map + end, gap);
    end += gap;
    note_entry(f, next_dts_ticks, (size_t)(moof - f->map) - start, end - start);
    f->high_water = end > f->high_water ? end : f->high_water;
    f->kept = end > f->kept ? end : f->kept;
    f->room = header + header / 16 + 64;
    *ret_data = f->map + start;
    *ret_len = end - start;
    return 0;
}

void mp4_fragment_bare(const struct mp4_fragment *f, const uint8_t **ret_data, size_t *ret_len)
{
    *ret_data = f->map + f->bare;
    *ret_len = f->bare_len;
}

void mp4_fragment_entry(const struct mp4_fragment *f, struct mp4_entry *ret)
{
    *ret = f->entry;
}
