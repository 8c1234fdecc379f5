/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Opening: the head is parsed; then the manifest, found from the end of the file, lists the fragments. Without one (a
 * crash, an open file) the fragments are walked, and damaged ones are passed over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mp4/box.h"
#include "mp4/reader_private.h"

#define HEAD_MAX ((size_t)1 << 20)
#define MANIFEST_MAX ((uint64_t)64 << 20)
#define FRAGMENTS_MAX ((size_t)1 << 20)
#define RESYNC_MAX ((uint64_t)4 * MP4_FRAGMENT_MAX) /* looked through behind damage */

static int add_entry(struct mp4_reader *r, const struct mp4_entry *e)
{
    if (r->entries == FRAGMENTS_MAX)
        return E_LIMIT;
    if (r->entries == r->entries_cap) {
        size_t cap = r->entries_cap ? r->entries_cap * 2 : 256;
        struct mp4_entry *p = realloc(r->entry, cap * sizeof(*p));
        if (!p)
            return -ENOMEM;
        r->entry = p;
        r->entries_cap = cap;
    }
    r->entry[r->entries++] = *e;
    return 0;
}

static bool known_in_head(uint32_t type)
{
    return type == MP4_TYPE('f', 't', 'y', 'p') || type == MP4_TYPE('m', 'o', 'o', 'v') ||
           type == MP4_TYPE('u', 'u', 'i', 'd') || type == MP4_TYPE('s', 'i', 'd', 'x') ||
           type == MP4_TYPE('f', 'r', 'e', 'e');
}

/* Boxes up to the first fragment. Sets head_end; *ret_moov and *ret_meta are true when they were read. */
static int read_head_boxes(struct mp4_reader *r, bool *ret_moov, bool *ret_meta)
{
    uint64_t pos = 0;
    uint8_t h[24];
    for (int boxes = 0; boxes < 32 && r->size - pos >= sizeof(h); boxes++) {
        int e = reader_read_at(r, pos, h, sizeof(h));
        if (e < 0)
            return e;
        uint32_t len = rd32(h), type = rd32(h + 4);
        bool front =
            type == MP4_TYPE('f', 'r', 'e', 'e') && pos % MP4_ALIGN == 0 && len % MP4_ALIGN != 0;
        if (!known_in_head(type) || len < 8 || len > r->size - pos || (front && *ret_meta))
            break; /* first fragment, or a torn one */
        bool moov = type == MP4_TYPE('m', 'o', 'o', 'v');
        bool meta = len >= 24 && type == MP4_TYPE('u', 'u', 'i', 'd') &&
                    memcmp(h + 8, mp4_uuid_meta, 16) == 0;
        if (type == MP4_TYPE('u', 'u', 'i', 'd') && !meta)
            break;
        if (moov || meta) {
            if (len > HEAD_MAX)
                return E_LIMIT;
            e = reader_need(r, len);
            if (e >= 0)
                e = reader_read_at(r, pos, r->data, len);
            if (e >= 0 && moov)
                e = *ret_moov ? E_CORRUPT
                              : mp4_parse_moov((struct span){r->data + 8, len - 8, false}, &r->info,
                                               &r->params);
            else if (e >= 0)
                e = mp4_parse_meta((struct span){r->data + 24, len - 24, false}, &r->info);
            if (e < 0)
                return e;
            *ret_moov |= moov;
            *ret_meta |= meta;
        }
        pos += len;
    }
    r->head_end = pos;
    return 0;
}

static int read_head(struct mp4_reader *r, struct err *err)
{
    bool moov = false, meta = false;
    int e = read_head_boxes(r, &moov, &meta);
    if (e < 0)
        return err_set(err, e, "head of the recording: %s", err_text(e));
    if (!moov || !meta)
        return err_set(err, r->size < MP4_ALIGN ? E_TRUNCATED : E_CORRUPT,
                       "this is no recording of ours, or its head is damaged");
    if (r->head_end % MP4_ALIGN)
        return err_set(err, E_TRUNCATED, "the head of the recording was not written to its end");
    r->valid_end = r->head_end;
    return 0;
}

