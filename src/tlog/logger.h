/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_LOGGER_H
#define TLOG_LOGGER_H
/*
 * The process that writes the log: the only one that reads its key. Answers on DATA/run/log.sock, processes of its own
 * user only; requests and answers are JSON, one a line (docs/api/log.md). Requests that arrive together are made durable
 * together. It has no network: `lethe cosigner` asks the witnesses and brings what they say.
 */
#include "base/clock.h"
#include "tlog/log.h"

#define LOGGER_LINE_BYTES ((size_t)8 << 20) /* longest request */
#define LOGGER_CLIENTS 64
#define LOGGER_SOCKET "run/log.sock" /* below DATA */

struct logger_options {
    const char *data_dir;
    const char *origin;               /* of a log that is made now */
    const struct tlog_policy *policy; /* witnesses and quorum; NULL: none */
    int heartbeat_fd;                 /* -1: none */
    bool no_sync;                     /* measurements only */
    const struct clock *clock;
};

/*
 * Open the log, making it on the first run, and serve until SIGTERM or SIGINT.
 * Errors: those of tlog_log_open(), of the socket, and E_BUG of the loop.
 * Thread: main thread.
 */
int logger_run(const struct logger_options *o, struct err *reterr);

/* The requests without sockets, for tests. */
struct logger_requests;
int logger_requests_open(const struct logger_options *o, struct logger_requests **ret,
                         struct err *reterr);
void logger_requests_close(struct logger_requests *q);

/* One request line. */
struct logger_request {
    struct json_t *json;        /* owned */
    struct tlog_entry *entries; /* of an append, into json; owned */
    size_t entries_n;
    uint64_t *indexes; /* entries_n numbers */
    int code;          /* of an append that was committed */
    struct err err;
};
/*
 * Read one line. Returns 1 for an append, which logger_commit() has to be called for, 0 for others, and below 0 for what
 * is not a request; whatever it is, logger_answer() answers it.
 */
int logger_request_parse(const char *line, size_t len, struct logger_request *ret);
void logger_request_release(struct logger_request *r);
/* Append what @n requests want, in one go. */
void logger_commit(struct logger_requests *q, struct logger_request *const *requests, size_t n);
/* Append the answer with its newline to @out. -ENOMEM. */
int logger_answer(struct logger_requests *q, struct logger_request *r, struct buf *out);
#endif
