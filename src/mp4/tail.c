/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What closing a recording adds: sidx in the room kept by the head, and mfra behind the last fragment.
 * Source: ISO/IEC 14496-12 §8.16.3 (sidx), §8.8.9 to §8.8.11 (mfra, tfra, mfro).
 *
 * Three choices are made for FFmpeg (5.1 at least), which otherwise looks for the IVs of a sample in another fragment:
 *  - The manifest is a child of mfra: a sidx counts as complete only if its references end where mfra begins.
 *  - References run from moof to moof; prft and padding belong to the reference before.
 *  - Time stands with the fragments that begin with a key frame, each up to the next of them; the others have duration
 *    0. FFmpeg seeks to the last reference that begins at or before the wanted time and does not look for a SAP.
 */
#include <openssl/evp.h>

#include "mp4/box.h"
#include "mp4/head.h"

static uint64_t moof_at(const struct mp4_entry *e)
{
    return e->offset + e->moof_offset;
}

/* Ticks from entry @first to entry @next, or to the end of the last one. */
static uint32_t span_ticks(const struct mp4_entry *entries, size_t n, size_t first, size_t next)
{
    int64_t end = next < n ? entries[next].dts_ticks
                           : entries[n - 1].dts_ticks + entries[n - 1].duration_ticks;
    int64_t d = end - entries[first].dts_ticks;
    return d < 0 ? 0 : d > UINT32_MAX ? UINT32_MAX : (uint32_t)d;
}

static size_t next_key(const struct mp4_entry *entries, size_t n, size_t i)
{
    while (++i < n && !entries[i].key) {
    }
    return i;
}

/* First fragment of the reference behind that of @i, which begins with the first of @keys key frames. */
static size_t next_reference(const struct mp4_entry *entries, size_t n, size_t i, size_t keys)
{
    if (keys == 0) /* one reference for each fragment */
        return i + 1;
    while (keys-- > 0 && i < n)
        i = next_key(entries, n, i);
    return i;
}

static int sidx_references(struct boxes *w, const struct mp4_entry *entries, size_t n, size_t max)
{
    size_t keys = 0, count = 0, count_at = w->out->len + 2;
    if (n > max) {
        for (size_t i = 0; i < n; i = next_key(entries, n, i))
            keys++;
        keys = (keys + max - 1) / max;
    }
    box_u32(w, 0);
    for (size_t i = 0, next; i < n; i = next, count++) {
        next = next_reference(entries, n, i, keys);
        uint64_t end =
            next < n ? moof_at(&entries[next]) : entries[n - 1].offset + entries[n - 1].length;
        bool start = entries[i].key || i == 0;
        if (end - moof_at(&entries[i]) > INT32_MAX || count == UINT16_MAX)
            return E_RANGE;
        box_u32(w, (uint32_t)(end - moof_at(&entries[i])));
        box_u32(w, start ? span_ticks(entries, n, i, keys ? next : next_key(entries, n, i)) : 0);
        box_u32(w, entries[i].key ? 0x90000000U : 0); /* starts with SAP, of type 1 */
    }
    if (w->err >= 0)
        wr16(w->out->data + count_at, (uint16_t)count);
    return w->err;
}

int mp4_sidx_build(const struct mp4_info *info, const struct mp4_entry *entries, size_t n,
                   unsigned max_fragments, struct buf *out, uint64_t *ret_at)
{
    struct buf room;
    struct boxes w = {.out = &room};
    size_t max = max_fragments ? max_fragments : 1, whole = mp4_sidx_room(max_fragments);
    if (n == 0)
        return E_NOTFOUND;
    buf_init(&room, 0);
    int r = mp4_head_front(info, &room, NULL);
    if (r < 0)
        goto done;
    uint64_t at = room.len;
    room.len = 0;
    size_t sidx = box_open_full(&w, "sidx", 1, 0);
    box_u32(&w, 1);
    box_u32(&w, info->track[0].clock_rate);
    box_u64(&w, (uint64_t)(entries[0].dts_ticks > 0 ? entries[0].dts_ticks : 0));
    size_t first = room.len;
    box_u64(&w, 0);
    r = sidx_references(&w, entries, n, max);
    box_close(&w, sidx);
    if (r < 0)
        goto done;
    wr64(room.data + first, moof_at(&entries[0]) - at - room.len);
    if (room.len < whole) {
        size_t token = box_open(&w, "free");
        box_zero(&w, whole - room.len);
        box_close(&w, token);
    }
    r = w.err < 0 ? w.err : buf_append(out, room.data, room.len);
    if (r >= 0)
        *ret_at = at;
done:
    buf_release(&room);
    return r;
}

static void manifest(struct boxes *w, const struct mp4_entry *entries, size_t n, uint64_t end,
                     const char *reason)
{
    uint64_t samples = 0;
    for (size_t i = 0; i < n; i++)
        samples += entries[i].samples;
    size_t box = box_open_uuid(w, mp4_uuid_manifest, 1),
           len = strnlen(reason, MP4_REASON_BYTES - 1);
    box_u32(w, (uint32_t)n);
    box_u64(w, samples);
    box_u64(w, end);
    box_bytes(w, reason, len);
    box_zero(w, MP4_REASON_BYTES - len);
    for (size_t i = 0; i < n; i++) {
        const struct mp4_entry *e = &entries[i];
        box_u64(w, e->offset);
        box_u32(w, e->length);
        box_u32(w, e->moof_offset);
        box_u64(w, (uint64_t)e->dts_ticks);
        box_u32(w, e->duration_ticks);
        box_u32(w, e->samples);
        box_u32(w, e->key);
        box_bytes(w, e->sha256, sizeof(e->sha256));
    }
    box_close(w, box);
}

static void random_access(struct boxes *w, const struct mp4_entry *entries, size_t n)
{
    size_t tfra = box_open_full(w, "tfra", 1, 0), keys = 0;
    box_u32(w, 1);
    box_u32(w, 0); /* numbers of traf, trun and sample take one byte each */
    for (size_t i = 0; i < n; i++)
        keys += entries[i].key;
    box_u32(w, (uint32_t)keys);
    for (size_t i = 0; i < n; i++) {
        if (!entries[i].key)
            continue;
        box_u64(w, (uint64_t)entries[i].dts_ticks);
        box_u64(w, moof_at(&entries[i]));
        box_bytes(w, "\1\1\1", 3);
    }
    box_close(w, tfra);
}

int mp4_tail_build(const struct mp4_info *info, const struct mp4_entry *entries, size_t n,
                   uint64_t end, const char *end_reason, struct buf *out, uint8_t ret_manifest[32])
{
    (void)info;
    size_t before = out->len;
    struct boxes w = {.out = out};
    if (n > (UINT32_MAX - 4096) / MP4_MANIFEST_ENTRY)
        return E_RANGE;
    size_t mfra = box_open(&w, "mfra");
    random_access(&w, entries, n);
    size_t list = out->len;
    manifest(&w, entries, n, end, end_reason);
    size_t list_len = out->len - list, mfro = box_open_full(&w, "mfro", 0, 0);
    box_u32(&w, (uint32_t)(out->len + 4 - mfra));
    box_close(&w, mfro);
    box_close(&w, mfra);
    if (w.err >= 0 &&
        EVP_Digest(out->data + list, list_len, ret_manifest, NULL, EVP_sha256(), NULL) != 1)
        w.err = E_BUG;
    if (w.err < 0)
        out->len = before;
    return w.err;
}
