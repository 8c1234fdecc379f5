/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/entry.h"

#include <string.h>

#include "base/hex.h"

int case_entry_order(const struct case_order *o, const uint8_t order_hash[32], struct buf *out)
{
    int r = buf_appendf(out, "lethe-log/v1 order\nid order-%s\ncase %s\n", o->id, o->id);
    if (r >= 0)
        r = case_put_hash(out, "order", order_hash);
    if (r >= 0)
        r = buf_appendf(out, "node %s\n", o->node);
    for (int i = 0; i < o->cameras && r >= 0; i++)
        r = buf_appendf(out, "camera %s\n", o->camera[i]);
    if (r >= 0)
        r = case_put_time(out, "from", o->from_us);
    if (r >= 0)
        r = case_put_time(out, "to", o->to_us);
    if (r >= 0)
        r = buf_appendf(out, "purpose %s\nbasis %s\n", o->purpose, o->basis);
    if (r >= 0)
        r = case_put_hash(out, "reference", o->reference);
    if (r >= 0)
        r = case_put_time(out, "made", o->made_us);
    if (r >= 0)
        r = case_put_time(out, "not-after", o->not_after_us);
    if (r >= 0)
        r = o->urgent_us ? case_put_time(out, "urgent", o->urgent_us)
                         : buf_appendf(out, "urgent no\n");
    return r;
}

int case_entry_answer(const struct case_answer *a, struct buf *out)
{
    const char *kind = a->approves ? "approval" : "refusal";
    char set[2 * SEAL_SET + 1];
    int r = buf_appendf(out, "lethe-log/v1 %s\nid %s-%s-%d\ncase %s\n", kind, kind, a->id,
                        a->custodian, a->id);
    if (r >= 0)
        r = case_put_hash(out, "order", a->order);
    if (r >= 0)
        r = buf_appendf(out, "custodian %d\nof %d\nset %s\n", a->custodian, a->count,
                        hex_encode(a->set, SEAL_SET, set));
    if (r >= 0)
        r = a->approves ? buf_appendf(out, "keys %ld\n", a->shares)
                        : buf_appendf(out, "reason %s\n", a->reason);
    if (r >= 0)
        r = case_put_hash(out, "answer", a->hash);
    return r < 0 ? r : case_put_time(out, "made", a->made_us);
}

int case_entry_event(const struct case_order *o, const uint8_t order_hash[32], const char *kind,
                     const char *suffix, const char *detail, int64_t at_us, struct buf *out)
{
    int r = buf_appendf(out, "lethe-log/v1 %s\nid %s-%s%s\ncase %s\n", kind, kind, o->id, suffix,
                        o->id);
    if (r >= 0)
        r = case_put_hash(out, "order", order_hash);
    if (r >= 0)
        r = buf_append(out, detail, strlen(detail));
    return r < 0 ? r : case_put_time(out, "at", at_us);
}

int case_entry_destroyed(const char *statement, size_t len, struct buf *out)
{
    uint8_t hash[32];
    char id[65];
    case_hash(statement, len, hash);
    int r = buf_appendf(out, "lethe-log/v1 identity-destroyed\nid identity-%.32s\n",
                        hex_encode(hash, 32, id));
    return r < 0 ? r : buf_append(out, statement, len);
}