/* @tail_at: where mfra begins */
static int parse_manifest(struct mp4_reader *r, struct span s, uint64_t tail_at)
{
    uint32_t version = span_u32(&s) >> 24, n = span_u32(&s);
    span_u64(&s); /* samples: the sum of the entries */
    uint64_t end = span_u64(&s), at = r->head_end;
    const uint8_t *reason = span_take(&s, MP4_REASON_BYTES);
    if (s.bad || version != 1 || end != tail_at || s.len != (uint64_t)n * MP4_MANIFEST_ENTRY)
        return E_CORRUPT;
    for (uint32_t i = 0; i < n; i++) {
        struct mp4_entry e = {.offset = span_u64(&s)};
        e.length = span_u32(&s);
        e.moof_offset = span_u32(&s);
        e.dts_ticks = (int64_t)span_u64(&s);
        e.duration_ticks = span_u32(&s);
        e.samples = span_u32(&s);
        e.key = span_u32(&s) & 1;
        memcpy(e.sha256, span_take(&s, sizeof(e.sha256)), sizeof(e.sha256));
        if (e.offset < at || e.offset % MP4_ALIGN || e.offset >= end || e.length == 0 ||
            e.length % MP4_ALIGN || e.length > MP4_FRAGMENT_MAX || e.moof_offset >= e.length)
            return E_CORRUPT;
        at = e.offset + e.length; /* damage between two fragments is passed over */
        int rc = add_entry(r, &e);
        if (rc < 0)
            return rc;
    }
    if (at != end)
        return E_CORRUPT;
    memcpy(r->reason, reason, MP4_REASON_BYTES - 1);
    r->valid_end = end;
    r->closed = true;
    return 0;
}

/* The manifest is a child of mfra; the last four bytes of the file say where mfra begins. */
static int read_manifest(struct mp4_reader *r)
{
    uint8_t t[16];
    if (r->size < r->head_end + sizeof(t) ||
        reader_read_at(r, r->size - sizeof(t), t, sizeof(t)) < 0)
        return E_NOTFOUND;
    uint64_t len = rd32(t + 12), at = r->size - len;
    if (rd32(t + 4) != MP4_TYPE('m', 'f', 'r', 'o') || len < 16 || len > r->size - r->head_end ||
        len > MANIFEST_MAX)
        return E_NOTFOUND;
    int e = reader_need(r, len);
    if (e >= 0)
        e = reader_read_at(r, at, r->data, len);
    if (e < 0)
        return e;
    struct span s = {r->data, len, false}, body, child;
    uint32_t type;
    if (!span_box(&s, &type, &body) || type != MP4_TYPE('m', 'f', 'r', 'a') || s.len)
        return E_NOTFOUND;
    while (span_box(&body, &type, &child)) {
        const uint8_t *uuid = type == MP4_TYPE('u', 'u', 'i', 'd') ? span_take(&child, 16) : NULL;
        if (!uuid || memcmp(uuid, mp4_uuid_manifest, 16) != 0)
            continue;
        e = parse_manifest(r, child, at);
        if (e < 0)
            r->entries = 0;
        return e;
    }
    return E_NOTFOUND;
}

/* Bytes of padding that follow the end of an mdat. */
static uint64_t pad_of(uint64_t end)
{
    uint64_t gap = -end % MP4_ALIGN;
    return gap > 0 && gap < 8 ? gap + MP4_ALIGN : gap;
}

/* What can be known of a fragment from its moof. */
static int entry_of_moof(struct mp4_reader *r, const uint8_t *moof, size_t len, struct mp4_entry *e)
{
    int rc = mp4_parse_moof(moof, len, r->run);
    if (rc < 0)
        return rc;
    const struct mp4_run *v = &r->run[0];
    e->samples = v->count;
    if (v->count == 0) {
        const struct mp4_run_sample *a = &r->run[1].sample[0];
        uint32_t rate = r->info.tracks > 1 ? r->info.track[1].clock_rate : 1;
        e->dts_ticks = (int64_t)((__int128)a->dts * r->info.track[0].clock_rate / rate);
        return 0;
    }
    const struct mp4_run_sample *last = &v->sample[v->count - 1];
    uint64_t span = last->dts + last->duration - v->sample[0].dts;
    e->dts_ticks = (int64_t)v->sample[0].dts;
    e->duration_ticks = span > UINT32_MAX ? UINT32_MAX : (uint32_t)span;
    e->key = v->sample[0].key;
    return 0;
}

