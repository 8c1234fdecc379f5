/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The first administrator: there is no default password, but a link that works once. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "account/private.h"

static int count_users_locked(struct account *a, int64_t *ret, struct err *reterr)
{
    sqlite3_stmt *st = account_prepare(a, reterr, "SELECT count(*) FROM user", "");
    int r = account_step(a, st, reterr);
    if (r > 0)
        *ret = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return r > 0 ? 0 : r < 0 ? r : E_CORRUPT;
}

int account_setup_needed(struct account *a, bool *ret)
{
    int64_t n = 1;
    pthread_mutex_lock(&a->lock);
    int r = count_users_locked(a, &n, NULL);
    pthread_mutex_unlock(&a->lock);
    *ret = r >= 0 && n == 0;
    return r;
}

int account_setup_token(struct account *a, char ret_secret[ACCOUNT_SECRET], struct err *reterr)
{
    uint8_t hash[ACCOUNT_HASH];
    int64_t users = 0;
    account_secret_make("", ret_secret, hash);
    pthread_mutex_lock(&a->lock);
    int r = count_users_locked(a, &users, reterr);
    if (r >= 0 && users)
        r = err_set(reterr, E_EXISTS,
                    "There are users already; an administrator can add others, "
                    "and `lethe user passwd` sets a forgotten password.");
    if (r >= 0)
        r = account_run(
            a,
            account_prepare(a, reterr, "INSERT OR REPLACE INTO meta(value, key) VALUES(?, 'setup')",
                            "b", hash),
            reterr);
    pthread_mutex_unlock(&a->lock);
    return r < 0 ? r : 0;
}

static bool token_fits_locked(struct account *a, const char *token)
{
    uint8_t hash[ACCOUNT_HASH];
    account_secret_hash(token, hash);
    sqlite3_stmt *st = account_prepare(a, NULL, "SELECT value FROM meta WHERE key = 'setup'", "");
    bool fits = account_step(a, st, NULL) > 0 && sqlite3_column_bytes(st, 0) == ACCOUNT_HASH &&
                sodium_memcmp(sqlite3_column_blob(st, 0), hash, ACCOUNT_HASH) == 0;
    sqlite3_finalize(st);
    return fits;
}

static int check_locked(struct account *a, const char *token, struct err *reterr)
{
    int64_t users = 0;
    int r = count_users_locked(a, &users, reterr);
    if (r >= 0 && (users || !token_fits_locked(a, token)))
        r = err_set(reterr, E_DENIED,
                    "This link has been used or is not the newest; `lethe user "
                    "setup` prints a new one while there is no user.");
    return r;
}

static int make_locked(struct account *a, const char *token, const char *user, const char *hash,
                       char ret_secret[ACCOUNT_SECRET], struct err *reterr)
{
    const struct account_grant all = {.role = "administrator", .group = "all"};
    /* Whoever runs a small site alone has to be able to export, too. */
    const struct account_grant grants[] = {all, {.role = "investigator", .group = "all"}};
    int r = check_locked(a, token, reterr);
    if (r >= 0)
        r = account_user_insert_locked(a, user, hash, grants, 2, reterr);
    if (r >= 0)
        r = account_session_new_locked(a, sqlite3_last_insert_rowid(a->db), ret_secret, reterr);
    if (r >= 0)
        r = account_run(a, account_prepare(a, reterr, "DELETE FROM meta WHERE key = 'setup'", ""),
                        reterr);
    return r;
}

int account_setup(struct account *a, const char *token, const char *user, const char *password,
                  const char *peer, char ret_secret[ACCOUNT_SECRET], int64_t *ret_wait_s,
                  struct err *reterr)
{
    char hash[ACCOUNT_PASSWORD_HASH];
    int r = account_limit_check(a, NULL, peer, ret_wait_s, reterr);
    if (r < 0)
        return r;
    pthread_mutex_lock(&a->lock);
    r = check_locked(a, token, reterr);
    pthread_mutex_unlock(&a->lock);
    if (r == E_DENIED)
        account_limit_failed(a, NULL, peer);
    if (r >= 0 && !account_name_valid(user))
        r = err_set(reterr, E_RANGE,
                    "A user's name has 1 to 63 of a-z, 0-9, '.', '_' and '-', "
                    "beginning with a letter or digit.");
    if (r >= 0)
        r = account_password_check(password, reterr);
    if (r >= 0)
        r = account_password_hash(a, password, hash, reterr);
    if (r < 0)
        return r;
    pthread_mutex_lock(&a->lock);
    r = account_begin(a, reterr);
    if (r >= 0)
        r = account_end(a, make_locked(a, token, user, hash, ret_secret, reterr), reterr);
    pthread_mutex_unlock(&a->lock);
    sodium_memzero(hash, sizeof(hash));
    return r < 0 ? r : 0;
}
