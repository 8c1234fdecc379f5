/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/proof.h"

#include <errno.h>
#include <stdlib.h>

int case_proof_check(const void *proof, size_t len, const struct case_order *o,
                     const uint8_t order_hash[32], const struct tlog_policy *policy,
                     uint64_t *ret_index, struct err *reterr)
{
    struct buf entry;
    struct tlog_proof *p = malloc(sizeof(*p));
    if (!p)
        return -ENOMEM;
    buf_init(&entry, 65536);
    int r =
        len ? 0
            : err_set(reterr, E_NOTFOUND,
                      "there is no proof that order %s is in the log: nobody may act on it", o->id);
    if (r >= 0)
        r = tlog_proof_parse(proof, len, p, reterr);
    if (r >= 0)
        r = case_entry_order(o, order_hash, &entry);
    if (r >= 0) {
        r = tlog_proof_check(p, entry.data, entry.len, policy, NULL, reterr);
        if (r < 0)
            err_prefix(reterr, "order %s is not proved to be in the log: ", o->id);
    }
    if (r >= 0)
        *ret_index = p->index;
    buf_release(&entry);
    free(p);
    return r;
}
