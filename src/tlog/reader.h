/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_READER_H
#define TLOG_READER_H
/*
 * Reads a log from its static files, wherever they lie, and makes proofs from them. What it returns is only as good as
 * the files: check proofs against a checkpoint that is verified. Thread-bound.
 */
#include "base/buf.h"
#include "tlog/merkle.h"
#include "tlog/tile.h"

/* Where the files come from. */
struct tlog_files {
    /*
     * Replace what is in @ret by the file at @path ("checkpoint", "tile/0/000"). @ret has the ceiling that the file
     * must keep: E_LIMIT. E_NOTFOUND; others by source.
     */
    int (*get)(void *user, const char *path, struct buf *ret, struct err *reterr);
    void *user;
};

/* Files in a directory; @dir is kept. */
struct tlog_files tlog_files_dir(const char *dir);

/* Files over HTTP. */
struct tlog_http;
/* @url is the log's prefix, http:// or https://. Owns nothing of the caller's. E_SYNTAX, -ENOMEM. */
int tlog_http_open(const char *url, struct tlog_http **ret, struct err *reterr);
void tlog_http_close(struct tlog_http *h);
struct tlog_files tlog_files_http(struct tlog_http *h);

struct tlog_reader;
/* A log of @size entries. -ENOMEM. */
int tlog_reader_open(struct tlog_files files, uint64_t size, struct tlog_reader **ret);
void tlog_reader_close(struct tlog_reader *r);
/* Subtrees of the log, for tlog_tree_root() and its like. E_CORRUPT for a tile of the wrong length. */
struct tlog_subtrees tlog_reader_subtrees(struct tlog_reader *r);
/* The log has grown: later reads see @size entries. */
void tlog_reader_grow(struct tlog_reader *r, uint64_t size);

/* The bundle of entries @n · 256 …: all that a log of this size has. E_CORRUPT when entries are missing. */
int tlog_reader_bundle(struct tlog_reader *r, uint64_t n, struct buf *ret, struct err *reterr);
/* One entry, a copy in @ret. E_RANGE. */
int tlog_reader_entry(struct tlog_reader *r, uint64_t index, struct buf *ret, struct err *reterr);
#endif
