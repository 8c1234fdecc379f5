/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* /api/v1/cases: orders, answers, states. The clerk decides and logs; here is only who may ask. */
#include "api/cases.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES ((size_t)4 << 20)
#define PATIENCE_US (30 * SECOND_US) /* an entry and a proof of the log */

/* Cameras of the case, for each of which the asker needs one of @verbs. */
static bool reaches_all(struct http_request *rq, const json_t *c, unsigned verbs)
{
    struct api_camera_list *l = api_camera_list(api_of(rq));
    json_t *camera;
    size_t i;
    bool all = json_array_size(json_object_get(c, "cameras")) > 0;
    json_array_foreach(json_object_get(c, "cameras"), i, camera)
    {
        const struct api_camera *found = api_camera_find(l, json_string_value(camera));
        const char *group = found ? found->group : "";
        all = all && (account_verbs(api_who(rq), group, clock_wall_us(rq->clock)) & verbs);
    }
    api_camera_list_unref(l);
    return all;
}

/* Auditors see all cases, administrators too; requesters and custodians those of their cameras. */
bool cases_may_see(struct http_request *rq, const json_t *c)
{
    unsigned has = account_verbs(api_who(rq), NULL, clock_wall_us(rq->clock));
    return (has & (ACCOUNT_AUDIT | ACCOUNT_ADMINISTER)) ||
           reaches_all(rq, c, ACCOUNT_REQUEST | ACCOUNT_CUSTODY);
}

int cases_want_open(struct http_reply *rp, const json_t *c)
{
    const char *state = json_string_value(json_object_get(c, "state"));
    if (state && strcmp(state, "open") == 0)
        return 0;
    bool later = state && (!strcmp(state, "logged") || !strcmp(state, "approved") ||
                           !strcmp(state, "requested"));
    return http_refuse(rp, later ? 409 : 410, "E_DENIED",
                       later ? "This case has not been opened yet." : "This case is over.");
}

/* The clerk's refusals: what does not hold is 422, what came too late 410, what is not enough 409. */
static int refuse(struct http_reply *rp, const char *op, int r)
{
    switch (r) {
    case E_EXISTS:
    case E_THRESHOLD:
        rp->status = 409;
        break;
    case E_DENIED:
        rp->status = 410;
        break;
    case E_SYNTAX:
    case E_AUTH:
    case E_CRYPTO:
    case E_MISMATCH:
    case E_LIMIT:
    case E_RANGE:
        rp->status = 422;
        break;
    case E_NOTFOUND:
        if (strcmp(op, "case.get") == 0) /* its sentence names a folder */
            return http_refuse(rp, 404, "E_NOTFOUND", "There is no such case.");
        rp->status = 422; /* no such code, no key for that span */
        break;
    }
    return r;
}

static int ask(struct http_request *rq, struct http_reply *rp, const char *op, json_t *request,
               json_t **ret)
{
    json_object_set_new(request, "op", json_string(op));
    int r = api_ask(api_of(rq), "cases.sock", request, PATIENCE_US, ret, &rp->err);
    return r < 0 ? refuse(rp, op, r) : 0;
}

int cases_ask(struct http_request *rq, struct http_reply *rp, const char *op, json_t *request,
              json_t **ret)
{
    const char *id = http_param(rq, "case");
    json_t *before = NULL;
    /* Rights are looked at before anything is done; nobody learns of a case that is not theirs. */
    int r = ask(rq, rp, "case.get", json_pack("{ss}", "id", id), &before);
    if (r >= 0 && !cases_may_see(rq, json_object_get(before, "case")))
        r = http_refuse(rp, 404, "E_NOTFOUND", "There is no such case.");
    if (r < 0 || strcmp(op, "case.get") == 0) {
        json_decref(request);
        if (r < 0)
            json_decref(before);
        else
            *ret = before;
        return r;
    }
    json_decref(before);
    json_object_set_new(request, "id", json_string(id));
    return ask(rq, rp, op, request, ret);
}

/* ---- handlers ---- */

static int list_cases(struct http_request *rq, struct http_reply *rp)
{
    json_t *answer = NULL, *c, *list = json_array();
    const char *state = http_query(rq, "state");
    size_t i;
    int r = ask(rq, rp, "case.list", json_object(), &answer);
    json_array_foreach(json_object_get(answer, "cases"), i, c)
    {
        const char *is = json_string_value(json_object_get(c, "state"));
        if (cases_may_see(rq, c) && (!state || !*state || (is && strcmp(is, state) == 0)))
            json_array_insert(list, 0, c);
    }
    json_decref(answer);
    if (r < 0) {
        json_decref(list);
        return r;
    }
    return http_reply_json(rp, json_pack("{so}", "cases", list));
}

static int get_codes(struct http_request *rq, struct http_reply *rp)
{
    json_t *answer = NULL;
    int r = ask(rq, rp, "case.codes", json_object(), &answer);
    if (r < 0)
        return r;
    json_object_del(answer, "ok");
    return http_reply_json(rp, answer);
}

