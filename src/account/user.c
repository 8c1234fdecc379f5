/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/private.h"

void account_user_read(sqlite3_stmt *st, struct account_user *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->id = sqlite3_column_int64(st, 0);
    snprintf(ret->name, sizeof(ret->name), "%s", (const char *)sqlite3_column_text(st, 1));
    ret->disabled = sqlite3_column_int(st, 2) != 0;
    ret->created_us = sqlite3_column_int64(st, 3);
    ret->seen_us = sqlite3_column_int64(st, 4);
    json_t *grants = json_loads((const char *)sqlite3_column_text(st, 5), 0, NULL);
    if (account_grants_parse(grants, ret->grant, &ret->grant_count, NULL) < 0)
        ret->grant_count = 0; /* what cannot be read allows nothing */
    json_decref(grants);
}

int account_users(struct account *a, int (*cb)(void *, const struct account_user *), void *user,
                  struct err *reterr)
{
    struct account_user *u = malloc(sizeof(*u));
    if (!u)
        return -ENOMEM;
    pthread_mutex_lock(&a->lock);
    sqlite3_stmt *st =
        account_prepare(a, reterr, "SELECT " ACCOUNT_USER_COLUMNS " FROM user ORDER BY name", "");
    int r;
    while ((r = account_step(a, st, reterr)) > 0) {
        account_user_read(st, u);
        r = cb(user, u);
        if (r != 0)
            break;
    }
    sqlite3_finalize(st);
    pthread_mutex_unlock(&a->lock);
    free(u);
    return r;
}

static int find_locked(struct account *a, const char *name, struct account_user *ret,
                       struct err *reterr)
{
    sqlite3_stmt *st = account_prepare(
        a, reterr, "SELECT " ACCOUNT_USER_COLUMNS " FROM user WHERE name = ?", "t", name);
    int r = account_step(a, st, reterr);
    if (r > 0)
        account_user_read(st, ret);
    sqlite3_finalize(st);
    return r < 0 ? r : r ? 0 : err_set(reterr, E_NOTFOUND, "There is no user of that name.");
}

int account_user_find(struct account *a, const char *name, struct account_user *ret,
                      struct err *reterr)
{
    pthread_mutex_lock(&a->lock);
    int r = find_locked(a, name, ret, reterr);
    pthread_mutex_unlock(&a->lock);
    return r;
}

int account_user_insert_locked(struct account *a, const char *name, const char *hash,
                               const struct account_grant *g, int n, struct err *reterr)
{
    json_t *grants = account_grants_json(g, n);
    char *text = json_dumps(grants, JSON_COMPACT);
    json_decref(grants);
    if (!text)
        return -ENOMEM;
    int r = account_run(a,
                        account_prepare(a, reterr,
                                        "INSERT INTO user(name, hash, grants, created_us)"
                                        " VALUES(?, ?, ?, ?)",
                                        "ttti", name, hash, text, clock_wall_us(a->clock)),
                        reterr);
    free(text);
    if (r == E_EXISTS)
        return err_set(reterr, E_EXISTS, "There is a user of that name already.");
    return r < 0 ? r : 0;
}

int account_user_add(struct account *a, const char *name, const char *password,
                     const struct account_grant *grants, int n, struct err *reterr)
{
    char hash[ACCOUNT_PASSWORD_HASH];
    if (!account_name_valid(name))
        return err_set(reterr, E_RANGE,
                       "A user's name has 1 to 63 of a-z, 0-9, '.', '_' and '-', "
                       "beginning with a letter or digit.");
    int r = account_password_check(password, reterr);
    if (r >= 0)
        r = account_password_hash(a, password, hash, reterr);
    if (r < 0)
        return r;
    pthread_mutex_lock(&a->lock);
    r = account_user_insert_locked(a, name, hash, grants, n, reterr);
    pthread_mutex_unlock(&a->lock);
    sodium_memzero(hash, sizeof(hash));
    return r;
}

/* ---- changes ---- */

static bool is_administrator(const struct account_user *u)
{
    for (int i = 0; i < u->grant_count; i++) {
        const struct account_grant *g = &u->grant[i];
        if (strcmp(g->role, "administrator") == 0 && strcmp(g->group, "all") == 0 && !g->from_us &&
            !g->to_us)
            return !u->disabled;
    }
    return false;
}

/* Within the transaction that takes one away: somebody has to be left who can give rights. */
static int check_administrator_locked(struct account *a, struct err *reterr)
{
    struct account_user *u = malloc(sizeof(*u));
    if (!u)
        return -ENOMEM;
    sqlite3_stmt *st = account_prepare(
        a, reterr, "SELECT " ACCOUNT_USER_COLUMNS " FROM user WHERE disabled = 0", "");
    bool found = false;
    while (!found && account_step(a, st, reterr) > 0) {
        account_user_read(st, u);
        found = is_administrator(u);
    }
    sqlite3_finalize(st);
    free(u);
    return found ? 0
                 : err_set(reterr, E_MISMATCH,
                           "That would leave nobody who may administer: make "
                           "another administrator of all cameras first.");
}

