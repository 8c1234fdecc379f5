/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/assembler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "media/params.h"
#include "rtsp/oddity.h"

#define LENGTH_FIELD 4

void assembler_init(struct assembler *a, enum media_codec codec, struct media_params *params,
                    struct au_scratch *scratch, const struct assembler_events *events)
{
    *a = (struct assembler){.codec = codec, .params = params, .scratch = scratch, .events = events};
    a->data = scratch->data;
    a->cap = scratch->cap;
}

void assembler_release(struct assembler *a)
{
    free(a->parked);
    a->parked = a->data = NULL;
    a->parked_cap = a->cap = a->len = 0;
}

static int grow_to(uint8_t **data, uint32_t *cap, uint32_t need)
{
    uint32_t want = *cap ? *cap : 4096;
    while (want < need)
        want += want / 2;
    want = want > AU_BYTES_MAX ? AU_BYTES_MAX : want;
    uint8_t *p = realloc(*data, want);
    if (!p)
        return -ENOMEM;
    *data = p;
    *cap = want;
    return 0;
}

/* Room for @n more bytes in whichever buffer is in use. */
static int make_room(struct assembler *a, size_t n)
{
    if (n <= a->cap - a->len)
        return 0;
    if (n > AU_BYTES_MAX - a->len)
        return E_LIMIT;
    bool own = a->parked && a->data == a->parked;
    int r = own ? grow_to(&a->parked, &a->parked_cap, a->len + (uint32_t)n)
                : grow_to(&a->scratch->data, &a->scratch->cap, a->len + (uint32_t)n);
    if (r < 0)
        return r;
    a->data = own ? a->parked : a->scratch->data;
    a->cap = own ? a->parked_cap : a->scratch->cap;
    return 0;
}

static void reset_unit(struct assembler *a, bool loss)
{
    a->len = 0;
    a->nal_open = a->has_slice = a->has_key = a->changed = false;
    a->loss = loss;
    a->data = a->scratch->data;
    a->cap = a->scratch->cap;
}

static void drop_unit(struct assembler *a, enum rtsp_oddity why)
{
    bool changed = a->changed;
    a->oddities |= ODD_BIT(why);
    reset_unit(a, true);
    a->changed = changed;
    a->gap = true;
}

static void emit(struct assembler *a, bool loss_after)
{
    bool key = a->has_key && media_params_complete(a->params, a->codec);
    const uint8_t *data = a->data;
    uint32_t size = a->len;
    bool changed = a->changed, loss = a->loss;
    a->last_ts = a->ts;
    reset_unit(a, loss_after);
    a->events->unit(a, data, size, a->ts, key, changed, loss);
}

/* First slice of a picture: first_mb_in_slice is 0, or first_slice_segment_in_pic_flag is set; one bit in both. */
static bool first_slice(enum media_codec codec, const uint8_t *head, size_t n)
{
    size_t at = codec == MEDIA_H265 ? 2 : 1;
    return n <= at || head[at] >> 7;
}

static bool suffix_nal(enum media_codec codec, const uint8_t *head, size_t n)
{
    return codec == MEDIA_H265 && n >= 1 && (head[0] >> 1 & 63) == 40;
}

/* Does the NAL unit that begins belong to a new access unit? The open one has a slice. */
static bool starts_unit(struct assembler *a, uint32_t ts, enum media_nal_kind kind, bool first,
                        bool suffix)
{
    if (ts != a->ts) {
        bool slice = kind == NAL_SLICE || kind == NAL_KEY_SLICE;
        if (slice && !first && !a->gap) {
            a->oddities |= ODD_BIT(ODD_SPLIT_TIMESTAMP);
            return false;
        }
        return true;
    }
    switch (kind) {
    case NAL_VPS:
    case NAL_SPS:
    case NAL_PPS:
    case NAL_DELIMITER:
        return true;
    case NAL_SEI:
        return !suffix && !a->marker_seen;
    case NAL_OTHER:
    case NAL_SLICE:
    case NAL_KEY_SLICE:
        break;
    }
    return false;
}