/* The case's own members and what else the clerk gave, in one object. */
static int reply_case(struct http_reply *rp, json_t *answer, bool whole)
{
    json_t *c = json_incref(json_object_get(answer, "case"));
    json_object_del(answer, "ok");
    json_object_del(answer, "case");
    if (whole)
        json_object_update_missing(c, answer);
    json_decref(answer);
    return http_reply_json(rp, c);
}

static int get_case(struct http_request *rq, struct http_reply *rp)
{
    json_t *answer = NULL;
    int r = cases_ask(rq, rp, "case.get", json_object(), &answer);
    return r < 0 ? r : reply_case(rp, answer, true);
}

static int get_bundle(struct http_request *rq, struct http_reply *rp)
{
    json_t *answer = NULL;
    int r = cases_ask(rq, rp, "case.bundle", json_object(), &answer);
    if (r < 0)
        return r;
    json_t *bundle = json_incref(json_object_get(answer, "bundle"));
    json_decref(answer);
    http_reply_header(rp, "Content-Disposition", "attachment; filename=\"case-%s.json\"",
                      http_param(rq, "case"));
    return http_reply_json(rp, bundle);
}

/* The cameras that the order's text names: before it is handed in, so that nobody orders what is out of reach. */
static json_t *cameras_of(const char *order)
{
    json_t *list = json_array();
    for (const char *at = order; (at = strstr(at, "\ncamera ")); at++) {
        const char *name = at + 8;
        json_array_append_new(list, json_stringn(name, strcspn(name, "\n")));
    }
    return json_pack("{so}", "cameras", list);
}

static int post_order(struct http_request *rq, struct http_reply *rp)
{
    json_t *body = NULL, *answer = NULL;
    const char *order = NULL;
    int r = http_json_body(rq, &body, &rp->err);
    if (r >= 0)
        r = http_json_unpack(body, &rp->err, "{s:s}", "order", &order);
    if (r >= 0) {
        json_t *named = cameras_of(order);
        if (!reaches_all(rq, named, ACCOUNT_REQUEST))
            r = http_refuse(rp, 403, "E_DENIED",
                            "This account may not ask for all cameras of the order.");
        json_decref(named);
    }
    if (r >= 0)
        r = ask(rq, rp, "case.request", json_pack("{ss}", "order", order), &answer);
    json_decref(body);
    if (r == E_DENIED && rp->status == 410)
        rp->status = 422; /* a rule of the node */
    if (r < 0)
        return r;
    rp->status = 201;
    return reply_case(rp, answer, false);
}

static int post_answer(struct http_request *rq, struct http_reply *rp)
{
    json_t *answer = NULL;
    json_t *text = json_stringn((const char *)rq->body.data, rq->body.len);
    if (!text)
        return http_refuse(rp, 422, "E_SYNTAX",
                           "An answer is the text that the custodian's tool wrote.");
    int r = cases_ask(rq, rp, "case.answer", json_pack("{so}", "answer", text), &answer);
    if (r < 0)
        return r;
    rp->status = 201;
    return reply_case(rp, answer, false);
}

static int post_opening(struct http_request *rq, struct http_reply *rp)
{
    json_t *answer = NULL;
    int r = cases_ask(rq, rp, "case.open", json_object(), &answer);
    if (r < 0)
        return r;
    json_object_del(answer, "ok");
    return http_reply_json(rp, answer);
}

static int end(struct http_request *rq, struct http_reply *rp, const char *how)
{
    json_t *answer = NULL;
    int r = cases_ask(rq, rp, "case.end", json_pack("{ss}", "how", how), &answer);
    if (r == E_DENIED && rp->status == 410)
        rp->status = 409; /* not from this state */
    return r < 0 ? r : reply_case(rp, answer, false);
}

static int post_close(struct http_request *rq, struct http_reply *rp)
{
    return end(rq, rp, "close");
}

static int post_withdraw(struct http_request *rq, struct http_reply *rp)
{
    return end(rq, rp, "withdraw");
}

const struct http_route api_cases_routes[] = {
    {"GET", "/api/v1/cases", API_ANY, list_cases},
    {"GET", "/api/v1/cases/codes", API_ANY, get_codes},
    {"POST", "/api/v1/cases", ACCOUNT_REQUEST, post_order},
    {"GET", "/api/v1/cases/{case}", API_ANY, get_case},
    {"GET", "/api/v1/cases/{case}/bundle", API_ANY, get_bundle},
    {.method = "POST",
     .pattern = "/api/v1/cases/{case}/answers",
     .verb = ACCOUNT_CUSTODY,
     .run = post_answer,
     .max_body = ANSWER_BYTES},
    {"POST", "/api/v1/cases/{case}/opening", ACCOUNT_REQUEST, post_opening},
    {"POST", "/api/v1/cases/{case}/close", ACCOUNT_REQUEST, post_close},
    {"POST", "/api/v1/cases/{case}/withdraw", ACCOUNT_REQUEST, post_withdraw},
    {0},
};
