/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_HOLD_H
#define RECORDER_HOLD_H
/* Holds as people ask for them: checked, written, shown. Blocking. */
#include <jansson.h>

#include "index/index.h"

#define HOLD_LONGEST_US (3660 * DAY_US) /* ten years */

/*
 * Check what is asked for; an id is made when @h has none. @part names what is wrong: "id", "camera",
 * "from", "to", "until", "reason". Errors: E_SYNTAX, E_RANGE.
 */
int hold_check(struct index_hold *h, int64_t now_us, const char **part, struct err *reterr);
/* Waiting up to 5 s for another writer. Errors: as the index's functions. */
int hold_put(struct index *ix, const struct index_hold *h, struct err *reterr);
int hold_remove(struct index *ix, const char *id, int64_t now_us, struct err *reterr);
json_t *hold_json(const struct index_hold *h);
/* All of them as a JSON list. */
int hold_list(struct index *ix, json_t **ret, struct err *reterr);
#endif
