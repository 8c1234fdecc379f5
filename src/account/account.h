/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H
/*
 * Users and what they may do. One handle serves all threads of a process; other processes may work on the same database
 * (`lethe user` beside a running server). Secrets (passwords, session and token texts) are never stored, only hashes.
 * Sentences in errors are for the user; none says whether an account exists to somebody who is not signed in.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

#define ACCOUNT_NAME 64
#define ACCOUNT_GRANTS 32
#define ACCOUNT_SECRET 64        /* bytes of a session or token text with NUL */
#define ACCOUNT_PASSWORD_MIN 10  /* characters */
#define ACCOUNT_PASSWORD_MAX 512 /* bytes */
#define ACCOUNT_LAYOUTS_MAX ((size_t)64 << 10)
#define ACCOUNT_SESSION_US (14 * DAY_US) /* from the last use */

enum account_verb {
    ACCOUNT_LIVE = 1,
    ACCOUNT_PLAYBACK = 2,
    ACCOUNT_EXPORT = 4,
    ACCOUNT_REQUEST = 8,
    ACCOUNT_STATUS = 16,
    ACCOUNT_AUDIT = 32,
    ACCOUNT_ADMINISTER = 64,
    ACCOUNT_CUSTODY = 128, /* answer orders as a custodian; the answer itself is signed */
    ACCOUNT_ALL_VERBS = 255
};
/* "live", …; NULL beyond the last (i from 0). */
const char *account_verb_name(int i);
/* 0 if there is no such verb. */
unsigned account_verb_find(const char *name);
/* Verbs of a role, 0 if there is no such role. */
unsigned account_role_verbs(const char *role);
/* "viewer", …; NULL beyond the last. */
const char *account_role_name(int i);

struct account_grant {
    char role[16], group[ACCOUNT_NAME]; /* group of the camera's row; "all": every camera */
    int64_t from_us, to_us;             /* 0: no bound */
};

struct account_user {
    int64_t id;
    char name[ACCOUNT_NAME];
    bool disabled;
    int64_t created_us, seen_us; /* seen_us 0: never */
    int grant_count;
    struct account_grant grant[ACCOUNT_GRANTS];
};

struct account_token {
    int64_t id;
    char user[ACCOUNT_NAME], name[ACCOUNT_NAME + 1];
    unsigned verbs;
    int64_t created_us, expires_us, used_us;
};

struct account;
/*
 * Open DATA/web/web.db below @data_dir, making folder (0700) and file (0600). Errors: errno, E_CORRUPT, E_UNSUPPORTED (made
 * by a newer version). Owns: account_close().
 */
int account_open(const char *data_dir, const struct clock *clock, struct account **ret,
                 struct err *reterr);
void account_close(struct account *a);

/* ---- who asks ---- */

/* The asker of one request. */
struct account_who {
    struct account_user user;
    unsigned verbs; /* that the token allows; all of them for a session */
    bool token;
    int64_t expires_us;
};
/* Find out by the text of a cookie or token. E_AUTH: worth nothing. Owns: account_who_free(). */
int account_by_session(struct account *a, const char *secret, struct account_who **ret);
int account_by_token(struct account *a, const char *secret, struct account_who **ret);
void account_who_free(struct account_who *who);
/* Verbs that hold now for cameras of @group ("": of none), or with NULL for at least one camera. */
unsigned account_verbs(const struct account_who *who, const char *group, int64_t now_us);
/* True if @verb holds now for every camera, without bounds in time. */
bool account_everywhere(const struct account_who *who, unsigned verb, int64_t now_us);
/*
 * Clip a span to what @verb reaches of cameras of @group: the longest part that one grant allows. E_DENIED: nothing of it.
 */
int account_reach(const struct account_who *who, unsigned verb, const char *group, int64_t now_us,
                  int64_t *from_us, int64_t *to_us);

/* ---- signing in ---- */

/*
 * Check a password, slowly (about 0.1 s and 64 MiB; one at a time). Failures count against @user and @peer: E_LIMIT, and
 * *ret_wait_s says for how long. E_AUTH: wrong. On success a new session: @ret_secret is the cookie's text.
 */
int account_sign_in(struct account *a, const char *user, const char *password, const char *peer,
                    char ret_secret[ACCOUNT_SECRET], int64_t *ret_wait_s, struct err *reterr);
/* End one session; unknown ones are fine. */
int account_sign_out(struct account *a, const char *secret);
/* Change the own password: E_AUTH, E_LIMIT, E_RANGE (too short). Ends all sessions but @keep. */
int account_change_password(struct account *a, const char *user, const char *old, const char *new,
                            const char *keep, const char *peer, int64_t *ret_wait_s,
                            struct err *reterr);

/* ---- the first administrator ---- */

/* True while there is no user. */
int account_setup_needed(struct account *a, bool *ret);
/* A new one-time token; the one before is worth nothing from now on. E_EXISTS: there are users. */
int account_setup_token(struct account *a, char ret_secret[ACCOUNT_SECRET], struct err *reterr);
/* Make the administrator and sign in. E_DENIED: wrong token or too late; E_LIMIT as for signing in. */
int account_setup(struct account *a, const char *token, const char *user, const char *password,
                  const char *peer, char ret_secret[ACCOUNT_SECRET], int64_t *ret_wait_s,
                  struct err *reterr);

/* ---- users ---- */

int account_users(struct account *a, int (*cb)(void *user, const struct account_user *u),
                  void *user, struct err *reterr);
int account_user_find(struct account *a, const char *name, struct account_user *ret,
                      struct err *reterr);
/* E_RANGE (name, password), E_EXISTS. */
int account_user_add(struct account *a, const char *name, const char *password,
                     const struct account_grant *grants, int n, struct err *reterr);
/* What is to change; NULL and negative values stay. */
struct account_change {
    const char *password;
    const struct account_grant *grants;
    int grant_count; /* -1: keep */
    int disabled;    /* -1: keep */
};
/* E_NOTFOUND, E_MISMATCH (the last administrator), and those of add. */
int account_user_change(struct account *a, const char *name, const struct account_change *c,
                        struct err *reterr);
int account_user_remove(struct account *a, const char *name, struct err *reterr);

/* ---- tokens ---- */

int account_tokens(struct account *a, int (*cb)(void *user, const struct account_token *t),
                   void *user, struct err *reterr);
/* @verbs without administer. "lethe_…" in @ret_secret. E_NOTFOUND (user), E_RANGE. */
int account_token_add(struct account *a, const char *user, const char *name, unsigned verbs,
                      int64_t days, struct account_token *ret, char ret_secret[ACCOUNT_SECRET],
                      struct err *reterr);
int account_token_remove(struct account *a, int64_t id, struct err *reterr);

/* ---- layouts ---- */

/* JSON text of the user's application. Owns: free(). */
int account_layouts_get(struct account *a, int64_t user, char **ret, struct err *reterr);
int account_layouts_put(struct account *a, int64_t user, const char *text, struct err *reterr);

/* [a-z0-9][a-z0-9._-]{0,62} */
bool account_name_valid(const char *name);
/* Grants as JSON and back. E_SYNTAX, E_RANGE, E_LIMIT. */
json_t *account_grants_json(const struct account_grant *g, int n);
int account_grants_parse(const json_t *list, struct account_grant ret[ACCOUNT_GRANTS], int *ret_n,
                         struct err *reterr);
#endif
