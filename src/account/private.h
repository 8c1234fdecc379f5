/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef ACCOUNT_PRIVATE_H
#define ACCOUNT_PRIVATE_H
/* What the files of this folder share. Functions with "locked" in their name want account.lock held. */
#include <pthread.h>
#include <sqlite3.h>

#include "account/account.h"

#define ACCOUNT_HASH 32
#define ACCOUNT_PASSWORD_HASH 128 /* crypto_pwhash_STRBYTES */

struct account {
    const struct clock *clock;
    pthread_mutex_t lock; /* guards all below and the use of db */
    sqlite3 *db;
    pthread_mutex_t hashing; /* one password at a time; never taken with lock held */
};

/* Prepare and bind: 'i' int64_t, 't' text, 'b' 32 bytes. NULL and a sentence in @reterr on failure. */
sqlite3_stmt *account_prepare(struct account *a, struct err *reterr, const char *sql,
                              const char *types, ...);
/* Run to the end and finalize: rows changed, or an error. @st may be NULL: E_BUG with the sentence there is. */
int account_run(struct account *a, sqlite3_stmt *st, struct err *reterr);
/* Step once: 1 a row, 0 none, else an error. Finalize it yourself. */
int account_step(struct account *a, sqlite3_stmt *st, struct err *reterr);
int account_sql_error(struct account *a, struct err *reterr);
/* BEGIN IMMEDIATE; account_end() commits if @r >= 0, else rolls back, and returns the outcome. */
int account_begin(struct account *a, struct err *reterr);
int account_end(struct account *a, int r, struct err *reterr);

/* 256 random bits as text behind @prefix, and their hash. */
void account_secret_make(const char *prefix, char ret_text[ACCOUNT_SECRET],
                         uint8_t ret_hash[ACCOUNT_HASH]);
void account_secret_hash(const char *text, uint8_t ret_hash[ACCOUNT_HASH]);

/* E_RANGE with a sentence, or 0. */
int account_password_check(const char *password, struct err *reterr);
int account_password_hash(struct account *a, const char *password, char ret[ACCOUNT_PASSWORD_HASH],
                          struct err *reterr);
/* @hash "": takes as long as a real one, and is wrong. 0 or E_AUTH. */
int account_password_verify(struct account *a, const char *password, const char *hash);

/* Is there room for another attempt? E_LIMIT and *ret_wait_s if not. @user may be NULL. */
int account_limit_check(struct account *a, const char *user, const char *peer, int64_t *ret_wait_s,
                        struct err *reterr);
/* Count a letter from @peer: E_LIMIT and *ret_wait_s when there were too many lately. */
int account_limit_letter(struct account *a, const char *peer, int64_t *ret_wait_s,
                         struct err *reterr);
void account_limit_failed(struct account *a, const char *user, const char *peer);
void account_limit_passed(struct account *a, const char *user);

/* Columns id, name, disabled, created_us, seen_us, grants. */
#define ACCOUNT_USER_COLUMNS                                                                       \
    "user.id, user.name, user.disabled, user.created_us, user.seen_us, user.grants"
void account_user_read(sqlite3_stmt *st, struct account_user *ret);
/* New session of a user. */
int account_session_new_locked(struct account *a, int64_t user, char ret_secret[ACCOUNT_SECRET],
                               struct err *reterr);
int account_user_insert_locked(struct account *a, const char *name, const char *hash,
                               const struct account_grant *g, int n, struct err *reterr);
#endif
