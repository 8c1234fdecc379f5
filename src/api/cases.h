/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef API_CASES_H
#define API_CASES_H
/* Cases: asked of the clerk, for those who may. No key and nothing in clear is ever here. */
#include "api/api.h"

/*
 * Ask the clerk about case {id} (@op), and hold what it says against the asker's rights: whoever asks must have @verbs
 * for each camera of the order, or read all cases. @request gets "op" and "id" and is taken. Statuses as in
 * docs/api/openapi.yaml. Owns: json_decref(*ret).
 */
int cases_ask(struct http_request *rq, struct http_reply *rp, const char *op, json_t *request,
              json_t **ret);
/* May the asker see this case (the object "case")? */
bool cases_may_see(struct http_request *rq, const json_t *c);
/* Refuse, as 410, what is only for a case that is open. */
int cases_want_open(struct http_reply *rp, const json_t *c);
#endif
