/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_ANSWER_H
#define CASE_ANSWER_H
/*
 * What a custodian answers to an order: an approval with re-encrypted shares, or a refusal with a reason. A signed note;
 * behind an approval's note stands the age file for the session, in ASCII armour. docs/format/approval.md. Reentrant.
 */
#include "case/order.h"

#define CASE_ANSWER_BYTES ((size_t)16 << 20)

struct case_answer {
    bool approves;
    char id[CASE_ID];
    uint8_t order[32];     /* hash of the order's text */
    int custodian, count;  /* number in the set, from 1, and how many there are */
    uint8_t set[SEAL_SET]; /* custodian set */
    int64_t made_us;
    uint64_t
        index;   /* approval: where the order stands in the log, as the custodian saw it proved */
    long shares; /* approval: how many are in the payload */
    uint8_t payload[32];    /* approval: SHA-256 of the age file */
    char reason[CASE_CODE]; /* refusal: code */
    uint8_t hash[32];       /* SHA-256 of the signed text; set by case_answer_open() */
};

/* Number of the identity's custodian in the set, by signing key. E_AUTH (not one of them, or the file has no key). */
int case_custodian_of(const struct seal_policy *p, const struct seal_identity *id,
                      struct err *reterr);

/*
 * Approve: open the shares of @s that lie inside the order, encrypt them to the order's session and sign. All records of
 * @s have to lie inside the order: whoever put others there is refused as a whole.
 * @index  where the order stands in the log: the caller has checked the proof
 * Errors: E_MISMATCH (a share outside the order), E_NOTFOUND (no share for this custodian), E_CRYPTO (damaged), E_AUTH.
 */
int case_approve(const struct case_order *o, const uint8_t order_hash[32],
                 const struct seal_shares *s, const struct seal_policy *p, struct seal_identity *id,
                 uint64_t index, int64_t now_us, struct buf *out, struct err *reterr);
int case_refuse(const struct case_order *o, const uint8_t order_hash[32],
                const struct seal_policy *p, const struct seal_identity *id, const char *reason,
                int64_t now_us, struct buf *out, struct err *reterr);

/*
 * Check an answer: signed by a custodian of @p, for exactly this order, payload as signed.
 * @ret_payload  the age file of an approval is appended to it; may be NULL
 * Errors: E_SYNTAX, E_LIMIT, E_AUTH (no custodian signed), E_CRYPTO, E_MISMATCH (another order or set).
 */
int case_answer_open(const void *file, size_t len, const struct case_order *o,
                     const uint8_t order_hash[32], const struct seal_policy *p,
                     struct case_answer *ret, struct buf *ret_payload, struct err *reterr);

struct case_share {
    uint8_t kid[SEAL_KID];
    struct seal_share share;
};
/* Shares in locked memory, of all approvals that were added. */
struct case_shares {
    struct case_share *share;
    size_t count, cap;
};
/* Decrypt an approval's payload with the session's identity. E_CRYPTO, E_SYNTAX, E_NOTFOUND (for another session). */
int case_shares_add(struct case_shares *c, const struct case_answer *a, const void *payload,
                    size_t len, struct seal_identity *session, struct err *reterr);
void case_shares_release(struct case_shares *c); /* wipes */
/* The key of one epoch from the shares. Errors of seal_shares_combine(). */
int case_shares_key(const struct case_shares *c, const struct seal_shares *records,
                    const uint8_t kid[SEAL_KID], const struct seal_context *want,
                    uint8_t ret_key[SEAL_KEY], struct err *reterr);

/*
 * Have enough custodians approved? @approved: bit i for custodian i, from 1.
 * E_THRESHOLD with a sentence that says how many or which role is missing.
 */
int case_quorum(const struct seal_policy *p, uint64_t approved, struct err *reterr);
/* Can enough still approve when these have refused? */
bool case_quorum_possible(const struct seal_policy *p, uint64_t refused);
#endif