/* Slices of the picture that a marker ended just now: from here on only timestamps end an access unit. */
static void check_marker(struct assembler *a, uint32_t ts, bool slice, bool first)
{
    if (slice && !first && !a->has_slice && a->after_marker && ts == a->last_ts && !a->gap) {
        a->marker_lies = true;
        a->oddities |= ODD_BIT(ODD_MARKER);
    }
}

void assembler_begin(struct assembler *a, uint32_t ts, const uint8_t *head, size_t n)
{
    if (a->nal_open)
        assembler_end(a);
    enum media_nal_kind kind = media_nal_kind(a->codec, head, n);
    bool slice = kind == NAL_SLICE || kind == NAL_KEY_SLICE;
    bool first = first_slice(a->codec, head, n);
    check_marker(a, ts, slice, first);
    if (a->gap)
        a->loss = true;
    if (a->has_slice && starts_unit(a, ts, kind, first, suffix_nal(a->codec, head, n))) {
        a->after_marker = false;
        if (!a->marker_seen)
            a->oddities |= ODD_BIT(ODD_NO_MARKER);
        emit(a, a->gap);
    }
    a->gap = false;
    if (a->dead)
        return;
    if (!a->has_slice) {
        if (a->len && ts != a->ts)
            a->oddities |= ODD_BIT(ODD_SPLIT_TIMESTAMP);
        a->ts = ts;
    }
    if (make_room(a, LENGTH_FIELD) < 0) {
        drop_unit(a, ODD_TOO_LARGE);
        return;
    }
    a->nal = a->len;
    a->len += LENGTH_FIELD;
    a->nal_open = true; /* whether it counts as a slice shows when it is complete */
}

void assembler_append(struct assembler *a, const uint8_t *p, size_t n)
{
    if (!a->nal_open)
        return;
    if (n > a->cap - a->len && make_room(a, n) < 0) {
        drop_unit(a, ODD_TOO_LARGE);
        return;
    }
    memcpy(a->data + a->len, p, n);
    a->len += (uint32_t)n;
}

static void learn(struct assembler *a, const uint8_t *nal, size_t n)
{
    while (n && nal[n - 1] == 0)
        n--;
    int r = media_params_put(a->params, a->codec, nal, n);
    if (r > 0)
        a->changed = true;
    else if (r < 0)
        a->oddities |= ODD_BIT(ODD_PARAMS);
}

/* Offset of the next 00 00 01 at or behind @at, or @n. */
static size_t find_start_code(const uint8_t *p, size_t n, size_t at)
{
    while (at + 3 <= n) {
        const uint8_t *one = memchr(p + at + 2, 1, n - at - 2);
        if (!one)
            break;
        size_t i = (size_t)(one - p);
        if (p[i - 1] == 0 && p[i - 2] == 0)
            return i - 2;
        at = i - 1;
    }
    return n;
}

static void note_nal(struct assembler *a, const uint8_t *nal, size_t n)
{
    enum media_nal_kind kind = media_nal_kind(a->codec, nal, n);
    a->has_slice |= kind == NAL_SLICE || kind == NAL_KEY_SLICE;
    a->has_key |= kind == NAL_KEY_SLICE;
    if (kind == NAL_VPS || kind == NAL_SPS || kind == NAL_PPS)
        learn(a, nal, n);
}

/* The open NAL unit holds Annex B start codes: write its parts as NAL units of their own. Rare, so it may allocate. */
static void split_annex_b(struct assembler *a)
{
    uint32_t n = a->len - a->nal - LENGTH_FIELD;
    uint8_t *copy = malloc(n);
    if (!copy) {
        drop_unit(a, ODD_TOO_LARGE);
        return;
    }
    memcpy(copy, a->data + a->nal + LENGTH_FIELD, n);
    a->len = a->nal;
    a->annex_b = true;
    a->oddities |= ODD_BIT(ODD_ANNEX_B);
    for (size_t at = 0; at < n;) {
        size_t end = find_start_code(copy, n, at), next = end < n ? end + 3 : end;
        while (end < n && end > at && copy[end - 1] == 0)
            end--;
        size_t size = end - at;
        if (size && make_room(a, size + LENGTH_FIELD) >= 0) {
            wr32(a->data + a->len, (uint32_t)size);
            memcpy(a->data + a->len + LENGTH_FIELD, copy + at, size);
            a->len += (uint32_t)(size + LENGTH_FIELD);
            note_nal(a, copy + at, size);
        }
        at = next;
    }
    free(copy);
}

