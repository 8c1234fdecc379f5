/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* /api/v1/users */
#include <stdlib.h>

#include "api/api.h"

static json_t *user_json(const struct account_user *u)
{
    return json_pack("{s:s, s:o, s:b, s:o, s:o}", "name", u->name, "grants",
                     account_grants_json(u->grant, u->grant_count), "disabled", u->disabled,
                     "created", api_time(u->created_us), "last_seen", api_time(u->seen_us));
}

static int add_json(void *list, const struct account_user *u)
{
    return json_array_append_new(list, user_json(u)) == 0 ? 0 : E_LIMIT;
}

static int list_users(struct http_request *rq, struct http_reply *rp)
{
    json_t *list = json_array();
    int r = account_users(api_of(rq)->account, add_json, list, &rp->err);
    if (r < 0) {
        json_decref(list);
        return r;
    }
    return http_reply_json(rp, json_pack("{s:o}", "users", list));
}

static int reply_user(struct http_request *rq, struct http_reply *rp, const char *name,
                      unsigned status)
{
    struct account_user *u = malloc(sizeof(*u));
    int r = u ? account_user_find(api_of(rq)->account, name, u, &rp->err) : E_FULL;
    if (r >= 0)
        r = http_reply_json(rp, user_json(u));
    if (r >= 0)
        rp->status = status;
    free(u);
    return r;
}

static int add_user(struct http_request *rq, struct http_reply *rp)
{
    json_t *o = NULL, *list = NULL;
    const char *name, *password;
    struct account_grant grants[ACCOUNT_GRANTS];
    int n = 0;
    int r = http_json_body(rq, &o, &rp->err);
    if (r >= 0)
        r = http_json_unpack(o, &rp->err, "{s:s, s:s, s:o}", "name", &name, "password", &password,
                             "grants", &list);
    if (r >= 0)
        r = account_grants_parse(list, grants, &n, &rp->err);
    if (r >= 0)
        r = account_user_add(api_of(rq)->account, name, password, grants, n, &rp->err);
    if (r >= 0)
        r = reply_user(rq, rp, name, 201);
    json_decref(o);
    return r;
}

static int change_user(struct http_request *rq, struct http_reply *rp)
{
    json_t *o = NULL, *list = NULL;
    struct account_grant grants[ACCOUNT_GRANTS];
    struct account_change c = {.grants = grants, .grant_count = -1, .disabled = -1};
    const char *name = http_param(rq, "name");
    int r = http_json_body(rq, &o, &rp->err);
    if (r >= 0)
        r = http_json_unpack(o, &rp->err, "{s?s, s?o, s?b}", "password", &c.password, "grants",
                             &list, "disabled", &c.disabled);
    if (r >= 0 && !json_object_size(o))
        r = err_set(&rp->err, E_SYNTAX, "The body names nothing to change.");
    if (r >= 0 && list)
        r = account_grants_parse(list, grants, &c.grant_count, &rp->err);
    if (r >= 0)
        r = account_user_change(api_of(rq)->account, name, &c, &rp->err);
    if (r >= 0)
        r = reply_user(rq, rp, name, 200);
    json_decref(o);
    return r;
}

static int remove_user(struct http_request *rq, struct http_reply *rp)
{
    int r = account_user_remove(api_of(rq)->account, http_param(rq, "name"), &rp->err);
    return r < 0 ? r : http_reply_nothing(rp);
}

const struct http_route api_users_routes[] = {
    {"GET", "/api/v1/users", ACCOUNT_ADMINISTER, list_users},
    {"POST", "/api/v1/users", ACCOUNT_ADMINISTER, add_user},
    {"PUT", "/api/v1/users/{name}", ACCOUNT_ADMINISTER, change_user},
    {"DELETE", "/api/v1/users/{name}", ACCOUNT_ADMINISTER, remove_user},
    {0},
};
