/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* /api/v1/cameras, probe, zones. The register is the recorder's; addresses never come here but with *** for passwords. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/live.h"
#include "http/status.h"

#define PROBE_SECONDS 5
#define PROBES 1 /* at once: each keeps a worker busy */

/* ---- what a camera looks like ---- */

/* What one answer needs to know of all cameras. */
struct view_of_cameras {
    struct http_request *rq;
    struct http_snapshot *snap;
    json_t
        *register_; /* camera.list by id; NULL when the asker may not see it, or nobody answers */
    int64_t now_us;
};

static const struct http_camera *find_status(const struct http_snapshot *snap, const char *id)
{
    if (!snap || !snap->status || snap->code < 0)
        return NULL;
    for (size_t i = 0; i < snap->status->camera_count; i++)
        if (strcmp(snap->status->cameras[i].id, id) == 0)
            return &snap->status->cameras[i];
    return NULL;
}

static json_t *zones_json(const char *zones)
{
    json_t *list = *zones ? json_loads(zones, 0, NULL) : NULL;
    return json_is_array(list) ? list : (json_decref(list), json_array());
}

/* What those who watch are told, else what the recorder's status says. */
static json_t *mask_json(struct http_request *rq, const struct api_camera *c,
                         const struct http_camera *s)
{
    char state[24] = "none", reason[200] = "The recorder says nothing about the masked view.";
    if (!live_state(api_of(rq)->live, c->id, state, reason) && s && s->mask_state[0]) {
        snprintf(state, sizeof(state), "%s", s->mask_state);
        snprintf(reason, sizeof(reason), "%s", s->mask_reason);
    }
    return json_pack("{s:s, s:s, s:o}", "state", state, "reason", reason, "zones",
                     zones_json(c->zones));
}

/* Addresses and what the public is told, for whoever may administer the camera. */
static void add_register(json_t *o, json_t *row)
{
    static const char *const members[] = {
        "main",  "sub",          "transport",        "audio",  "retention_days",
        "pin",   "tls_insecure", "purpose",          "owner",  "contact",
        "place", "sees",         "retention_reason", "review", "lat",
        "lon",   "px_per_m",     "declared_empty",   "changed"};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *v = json_object_get(row, members[i]);
        if (v)
            json_object_set(o, members[i], v);
    }
}

static json_t *camera_json(const struct view_of_cameras *v, const struct api_camera *c)
{
    unsigned may = account_verbs(api_who(v->rq), c->group, v->now_us);
    const struct http_camera *s = find_status(v->snap, c->id);
    json_t *o = json_pack("{s:s, s:s, s:b, s:s, s:o, s:s, s:s, s:o}", "id", c->id, "name", c->name,
                          "enabled", c->enabled, "group", c->group, "may", api_verbs(may), "state",
                          http_camera_state_name(s ? s->state : HTTP_CAMERA_UNKNOWN), "reason",
                          s ? s->reason : "", "mask", mask_json(v->rq, c, s));
    if (o && (may & ACCOUNT_ADMINISTER) && v->register_)
        add_register(o, json_object_get(v->register_, c->id));
    return o;
}

static json_t *read_register(struct api *a)
{
    json_t *answer = NULL, *row, *by_id;
    size_t i;
    if (api_control(a, json_pack("{s:s}", "op", "camera.list"), API_CONTROL_PATIENCE_US, &answer,
                    NULL) < 0)
        return NULL;
    by_id = json_object();
    json_array_foreach(json_object_get(answer, "cameras"), i, row)
    {
        const char *id = json_string_value(json_object_get(row, "id"));
        if (id)
            json_object_set(by_id, id, row);
    }
    json_decref(answer);
    return by_id;
}

static void begin_view(struct http_request *rq, struct view_of_cameras *ret)
{
    *ret = (struct view_of_cameras){
        .rq = rq, .snap = http_source_get(api_of(rq)->source), .now_us = clock_wall_us(rq->clock)};
    if (account_verbs(api_who(rq), NULL, ret->now_us) & ACCOUNT_ADMINISTER)
        ret->register_ = read_register(api_of(rq));
}

static void end_view(struct view_of_cameras *v)
{
    http_snapshot_unref(v->snap);
    json_decref(v->register_);
}

