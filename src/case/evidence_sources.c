/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The pictures: each fragment is sealed again and held against the manifest of its recording. What is missing is told
 * from what was changed by looking whether a later fragment stands in its place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "case/evidence_sources.h"
#include "mp4/box.h"
#include "mp4/head.h"
#include "seal/record.h"
#include "tlog/base64.h"

#define LOOK_AHEAD 64 /* fragments in a row that may be missing and are told as such */
#define FRAGMENT_BYTES (2 * MP4_FRAGMENT_MAX)

struct entry {
    uint32_t length, moof, samples;
    int64_t dts;
    uint8_t sha256[32];
};

struct source {
    struct evidence_check *k;
    const json_t *json;
    struct entry *entry; /* of the whole recording */
    size_t entries, first, count;
    int64_t start_us, shift[MP4_TRACKS];
    uint32_t rate;
    uint64_t at; /* where the next fragment is expected */
    struct mp4_clearing clearing;
    uint8_t *clear, *sealed;
};

static int64_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static const char *string(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* The manifest box: docs/format/recording.md, "mfra". */
static int parse_manifest(struct source *s, const uint8_t *box, size_t len)
{
    struct span m = {box, len, false};
    if (span_u32(&m) != len || span_u32(&m) != MP4_TYPE('u', 'u', 'i', 'd'))
        return E_CORRUPT;
    const uint8_t *uuid = span_take(&m, 16);
    if (!uuid || memcmp(uuid, mp4_uuid_manifest, 16) != 0 || span_u32(&m) >> 24 != 1)
        return E_CORRUPT;
    s->entries = span_u32(&m);
    span_u64(&m);
    span_u64(&m);
    span_take(&m, MP4_REASON_BYTES);
    if (m.bad || s->entries * (size_t)MP4_MANIFEST_ENTRY != m.len)
        return E_CORRUPT;
    s->entry = calloc(s->entries + 1, sizeof(*s->entry));
    if (!s->entry)
        return -ENOMEM;
    for (size_t i = 0; i < s->entries; i++) {
        struct entry *e = &s->entry[i];
        span_u64(&m);
        e->length = span_u32(&m);
        e->moof = span_u32(&m);
        e->dts = (int64_t)span_u64(&m);
        span_u32(&m);
        e->samples = span_u32(&m);
        span_u32(&m);
        memcpy(e->sha256, span_take(&m, 32), 32);
        if (e->length > FRAGMENT_BYTES || e->moof > e->length)
            return E_CORRUPT;
    }
    return 0;
}

static int load_manifest(struct source *s)
{
    const char *b64 = string(s->json, "manifest");
    size_t cap = strlen(b64) + 4, n = 0;
    uint8_t *box = malloc(cap);
    if (!box)
        return -ENOMEM;
    int r = tlog_base64_decode(b64, strlen(b64), box, cap, &n);
    r = r < 0 ? E_CORRUPT : parse_manifest(s, box, n);
    free(box);
    return r;
}

/* Key, key record and KID belong together, and to this camera and epoch. */
static int load_key(struct source *s, uint8_t key[16], bool *ret_sealed)
{
    struct evidence_report *r = s->k->report;
    const char *hex = string(s->json, "key"), *text = string(s->json, "key_record");
    const char *name = string(s->json, "recording");
    struct seal_record record;
    uint8_t kid[16];
    char kid_hex[33];
    size_t n = 0;
    *ret_sealed = *hex != 0;
    if (!*ret_sealed)
        return 0;
    if (hex_decode(hex, key, 16, &n) < 0 || n != 16)
        return E_CORRUPT;
    seal_record_kid(text, strlen(text), kid);
    if (strcmp(hex_encode(kid, 16, kid_hex), string(s->json, "kid")) != 0)
        evidence_problem(r, "key", s->start_us,
                         "%s: the key record is not the one that the file's KID names", name);
    else if (seal_record_parse(text, strlen(text), &record) < 0 ||
             strcmp(record.context.camera, string(s->json, "camera")) != 0 ||
             record.context.epoch_us != number(s->json, "epoch_us"))
        evidence_problem(r, "key", s->start_us, "%s: the key record is of another camera or epoch",
                         name);
    return 0;
}

static int64_t utc_of(const struct source *s, const struct entry *e)
{
    return s->start_us + (int64_t)((__int128)e->dts * SECOND_US / s->rate);
}

/* Is entry @e what stands at s->at? -EIO and the like are errors. */
static int matches(struct source *s, const struct entry *e, bool *ret_same)
{
    uint8_t hash[32];
    *ret_same = false;
    if (e->length > s->k->end - s->at)
        return 0;
    int r = evidence_read(s->k->fd, s->clear, e->length, s->at);
    if (r < 0)
        return r;
    memcpy(s->sealed, s->clear, e->length);
    r = mp4_clearing_seal(&s->clearing, s->sealed, e->length, e->moof, s->shift);
    if (r < 0)
        return r == -ENOMEM ? r : 0;
    case_hash(s->sealed, e->length, hash);
    *ret_same = memcmp(hash, e->sha256, sizeof(hash)) == 0;
    return 0;
}

static void check_camera_signature(struct source *s, const struct entry *e)
{
    const struct mp4_run *run = &s->clearing.run[0];
    for (uint32_t i = 0; s->k->signing && i < run->count; i++)
        signing_add_sample(s->k->signing, s->clear + e->moof + run->sample[i].data,
                           run->sample[i].size, utc_of(s, e));
}

static void take_right(struct source *s, const struct entry *e)
{
    s->k->report->fragments_right++;
    s->k->report->frames += e->samples;
    check_camera_signature(s, e);
    s->at += e->length;
}

/* The fragment is not what it should be: missing, or changed? Returns how many entries are done with. */
static int differ(struct source *s, size_t i, size_t *ret_done)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    size_t end = s->first + s->count;
    for (size_t k = 1; k <= LOOK_AHEAD && i + k < end; k++) {
        bool same;
        int r = matches(s, &s->entry[i + k], &same);
        if (r < 0)
            return r;
        if (!same)
            continue;
        evidence_problem(s->k->report, "fragment", utc_of(s, &s->entry[i]),
                         "%zu fragment%s missing: pictures of %s to %s", k,
                         k == 1 ? " is" : "s are", time_format(utc_of(s, &s->entry[i]), from),
                         time_format(utc_of(s, &s->entry[i + k]), to));
        *ret_done = k;
        return 0;
    }
    evidence_problem(s->k->report, "fragment", utc_of(s, &s->entry[i]),
                     "the pictures of %s are not those that were recorded",
                     time_format(utc_of(s, &s->entry[i]), from));
    s->at += s->entry[i].length;
    *ret_done = 1;
    return 0;
}

