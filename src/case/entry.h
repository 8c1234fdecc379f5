/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_ENTRY_H
#define CASE_ENTRY_H
/*
 * What the public log says of a case: one entry for each change of its state (docs/format/log-entries.md). An entry
 * follows from the order and the answer alone, so whoever has those can say which entry there must be. Reentrant.
 */
#include "case/answer.h"

/* Append the entry's text. -ENOMEM, E_LIMIT. */
int case_entry_order(const struct case_order *o, const uint8_t order_hash[32], struct buf *out);
int case_entry_answer(const struct case_answer *a, struct buf *out);
/*
 * The case was opened, closed, expired, withdrawn: @kind "opening", "closing", "expiry", "withdrawal".
 * @suffix  makes the entry's id one of its own where there may be several of a kind; "" otherwise
 * @detail  further lines "key value\n", or ""
 */
int case_entry_event(const struct case_order *o, const uint8_t order_hash[32], const char *kind,
                     const char *suffix, const char *detail, int64_t at_us, struct buf *out);
/* A custodian destroyed an identity: all shares encrypted to it are lost for good. */
int case_entry_destroyed(const char *statement, size_t len, struct buf *out);

/* Who takes entries and proves them: the logger's socket, or a log of a test. */
struct case_log {
    /* Append one entry; it is durable when this returns. */
    int (*append)(void *user, const char *text, size_t len, uint64_t *ret_index,
                  struct err *reterr);
    /* Append a .tlog-proof of entry @index to @out. */
    int (*prove)(void *user, uint64_t index, struct buf *out, struct err *reterr);
    void *user;
};
#endif