static int list_cameras(struct http_request *rq, struct http_reply *rp)
{
    struct view_of_cameras v;
    struct api_camera_list *l = api_camera_list(api_of(rq));
    if (!l)
        return -ENOMEM;
    if (l->code < 0 && !l->count) {
        api_camera_list_unref(l);
        return err_set(&rp->err, E_BUSY, "The register of cameras cannot be read now.");
    }
    json_t *list = json_array();
    begin_view(rq, &v);
    for (size_t i = 0; i < l->count; i++)
        if (account_verbs(api_who(rq), l->camera[i].group, v.now_us))
            json_array_append_new(list, camera_json(&v, &l->camera[i]));
    end_view(&v);
    api_camera_list_unref(l);
    return http_reply_json(rp, json_pack("{s:o}", "cameras", list));
}

static int reply_camera(struct http_request *rq, struct http_reply *rp, const char *id,
                        unsigned status)
{
    struct view_of_cameras v;
    struct api_camera_list *l = api_camera_list(api_of(rq));
    const struct api_camera *c = api_camera_find(l, id);
    int r;
    if (c) {
        begin_view(rq, &v);
        r = http_reply_json(rp, camera_json(&v, c));
        end_view(&v);
        rp->status = status;
    } else {
        r = err_set(&rp->err, E_NOTFOUND, "There is no such camera.");
    }
    api_camera_list_unref(l);
    return r;
}

static int get_camera(struct http_request *rq, struct http_reply *rp)
{
    return reply_camera(rq, rp, http_param(rq, "id"), 200);
}

/* ---- changes ---- */

/* A group administrator gives no camera to a group that belongs to others. */
static int check_group(struct http_request *rq, const json_t *camera, struct err *reterr)
{
    const json_t *group = json_object_get(camera, "group");
    const char *text = json_string_value(group);
    if (!group || account_everywhere(api_who(rq), ACCOUNT_ADMINISTER, clock_wall_us(rq->clock)) ||
        (text && (account_verbs(api_who(rq), text, clock_wall_us(rq->clock)) & ACCOUNT_ADMINISTER)))
        return 0;
    return err_set(reterr, E_DENIED, "This account may not administer that group.");
}

static int put_camera(struct http_request *rq, struct http_reply *rp, json_t *camera, bool replace,
                      const char *id, unsigned status)
{
    json_t *answer = NULL;
    int r = check_group(rq, camera, &rp->err);
    if (r >= 0)
        r = api_control(
            api_of(rq),
            json_pack("{s:s, s:O, s:b}", "op", "camera.put", "camera", camera, "replace", replace),
            API_CONTROL_PATIENCE_US, &answer, &rp->err);
    json_decref(answer);
    if (r < 0)
        return r;
    api_camera_list_forget(api_of(rq));
    return reply_camera(rq, rp, id, status);
}

static int add_camera(struct http_request *rq, struct http_reply *rp)
{
    json_t *o = NULL;
    int r = http_json_body(rq, &o, &rp->err);
    const char *id = json_string_value(json_object_get(o, "id"));
    if (r >= 0 && (!id || !account_name_valid(id)))
        r = err_set(&rp->err, E_SYNTAX, "\"id\" has 1 to 63 of a-z, 0-9, '.', '_' and '-'.");
    if (r >= 0)
        r = put_camera(rq, rp, o, false, id, 201);
    json_decref(o);
    return r;
}

static int change_camera(struct http_request *rq, struct http_reply *rp)
{
    json_t *o = NULL;
    const char *id = http_param(rq, "id");
    int r = http_json_body(rq, &o, &rp->err);
    if (r >= 0 && (json_object_get(o, "id") || !json_object_size(o)))
        r = err_set(&rp->err, E_SYNTAX, "The body names what is to change, and not the id.");
    if (r >= 0 && json_object_set_new(o, "id", json_string(id)) != 0)
        r = -ENOMEM;
    if (r >= 0)
        r = put_camera(rq, rp, o, true, id, 200);
    json_decref(o);
    return r;
}

