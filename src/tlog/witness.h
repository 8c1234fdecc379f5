/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_WITNESS_H
#define TLOG_WITNESS_H
/*
 * A witness: remembers the newest checkpoint of each log that it knows, and cosigns a newer one only when it is proven to
 * continue it. One file per log, replaced durably before the cosignature is given out. Blocking; thread-safe.
 *
 *   DIR/key            signing key of type 4            DIR/vkey   what to hand to others
 *   DIR/logs/HEX       HEX is SHA-256 of the origin: the newest checkpoint, the log's signatures and ours
 *
 * Source: C2SP tlog-witness v1.0.0 (add-checkpoint, monitor retrieval), tlog-cosignature v1.0.1.
 */
#include "tlog/policy.h"

#define WITNESS_BODY_BYTES ((size_t)128 * 1024) /* longest request that is read */

struct witness;

/*
 * @name     of a key that is made on the first run
 * @logs     whose logs are cosigned; kept
 * Errors: E_NOTFOUND (no key and no name), E_SYNTAX, errno values.
 */
int witness_open(const char *dir, const char *name, const struct tlog_policy *logs,
                 struct witness **ret, struct err *reterr);
void witness_close(struct witness *w);
const struct tlog_vkey *witness_vkey(const struct witness *w);

/* What is answered over HTTP. */
struct witness_answer {
    int status;       /* 200, 400, 403, 404, 409, 422, 500 */
    const char *type; /* Content-Type */
    struct buf body;  /* released by the caller */
    struct err why;   /* for the witness's own log; "" when all is well */
};

/* POST add-checkpoint. @unix_time goes into the cosignature. */
void witness_add_checkpoint(struct witness *w, const void *body, size_t len, int64_t unix_time,
                            struct witness_answer *ret);
/* GET HEX/checkpoint: @hex is the part between the slashes. */
void witness_get_checkpoint(struct witness *w, const char *hex, struct witness_answer *ret);

/* Serve both over HTTP at ADDR:PORT until SIGTERM or SIGINT. @listening is told the port (of 0 too); may be NULL. */
int witness_serve(struct witness *w, const char *listen, void (*listening)(int port),
                  struct err *reterr);
#endif
