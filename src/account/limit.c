/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Guessing is slowed down: failures fill a bucket for the account and one for the address, which empty with time. A full
 * one refuses without looking at the password. Buckets are in the database, so that a restart does not empty them.
 */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "account/private.h"

struct bucket {
    const char *prefix;
    double room;     /* failures at once */
    int64_t drop_us; /* one failure is forgotten in that time */
};
static const struct bucket of_user = {"user:", 8, 60 * SECOND_US};
static const struct bucket of_letter = {"letter:", 5, 10 * MINUTE_US};
static const struct bucket of_peer = {"peer:", 24, 15 * SECOND_US};

/* IPv6 customers have a network each: count it, not the address. */
static void peer_key(const char *peer, char ret[96])
{
    struct in6_addr v6;
    if (inet_pton(AF_INET6, peer, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6)) {
        memset(v6.s6_addr + 8, 0, 8);
        char net[INET6_ADDRSTRLEN];
        snprintf(ret, 96, "peer:%s/64", inet_ntop(AF_INET6, &v6, net, sizeof(net)));
    } else {
        snprintf(ret, 96, "peer:%.64s", peer);
    }
}

static double level_locked(struct account *a, const struct bucket *b, const char *key)
{
    double level = 0;
    sqlite3_stmt *st =
        account_prepare(a, NULL, "SELECT level, at_us FROM attempt WHERE key = ?", "t", key);
    if (account_step(a, st, NULL) > 0) {
        int64_t age = clock_wall_us(a->clock) - sqlite3_column_int64(st, 1);
        level = sqlite3_column_double(st, 0) - (double)(age > 0 ? age : 0) / (double)b->drop_us;
    }
    sqlite3_finalize(st);
    return level > 0 ? level : 0;
}

static int64_t wait_s(const struct bucket *b, double level)
{
    double over = level - (b->room - 1);
    return over <= 0 ? 0 : (int64_t)ceil(over * (double)b->drop_us / (double)SECOND_US);
}

static void add_locked(struct account *a, const struct bucket *b, const char *key)
{
    double level = level_locked(a, b, key) + 1;
    sqlite3_stmt *st = account_prepare(
        a, NULL, "INSERT OR REPLACE INTO attempt(at_us, key, level) VALUES(?, ?, ?)", "it",
        clock_wall_us(a->clock), key);
    if (st)
        sqlite3_bind_double(st, 3, level < b->room ? level : b->room);
    account_run(a, st, NULL);
}

int account_limit_check(struct account *a, const char *user, const char *peer, int64_t *ret_wait_s,
                        struct err *reterr)
{
    char key[96];
    peer_key(peer, key);
    pthread_mutex_lock(&a->lock);
    int64_t wait = wait_s(&of_peer, level_locked(a, &of_peer, key));
    if (user) {
        snprintf(key, sizeof(key), "user:%.64s", user);
        int64_t w = wait_s(&of_user, level_locked(a, &of_user, key));
        wait = w > wait ? w : wait;
    }
    pthread_mutex_unlock(&a->lock);
    if (!wait)
        return 0;
    *ret_wait_s = wait;
    return err_set(reterr, E_LIMIT, "Too many wrong attempts; try again in %lld s.",
                   (long long)wait);
}

int account_limit_letter(struct account *a, const char *peer, int64_t *ret_wait_s,
                         struct err *reterr)
{
    char key[96], letter[104];
    peer_key(peer, key);
    snprintf(letter, sizeof(letter), "letter:%s", key + strlen("peer:"));
    pthread_mutex_lock(&a->lock);
    int64_t wait = wait_s(&of_letter, level_locked(a, &of_letter, letter));
    if (!wait)
        add_locked(a, &of_letter, letter);
    pthread_mutex_unlock(&a->lock);
    if (!wait)
        return 0;
    *ret_wait_s = wait;
    return err_set(reterr, E_LIMIT,
                   "Several letters came from here lately; the next can be sent in %lld minutes.",
                   (long long)(wait + 59) / 60);
}

void account_limit_failed(struct account *a, const char *user, const char *peer)
{
    char key[96];
    pthread_mutex_lock(&a->lock);
    peer_key(peer, key);
    add_locked(a, &of_peer, key);
    if (user) {
        snprintf(key, sizeof(key), "user:%.64s", user);
        add_locked(a, &of_user, key);
    }
    account_run(a,
                account_prepare(a, NULL, "DELETE FROM attempt WHERE at_us < ?", "i",
                                clock_wall_us(a->clock) - DAY_US),
                NULL);
    pthread_mutex_unlock(&a->lock);
}

void account_limit_passed(struct account *a, const char *user)
{
    char key[96];
    snprintf(key, sizeof(key), "user:%.64s", user);
    pthread_mutex_lock(&a->lock);
    account_run(a, account_prepare(a, NULL, "DELETE FROM attempt WHERE key = ?", "t", key), NULL);
    pthread_mutex_unlock(&a->lock);
}
