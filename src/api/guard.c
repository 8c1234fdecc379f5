/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Who asks, and may they: asked here for every route, before the body is read. Handlers only narrow it down. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/session.h"

/* "Bearer lethe_…", or Basic with the token as the password, for players that know only that. */
static bool read_token(const struct http_request *rq, char ret[256])
{
    const char *given = http_header(rq, "Authorization");
    size_t len;
    if (!given)
        return false;
    if (strncasecmp(given, "Bearer ", 7) == 0) {
        snprintf(ret, 256, "%.255s", given + 7);
        return true;
    }
    unsigned char text[256];
    if (strncasecmp(given, "Basic ", 6) != 0 ||
        sodium_base642bin(text, sizeof(text) - 1, given + 6, strlen(given + 6), NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    text[len] = 0;
    const char *colon = strchr((const char *)text, ':');
    snprintf(ret, 256, "%s", colon ? colon + 1 : "");
    sodium_memzero(text, sizeof(text));
    return true;
}

bool api_credential(const struct http_request *rq, struct api_credential *ret)
{
    const char *cookie = http_cookie(rq, session_cookie_name(rq));
    ret->token = read_token(rq, ret->secret);
    if (!ret->token && cookie)
        snprintf(ret->secret, sizeof(ret->secret), "%.255s", cookie);
    return ret->token || cookie;
}

int api_identify(struct api *a, const struct api_credential *c, struct account_who **ret)
{
    return c->token ? account_by_token(a->account, c->secret, ret)
                    : account_by_session(a->account, c->secret, ret);
}

static int identify(struct http_request *rq)
{
    struct api_credential c;
    struct account_who *who = NULL;
    int r = api_credential(rq, &c) ? api_identify(api_of(rq), &c, &who) : E_AUTH;
    sodium_memzero(&c, sizeof(c));
    rq->who = who;
    return r;
}

static bool is_change(const struct http_request *rq)
{
    return strcmp(rq->method, "GET") != 0 && strcmp(rq->method, "HEAD") != 0;
}

static int refuse_stranger(const struct http_request *rq, struct http_reply *rp, int r)
{
    if (r != E_AUTH)
        return err_set(&rp->err, r, "The accounts cannot be read now: %s.", err_text(r));
    /* Browsers say how they fetch; they get no challenge, which would open a window. */
    if (!http_header(rq, "Sec-Fetch-Mode"))
        http_reply_header(rp, "WWW-Authenticate", "Basic realm=\"Lethe\"");
    return http_refuse(rp, 401, "E_AUTH", "Sign in first.");
}

static int refuse_verb(struct http_reply *rp, int verb)
{
    const char *name = "";
    for (int i = 0; account_verb_name(i); i++)
        if (verb == 1 << i)
            name = account_verb_name(i);
    return http_refuse(rp, 403, "E_DENIED", "This account does not have the right \"%s\"%s.", name,
                       verb == ACCOUNT_ADMINISTER ? " for all cameras" : "");
}

/* Cameras that the asker has no right at all to are as good as none. */
static int check_camera(struct http_request *rq, struct http_reply *rp)
{
    const char *id = http_param(rq, "id");
    struct api_camera_list *l = api_camera_list(api_of(rq));
    const struct api_camera *c = api_camera_find(l, id);
    char group[INDEX_ID] = "";
    if (c)
        snprintf(group, sizeof(group), "%s", c->group);
    api_camera_list_unref(l);
    unsigned has = account_verbs(api_who(rq), group, clock_wall_us(rq->clock));
    if (!account_name_valid(id) || !has)
        return err_set(&rp->err, E_NOTFOUND, "There is no such camera.");
    if (rq->route->verb != API_ANY && !(has & (unsigned)rq->route->verb))
        return refuse_verb(rp, rq->route->verb);
    return 0;
}

/* Rights over accounts and the register are for all cameras or none: who may give rights may give them to all. */
static bool may(const struct http_request *rq, unsigned verb)
{
    int64_t now = clock_wall_us(rq->clock);
    return verb == ACCOUNT_ADMINISTER ? account_everywhere(api_who(rq), verb, now)
                                      : account_verbs(api_who(rq), NULL, now) & verb;
}

int api_guard(struct http_request *rq, struct http_reply *rp)
{
    int verb = rq->route->verb;
    if (is_change(rq) && rq->origin == HTTP_ORIGIN_FOREIGN)
        return http_refuse(rp, 403, "E_ORIGIN", "This request comes from a page of another site.");
    if (verb == API_NONE)
        return 0;
    int r = identify(rq);
    if (r < 0)
        return refuse_stranger(rq, rp, r);
    if (is_change(rq) && !api_who(rq)->token && rq->origin != HTTP_ORIGIN_OWN)
        return http_refuse(rp, 403, "E_ORIGIN",
                           "A change with a session needs the header Origin; "
                           "programs use a token instead.");
    if (strstr(rq->route->pattern, "/cameras/{id}"))
        return check_camera(rq, rp);
    if (verb != API_ANY && !may(rq, (unsigned)verb))
        return refuse_verb(rp, verb);
    return 0;
}

void api_release(void *who)
{
    account_who_free(who);
}
