/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_FOLDER_H
#define CASE_FOLDER_H
/*
 * DATA/cases/ID/: everything about a case as files, which may be copied to a custodian's machine as they are.
 *
 *   order           the signed order           state           "TIME STATE" a line, the last one holds
 *   shares          share records, encrypted   approvals/N     answer of custodian N
 *   proof           .tlog-proof of the order   refusals/N      likewise
 *   custodians      the set that decides: the node's at the time of the order, so that a weekly change of identities
 *                   does not undo answers that were given
 *
 * Nothing in it opens anything without the session's key. Files are written whole or not at all. Blocks on files;
 * whoever changes a folder holds its lock.
 */
#include "case/answer.h"
#include "case/state.h"

struct case_folder {
    char dir[4096];
    struct case_order order;
    uint8_t hash[32];
    struct buf note, proof, shares; /* proof may be empty */
    struct seal_policy policy;
    enum case_state state;
    int64_t since_us;
    int lock; /* -1: not locked */
};

/* What custodians have answered so far. */
struct case_answers {
    struct case_answer answer[SEAL_CUSTODIANS];
    int count;
    uint64_t approved, refused; /* bit i: custodian i, from 1 */
};

/* Make the folder with order and shares, in state `requested`, locked. E_EXISTS if the id was used before. */
int case_folder_create(const char *data_dir, const void *note, size_t note_len, const void *shares,
                       size_t shares_len, const struct seal_policy *policy, int64_t now_us,
                       struct case_folder *ret, struct err *reterr);
/*
 * Read a folder. @lock: nobody else changes it until it is released.
 * Errors: E_NOTFOUND, E_CORRUPT (not a folder of this program's, or changed), errno values.
 */
int case_folder_load(const char *data_dir, const char *id, bool lock, struct case_folder *ret,
                     struct err *reterr);
/* The same for a folder anywhere. */
int case_folder_load_at(const char *dir, bool lock, struct case_folder *ret, struct err *reterr);
void case_folder_release(struct case_folder *f);

/* E_DENIED when @to may not follow the state that holds. */
int case_folder_advance(struct case_folder *f, enum case_state to, int64_t now_us,
                        struct err *reterr);
int case_folder_put_proof(struct case_folder *f, const void *proof, size_t len, struct err *reterr);
/* Keep a checked answer. E_EXISTS when this custodian has answered before. */
int case_folder_put_answer(struct case_folder *f, const struct case_answer *a, const void *file,
                           size_t len, struct err *reterr);
/* Read and check all answers; one that does not hold is an error. @shares may be NULL, else the approvals' shares. */
int case_folder_answers(const struct case_folder *f, struct seal_identity *session,
                        struct case_shares *shares, struct case_answers *ret, struct err *reterr);
/* Ids of all cases, sorted. @ret and its strings are freed by the caller. */
int case_folder_list(const char *data_dir, char (**ret)[CASE_ID], size_t *ret_count,
                     struct err *reterr);
#endif
