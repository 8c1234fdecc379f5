/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_PROOF_H
#define TLOG_PROOF_H
/*
 * A .tlog-proof: that an entry is in a log, in one text that needs nothing else to be checked but the log's key.
 *
 *   c2sp.org/tlog-proof@v1 LF · [ extra SP base64 LF ] · index SP decimal LF · ( base64( hash ) LF )* · LF · checkpoint
 *
 * Source: C2SP tlog-proof. Reentrant.
 */
#include "tlog/checkpoint.h"
#include "tlog/policy.h"

#define TLOG_PROOF_BYTES (TLOG_CHECKPOINT_BYTES + 65536)

struct tlog_proof {
    uint64_t index;
    struct tlog_path path;
    const char *extra; /* Base64, into the text; NULL: none */
    size_t extra_len;
    const char *checkpoint; /* into the text */
    size_t checkpoint_len;
};

/* Points into @data. E_SYNTAX, E_LIMIT. */
int tlog_proof_parse(const void *data, size_t len, struct tlog_proof *ret, struct err *reterr);
/* Append the text; the extra line only if there is one. */
int tlog_proof_format(const struct tlog_proof *p, struct buf *out);
/*
 * @entry is in a log of @policy, by a checkpoint that fulfils it.
 * @ret may be NULL: the checkpoint.
 * Errors: E_MISMATCH when the entry is another, and those of tlog_policy_open().
 */
int tlog_proof_check(const struct tlog_proof *p, const void *entry, size_t len,
                     const struct tlog_policy *policy, struct tlog_checkpoint *ret,
                     struct err *reterr);
#endif
