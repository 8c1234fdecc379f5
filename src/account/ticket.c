/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "account/ticket.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "account/private.h"
#include "base/utf8.h"

#define WAITING_MAX 10000
#define KEPT_US (365 * DAY_US) /* words of an answered letter */
#define COLUMNS "id, code, kind, camera, span, text, reply, made_us, due_us, closed_us, outcome"

const char *ticket_kind_name(int kind)
{
    static const char *const names[] = {"question", "complaint", "access", NULL};
    return kind >= 0 && kind <= TICKET_ACCESS ? names[kind] : NULL;
}

/* 80 random bits in letters that cannot be mistaken for one another. */
static void make_code(char ret[TICKET_CODE])
{
    static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789z";
    uint8_t random[TICKET_CODE - 1];
    randombytes_buf(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        ret[i] = letters[random[i] % 32];
    ret[sizeof(random)] = 0;
}

static int check(const struct ticket *t, struct err *reterr)
{
    if (!ticket_kind_name(t->kind))
        return err_set(reterr, E_RANGE, "The kind of letter has to be one of the list.");
    if (strspn(t->text, " \r\n\t") == strlen(t->text))
        return err_set(reterr, E_RANGE, "There is nothing in the letter: say what it is about.");
    if (!utf8_valid(t->text, strlen(t->text)) || !utf8_valid(t->reply, strlen(t->reply)) ||
        !utf8_valid(t->camera, strlen(t->camera)) || !utf8_valid(t->span, strlen(t->span)))
        return err_set(reterr, E_RANGE, "The letter is not text in UTF-8.");
    return 0;
}

static int64_t number_of(struct account *a, const char *sql)
{
    int64_t n = 0;
    sqlite3_stmt *st = account_prepare(a, NULL, sql, "");
    if (account_step(a, st, NULL) > 0)
        n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

static int insert_locked(struct account *a, struct ticket *t, struct err *reterr)
{
    if (number_of(a, "SELECT count(*) FROM ticket WHERE closed_us = 0") >= WAITING_MAX)
        return err_set(reterr, E_FULL,
                       "Too many letters are waiting for an answer; use another way to reach us.");
    int r = account_run(
        a,
        account_prepare(a, reterr,
                        "INSERT INTO ticket(code, kind, camera, span, text, reply, made_us, due_us)"
                        " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                        "tittttii", t->code, (int64_t)t->kind, t->camera, t->span, t->text,
                        t->reply, t->made_us, t->due_us),
        reterr);
    t->id = sqlite3_last_insert_rowid(a->db);
    return r < 0 ? r : 0;
}

int ticket_add(struct account *a, const char *peer, struct ticket *t, int64_t *ret_wait_s,
               struct err *reterr)
{
    int r = check(t, reterr);
    if (r >= 0)
        r = account_limit_letter(a, peer, ret_wait_s, reterr);
    if (r < 0)
        return r;
    make_code(t->code);
    t->made_us = clock_wall_us(a->clock);
    t->due_us = t->made_us + TICKET_DAYS * DAY_US;
    t->closed_us = 0;
    pthread_mutex_lock(&a->lock);
    r = insert_locked(a, t, reterr);
    pthread_mutex_unlock(&a->lock);
    return r;
}

static void copy(char *to, size_t cap, sqlite3_stmt *st, int column)
{
    const unsigned char *text = sqlite3_column_text(st, column);
    snprintf(to, cap, "%s", text ? (const char *)text : "");
}

static void read_row(sqlite3_stmt *st, struct ticket *t)
{
    memset(t, 0, sizeof(*t));
    t->id = sqlite3_column_int64(st, 0);
    copy(t->code, sizeof(t->code), st, 1);
    t->kind = sqlite3_column_int(st, 2);
    copy(t->camera, sizeof(t->camera), st, 3);
    copy(t->span, sizeof(t->span), st, 4);
    copy(t->text, sizeof(t->text), st, 5);
    copy(t->reply, sizeof(t->reply), st, 6);
    t->made_us = sqlite3_column_int64(st, 7);
    t->due_us = sqlite3_column_int64(st, 8);
    t->closed_us = sqlite3_column_int64(st, 9);
    copy(t->outcome, sizeof(t->outcome), st, 10);
}

int ticket_find(struct account *a, const char *code, struct ticket *ret, struct err *reterr)
{
    pthread_mutex_lock(&a->lock);
    sqlite3_stmt *st =
        account_prepare(a, reterr, "SELECT " COLUMNS " FROM ticket WHERE code = ?", "t", code);
    int r = account_step(a, st, reterr);
    if (r > 0)
        read_row(st, ret);
    sqlite3_finalize(st);
    pthread_mutex_unlock(&a->lock);
    return r < 0 ? r : r ? 0 : err_set(reterr, E_NOTFOUND, "There is no letter with this code.");
}

int ticket_each(struct account *a, int (*cb)(void *user, const struct ticket *t), void *user,
                struct err *reterr)
{
    struct ticket t;
    int r;
    pthread_mutex_lock(&a->lock);
    sqlite3_stmt *st = account_prepare(
        a, reterr, "SELECT " COLUMNS " FROM ticket ORDER BY closed_us <> 0, due_us, id LIMIT 2000",
        "");
    while ((r = account_step(a, st, reterr)) > 0) {
        read_row(st, &t);
        if ((r = cb(user, &t)) != 0)
            break;
    }
    sqlite3_finalize(st);
    pthread_mutex_unlock(&a->lock);
    return r;
}

int ticket_close(struct account *a, int64_t id, const char *outcome, struct err *reterr)
{
    int64_t now = clock_wall_us(a->clock);
    if (strlen(outcome) >= sizeof(((struct ticket *)0)->outcome) || !outcome[0] ||
        !utf8_valid(outcome, strlen(outcome)))
        return err_set(reterr, E_RANGE, "The answer has to be 1 to %zu bytes of text.",
                       sizeof(((struct ticket *)0)->outcome) - 1);
    pthread_mutex_lock(&a->lock);
    int r = account_run(a,
                        account_prepare(a, reterr,
                                        "UPDATE ticket SET closed_us = ?, outcome = ? WHERE id = ? "
                                        "AND closed_us = 0",
                                        "iti", now, outcome, id),
                        reterr);
    if (r == 0)
        r = err_set(reterr, E_NOTFOUND, "No letter of that number is waiting for an answer.");
    else if (r > 0)
        r = account_run(a,
                        account_prepare(a, reterr,
                                        "UPDATE ticket SET text = '', reply = '', span = '' WHERE "
                                        "closed_us <> 0 AND closed_us < ?",
                                        "i", now - KEPT_US),
                        reterr);
    pthread_mutex_unlock(&a->lock);
    return r < 0 ? r : 0;
}

int ticket_count(struct account *a, struct ticket_counts *ret, struct err *reterr)
{
    int r;
    memset(ret, 0, sizeof(*ret));
    pthread_mutex_lock(&a->lock);
    sqlite3_stmt *st =
        account_prepare(a, reterr,
                        "SELECT kind, count(*), sum(closed_us = 0), sum(closed_us = 0 AND due_us < "
                        "?) FROM ticket GROUP BY kind",
                        "i", clock_wall_us(a->clock));
    while ((r = account_step(a, st, reterr)) > 0) {
        int kind = sqlite3_column_int(st, 0);
        if (!ticket_kind_name(kind))
            continue;
        ret->total[kind] = sqlite3_column_int64(st, 1);
        ret->waiting[kind] = sqlite3_column_int64(st, 2);
        ret->late += sqlite3_column_int64(st, 3);
    }
    sqlite3_finalize(st);
    pthread_mutex_unlock(&a->lock);
    return r;
}
