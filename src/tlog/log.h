/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_LOG_H
#define TLOG_LOG_H
/*
 * The one who writes a log. Two directories: the log (public, static files) and its keys.
 *
 *   LOG/checkpoint, LOG/tile/…   as tlog/tile.h says     LOG/keys   vkeys of the log, one a line, the current one first
 *   KEYS/key        signing key                          KEYS/next  the key that follows, while both sign
 *   KEYS/state      the newest checkpoint that was signed KEYS/lock  held while the log is open
 *   KEYS/refused    why nothing is signed any more; removed by hand only
 *
 * Order of an append: bundle and tiles, each temporary file · fsync · rename → fsync of their directories → KEYS/state
 * → LOG/checkpoint. So no checkpoint is ever there before its tiles, and nothing is signed that is not in KEYS/state
 * first. When a log is opened, the newer of state and checkpoint is what was signed last; the tiles must prove both.
 * If they do, the log goes on from there; if not, the log was rolled back or damaged, and opening refuses.
 *
 * Thread-bound. Blocking.
 */
#include "tlog/checkpoint.h"
#include "tlog/policy.h"
#include "tlog/reader.h"

struct tlog_log;

struct tlog_log_options {
    const char *dir, *key_dir;
    const char *origin; /* of a new log; of an old one NULL, "" or what it is */
    bool create;        /* make key and log where there are neither */
    bool no_sync;       /* nothing is synced: tests and measurements only */
};

struct tlog_entry {
    const char *text;
    size_t len; /* 0..TLOG_ENTRY_BYTES */
};

/*
 * Errors: E_NOTFOUND (no log), E_BUSY (open elsewhere), E_MISMATCH (the origin is another), E_DENIED (rolled back, forked
 * or refused), E_CORRUPT, errno values. No file of a log that is refused was changed.
 */
int tlog_log_open(const struct tlog_log_options *o, struct tlog_log **ret, struct err *reterr);
void tlog_log_close(struct tlog_log *l);

/*
 * Append entries; they are durable and in the published checkpoint when this returns. An entry whose id is among the
 * last TLOG_RECENT_IDS is not appended again.
 *
 * @n            1..65536
 * @ret_indexes  n numbers: where each entry is. May be NULL.
 *
 * Errors: E_DENIED, E_LIMIT, errno values. Nothing is acknowledged then, though it may turn out to be in the log: hand
 *         it in again. The log opens itself anew before the next append.
 */
int tlog_log_append(struct tlog_log *l, const struct tlog_entry *entries, size_t n,
                    uint64_t *ret_indexes, struct err *reterr);

const struct tlog_checkpoint *tlog_log_head(const struct tlog_log *l);
/* The published checkpoint with all signatures; valid until the next change. */
const struct buf *tlog_log_note(const struct tlog_log *l);
/* Keys that sign: 1 or, between rotation and its end, 2. */
size_t tlog_log_keys(const struct tlog_log *l, struct tlog_vkey ret[2]);
/* Subtrees of the log, for proofs. */
struct tlog_subtrees tlog_log_subtrees(struct tlog_log *l);
/* Append a .tlog-proof of entry @index under the published checkpoint. E_RANGE, E_CORRUPT. */
int tlog_log_prove(struct tlog_log *l, uint64_t index, struct buf *out, struct err *reterr);
/* The same under @note, a checkpoint of this log with its signatures. Also the errors of tlog_checkpoint_open(). */
int tlog_log_prove_under(struct tlog_log *l, uint64_t index, const struct buf *note,
                         struct buf *out, struct err *reterr);

/*
 * Add cosignatures to the published checkpoint; @lines are signature lines. Those of keys that @policy does not list,
 * and those that are there already, are passed over. Returns how many were added.
 * Errors: E_CRYPTO for a wrong one: none is added then.
 */
int tlog_log_cosign(struct tlog_log *l, const struct tlog_policy *policy, const void *lines,
                    size_t len, struct err *reterr);

/*
 * Look at a checkpoint of this log that somebody else kept. When this log signed it and cannot have grown from it, then
 * it was rolled back or forked: nothing is signed from now on, also after a restart. Returns 1 then, 0 if all is well.
 * Errors: those of tlog_checkpoint_open().
 */
int tlog_log_compare(struct tlog_log *l, const void *checkpoint, size_t len, struct err *reterr);
/* Why nothing is signed any more; NULL if it is. */
const char *tlog_log_refused(const struct tlog_log *l);

/* A second key signs beside the first from now on. E_EXISTS when two do already. */
int tlog_log_rotate(struct tlog_log *l, struct tlog_vkey *ret, struct err *reterr);
/* The second key becomes the only one; the first is gone. E_NOTFOUND when there is no second. */
int tlog_log_rotate_end(struct tlog_log *l, struct err *reterr);
#endif
