/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Movie fragments: ISO/IEC 14496-12 §8.8.4 to §8.8.12, ISO/IEC 23001-7 §7.2. */
#include <errno.h>
#include <stdlib.h>

#include "mp4/box.h"
#include "mp4/parse.h"

#define RUN_SAMPLES_MAX 65536
#define SAMPLE_NOT_SYNC 0x00010000U

static int reserve(struct mp4_run *run, uint32_t more)
{
    if (more > RUN_SAMPLES_MAX || run->count + more > RUN_SAMPLES_MAX)
        return E_LIMIT;
    if (run->count + more <= run->cap)
        return 0;
    uint32_t cap = run->count + more + 64;
    struct mp4_run_sample *s = realloc(run->sample, cap * sizeof(*s));
    if (!s)
        return -ENOMEM;
    run->sample = s;
    run->cap = cap;
    return 0;
}

static uint32_t sample_fields(uint32_t flags)
{
    return (uint32_t)__builtin_popcount(flags & 0xf00) * 4;
}

static int parse_trun(struct span s, uint32_t standard, uint64_t *dts, struct mp4_run *run)
{
    uint32_t flags = span_u32(&s) & 0xffffff, count = span_u32(&s);
    uint64_t data = flags & 1 ? span_u32(&s) : 0;
    uint32_t first = flags & 4 ? span_u32(&s) : standard;
    /* what this writer leaves out cannot be missing: data offset, durations and sizes */
    if (s.bad || (flags & 0x301) != 0x301 || (uint64_t)count * sample_fields(flags) > s.len)
        return E_CORRUPT;
    int r = reserve(run, count);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < count; i++) {
        struct mp4_run_sample *x = &run->sample[run->count++];
        uint32_t duration = span_u32(&s), size = span_u32(&s), f = i == 0 ? first : standard;
        if (flags & 0x400)
            f = span_u32(&s);
        int32_t offset = flags & 0x800 ? (int32_t)span_u32(&s) : 0;
        *x = (struct mp4_run_sample){*dts, (int64_t)*dts + offset, duration, size, (uint32_t)data,
                                     0,    !(f & SAMPLE_NOT_SYNC)};
        *dts += duration;
        data += size;
        if (data > UINT32_MAX)
            return E_CORRUPT;
    }
    return 0;
}

static int parse_senc(struct span s, const uint8_t *moof, struct mp4_run *run)
{
    uint32_t flags = span_u32(&s) & 0xffffff, count = span_u32(&s);
    if (s.bad || count != run->count)
        return E_CORRUPT;
    run->subsamples = flags & 2;
    for (uint32_t i = 0; i < count; i++) {
        run->sample[i].senc = (uint32_t)(s.p - moof);
        span_take(&s, 8);
        if (run->subsamples)
            span_take(&s, (size_t)span_u16(&s) * 6);
    }
    return s.bad ? E_CORRUPT : 0;
}

static int parse_traf(struct span traf, const uint8_t *moof, struct mp4_run run[MP4_TRACKS])
{
    struct span tfhd = span_child(traf, MP4_TYPE('t', 'f', 'h', 'd')),
                tfdt = span_child(traf, MP4_TYPE('t', 'f', 'd', 't'));
    uint32_t flags = span_u32(&tfhd) & 0xffffff, id = span_u32(&tfhd), type;
    uint32_t standard = flags & 0x20 ? span_u32(&tfhd) : 0;
    if (tfhd.bad || flags != 0x020020 || id < 1 || id > MP4_TRACKS || run[id - 1].count)
        return E_CORRUPT;
    bool wide = span_u32(&tfdt) >> 24 == 1;
    uint64_t dts = wide ? span_u64(&tfdt) : span_u32(&tfdt);
    if (tfdt.bad || dts > INT64_MAX / 4)
        return E_CORRUPT;
    struct span body, senc = {NULL, 0, true};
    while (span_box(&traf, &type, &body)) {
        int r = type == MP4_TYPE('t', 'r', 'u', 'n')
                    ? parse_trun(body, standard, &dts, &run[id - 1])
                    : 0;
        if (r < 0)
            return r;
        if (type == MP4_TYPE('s', 'e', 'n', 'c'))
            senc = body;
    }
    if (traf.bad)
        return E_CORRUPT;
    return senc.p ? parse_senc(senc, moof, &run[id - 1]) : 0;
}

int mp4_parse_moof(const uint8_t *moof, size_t len, struct mp4_run run[MP4_TRACKS])
{
    struct span s = {moof, len, false}, body;
    uint32_t type;
    for (int i = 0; i < MP4_TRACKS; i++)
        run[i].count = 0;
    if (!span_box(&s, &type, &body) || type != MP4_TYPE('m', 'o', 'o', 'f'))
        return E_CORRUPT;
    struct span traf;
    while (span_box(&body, &type, &traf)) {
        int r = type == MP4_TYPE('t', 'r', 'a', 'f') ? parse_traf(traf, moof, run) : 0;
        if (r < 0)
            return r;
    }
    return body.bad || run[0].count + run[1].count == 0 ? E_CORRUPT : 0;
}
