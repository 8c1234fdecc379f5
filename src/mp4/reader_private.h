/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MP4_READER_PRIVATE_H
#define MP4_READER_PRIVATE_H
/* What scan.c (which fragments are there) and reader.c (what is in them) share. */
#include "mp4/head.h"
#include "mp4/parse.h"
#include "mp4/reader.h"

struct mp4_reader {
    int fd;
    uint64_t size, valid_end, head_end;
    struct mp4_info info;
    struct media_params params;
    struct mp4_entry *entry;
    size_t entries, entries_cap;
    bool closed;
    char reason[MP4_REASON_BYTES];

    uint8_t *data; /* the fragment that was loaded */
    size_t data_cap;
    struct mp4_run run[MP4_TRACKS];
    uint32_t next[MP4_TRACKS];
    uint32_t moof_offset;
    uint64_t offset; /* of the fragment in the file */
    bool peeked;     /* only its header is there */
};

static inline bool is_errno(int rc)
{
    return rc < 0 && rc > -4096;
}

/* All of @len bytes at @at, E_TRUNCATED if the file ends before. */
int reader_read_at(const struct mp4_reader *r, uint64_t at, void *buf, size_t len);
/* Make r->data hold at least @len bytes; what it held may be lost. */
int reader_need(struct mp4_reader *r, size_t len);
/* Parse head and list of fragments: info, entries, valid_end, closed, reason. */
int reader_scan(struct mp4_reader *r, struct err *reterr);
#endif
