/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_ORDER_H
#define CASE_ORDER_H
/*
 * The opening order: which cameras, which span, why, by what right, for whose key, until when. A signed note; one
 * spelling only. It names nobody: the reference is a commitment. docs/format/order.md. Reentrant.
 */
#include "case/text.h"
#include "seal/seal.h"

#define CASE_CAMERAS 64
#define CASE_ID 17             /* 16 digits and NUL */
#define CASE_ORDER_BYTES 16384 /* longest note */

struct case_order {
    char id[CASE_ID];
    char node[SEAL_NAME];
    char camera[CASE_CAMERAS][SEAL_NAME]; /* sorted, all different */
    int cameras;
    int64_t from_us, to_us; /* whole milliseconds; `to` not included */
    char purpose[CASE_CODE], basis[CASE_CODE];
    uint8_t reference[32]; /* SHA-256("lethe-reference v1\n" ‖ salt (16) ‖ reference of the file) */
    struct tlog_vkey requester;
    char session[80];        /* age recipient of the session that will look at it */
    uint8_t session_key[32]; /* the same as a key */
    int64_t made_us, not_after_us;
    int64_t urgent_us; /* confirmation has to come by then; 0: not urgent */
};

/* Sorts the cameras. E_RANGE, E_SYNTAX, E_EXISTS (a camera twice) with a sentence. */
int case_order_check(struct case_order *o, struct err *reterr);
/* Append the text. -ENOMEM, E_LIMIT. */
int case_order_build(const struct case_order *o, struct buf *out);
int case_order_parse(const char *text, size_t len, struct case_order *ret, struct err *reterr);
/*
 * A whole note, signed by the requester key that it names and nobody else.
 * @ret_hash  SHA-256 of the signed text: what approvals speak of
 * Errors:    E_SYNTAX, E_LIMIT, E_AUTH (not signed by that key), E_CRYPTO (changed).
 */
int case_order_open(const void *note, size_t len, struct case_order *ret, uint8_t ret_hash[32],
                    struct err *reterr);
/* Build and sign. E_MISMATCH unless @key is the requester's. */
int case_order_sign(const struct case_order *o, const struct tlog_skey *key, struct buf *out,
                    struct err *reterr);
/*
 * Does a key of this camera and epoch touch the order's span? E_MISMATCH with a sentence. There is no slack: where the
 * first pictures of the span are sealed with the key of the epoch before, they stay closed.
 */
int case_order_covers(const struct case_order *o, const struct seal_context *c, struct err *reterr);
/* E_DENIED if it has run out at @now_us, or was made more than five minutes after it. */
int case_order_valid_at(const struct case_order *o, int64_t now_us, struct err *reterr);
/* Camera time in all, microseconds. */
int64_t case_order_camera_us(const struct case_order *o);

bool case_id_valid(const char *id);
void case_id_random(char out[CASE_ID]);
void case_reference_commit(const uint8_t salt[16], const char *reference, uint8_t ret[32]);
#endif