/* Ask for something that answers with nothing but yes. */
static int do_control(struct http_request *rq, struct http_reply *rp, json_t *request)
{
    json_t *answer = NULL;
    int r = api_control(api_of(rq), request, API_CONTROL_PATIENCE_US, &answer, &rp->err);
    json_decref(answer);
    if (r < 0)
        return r;
    api_camera_list_forget(api_of(rq));
    return http_reply_nothing(rp);
}

static int remove_camera(struct http_request *rq, struct http_reply *rp)
{
    return do_control(rq, rp,
                      json_pack("{s:s, s:s}", "op", "camera.remove", "id", http_param(rq, "id")));
}

static int put_zones(struct http_request *rq, struct http_reply *rp)
{
    json_t *o = NULL, *zones = NULL;
    int r = http_json_body(rq, &o, &rp->err);
    if (r >= 0)
        r = http_json_unpack(o, &rp->err, "{s:o}", "zones", &zones);
    if (r >= 0 && !json_is_array(zones))
        r = err_set(&rp->err, E_SYNTAX, "\"zones\" is a list of polygons.");
    if (r >= 0)
        r = do_control(rq, rp,
                       json_pack("{s:s, s:s, s:O}", "op", "mask.set", "id", http_param(rq, "id"),
                                 "zones", zones));
    json_decref(o);
    return r;
}

static int declare_empty(struct http_request *rq, struct http_reply *rp)
{
    json_t *o = NULL;
    int empty = 0;
    int r = http_json_body(rq, &o, &rp->err);
    if (r >= 0)
        r = http_json_unpack(o, &rp->err, "{s:b}", "empty", &empty);
    if (r >= 0)
        r = do_control(rq, rp,
                       json_pack("{s:s, s:s, s:b}", "op", "mask.declare_empty", "id",
                                 http_param(rq, "id"), "empty", empty));
    json_decref(o);
    return r;
}

static int probe(struct http_request *rq, struct http_reply *rp)
{
    static int running; /* atomic */
    json_t *o = NULL, *answer = NULL;
    int r = http_json_body(rq, &o, &rp->err);
    const json_t *given = json_object_get(o, "seconds");
    int64_t seconds = given ? json_integer_value(given) : PROBE_SECONDS;
    if (r >= 0 && !json_is_string(json_object_get(o, "url")))
        r = err_set(&rp->err, E_SYNTAX, "\"url\" is missing: rtsp://…");
    if (r >= 0 && (seconds < 1 || seconds > 20))
        r = err_set(&rp->err, E_RANGE, "\"seconds\" is 1 to 20.");
    if (r >= 0) {
        if (__atomic_add_fetch(&running, 1, __ATOMIC_ACQ_REL) > PROBES)
            r = err_set(&rp->err, E_BUSY, "Another address is being tried; wait for it.");
        json_object_set_new(o, "op", json_string("probe"));
        if (r >= 0)
            r = api_control(api_of(rq), json_incref(o),
                            seconds * SECOND_US + API_CONTROL_PATIENCE_US, &answer, &rp->err);
        __atomic_sub_fetch(&running, 1, __ATOMIC_ACQ_REL);
    }
    if (r >= 0)
        r = http_reply_json(rp, json_incref(json_object_get(answer, "probe")));
    json_decref(answer);
    json_decref(o);
    return r;
}

const struct http_route api_cameras_routes[] = {
    {"GET", "/api/v1/cameras", API_ANY, list_cameras},
    {"POST", "/api/v1/cameras", ACCOUNT_ADMINISTER, add_camera},
    {"POST", "/api/v1/cameras/import", ACCOUNT_ADMINISTER, api_import_cameras,
     .max_body = (size_t)4 << 20},
    {"POST", "/api/v1/probe", ACCOUNT_ADMINISTER, probe},
    {"GET", "/api/v1/cameras/{id}", API_ANY, get_camera},
    {"PUT", "/api/v1/cameras/{id}", ACCOUNT_ADMINISTER, change_camera},
    {"DELETE", "/api/v1/cameras/{id}", ACCOUNT_ADMINISTER, remove_camera},
    {"PUT", "/api/v1/cameras/{id}/zones", ACCOUNT_ADMINISTER, put_zones},
    {"POST", "/api/v1/cameras/{id}/declare-empty", ACCOUNT_ADMINISTER, declare_empty},
    {0},
};
