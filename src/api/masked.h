/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef API_MASKED_H
#define API_MASKED_H
/*
 * The only way from a recording to somebody's eyes. masked_open() is the one place of the web process that opens recordings,
 * and it refuses everything whose own head does not say that it is masked and clear, whatever index or request believe.
 * tests/unit/api/test_masked.c holds the tree to that.
 */
#include <jansson.h>

#include "http/message.h"
#include "index/index.h"
#include "mp4/reader.h"
#include "mp4/virtual.h"

struct masked_file {
    int fd;
    struct mp4_reader *reader;
};
/* @path: relative to @data_dir, as the index has it. E_DENIED (not masked), E_NOTFOUND, those of mp4_reader_open(). */
int masked_open(const char *data_dir, const char *path, struct masked_file *ret,
                struct err *reterr);
void masked_close(struct masked_file *f);
/* UTC of the first picture of fragment @i, and of the end of its last one. */
int64_t masked_fragment_us(const struct masked_file *f, size_t i);
int64_t masked_fragment_end_us(const struct masked_file *f, size_t i);

/* Masked recordings of a camera in a span, in order. */
struct masked_rows {
    struct index_recording *row;
    size_t count, cap;
};
int masked_find(struct index *ix, const char *camera, int64_t from_us, int64_t to_us,
                struct masked_rows *ret, struct err *reterr);
void masked_rows_release(struct masked_rows *r);

/* A span as one file. Immutable, shared by reference. */
struct masked_span {
    int refs;
    char *data_dir, camera[INDEX_ID];
    int64_t from_us, to_us; /* first picture shown, end of the last */
    struct mp4_virtual *file;
    char (*path)[INDEX_PATH]; /* by tag */
    size_t paths;
    char etag[80];
    struct index_gap *gap; /* of recording, inside the span */
    size_t gaps;
};
/*
 * @strict: begin with the first key frame in the span, not with the one before it (which the asker may not see).
 */
int masked_span_make(struct index *ix, const char *data_dir, const char *camera, int64_t from_us,
                     int64_t to_us, bool strict, struct masked_span **ret, struct err *reterr);
void masked_span_unref(struct masked_span *s);
/* Reads its bytes; one for each reader. Takes a reference. */
struct masked_reader;
int masked_reader_new(struct masked_span *s, struct masked_reader **ret);
extern const struct http_body_ops masked_reader_ops;
ssize_t masked_reader_read(struct masked_reader *r, uint64_t at, void *to, size_t max);
void masked_reader_free(struct masked_reader *r);

/* Spans that were asked for lately, so that the second range of a download does not begin anew. Thread-safe. */
struct masked_cache;
int masked_cache_new(struct masked_cache **ret);
void masked_cache_free(struct masked_cache *c);
struct masked_span *masked_cache_find(struct masked_cache *c, const char *camera, int64_t from_us,
                                      int64_t to_us, bool strict, int64_t now_us);
void masked_cache_put(struct masked_cache *c, struct masked_span *s, int64_t from_us, int64_t to_us,
                      bool strict, int64_t now_us);
#endif
