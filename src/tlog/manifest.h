/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_MANIFEST_H
#define TLOG_MANIFEST_H
/*
 * The hourly list of recordings whose Merkle root is in the log: docs/format/manifest.md. Its lines are
 * the leaves, so that one line and a few hashes prove that a recording existed unchanged. Reentrant.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "tlog/merkle.h"

#define TLOG_MANIFEST_LINE 512 /* longest line with its newline */

/* One recording. Views are "sealed" and "masked". */
struct tlog_manifest_line {
    char camera[64], view[16];
    int64_t start_us, end_us;
    int64_t frames, bytes;
    uint8_t kid[16];
    uint8_t manifest[32]; /* SHA-256 over the recording's own manifest */
    char path[192];       /* relative to the data directory */
};

struct tlog_manifest_head {
    char node[64];
    int64_t hour_us;
    uint64_t recordings;
};

/* The file: head, an empty line, then as many lines as the head says. Appends. -ENOMEM, E_LIMIT, E_RANGE. */
int tlog_manifest_put_head(const struct tlog_manifest_head *h, struct buf *out);
int tlog_manifest_put_line(const struct tlog_manifest_line *l, struct buf *out);
/* Without the newline. E_SYNTAX: not spelled as the functions above would. */
int tlog_manifest_parse_line(const char *text, size_t len, struct tlog_manifest_line *ret);

struct tlog_manifest_reader {
    const char *text;
    size_t len, at;
    struct tlog_manifest_head head;
    uint64_t read;
    struct tlog_manifest_line last;
};
/* @text stays the caller's. E_SYNTAX with a sentence. */
int tlog_manifest_open(const char *text, size_t len, struct tlog_manifest_reader *ret,
                       struct err *reterr);
/*
 * 1: @ret and the leaf that it is; 0: that was all; E_SYNTAX, E_ORDER (not in order, or twice), E_TRUNCATED.
 * @ret_leaf may be NULL.
 */
int tlog_manifest_next(struct tlog_manifest_reader *r, struct tlog_manifest_line *ret,
                       struct tlog_hash *ret_leaf, struct err *reterr);

/* Order of the lines: camera, view, start, path. */
int tlog_manifest_compare(const struct tlog_manifest_line *a, const struct tlog_manifest_line *b);

/* The root of any number of leaves in little memory (RFC 6962 §2.1). Zero it to begin. */
struct tlog_root {
    uint64_t count;
    struct tlog_hash full[64]; /* full[i]: of the 2^i leaves, where bit i of count is set */
};
void tlog_root_add(struct tlog_root *r, const struct tlog_hash *leaf);
void tlog_root_get(const struct tlog_root *r, struct tlog_hash *ret);
#endif
