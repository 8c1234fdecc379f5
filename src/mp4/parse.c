/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mp4/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/params.h"
#include "mp4/box.h"

const uint8_t *span_take(struct span *s, size_t n)
{
    if (n > s->len) {
        s->bad = true;
        s->len = 0;
        return NULL;
    }
    const uint8_t *p = s->p;
    s->p += n;
    s->len -= n;
    return p;
}

uint32_t span_u8(struct span *s)
{
    const uint8_t *p = span_take(s, 1);
    return p ? *p : 0;
}

uint32_t span_u16(struct span *s)
{
    const uint8_t *p = span_take(s, 2);
    return p ? rd16(p) : 0;
}

uint32_t span_u32(struct span *s)
{
    const uint8_t *p = span_take(s, 4);
    return p ? rd32(p) : 0;
}

uint64_t span_u64(struct span *s)
{
    const uint8_t *p = span_take(s, 8);
    return p ? rd64(p) : 0;
}

bool span_box(struct span *s, uint32_t *ret_type, struct span *ret_body)
{
    if (s->len == 0)
        return false;
    uint32_t size = span_u32(s), type = span_u32(s);
    const uint8_t *body = size >= 8 ? span_take(s, size - 8) : NULL;
    if (s->bad || !body) {
        s->bad = true;
        return false;
    }
    *ret_type = type;
    *ret_body = (struct span){body, size - 8, false};
    return true;
}

struct span span_child(struct span s, uint32_t type)
{
    uint32_t t;
    struct span body;
    while (span_box(&s, &t, &body))
        if (t == type)
            return body;
    return (struct span){NULL, 0, true};
}

static void avcc(struct span s, struct media_params *params)
{
    span_take(&s, 5);
    for (int list = 0; list < 2; list++) {
        uint32_t n = span_u8(&s) & (list == 0 ? 31U : 255U);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t len = span_u16(&s);
            const uint8_t *nal = span_take(&s, len);
            if (nal)
                media_params_put(params, MEDIA_H264, nal, len);
        }
    }
}

static void hvcc(struct span s, struct media_params *params)
{
    span_take(&s, 22);
    for (uint32_t arrays = span_u8(&s); arrays > 0 && !s.bad; arrays--) {
        span_u8(&s);
        uint32_t n = span_u16(&s);
        for (uint32_t i = 0; i < n && !s.bad; i++) {
            uint32_t len = span_u16(&s);
            const uint8_t *nal = span_take(&s, len);
            if (nal)
                media_params_put(params, MEDIA_H265, nal, len);
        }
    }
}

/* Descriptors of esds; lengths of one byte, as only our own files are read. */
static void esds(struct span s, struct media_track *t)
{
    span_take(&s, 4);
    while (s.len && !s.bad) {
        uint32_t tag = span_u8(&s), len = span_u8(&s);
        if (tag == 3)
            span_take(&s, 3);
        else if (tag == 4)
            span_take(&s, 13);
        else if (tag == 5 && len <= sizeof(t->asc) && len <= s.len) {
            memcpy(t->asc, s.p, len);
            t->asc_len = (uint8_t)len;
            return;
        } else
            span_take(&s, len);
    }
}

static enum media_codec codec_of(uint32_t format)
{
    switch (format) {
    case MP4_TYPE('a', 'v', 'c', '1'):
        return MEDIA_H264;
    case MP4_TYPE('h', 'v', 'c', '1'):
        return MEDIA_H265;
    case MP4_TYPE('m', 'p', '4', 'a'):
        return MEDIA_AAC;
    case MP4_TYPE('u', 'l', 'a', 'w'):
        return MEDIA_PCMU;
    case MP4_TYPE('a', 'l', 'a', 'w'):
        return MEDIA_PCMA;
    default:
        return MEDIA_NONE;
    }
}

/* Original format of a sealed sample entry; takes the key id from tenc. */
static uint32_t unseal(struct span children, struct mp4_info *info)
{
    struct span sinf = span_child(children, MP4_TYPE('s', 'i', 'n', 'f'));
    struct span frma = span_child(sinf, MP4_TYPE('f', 'r', 'm', 'a'));
    struct span tenc =
        span_child(span_child(sinf, MP4_TYPE('s', 'c', 'h', 'i')), MP4_TYPE('t', 'e', 'n', 'c'));
    const uint8_t *fixed = span_take(&tenc, 8), *kid = span_take(&tenc, 16);
    if (!fixed || !kid || fixed[6] != 1 || fixed[7] != 8)
        return 0;
    memcpy(info->kid, kid, 16);
    info->encrypted = true;
    return span_u32(&frma);
}

