/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* API tokens: secrets of programs that act for a user, with some of the user's verbs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/private.h"

#define PREFIX "lethe_" /* so that a leaked one is found by those who look for secrets */
#define USED_EVERY_US (60 * SECOND_US)

int account_by_token(struct account *a, const char *secret, struct account_who **ret)
{
    uint8_t hash[ACCOUNT_HASH];
    if (strncmp(secret, PREFIX, strlen(PREFIX)) != 0)
        return E_AUTH;
    struct account_who *who = calloc(1, sizeof(*who));
    if (!who)
        return -ENOMEM;
    account_secret_hash(secret, hash);
    pthread_mutex_lock(&a->lock);
    int64_t now = clock_wall_us(a->clock), id = 0, used = 0;
    sqlite3_stmt *st = account_prepare(a, NULL,
                                       "SELECT " ACCOUNT_USER_COLUMNS
                                       ", token.id, token.verbs, token.expires_us, token.used_us"
                                       " FROM token JOIN user ON user.id = token.user WHERE "
                                       "token.hash = ? AND token.expires_us > ?"
                                       " AND user.disabled = 0",
                                       "bi", hash, now);
    int r = account_step(a, st, NULL);
    if (r > 0) {
        account_user_read(st, &who->user);
        id = sqlite3_column_int64(st, 6);
        who->verbs = (unsigned)sqlite3_column_int(st, 7) & ~(unsigned)ACCOUNT_ADMINISTER;
        who->expires_us = sqlite3_column_int64(st, 8);
        used = sqlite3_column_int64(st, 9);
        who->token = true;
    }
    sqlite3_finalize(st);
    if (r > 0 && now - used > USED_EVERY_US)
        account_run(
            a, account_prepare(a, NULL, "UPDATE token SET used_us = ? WHERE id = ?", "ii", now, id),
            NULL);
    pthread_mutex_unlock(&a->lock);
    if (r > 0) {
        *ret = who;
        return 0;
    }
    account_who_free(who);
    return r < 0 ? r : E_AUTH;
}

int account_tokens(struct account *a, int (*cb)(void *, const struct account_token *), void *user,
                   struct err *reterr)
{
    pthread_mutex_lock(&a->lock);
    sqlite3_stmt *st = account_prepare(
        a, reterr,
        "SELECT token.id, user.name, token.name, verbs, token.created_us, expires_us, used_us FROM"
        " token JOIN user ON user.id = token.user ORDER BY token.id",
        "");
    int r;
    while ((r = account_step(a, st, reterr)) > 0) {
        struct account_token t = {
            .id = sqlite3_column_int64(st, 0),
            .verbs = (unsigned)sqlite3_column_int(st, 3),
            .created_us = sqlite3_column_int64(st, 4),
            .expires_us = sqlite3_column_int64(st, 5),
            .used_us = sqlite3_column_int64(st, 6),
        };
        snprintf(t.user, sizeof(t.user), "%s", (const char *)sqlite3_column_text(st, 1));
        snprintf(t.name, sizeof(t.name), "%s", (const char *)sqlite3_column_text(st, 2));
        r = cb(user, &t);
        if (r != 0)
            break;
    }
    sqlite3_finalize(st);
    pthread_mutex_unlock(&a->lock);
    return r;
}

int account_token_add(struct account *a, const char *user, const char *name, unsigned verbs,
                      int64_t days, struct account_token *ret, char ret_secret[ACCOUNT_SECRET],
                      struct err *reterr)
{
    uint8_t hash[ACCOUNT_HASH];
    struct account_user *u = malloc(sizeof(*u));
    if (!u)
        return -ENOMEM;
    int r = account_user_find(a, user, u, reterr);
    if (r >= 0 && (!verbs || (verbs & ACCOUNT_ADMINISTER)))
        r = err_set(reterr, E_RANGE, "A token has at least one verb, and never \"administer\".");
    if (r >= 0 && (!*name || strlen(name) > ACCOUNT_NAME || days < 1 || days > 3650))
        r = err_set(reterr, E_RANGE,
                    "A token has a name of 1 to 64 bytes and holds for 1 to 3650 "
                    "days.");
    if (r < 0)
        goto out;
    account_secret_make(PREFIX, ret_secret, hash);
    *ret = (struct account_token){.verbs = verbs, .created_us = clock_wall_us(a->clock)};
    ret->expires_us = ret->created_us + days * DAY_US;
    snprintf(ret->user, sizeof(ret->user), "%s", user);
    snprintf(ret->name, sizeof(ret->name), "%s", name);
    pthread_mutex_lock(&a->lock);
    r = account_run(a,
                    account_prepare(a, reterr,
                                    "INSERT INTO token(hash, user, name, verbs, created_us,"
                                    " expires_us) VALUES(?, ?, ?, ?, ?, ?)",
                                    "bitiii", hash, u->id, name, (int64_t)verbs, ret->created_us,
                                    ret->expires_us),
                    reterr);
    ret->id = sqlite3_last_insert_rowid(a->db);
    pthread_mutex_unlock(&a->lock);
out:
    free(u);
    return r < 0 ? r : 0;
}

int account_token_remove(struct account *a, int64_t id, struct err *reterr)
{
    pthread_mutex_lock(&a->lock);
    int r = account_run(a, account_prepare(a, reterr, "DELETE FROM token WHERE id = ?", "i", id),
                        reterr);
    pthread_mutex_unlock(&a->lock);
    return r < 0 ? r : r ? 0 : err_set(reterr, E_NOTFOUND, "There is no such token.");
}
