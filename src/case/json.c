/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/json.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hex.h"
#include "case/answer.h"
#include "case/desk.h"
#include "tlog/base64.h"
#include "tlog/proof.h"

static json_t *time_or_null(int64_t us)
{
    char text[TIME_TEXT];
    return us ? json_string(time_format(us, text)) : json_null();
}

static json_t *answers_json(const struct case_answers *a, bool approved)
{
    json_t *list = json_array();
    for (int i = 0; i < a->count; i++) {
        const struct case_answer *x = &a->answer[i];
        if (x->approves != approved)
            continue;
        json_array_append_new(
            list, approved ? json_integer(x->custodian)
                           : json_pack("{si ss}", "custodian", x->custodian, "reason", x->reason));
    }
    return list;
}

/* Who still has to approve, in words; null when nobody has to. */
static json_t *missing_json(const struct case_folder *f, const struct case_answers *a)
{
    struct err e = {0};
    return case_quorum(&f->policy, a->approved, &e) < 0 ? json_string(e.text) : json_null();
}

static json_t *entry_json(const struct case_folder *f)
{
    struct tlog_proof p;
    return f->proof.len && tlog_proof_parse(f->proof.data, f->proof.len, &p, NULL) >= 0
               ? json_integer((json_int_t)p.index)
               : json_null();
}

static json_int_t seconds_left(const struct case_folder *f, int64_t now_us)
{
    int64_t end = case_desk_ends_us(f);
    return case_state_final(f->state) || end <= now_us ? 0 : (end - now_us) / SECOND_US;
}

json_t *case_json(const struct case_folder *f, const struct case_answers *a, int64_t now_us)
{
    const struct case_order *o = &f->order;
    char hash[65];
    json_t *cameras = json_array();
    for (int i = 0; i < o->cameras; i++)
        json_array_append_new(cameras, json_string(o->camera[i]));
    return json_pack("{ss ss so ss so so so ss ss so so so ss si si so so so so sI}", "id", o->id,
                     "state", case_state_name(f->state), "since", time_or_null(f->since_us), "node",
                     o->node, "cameras", cameras, "from", time_or_null(o->from_us), "to",
                     time_or_null(o->to_us), "purpose", o->purpose, "basis", o->basis, "made",
                     time_or_null(o->made_us), "not_after", time_or_null(o->not_after_us), "urgent",
                     time_or_null(o->urgent_us), "order_hash", hex_encode(f->hash, 32, hash),
                     "threshold", f->policy.threshold, "custodians", f->policy.count, "approved",
                     answers_json(a, true), "refused", answers_json(a, false), "missing",
                     missing_json(f, a), "entry", entry_json(f), "seconds_left",
                     seconds_left(f, now_us));
}

static json_t *custodians_json(const struct seal_policy *p)
{
    json_t *list = json_array();
    char vkey[TLOG_VKEY_TEXT];
    for (int i = 0; i < p->count; i++) {
        const struct seal_custodian *c = &p->custodian[i];
        json_array_append_new(
            list, json_pack("{ss ss ss ss}", "name", c->name, "recipient", c->recipient, "signer",
                            c->signs ? tlog_vkey_format(&c->signer, vkey) : "", "role", c->role));
    }
    return list;
}

static json_t *all_codes(const struct case_codes *codes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < codes->count; i++) {
        const struct case_code *k = &codes->code[i];
        json_array_append_new(list,
                              json_pack("{ss ss ss ss}", "kind", case_code_kind_names[k->kind],
                                        "code", k->code, "en", k->en, "zh-Hant", k->zh));
    }
    return list;
}

json_t *case_bundle_json(const struct case_folder *f, const struct case_codes *codes,
                         const char *log_keys, size_t log_keys_len)
{
    uint8_t set[SEAL_SET];
    char set_hex[2 * SEAL_SET + 1];
    char *shares = malloc(TLOG_BASE64_TEXT(f->shares.len));
    if (!shares)
        return NULL;
    tlog_base64(f->shares.data, f->shares.len, shares);
    seal_policy_id(&f->policy, set);
    json_t *o =
        json_pack("{ss ss% ss% ss ss si so so ss%}", "format", "lethe-case/v1", "order",
                  (const char *)f->note.data, f->note.len, "proof", (const char *)f->proof.data,
                  f->proof.len, "shares", shares, "set", hex_encode(set, SEAL_SET, set_hex),
                  "threshold", f->policy.threshold, "custodians", custodians_json(&f->policy),
                  "codes", all_codes(codes), "log_keys", log_keys, log_keys_len);
    free(shares);
    return o;
}

static json_t *codes_of_kind(const struct case_codes *codes, int kind)
{
    json_t *list = json_array();
    for (size_t i = 0; i < codes->count; i++)
        if (codes->code[i].kind == kind)
            json_array_append_new(list, json_pack("{ss ss ss}", "code", codes->code[i].code, "en",
                                                  codes->code[i].en, "zh-Hant", codes->code[i].zh));
    return list;
}

json_t *case_codes_json(const struct case_rules *r)
{
    return json_pack("{so so so s{sf sI sI si}}", "purposes", codes_of_kind(r->codes, CASE_PURPOSE),
                     "bases", codes_of_kind(r->codes, CASE_BASIS), "refusals",
                     codes_of_kind(r->codes, CASE_REFUSAL), "limits", "camera_hours",
                     (double)r->camera_us / (double)HOUR_US, "valid_seconds",
                     (json_int_t)(r->valid_us / SECOND_US), "urgent_seconds",
                     (json_int_t)(r->urgent_us / SECOND_US), "cameras", CASE_CAMERAS);
}
