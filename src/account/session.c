/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sessions of browsers and the way to one: sign-in, set-up, change of password. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/private.h"

#define SESSIONS_OF_USER 50            /* older ones end */
#define SEEN_EVERY_US (60 * SECOND_US) /* a write for each request would be one sync each */

int account_session_new_locked(struct account *a, int64_t user, char ret_secret[ACCOUNT_SECRET],
                               struct err *reterr)
{
    uint8_t hash[ACCOUNT_HASH];
    int64_t now = clock_wall_us(a->clock);
    account_secret_make("", ret_secret, hash);
    int r = account_run(a,
                        account_prepare(a, reterr,
                                        "INSERT INTO session(hash, user, created_us, seen_us)"
                                        " VALUES(?, ?, ?, ?)",
                                        "biii", hash, user, now, now),
                        reterr);
    if (r >= 0)
        r = account_run(
            a,
            account_prepare(a, reterr,
                            "DELETE FROM session WHERE seen_us < ? OR (user = ? AND hash"
                            " NOT IN (SELECT hash FROM session WHERE user = ? ORDER BY"
                            " seen_us DESC LIMIT ?))",
                            "iiii", now - ACCOUNT_SESSION_US, user, user,
                            (int64_t)SESSIONS_OF_USER),
            reterr);
    if (r >= 0)
        r = account_run(
            a,
            account_prepare(a, reterr, "UPDATE user SET seen_us = ? WHERE id = ?", "ii", now, user),
            reterr);
    return r < 0 ? r : 0;
}

static void seen_locked(struct account *a, const uint8_t hash[ACCOUNT_HASH], int64_t user,
                        int64_t now)
{
    account_run(
        a,
        account_prepare(a, NULL, "UPDATE session SET seen_us = ? WHERE hash = ?", "ib", now, hash),
        NULL);
    account_run(
        a, account_prepare(a, NULL, "UPDATE user SET seen_us = ? WHERE id = ?", "ii", now, user),
        NULL);
}

int account_by_session(struct account *a, const char *secret, struct account_who **ret)
{
    uint8_t hash[ACCOUNT_HASH];
    struct account_who *who = calloc(1, sizeof(*who));
    if (!who)
        return -ENOMEM;
    account_secret_hash(secret, hash);
    pthread_mutex_lock(&a->lock);
    int64_t now = clock_wall_us(a->clock);
    sqlite3_stmt *st = account_prepare(
        a, NULL,
        "SELECT " ACCOUNT_USER_COLUMNS ", session.seen_us FROM session JOIN user ON user.id ="
        " session.user WHERE session.hash = ? AND session.seen_us > ? AND user.disabled = 0",
        "bi", hash, now - ACCOUNT_SESSION_US);
    int r = account_step(a, st, NULL);
    int64_t seen = 0;
    if (r > 0) {
        account_user_read(st, &who->user);
        seen = sqlite3_column_int64(st, 6);
        who->verbs = ACCOUNT_ALL_VERBS;
    }
    sqlite3_finalize(st);
    if (r > 0 && now - seen > SEEN_EVERY_US)
        seen_locked(a, hash, who->user.id, now);
    who->expires_us = (now - seen > SEEN_EVERY_US ? now : seen) + ACCOUNT_SESSION_US;
    pthread_mutex_unlock(&a->lock);
    if (r > 0) {
        *ret = who;
        return 0;
    }
    account_who_free(who);
    return r < 0 ? r : E_AUTH;
}

void account_who_free(struct account_who *who)
{
    free(who);
}

int account_sign_out(struct account *a, const char *secret)
{
    uint8_t hash[ACCOUNT_HASH];
    account_secret_hash(secret, hash);
    pthread_mutex_lock(&a->lock);
    int r = account_run(
        a, account_prepare(a, NULL, "DELETE FROM session WHERE hash = ?", "b", hash), NULL);
    pthread_mutex_unlock(&a->lock);
    return r < 0 ? r : 0;
}

/* The hash of a user's password, "" if there is no such user or it is disabled. */
static int64_t read_hash(struct account *a, const char *user, char ret[ACCOUNT_PASSWORD_HASH])
{
    int64_t id = 0;
    ret[0] = 0;
    pthread_mutex_lock(&a->lock);
    sqlite3_stmt *st = account_prepare(
        a, NULL, "SELECT id, hash FROM user WHERE name = ? AND disabled = 0", "t", user);
    if (account_step(a, st, NULL) > 0) {
        id = sqlite3_column_int64(st, 0);
        snprintf(ret, ACCOUNT_PASSWORD_HASH, "%s", (const char *)sqlite3_column_text(st, 1));
    }
    sqlite3_finalize(st);
    pthread_mutex_unlock(&a->lock);
    return id;
}

/* Limits, then the password. Returns the user's id. */
static int check_password(struct account *a, const char *user, const char *password,
                          const char *peer, int64_t *ret_id, int64_t *ret_wait_s,
                          struct err *reterr)
{
    char hash[ACCOUNT_PASSWORD_HASH];
    int r = account_limit_check(a, user, peer, ret_wait_s, reterr);
    if (r < 0)
        return r;
    *ret_id = read_hash(a, user, hash);
    r = account_password_verify(a, password, hash);
    sodium_memzero(hash, sizeof(hash));
    if (r < 0) {
        account_limit_failed(a, user, peer);
        return err_set(reterr, E_AUTH, "The name or the password is wrong.");
    }
    account_limit_passed(a, user);
    return 0;
}

int account_sign_in(struct account *a, const char *user, const char *password, const char *peer,
                    char ret_secret[ACCOUNT_SECRET], int64_t *ret_wait_s, struct err *reterr)
{
    int64_t id = 0;
    int r = check_password(a, user, password, peer, &id, ret_wait_s, reterr);
    if (r < 0)
        return r;
    pthread_mutex_lock(&a->lock);
    r = account_session_new_locked(a, id, ret_secret, reterr);
    pthread_mutex_unlock(&a->lock);
    return r;
}

int account_change_password(struct account *a, const char *user, const char *old, const char *new,
                            const char *keep, const char *peer, int64_t *ret_wait_s,
                            struct err *reterr)
{
    char hash[ACCOUNT_PASSWORD_HASH];
    uint8_t kept[ACCOUNT_HASH];
    int64_t id = 0;
    int r = account_password_check(new, reterr);
    if (r >= 0)
        r = check_password(a, user, old, peer, &id, ret_wait_s, reterr);
    if (r >= 0)
        r = account_password_hash(a, new, hash, reterr);
    if (r < 0)
        return r;
    account_secret_hash(keep, kept);
    pthread_mutex_lock(&a->lock);
    r = account_run(
        a, account_prepare(a, reterr, "UPDATE user SET hash = ? WHERE id = ?", "ti", hash, id),
        reterr);
    if (r >= 0)
        r = account_run(a,
                        account_prepare(a, reterr,
                                        "DELETE FROM session WHERE user = ? AND hash <> ?", "ib",
                                        id, kept),
                        reterr);
    pthread_mutex_unlock(&a->lock);
    sodium_memzero(hash, sizeof(hash));
    return r < 0 ? r : 0;
}
