/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* /api/v1/site, setup, session, layouts: who am I. */
#include "api/session.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "http/status.h"

const char *session_cookie_name(const struct http_request *rq)
{
    return rq->tls ? "__Host-lethe_session" : "lethe_session";
}

static void set_cookie(const struct http_request *rq, struct http_reply *rp, const char *secret)
{
    http_reply_header(rp, "Set-Cookie", "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s",
                      session_cookie_name(rq), secret,
                      *secret ? (long long)(ACCOUNT_SESSION_US / SECOND_US) : 0LL,
                      rq->tls ? "; Secure" : "");
}

static int get_site(struct http_request *rq, struct http_reply *rp)
{
    struct api *a = api_of(rq);
    bool setup = false, practice = false;
    int r = account_setup_needed(a->account, &setup);
    if (r < 0)
        return err_set(&rp->err, r, "The accounts cannot be read now: %s.", err_text(r));
    struct http_snapshot *snap = http_source_get(a->source);
    practice = snap && snap->status && snap->status->practice;
    http_snapshot_unref(snap);
    return http_reply_json(rp, json_pack("{s:s, s:s, s:b, s:b, s:b}", "node", a->node, "version",
                                         LETHE_VERSION, "setup_needed", setup, "practice", practice,
                                         "tls", rq->tls));
}

static json_t *session_json(const struct http_request *rq, const struct account_who *who)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:b}", "user", who->user.name, "grants",
                     account_grants_json(who->user.grant, who->user.grant_count), "verbs",
                     api_verbs(account_verbs(who, NULL, clock_wall_us(rq->clock))), "expires",
                     api_time(who->expires_us), "token", who->token);
}

/* 201 with the cookie of a session that has just begun; the one before ends, so that nobody can plant one. */
static int signed_in(struct http_request *rq, struct http_reply *rp, char *secret)
{
    struct api *a = api_of(rq);
    struct account_who *who = NULL;
    const char *before = http_cookie(rq, session_cookie_name(rq));
    if (before)
        account_sign_out(a->account, before);
    int r = account_by_session(a->account, secret, &who);
    if (r >= 0) {
        set_cookie(rq, rp, secret);
        rp->status = 201;
        r = http_reply_json(rp, session_json(rq, who));
    }
    account_who_free(who);
    sodium_memzero(secret, ACCOUNT_SECRET);
    return r;
}

static int post_setup(struct http_request *rq, struct http_reply *rp)
{
    json_t *o = NULL;
    const char *token, *user, *password;
    char secret[ACCOUNT_SECRET];
    int64_t wait = 0;
    int r = http_json_body(rq, &o, &rp->err);
    if (r >= 0)
        r = http_json_unpack(o, &rp->err, "{s:s, s:s, s:s}", "token", &token, "user", &user,
                             "password", &password);
    if (r >= 0)
        r = account_setup(api_of(rq)->account, token, user, password, rq->peer, secret, &wait,
                          &rp->err);
    r = api_limited(rp, r, wait);
    if (r >= 0)
        r = signed_in(rq, rp, secret);
    json_decref(o);
    return r;
}

static int get_session(struct http_request *rq, struct http_reply *rp)
{
    return http_reply_json(rp, session_json(rq, api_who(rq)));
}

static int post_session(struct http_request *rq, struct http_reply *rp)
{
    json_t *o = NULL;
    const char *user, *password;
    char secret[ACCOUNT_SECRET];
    int64_t wait = 0;
    int r = http_json_body(rq, &o, &rp->err);
    if (r >= 0)
        r = http_json_unpack(o, &rp->err, "{s:s, s:s}", "user", &user, "password", &password);
    if (r >= 0)
        r = account_sign_in(api_of(rq)->account, user, password, rq->peer, secret, &wait, &rp->err);
    r = api_limited(rp, r, wait);
    if (r >= 0)
        r = signed_in(rq, rp, secret);
    json_decref(o);
    return r;
}

static int put_session(struct http_request *rq, struct http_reply *rp)
{
    json_t *o = NULL;
    const char *old, *new;
    int64_t wait = 0;
    if (api_who(rq)->token)
        return http_refuse(rp, 403, "E_DENIED", "A token cannot change a password; sign in.");
    int r = http_json_body(rq, &o, &rp->err);
    if (r >= 0)
        r = http_json_unpack(o, &rp->err, "{s:s, s:s}", "password", &old, "new_password", &new);
    if (r >= 0)
        r = account_change_password(api_of(rq)->account, api_who(rq)->user.name, old, new,
                                    http_cookie(rq, session_cookie_name(rq)), rq->peer, &wait,
                                    &rp->err);
    r = api_limited(rp, r, wait);
    json_decref(o);
    return r < 0 ? r : http_reply_nothing(rp);
}

static int delete_session(struct http_request *rq, struct http_reply *rp)
{
    const char *secret = http_cookie(rq, session_cookie_name(rq));
    if (secret)
        account_sign_out(api_of(rq)->account, secret);
    set_cookie(rq, rp, "");
    return http_reply_nothing(rp);
}

static int get_layouts(struct http_request *rq, struct http_reply *rp)
{
    char *text = NULL;
    int r = account_layouts_get(api_of(rq)->account, api_who(rq)->user.id, &text, &rp->err);
    if (r >= 0)
        r = buf_append(&rp->body, text, strlen(text));
    free(text);
    return r;
}

static int put_layouts(struct http_request *rq, struct http_reply *rp)
{
    json_t *o = NULL;
    int r = http_json_body(rq, &o, &rp->err);
    if (r < 0)
        return r;
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    r = text ? account_layouts_put(api_of(rq)->account, api_who(rq)->user.id, text, &rp->err)
             : -ENOMEM;
    free(text);
    return r < 0 ? r : http_reply_nothing(rp);
}

const struct http_route api_session_routes[] = {
    {"GET", "/api/v1/site", API_NONE, get_site},
    {"POST", "/api/v1/setup", API_NONE, post_setup},
    {"GET", "/api/v1/session", API_ANY, get_session},
    {"POST", "/api/v1/session", API_NONE, post_session},
    {"PUT", "/api/v1/session", API_ANY, put_session},
    {"DELETE", "/api/v1/session", API_ANY, delete_session},
    {"GET", "/api/v1/layouts", API_ANY, get_layouts},
    {"PUT", "/api/v1/layouts", API_ANY, put_layouts},
    {0},
};
