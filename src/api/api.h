/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef API_API_H
#define API_API_H
/* The application behind the HTTP server: everything that handlers reach through rq->app. Thread-safe. */
#include <jansson.h>

#include "account/account.h"
#include "http/message.h"
#include "http/source.h"
#include "index/index.h"

/* What a route asks for: verbs of account.h, or one of these. */
#define API_NONE 0
#define API_ANY (-1)

struct api_cameras;
struct api_indexes;
struct live_hub;
struct masked_cache;
struct public_reports;
struct public_tally;

struct api {
    const char *data_dir, *node; /* borrowed */
    const struct clock *clock;
    bool tls;
    bool application; /* the built pages are there: "/" is theirs */
    struct account *account;
    struct http_source *source;
    struct api_cameras *cameras;
    struct api_indexes *indexes;
    struct live_hub *live;
    struct masked_cache *views;
    struct public_tally *tally;
    struct public_reports *reports;
    int residents; /* 0: not stated */
};

struct api_options {
    const char *data_dir, *node;
    const struct clock *clock;
    bool tls, application;
    int residents; /* of the area; 0: not stated */
};

/* Errors: those of account_open(), -ENOMEM. Owns: api_free(), after the server has stopped. */
int api_new(const struct api_options *o, struct api **ret, struct err *reterr);
void api_free(struct api *a);

/* All routes, for the server. */
extern const struct http_route *const api_tables[];
/* http_server_options.guard and .release */
int api_guard(struct http_request *rq, struct http_reply *rp);
void api_release(void *who);

/* ---- for handlers ---- */

struct api *api_of(const struct http_request *rq);
const struct account_who *api_who(const struct http_request *rq);
/* What a request showed to say who asks, so that it can be looked at again while a long answer lasts. */
struct api_credential {
    char secret[256];
    bool token;
};
bool api_credential(const struct http_request *rq, struct api_credential *ret);
/* E_AUTH: worth nothing, or not any more. Owns: account_who_free(). */
int api_identify(struct api *a, const struct api_credential *c, struct account_who **ret);

/* 429 with Retry-After when @r is E_LIMIT, else @r. */
int api_limited(struct http_reply *rp, int r, int64_t wait_s);
json_t *api_time(int64_t us); /* null for 0 */
json_t *api_verbs(unsigned verbs);

/*
 * The cameras of a comma-separated list or "*" that the asker has @verb for; ids end up in one block. Named ones that do
 * not exist: E_NOTFOUND, ones without the right: E_DENIED. Owns: free(*ret).
 */
int api_choose_cameras(struct http_request *rq, unsigned verb, size_t max, char (**ret)[INDEX_ID],
                       size_t *ret_count, struct err *reterr);

/* The index for this thread's use until given back; opened when needed. E_BUSY and others with a sentence. */
int api_index_take(struct api *a, struct index **ret, struct err *reterr);
void api_index_give(struct api *a, struct index *ix);

/*
 * Ask the recorder: one line to DATA/run/control.sock, one back. @request is taken. Errors: E_CLOSED, E_TIMEOUT (after
 * @patience_us) and others of the socket as E_BUSY; what the recorder refuses by its own code. Owns: json_decref(*ret).
 */
int api_control(struct api *a, json_t *request, int64_t patience_us, json_t **ret,
                struct err *reterr);
/* The same of another process: @socket is a name in DATA/run. */
int api_ask(struct api *a, const char *socket, json_t *request, int64_t patience_us, json_t **ret,
            struct err *reterr);
#define API_CONTROL_PATIENCE_US (10 * SECOND_US)

/* What is known of a camera without asking the recorder. */
struct api_camera {
    char id[INDEX_ID], name[128], group[INDEX_ID];
    char zones[INDEX_ZONES]; /* as stored, JSON or "" */
    bool enabled;
};
/* An immutable list, sorted by id; at most a second old. NULL: no memory. Owns: api_camera_list_unref(). */
struct api_camera_list {
    int refs;
    int code; /* of the attempt to read the newest; the list is an older one then */
    size_t count;
    struct api_camera camera[];
};
struct api_camera_list *api_camera_list(struct api *a);
void api_camera_list_unref(struct api_camera_list *l);
const struct api_camera *api_camera_find(const struct api_camera_list *l, const char *id);
/* The next api_camera_list() reads anew. */
void api_camera_list_forget(struct api *a);
int api_cameras_new(struct api *a, struct api_cameras **ret);
void api_cameras_free(struct api_cameras *c);
int api_indexes_new(struct api_indexes **ret);
void api_indexes_free(struct api_indexes *x);

/* POST /api/v1/cameras/import */
http_handler api_import_cameras;

/* Tables, one for each file; each ends with {0}. */
extern const struct http_route api_session_routes[], api_users_routes[], api_tokens_routes[],
    api_cameras_routes[], api_node_routes[], api_timeline_routes[], api_live_routes[],
    api_playback_routes[], api_export_routes[], api_public_register_routes[],
    api_public_numbers_routes[], api_public_log_routes[], api_public_contact_routes[],
    api_public_report_routes[], api_cases_routes[], api_case_footage_routes[];
#endif
