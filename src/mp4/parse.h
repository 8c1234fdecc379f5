/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MP4_PARSE_H
#define MP4_PARSE_H
/* Parsing boxes out of memory. Nothing is believed: every read is checked against the bytes at hand. Reentrant. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mp4/reader.h"

/* Bytes still to be read; `bad` is set by a read past the end, which yields zeros. */
struct span {
    const uint8_t *p;
    size_t len;
    bool bad;
};

uint32_t span_u8(struct span *s);
uint32_t span_u16(struct span *s);
uint32_t span_u32(struct span *s);
uint64_t span_u64(struct span *s);
/* Pointer to the next @n bytes, or NULL. */
const uint8_t *span_take(struct span *s, size_t n);
/* Next box of @s: type and contents. False at the end or when the size is impossible (`bad` tells which). */
bool span_box(struct span *s, uint32_t *ret_type, struct span *ret_body);
/* First child box of @type; empty and bad if there is none. */
struct span span_child(struct span s, uint32_t type);

/* Fill tracks, kid and `encrypted` of @info from the contents of moov. @params receives the parameter sets of track 0. */
int mp4_parse_moov(struct span moov, struct mp4_info *info, struct media_params *params);
/* Contents of uuid/meta, behind the 16 bytes of its type. */
int mp4_parse_meta(struct span meta, struct mp4_info *info);

struct mp4_run_sample {
    uint64_t dts;
    int64_t pts;
    uint32_t duration, size, data; /* data: from the first byte of moof */
    uint32_t senc;                 /* offset of its senc entry in moof, 0: none */
    bool key;
};

/* Samples of one track in one moof. */
struct mp4_run {
    struct mp4_run_sample *sample;
    uint32_t count, cap;
    bool subsamples;
};
/*
 * Parse moof (whole box with header) into one run per track. @run[i].sample grows as needed and is the caller's to
 * free. Errors: E_CORRUPT, E_LIMIT, -ENOMEM.
 */
int mp4_parse_moof(const uint8_t *moof, size_t len, struct mp4_run run[MP4_TRACKS]);
#endif
