/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* /api/v1/tokens */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

static json_t *token_json(const struct account_token *t)
{
    char id[24];
    snprintf(id, sizeof(id), "%lld", (long long)t->id);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "id", id, "user", t->user, "name",
                     t->name, "verbs", api_verbs(t->verbs), "created", api_time(t->created_us),
                     "expires", api_time(t->expires_us), "last_used", api_time(t->used_us));
}

static int add_json(void *list, const struct account_token *t)
{
    return json_array_append_new(list, token_json(t)) == 0 ? 0 : E_LIMIT;
}

static int list_tokens(struct http_request *rq, struct http_reply *rp)
{
    json_t *list = json_array();
    int r = account_tokens(api_of(rq)->account, add_json, list, &rp->err);
    if (r < 0) {
        json_decref(list);
        return r;
    }
    return http_reply_json(rp, json_pack("{s:o}", "tokens", list));
}

static int parse_verbs(const json_t *list, unsigned *ret, struct err *reterr)
{
    *ret = 0;
    if (!json_is_array(list))
        return err_set(reterr, E_SYNTAX, "\"verbs\" is a list.");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        unsigned verb = name ? account_verb_find(name) : 0;
        if (!verb)
            return err_set(reterr, E_RANGE, "\"verbs\" names something that is no verb.");
        *ret |= verb;
    }
    return 0;
}

static int add_token(struct http_request *rq, struct http_reply *rp)
{
    json_t *o = NULL, *list = NULL;
    const char *user, *name;
    char secret[ACCOUNT_SECRET];
    json_int_t days = 365;
    unsigned verbs = 0;
    struct account_token t;
    int r = http_json_body(rq, &o, &rp->err);
    if (r >= 0)
        r = http_json_unpack(o, &rp->err, "{s:s, s:s, s:o, s?I}", "user", &user, "name", &name,
                             "verbs", &list, "days", &days);
    if (r >= 0)
        r = parse_verbs(list, &verbs, &rp->err);
    if (r >= 0)
        r = account_token_add(api_of(rq)->account, user, name, verbs, days, &t, secret, &rp->err);
    if (r >= 0) {
        rp->status = 201;
        r = http_reply_json(rp, json_pack("{s:o, s:s}", "token", token_json(&t), "secret", secret));
        sodium_memzero(secret, sizeof(secret));
    }
    json_decref(o);
    return r;
}

static int remove_token(struct http_request *rq, struct http_reply *rp)
{
    const char *text = http_param(rq, "token");
    size_t n = strlen(text);
    if (n > 18 || strspn(text, "0123456789") != n)
        return err_set(&rp->err, E_NOTFOUND, "There is no such token.");
    int r = account_token_remove(api_of(rq)->account, strtoll(text, NULL, 10), &rp->err);
    return r < 0 ? r : http_reply_nothing(rp);
}

const struct http_route api_tokens_routes[] = {
    {"GET", "/api/v1/tokens", ACCOUNT_ADMINISTER, list_tokens},
    {"POST", "/api/v1/tokens", ACCOUNT_ADMINISTER, add_token},
    {"DELETE", "/api/v1/tokens/{token}", ACCOUNT_ADMINISTER, remove_token},
    {0},
};