void assembler_end(struct assembler *a)
{
    if (!a->nal_open)
        return;
    a->nal_open = false;
    const uint8_t *nal = a->data + a->nal + LENGTH_FIELD;
    uint32_t n = a->len - a->nal - LENGTH_FIELD;
    if (n == 0) {
        a->len = a->nal;
        a->oddities |= ODD_BIT(ODD_EMPTY);
        return;
    }
    enum media_nal_kind kind = media_nal_kind(a->codec, nal, n);
    bool slice = kind == NAL_SLICE || kind == NAL_KEY_SLICE;
    if ((!slice || a->annex_b) && find_start_code(nal, n, 0) < n) {
        split_annex_b(a);
        return;
    }
    wr32(a->data + a->nal, n);
    note_nal(a, nal, n);
}

void assembler_nal(struct assembler *a, uint32_t ts, const uint8_t *nal, size_t n)
{
    if (n == 0) {
        a->oddities |= ODD_BIT(ODD_EMPTY);
        return;
    }
    assembler_begin(a, ts, nal, n);
    assembler_append(a, nal, n);
    assembler_end(a);
}

void assembler_marker(struct assembler *a)
{
    if (a->dead || a->marker_lies)
        return;
    if (a->nal_open)
        assembler_end(a);
    if (!a->has_slice) { /* on a parameter set or SEI: the picture is still to come */
        if (a->len && !a->gap)
            a->oddities |= ODD_BIT(ODD_MARKER);
        return;
    }
    a->marker_seen = a->after_marker = true;
    if (a->gap)
        a->loss = true;
    a->gap = false;
    emit(a, false);
}

void assembler_gap(struct assembler *a)
{
    if (a->nal_open) {
        a->len = a->nal;
        a->nal_open = false;
    }
    a->gap = a->loss = true;
}

int assembler_park(struct assembler *a)
{
    bool own = a->parked && a->data == a->parked;
    if (a->len > a->parked_peak)
        a->parked_peak = a->len;
    if (!own && a->len > 0) {
        if (a->len > a->parked_cap && grow_to(&a->parked, &a->parked_cap, a->len) < 0) {
            drop_unit(a, ODD_TOO_LARGE);
            return -ENOMEM;
        }
        memcpy(a->parked, a->data, a->len);
        a->data = a->parked;
        a->cap = a->parked_cap;
    }
    if (++a->parks < AU_PARK_ROUNDS)
        return 0;
    if (a->parked_cap > AU_PARK_KEEP && a->parked_peak < a->parked_cap / 2) {
        uint32_t keep = a->parked_peak > AU_PARK_KEEP ? a->parked_peak : AU_PARK_KEEP;
        uint8_t *less = realloc(a->parked, keep);
        if (less) {
            if (a->len > 0)
                a->data = less;
            a->parked = less;
            a->parked_cap = keep;
            if (a->len > 0)
                a->cap = keep;
        }
    }
    a->parks = 0;
    a->parked_peak = 0;
    return 0;
}

void assembler_unpark(struct assembler *a)
{
    if (a->len > AU_UNPARK_BYTES)
        return;
    if (a->len > 0) {
        if (a->len > a->scratch->cap && grow_to(&a->scratch->data, &a->scratch->cap, a->len) < 0)
            return;
        memcpy(a->scratch->data, a->parked, a->len);
    }
    a->data = a->scratch->data;
    a->cap = a->scratch->cap;
}
