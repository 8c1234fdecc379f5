/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TEST_RTSP_DEPAY_SCRIPT_H
#define TEST_RTSP_DEPAY_SCRIPT_H
/*
 * Packets as text in, access units as text out. Script words: "t3600" timestamp, "p:HEX" packet, "m:HEX" packet with
 * marker, "gap" packets are missing here, "turn" the session's turn ends and another session uses the scratch buffer.
 * An access unit prints as "HEX,HEX@TS" with K (key), C (parameters changed) and L (loss) behind.
 */
#include "row.h"

#include "base/buf.h"
#include "rtsp/depay.h"
#include "rtsp/oddity.h"

struct depay_run {
    struct assembler a;
    struct media_params params;
    struct au_scratch scratch;
    char out[65536];
    size_t n;
};

static void print(struct depay_run *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (d->n < sizeof(d->out)) /* a huge picture is cut, its end is not looked at */
        d->n += (size_t)vsnprintf(d->out + d->n, sizeof(d->out) - d->n, fmt, ap);
    va_end(ap);
}

static void script_unit(struct assembler *a, const uint8_t *data, uint32_t size, uint32_t ts,
                        bool key, bool changed, bool loss)
{
    struct depay_run *d = (struct depay_run *)(void *)a; /* first member */
    print(d, "%s", d->n ? " " : "");
    uint32_t at = 0;
    while (at + 4 <= size) {
        uint32_t n = rd32(data + at);
        print(d, "%s", at ? "," : "");
        for (uint32_t i = 0; i < n; i++)
            print(d, "%02x", data[at + 4 + i]);
        at += 4 + n;
    }
    assert_int_equal(at, size);
    print(d, "@%u%s%s%s", ts, key ? "K" : "", changed ? "C" : "", loss ? "L" : "");
}

static const struct assembler_events script_events = {script_unit};

static void script_packet(struct depay_run *d, const char *hex, uint32_t ts, bool marker, bool donl)
{
    size_t n = strlen(hex) / 2;
    uint8_t *bytes = malloc(n ? n : 1);
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        sscanf(hex + 2 * i, "%2x", &v);
        bytes[i] = (uint8_t)v;
    }
    struct rtp_packet p = {.payload = bytes, .len = n, .timestamp = ts, .marker = marker};
    if (d->a.codec == MEDIA_H264)
        depay_h264(&d->a, &p);
    else
        depay_h265(&d->a, &p, donl);
    free(bytes);
}

static struct depay_run *script_run(enum media_codec codec, const char *script, bool donl)
{
    struct depay_run *d = calloc(1, sizeof(*d));
    uint32_t ts = 0;
    d->scratch.data = malloc(16); /* small: growing is part of the test */
    d->scratch.cap = 16;
    assembler_init(&d->a, codec, &d->params, &d->scratch, &script_events);
    assembler_unpark(&d->a);
    char *copy = strdup(script), *rest = copy, *word;
    while ((word = strsep(&rest, " "))) {
        if (word[0] == 't' && word[1] != 'u') {
            ts = (uint32_t)strtoul(word + 1, NULL, 10);
        } else if (strcmp(word, "gap") == 0) {
            assembler_gap(&d->a);
        } else if (strcmp(word, "turn") == 0) {
            assembler_park(&d->a);
            memset(d->scratch.data, 0xee, d->scratch.cap);
            assembler_unpark(&d->a);
        } else if (word[0]) {
            script_packet(d, word + 2, ts, word[0] == 'm', donl);
        }
    }
    free(copy);
    return d;
}

static void script_free(struct depay_run *d)
{
    assembler_release(&d->a);
    free(d->scratch.data);
    free(d);
}

struct depay_row {
    const char *name, *script, *want;
    uint32_t oddities;
    bool donl;
};

static void script_check(enum media_codec codec, const struct depay_row *row)
{
    struct depay_run *d = script_run(codec, row->script, row->donl);
    CHECK_TEXT(row, d->out, row->want);
    CHECK_INT(row, d->a.oddities, row->oddities);
    script_free(d);
}
#endif
