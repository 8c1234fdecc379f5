/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_OPEN_H
#define CLI_OPEN_H
/*
 * The parts of `lethe open`: which recordings (open_list.c), their keys (open_keys.c), copying (open_copy.c), what is
 * missing (open_gaps.c).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "index/index.h"
#include "mp4/reader.h"
#include "seal/seal.h"

/* One recording that touches the span. */
struct open_source {
    char path[512];           /* below the data directory */
    int64_t start_us, end_us; /* UTC of the first picture, and of the end of the last one */
    int64_t epoch_us, epoch_length_us;
    uint8_t kid[SEAL_KID];
    bool encrypted, readable; /* not readable: damaged, or its shares are gone */
    bool outside;        /* not readable because the order of the case does not cover its epoch */
    char end_reason[24]; /* "" when it was never closed */
};

/* Something of the span that is not in the output. */
struct open_gap {
    int64_t from_us, to_us;
    char reason[24], detail[160];
};

struct open_job {
    const char *data_dir, *camera;
    int64_t from_us, to_us;
    struct open_source *source;
    size_t sources;
    uint8_t *keys; /* SEAL_KEY bytes for each source, in locked memory */
    struct open_gap *gap;
    size_t gaps;
    bool lost; /* something that was recorded could not be opened */
    uint64_t frames, bytes;
    int64_t first_us; /* UTC of the first picture in the output */
};
void open_job_release(struct open_job *j);
int open_gap_add(struct open_job *j, int64_t from_us, int64_t to_us, const char *reason,
                 const char *detail);

/*
 * Find the recordings of the span, in order of time, by the names of the files and then by their heads: the files are
 * the truth, and an index that is away, or late after a crash, must not hide one. E_NOTFOUND when there is none.
 */
int open_list(struct open_job *j, struct err *reterr);
/* "\r 42 %" on a terminal, nothing elsewhere. @done and @total in bytes. */
void open_progress(uint64_t done, uint64_t total);
/*
 * Open the key of every source. A key whose shares are gone makes its source unreadable (told on stderr, and a gap).
 * Errors: E_THRESHOLD, E_MISMATCH, E_CRYPTO with one sentence.
 */
int open_keys(struct open_job *j, struct seal_identity *const *ids, size_t n, struct err *reterr);
/* Write the span into @fd. *@stop turns true from a signal handler: E_CLOSED. */
int open_copy(struct open_job *j, int fd, const volatile int *stop, struct err *reterr);
/* Keys are there: copy into @out, whole or not at all, and list the gaps. E_EXISTS unless @force. */
int open_write(struct open_job *j, const char *out, bool force, struct err *reterr);
/* Tell what came out of it, as JSON if asked for. Returns the exit code. */
int open_tell(const struct open_job *j, const char *out, bool json);
/* Gaps with their reasons from the index, if it can be had, and holes between the files that it does not explain. */
int open_gaps(struct open_job *j, struct err *reterr);
#endif
