/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_PROOF_H
#define CASE_PROOF_H
/* What every tool checks before it acts on an order: that the public log has it, exactly as it is. Reentrant. */
#include "case/entry.h"
#include "tlog/proof.h"

/*
 * @policy  whose log, and which witnesses have to have seen it
 * Errors:  E_NOTFOUND (no proof), E_SYNTAX, E_MISMATCH (the entry is another: the order was changed, or never logged),
 *          E_AUTH and E_CRYPTO (checkpoint not by that log), E_THRESHOLD (witnesses are missing).
 */
int case_proof_check(const void *proof, size_t len, const struct case_order *o,
                     const uint8_t order_hash[32], const struct tlog_policy *policy,
                     uint64_t *ret_index, struct err *reterr);
#endif