static int check_fragments(struct source *s)
{
    size_t end = s->first + s->count;
    for (size_t i = s->first; i < end;) {
        bool same;
        int r = matches(s, &s->entry[i], &same);
        if (r < 0)
            return r;
        size_t done = 1;
        if (same)
            take_right(s, &s->entry[i]);
        else if ((r = differ(s, i, &done)) < 0)
            return r;
        i += done;
    }
    return 0;
}

static int prepare(struct source *s, uint8_t key[16], bool *ret_sealed)
{
    const json_t *shift = json_object_get(s->json, "shift");
    s->start_us = number(s->json, "start_us");
    s->rate = 90000;
    for (int i = 0; i < MP4_TRACKS; i++)
        s->shift[i] = json_integer_value(json_array_get(shift, (size_t)i));
    int r = load_manifest(s);
    if (r < 0)
        return r;
    s->first = (size_t)number(s->json, "first");
    s->count = (size_t)number(s->json, "count");
    if (s->first >= s->entries || s->count > s->entries - s->first || !s->count)
        return E_CORRUPT;
    return load_key(s, key, ret_sealed);
}

/* A recording that follows another must begin where that one ended, or a gap has to say so. */
int evidence_check_source(struct evidence_check *k, const json_t *json)
{
    struct source s = {.k = k, .json = json, .at = k->at};
    uint8_t key[16];
    bool sealed = false;
    int r = prepare(&s, key, &sealed);
    if (r == E_CORRUPT) {
        evidence_problem(k->report, "manifest", s.start_us, "%s: the manifest cannot be read",
                         string(json, "recording"));
        r = 0;
        goto done;
    }
    s.clear = malloc(FRAGMENT_BYTES);
    s.sealed = malloc(FRAGMENT_BYTES);
    if (r >= 0)
        r = s.clear && s.sealed ? mp4_clearing_init(&s.clearing, sealed ? key : NULL) : -ENOMEM;
    k->report->recordings++;
    k->report->fragments += s.count;
    if (r >= 0)
        r = check_fragments(&s);
    k->at = s.at;
done:
    mp4_clearing_release(&s.clearing);
    free(s.entry);
    free(s.clear);
    free(s.sealed);
    return r;
}
