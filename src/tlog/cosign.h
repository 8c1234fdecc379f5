/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_COSIGN_H
#define TLOG_COSIGN_H
/* Cosignatures of witnesses on a checkpoint. Source: C2SP tlog-cosignature v1.0.1, tlog-witness v1.0.0. Reentrant. */
#include "tlog/policy.h"

/*
 * Add signature lines to a checkpoint. Those of keys that @policy does not list as witnesses, and those of keys that have
 * signed it already, are passed over.
 *
 * @note   a checkpoint with its signatures; unchanged on failure
 *
 * Returns how many were added.
 * Errors: E_SYNTAX (not signature lines), E_CRYPTO for a wrong one by a known witness: none is added then.
 */
int tlog_cosign_merge(const struct tlog_policy *policy, struct buf *note, const void *lines,
                      size_t len, struct err *reterr);
#endif