static int sample_entry(struct span stsd, struct mp4_info *info, struct media_track *t,
                        struct media_params *params)
{
    uint32_t format;
    struct span entry;
    span_take(&stsd, 8);
    if (!span_box(&stsd, &format, &entry))
        return E_CORRUPT;
    bool video = format == MP4_TYPE('e', 'n', 'c', 'v') || media_is_video(codec_of(format));
    const uint8_t *fixed = span_take(&entry, video ? 78 : 28);
    if (!fixed)
        return E_CORRUPT;
    if (format == MP4_TYPE('e', 'n', 'c', 'v') || format == MP4_TYPE('e', 'n', 'c', 'a'))
        format = unseal(entry, info);
    t->codec = codec_of(format);
    if (t->codec == MEDIA_NONE || video != media_is_video(t->codec))
        return E_CORRUPT;
    if (t->codec == MEDIA_H264)
        avcc(span_child(entry, MP4_TYPE('a', 'v', 'c', 'C')), params);
    else if (t->codec == MEDIA_H265)
        hvcc(span_child(entry, MP4_TYPE('h', 'v', 'c', 'C')), params);
    else if (t->codec == MEDIA_AAC)
        esds(span_child(entry, MP4_TYPE('e', 's', 'd', 's')), t);
    t->channels = video ? 0 : rd16(fixed + 16);
    t->width = video ? rd16(fixed + 24) : 0;
    t->height = video ? rd16(fixed + 26) : 0;
    return 0;
}

int mp4_parse_moov(struct span moov, struct mp4_info *info, struct media_params *params)
{
    uint32_t type;
    struct span body;
    while (info->tracks < MP4_TRACKS && span_box(&moov, &type, &body)) {
        if (type != MP4_TYPE('t', 'r', 'a', 'k'))
            continue;
        struct media_track *t = &info->track[info->tracks];
        struct span mdia = span_child(body, MP4_TYPE('m', 'd', 'i', 'a'));
        struct span mdhd = span_child(mdia, MP4_TYPE('m', 'd', 'h', 'd'));
        struct span stbl = span_child(span_child(mdia, MP4_TYPE('m', 'i', 'n', 'f')),
                                      MP4_TYPE('s', 't', 'b', 'l'));
        span_take(&mdhd, 20);
        t->clock_rate = span_u32(&mdhd);
        int r = sample_entry(span_child(stbl, MP4_TYPE('s', 't', 's', 'd')), info, t, params);
        if (r < 0 || t->clock_rate == 0 || media_is_video(t->codec) != (info->tracks == 0))
            return E_CORRUPT;
        info->tracks++;
    }
    if (info->tracks == 0 || params->count == 0)
        return E_CORRUPT;
    info->track[0].params = params;
    return 0;
}

static void text(struct span *s, char ret[MP4_ID])
{
    uint32_t n = span_u8(s);
    const uint8_t *p = n < MP4_ID ? span_take(s, n) : NULL;
    if (p)
        memcpy(ret, p, n);
    else
        s->bad = true;
    ret[p ? n : 0] = 0;
}

int mp4_parse_meta(struct span s, struct mp4_info *info)
{
    uint32_t version = span_u32(&s) >> 24, view = span_u8(&s);
    span_take(&s, 3); /* moov says what is sealed */
    if (version != 1 || view > MP4_MASKED)
        return E_CORRUPT;
    info->view = view == MP4_MASKED ? MP4_MASKED : MP4_SEALED;
    info->retention_days = (int)(span_u32(&s) & INT32_MAX);
    info->epoch_us = (int64_t)span_u64(&s);
    info->epoch_length_us = (int64_t)span_u64(&s);
    info->start_us = (int64_t)span_u64(&s);
    const uint8_t *kid = span_take(&s, 16);
    if (kid)
        memcpy(info->kid, kid, 16);
    text(&s, info->camera);
    text(&s, info->node);
    return s.bad ? E_CORRUPT : 0;
}