/* Length of a box of @type at @at that lies in the file as a whole; E_CORRUPT if none does, or an errno. */
static int64_t box_at(const struct mp4_reader *r, uint64_t at, uint32_t type)
{
    uint8_t h[8];
    if (at > r->size || r->size - at < 8)
        return E_CORRUPT;
    int rc = reader_read_at(r, at, h, 8);
    if (rc < 0)
        return rc;
    uint32_t len = rd32(h);
    return rd32(h + 4) == type && len >= 8 && len <= r->size - at ? (int64_t)len : E_CORRUPT;
}

/* One fragment at @at: free? prft moof mdat free?. E_CORRUPT when there is none, or not all of it. */
static int walk_one(struct mp4_reader *r, uint64_t at, struct mp4_entry *e)
{
    *e = (struct mp4_entry){.offset = at};
    uint64_t pos = at;
    int64_t len = box_at(r, pos, MP4_TYPE('f', 'r', 'e', 'e'));
    if (len > 0)
        pos += (uint64_t)len;
    len = box_at(r, pos, MP4_TYPE('p', 'r', 'f', 't'));
    if (len < 0 || pos - at > MP4_FRAGMENT_MAX)
        return len < 0 ? (int)len : E_CORRUPT;
    pos += (uint64_t)len;
    int64_t moof = box_at(r, pos, MP4_TYPE('m', 'o', 'o', 'f'));
    if (moof < 0 || moof > (int64_t)MP4_FRAGMENT_MAX)
        return moof < 0 ? (int)moof : E_CORRUPT;
    int64_t mdat = box_at(r, pos + (uint64_t)moof, MP4_TYPE('m', 'd', 'a', 't'));
    if (mdat < 0)
        return (int)mdat;
    uint64_t end = pos + (uint64_t)(moof + mdat), pad = pad_of(end);
    if (end + pad - at > MP4_FRAGMENT_MAX || end + pad > r->size)
        return E_CORRUPT;
    if (pad && box_at(r, end, MP4_TYPE('f', 'r', 'e', 'e')) != (int64_t)pad)
        return E_CORRUPT;
    int rc = reader_need(r, (size_t)moof);
    if (rc >= 0)
        rc = reader_read_at(r, pos, r->data, (size_t)moof);
    if (rc >= 0)
        rc = entry_of_moof(r, r->data, (size_t)moof, e);
    e->moof_offset = (uint32_t)(pos - at);
    e->length = (uint32_t)(end + pad - at);
    return rc;
}

/* Where the next fragment may begin behind a damaged one: a page that starts with prft, or with a short free box. */
static int resync(struct mp4_reader *r, uint64_t *at)
{
    uint8_t h[8];
    for (uint64_t pos = *at + MP4_ALIGN; pos + 8 <= r->size && pos - *at <= RESYNC_MAX;
         pos += MP4_ALIGN) {
        int rc = reader_read_at(r, pos, h, sizeof(h));
        if (rc < 0)
            return rc;
        uint32_t type = rd32(h + 4);
        if (type == MP4_TYPE('p', 'r', 'f', 't') ||
            (type == MP4_TYPE('f', 'r', 'e', 'e') && rd32(h) < 2 * MP4_ALIGN)) {
            *at = pos;
            return 0;
        }
    }
    return E_NOTFOUND;
}

static int walk(struct mp4_reader *r)
{
    uint64_t at = r->head_end;
    for (;;) {
        struct mp4_entry e;
        int rc = walk_one(r, at, &e);
        if (rc >= 0)
            rc = add_entry(r, &e);
        if (rc >= 0) {
            at = r->valid_end = at + e.length;
            continue;
        }
        if (is_errno(rc))
            return rc;
        if (rc != E_LIMIT)
            rc = resync(r, &at); /* a torn end, a tail or a damaged fragment */
        if (rc < 0)
            return is_errno(rc) ? rc : 0;
    }
}

int reader_scan(struct mp4_reader *r, struct err *reterr)
{
    int e = read_head(r, reterr);
    if (e < 0)
        return e;
    e = read_manifest(r);
    if (e < 0 && !is_errno(e))
        e = walk(r);
    return e < 0 ? err_set(reterr, e, "recording of %s: %s", r->info.camera, err_text(e)) : 0;
}