static int end_sessions_locked(struct account *a, int64_t user, bool tokens, struct err *reterr)
{
    int r = account_run(
        a, account_prepare(a, reterr, "DELETE FROM session WHERE user = ?", "i", user), reterr);
    if (r >= 0 && tokens)
        r = account_run(
            a, account_prepare(a, reterr, "DELETE FROM token WHERE user = ?", "i", user), reterr);
    return r;
}

static int put_grants_locked(struct account *a, int64_t user, const struct account_change *c,
                             struct err *reterr)
{
    json_t *grants = account_grants_json(c->grants, c->grant_count);
    char *text = json_dumps(grants, JSON_COMPACT);
    json_decref(grants);
    if (!text)
        return -ENOMEM;
    int r = account_run(
        a, account_prepare(a, reterr, "UPDATE user SET grants = ? WHERE id = ?", "ti", text, user),
        reterr);
    free(text);
    return r;
}

static int change_locked(struct account *a, const char *name, const struct account_change *c,
                         const char *hash, struct err *reterr)
{
    struct account_user *u = malloc(sizeof(*u));
    int r = u ? find_locked(a, name, u, reterr) : -ENOMEM;
    bool was = r >= 0 && is_administrator(u);
    if (r >= 0 && hash)
        r = account_run(
            a,
            account_prepare(a, reterr, "UPDATE user SET hash = ? WHERE id = ?", "ti", hash, u->id),
            reterr);
    if (r >= 0 && c->grant_count >= 0)
        r = put_grants_locked(a, u->id, c, reterr);
    if (r >= 0 && c->disabled >= 0)
        r = account_run(a,
                        account_prepare(a, reterr, "UPDATE user SET disabled = ? WHERE id = ?",
                                        "ii", (int64_t)c->disabled, u->id),
                        reterr);
    if (r >= 0 && (hash || c->disabled > 0))
        r = end_sessions_locked(a, u->id, false, reterr);
    if (r >= 0 && was)
        r = check_administrator_locked(a, reterr);
    free(u);
    return r;
}

int account_user_change(struct account *a, const char *name, const struct account_change *c,
                        struct err *reterr)
{
    char hash[ACCOUNT_PASSWORD_HASH];
    int r = 0;
    if (c->password) {
        r = account_password_check(c->password, reterr);
        if (r >= 0)
            r = account_password_hash(a, c->password, hash, reterr);
        if (r < 0)
            return r;
    }
    pthread_mutex_lock(&a->lock);
    r = account_begin(a, reterr);
    if (r >= 0)
        r = account_end(a, change_locked(a, name, c, c->password ? hash : NULL, reterr), reterr);
    pthread_mutex_unlock(&a->lock);
    sodium_memzero(hash, sizeof(hash));
    return r < 0 ? r : 0;
}

static int remove_locked(struct account *a, const char *name, struct err *reterr)
{
    struct account_user *u = malloc(sizeof(*u));
    int r = u ? find_locked(a, name, u, reterr) : -ENOMEM;
    if (r >= 0)
        r = account_run(a, account_prepare(a, reterr, "DELETE FROM user WHERE id = ?", "i", u->id),
                        reterr);
    if (r >= 0 && is_administrator(u))
        r = check_administrator_locked(a, reterr);
    free(u);
    return r;
}

int account_user_remove(struct account *a, const char *name, struct err *reterr)
{
    pthread_mutex_lock(&a->lock);
    int r = account_begin(a, reterr);
    if (r >= 0)
        r = account_end(a, remove_locked(a, name, reterr), reterr);
    pthread_mutex_unlock(&a->lock);
    return r < 0 ? r : 0;
}

/* ---- layouts ---- */

int account_layouts_get(struct account *a, int64_t user, char **ret, struct err *reterr)
{
    pthread_mutex_lock(&a->lock);
    sqlite3_stmt *st =
        account_prepare(a, reterr, "SELECT layouts FROM user WHERE id = ?", "i", user);
    int r = account_step(a, st, reterr);
    char *text = r > 0 ? strdup((const char *)sqlite3_column_text(st, 0)) : NULL;
    sqlite3_finalize(st);
    pthread_mutex_unlock(&a->lock);
    if (r < 0)
        return r;
    if (!text)
        return r ? -ENOMEM : E_NOTFOUND;
    *ret = text;
    return 0;
}

int account_layouts_put(struct account *a, int64_t user, const char *text, struct err *reterr)
{
    if (strlen(text) > ACCOUNT_LAYOUTS_MAX)
        return err_set(reterr, E_LIMIT, "Layouts take at most 64 KiB.");
    pthread_mutex_lock(&a->lock);
    int r = account_run(
        a, account_prepare(a, reterr, "UPDATE user SET layouts = ? WHERE id = ?", "ti", text, user),
        reterr);
    pthread_mutex_unlock(&a->lock);
    return r < 0 ? r : 0;
}
