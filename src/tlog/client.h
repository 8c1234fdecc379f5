/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_CLIENT_H
#define TLOG_CLIENT_H
/*
 * Asks the logger, over DATA/run/log.sock. Two forms: one that waits, for commands and worker threads, and one for event
 * loops. Whoever appends gives entries an id line, so that handing them in again after an error does no harm.
 */
#include <jansson.h>
#include <uv.h>

#include "base/buf.h"
#include "tlog/log.h"

#define TLOG_CLIENT_TIMEOUT_MS 10000
#define TLOG_CLIENT_QUEUE 256 /* requests that wait in one struct tlog_async */

/* ---- waiting ---- */

struct tlog_client;
/* @data_dir is DATA. Errors: E_NOTFOUND (no logger runs), E_TIMEOUT, errno values. Thread-bound. */
int tlog_client_open(const char *data_dir, int timeout_ms, struct tlog_client **ret,
                     struct err *reterr);
void tlog_client_close(struct tlog_client *c);
/*
 * One request and its answer (docs/api/log.md). @request stays the caller's, @ret_answer becomes the caller's.
 * Errors: what the logger answers; E_CLOSED, E_TIMEOUT, E_PROTOCOL after which the client must be closed.
 */
int tlog_client_call(struct tlog_client *c, const json_t *request, json_t **ret_answer,
                     struct err *reterr);
/* Durable and published when it returns. @ret_indexes: @n numbers, may be NULL. */
int tlog_client_append(struct tlog_client *c, const struct tlog_entry *entries, size_t n,
                       uint64_t *ret_indexes, struct err *reterr);
/*
 * Append a .tlog-proof of entry @index to @out.
 * @quorum  under the newest checkpoint that the quorum of witnesses has cosigned; E_BUSY: not that far yet
 */
int tlog_client_proof(struct tlog_client *c, uint64_t index, bool quorum, struct buf *out,
                      struct err *reterr);

/* ---- in a loop ---- */

struct tlog_async;
/* @code 0 and where the entries are, or an error: hand them in again. @indexes is valid during the call only. */
typedef void (*tlog_async_fn)(void *user, int code, const struct err *e, const uint64_t *indexes,
                              size_t n);

/*
 * Connects when there is something to send. Bound to @loop's thread; the process ignores SIGPIPE.
 * Errors: E_LIMIT (path too long), -ENOMEM.
 */
int tlog_async_open(uv_loop_t *loop, const char *data_dir, struct tlog_async **ret);
/* Everything that waits is called back with E_CLOSED; then @closed, when the memory is free. */
void tlog_async_close(struct tlog_async *a, void (*closed)(void *user), void *user);
/*
 * Append entries; they are copied. @done is called later, from the loop, once.
 * Errors: E_FULL, E_LIMIT, -ENOMEM; @done is not called then.
 */
int tlog_async_append(struct tlog_async *a, const struct tlog_entry *entries, size_t n,
                      tlog_async_fn done, void *user);
#endif
