/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_JSON_H
#define CASE_JSON_H
/* Cases as JSON, for the desk and the API (docs/api/cases.md). Each returns a new object, NULL when out of memory. */
#include <jansson.h>

#include "case/codes.h"
#include "case/folder.h"
#include "case/rules.h"

/* State, span, who answered, what is missing. */
json_t *case_json(const struct case_folder *f, const struct case_answers *a, int64_t now_us);
/* The case's file for the desk, docs/design/cases.md. @log_keys: public keys of the log, one a line. */
json_t *case_bundle_json(const struct case_folder *f, const struct case_codes *codes,
                         const char *log_keys, size_t log_keys_len);
/* Code list and limits: what a page needs to write an order. */
json_t *case_codes_json(const struct case_rules *r);
#endif
