/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef ACCOUNT_TICKET_H
#define ACCOUNT_TICKET_H
/*
 * Letters from the public: questions, complaints, requests of people for footage of themselves. Kept in web.db, with a day
 * by which they have to be answered; only how many there are is public. Thread-safe.
 */
#include "account/account.h"

enum ticket_kind { TICKET_QUESTION, TICKET_COMPLAINT, TICKET_ACCESS };
const char *
ticket_kind_name(int kind); /* "question", "complaint", "access"; NULL beyond the last */

#define TICKET_CODE 17   /* 16 characters and NUL */
#define TICKET_TEXT 4001 /* bytes with NUL */
#define TICKET_DAYS 40   /* to answer in: the shortest of the laws that give a number */

struct ticket {
    int64_t id;
    char code[TICKET_CODE]; /* with it the writer looks how it stands; a secret of theirs */
    int kind;               /* enum ticket_kind */
    char camera[ACCOUNT_NAME], span[128]; /* as written; may be "" */
    char text[TICKET_TEXT], reply[256];   /* reply: where an answer goes; "" for none */
    int64_t made_us, due_us, closed_us;   /* closed_us 0: not answered yet */
    char outcome[512];                    /* what was answered, for the writer to read */
};

/*
 * Keep a letter; fills id, code, made_us and due_us. Errors: E_LIMIT and *ret_wait_s (too many from @peer), E_RANGE with a
 * sentence (kind, lengths, nothing said), E_FULL (10,000 are waiting).
 */
int ticket_add(struct account *a, const char *peer, struct ticket *t, int64_t *ret_wait_s,
               struct err *reterr);
/* By its code. E_NOTFOUND. */
int ticket_find(struct account *a, const char *code, struct ticket *ret, struct err *reterr);
/* All, those that wait first, by the day that they are due. */
int ticket_each(struct account *a, int (*cb)(void *user, const struct ticket *t), void *user,
                struct err *reterr);
/* Answer one; the letter's text and reply address are wiped a year later. E_NOTFOUND, E_EXISTS (answered already). */
int ticket_close(struct account *a, int64_t id, const char *outcome, struct err *reterr);

struct ticket_counts {
    int64_t total[3], waiting[3], late; /* by kind; late: waiting and past their day */
};
int ticket_count(struct account *a, struct ticket_counts *ret, struct err *reterr);
#endif
