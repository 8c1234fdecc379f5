/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_COSIGNER_H
#define TLOG_COSIGNER_H
/*
 * The process that asks the witnesses to cosign: it reads the log's static files, talks to the network, and brings the
 * logger what it got. It has no key, and writes no file. A thread for each witness, so that a slow one holds up nobody.
 *
 * Source: C2SP tlog-witness v1.0.0, as a client.
 */
#include "tlog/policy.h"

#define COSIGNER_ANSWER_BYTES ((size_t)64 * 1024)
#define COSIGNER_ROUNDS 4 /* requests to one witness for one checkpoint; each 409 costs one */

struct cosigner_options {
    const char *data_dir;
    const struct tlog_policy *policy;
    int heartbeat_fd;  /* -1: none */
    long retry_min_ms; /* after a failure, doubling up to retry_max_ms; 0: 1 s and 5 min */
    long retry_max_ms;
};

/* Until SIGTERM or SIGINT. Main thread. */
int cosigner_run(const struct cosigner_options *o, struct err *reterr);

/* One exchange with an HTTP server, for tests too. */
struct cosigner_reply {
    long status;
    char type[64]; /* Content-Type */
    struct buf body;
};

/* What a witness made of a checkpoint. */
enum cosigner_outcome {
    COSIGNER_SIGNED, /* lines holds what it signed */
    COSIGNER_AHEAD,  /* it has cosigned more entries than the log has: see size */
    COSIGNER_FAILED, /* the sentence says how */
};

/*
 * Ask one witness to cosign the checkpoint @note of the log in @log_dir.
 *
 * @io_old     size that the witness is believed to have, corrected on the way
 * @ret_lines  signature lines, unverified; a buffer of the caller's
 * @ret_size   what it says to have, with COSIGNER_AHEAD
 */
enum cosigner_outcome cosigner_ask(const char *url, const char *log_dir, const struct buf *note,
                                   uint64_t *io_old, struct buf *ret_lines, uint64_t *ret_size,
                                   struct err *reterr);
/* The newest checkpoint that a witness has of @origin. */
int cosigner_fetch(const char *url, const char *origin, struct buf *ret, struct err *reterr);
#endif
