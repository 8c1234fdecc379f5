/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef API_REACH_H
#define API_REACH_H
/* How far back and forth a grant reaches, for routes with {id}. */
#include "api/api.h"

/* Clip to what the asker's grants reach; *ret_strict: the beginning was clipped. E_DENIED with a sentence. */
int api_reach(struct http_request *rq, unsigned verb, int64_t *from_us, int64_t *to_us,
              bool *ret_strict, struct err *reterr);
#endif
