/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Texts of answers: building, signing, checking. What is in the payload: shares.c. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "case/answer.h"
#include "case/answer_private.h"
#include "case/armour.h"

int case_custodian_of(const struct seal_policy *p, const struct seal_identity *id,
                      struct err *reterr)
{
    if (!id->signs)
        return err_set(reterr, E_AUTH,
                       "the identity file has no signing key: 'lethe custodian keygen' makes both");
    for (int i = 0; i < p->count; i++)
        if (p->custodian[i].signs && tlog_vkey_equal(&p->custodian[i].signer, &id->signer.vkey))
            return i + 1;
    return err_set(reterr, E_AUTH, "this identity's signing key is none of the custodian set's");
}

int case_answer_build(const struct case_answer *a, struct buf *out)
{
    char set[2 * SEAL_SET + 1];
    int r = buf_appendf(out, "lethe-%s/v1\ncase %s\n", a->approves ? "approval" : "refusal", a->id);
    if (r >= 0)
        r = case_put_hash(out, "order", a->order);
    if (r >= 0)
        r = buf_appendf(out, "custodian %d\nof %d\nset %s\n", a->custodian, a->count,
                        hex_encode(a->set, SEAL_SET, set));
    if (r >= 0 && a->approves)
        r = buf_appendf(out, "entry %llu\nshares %ld\n", (unsigned long long)a->index, a->shares);
    if (r >= 0 && a->approves)
        r = case_put_hash(out, "payload", a->payload);
    if (r >= 0 && !a->approves)
        r = buf_appendf(out, "reason %s\n", a->reason);
    return r < 0 ? r : case_put_time(out, "made", a->made_us);
}

static bool take_approval(struct case_lines *l, struct case_answer *a)
{
    long index;
    if (!case_line_number(l, "entry", 0, 999999999999999, &index) ||
        !case_line_number(l, "shares", 1, 1000000, &a->shares) ||
        !case_line_hash(l, "payload", a->payload))
        return false;
    a->index = (uint64_t)index;
    return true;
}

static bool take_fields(struct case_lines *l, struct case_answer *a)
{
    long number, count;
    char set[2 * SEAL_SET + 1];
    size_t n = 0;
    a->approves = case_line_is(l, "lethe-approval/v1");
    if (!a->approves && !case_line_is(l, "lethe-refusal/v1"))
        return false;
    if (!case_line(l, "case", a->id, sizeof(a->id)) || !case_id_valid(a->id) ||
        !case_line_hash(l, "order", a->order) ||
        !case_line_number(l, "custodian", 1, SEAL_CUSTODIANS, &number) ||
        !case_line_number(l, "of", 2, SEAL_CUSTODIANS, &count) || number > count ||
        !case_line(l, "set", set, sizeof(set)) || hex_decode(set, a->set, SEAL_SET, &n) < 0 ||
        n != SEAL_SET)
        return false;
    a->custodian = (int)number;
    a->count = (int)count;
    if (a->approves
            ? !take_approval(l, a)
            : !case_line(l, "reason", a->reason, sizeof(a->reason)) || !case_code_valid(a->reason))
        return false;
    return case_line_time(l, "made", &a->made_us) && case_lines_end(l);
}

int case_answer_parse(const char *text, size_t len, struct case_answer *ret, struct err *reterr)
{
    struct case_answer a = {0};
    struct case_lines l = case_lines(text, len);
    struct buf again;
    if (!take_fields(&l, &a))
        return err_set(reterr, E_SYNTAX, "this is neither an approval nor a refusal");
    buf_init(&again, CASE_ORDER_BYTES);
    int r = case_answer_build(&a, &again);
    if (r >= 0 && (again.len != len || memcmp(again.data, text, len) != 0))
        r = err_set(reterr, E_SYNTAX, "the answer is not in the one spelling that answers have");
    buf_release(&again);
    if (r >= 0)
        *ret = a;
    return r;
}

int case_answer_begin(const struct case_order *o, const uint8_t order_hash[32],
                      const struct seal_policy *p, const struct seal_identity *id, int64_t now_us,
                      struct case_answer *ret, struct err *reterr)
{
    int number = case_custodian_of(p, id, reterr);
    if (number < 0)
        return number;
    *ret = (struct case_answer){
        .custodian = number, .count = p->count, .made_us = now_us - now_us % 1000};
    memcpy(ret->id, o->id, sizeof(ret->id));
    memcpy(ret->order, order_hash, sizeof(ret->order));
    seal_policy_id(p, ret->set);
    return 0;
}

int case_answer_sign(const struct case_answer *a, const struct tlog_skey *key, struct buf *out)
{
    struct buf text;
    buf_init(&text, CASE_ORDER_BYTES);
    int r = case_answer_build(a, &text);
    if (r >= 0)
        r = tlog_note_sign(key, (const char *)text.data, text.len, out);
    buf_release(&text);
    return r;
}

int case_refuse(const struct case_order *o, const uint8_t order_hash[32],
                const struct seal_policy *p, const struct seal_identity *id, const char *reason,
                int64_t now_us, struct buf *out, struct err *reterr)
{
    struct case_answer a;
    int r = case_answer_begin(o, order_hash, p, id, now_us, &a, reterr);
    if (r < 0)
        return r;
    if (!case_code_valid(reason))
        return err_set(reterr, E_SYNTAX, "the reason of a refusal is a code of the code list");
    snprintf(a.reason, sizeof(a.reason), "%s", reason);
    return case_answer_sign(&a, &id->signer, out);
}

/* Where the note ends and the armour begins; @len when there is none. */
static size_t note_len(const char *file, size_t len)
{
    const char *armour = memmem(file, len, "\n" CASE_ARMOUR_BEGIN, strlen(CASE_ARMOUR_BEGIN) + 1);
    return armour ? (size_t)(armour + 1 - file) : len;
}

static int check_payload(const struct case_answer *a, const char *armour, size_t len,
                         struct buf *ret_payload, struct err *reterr)
{
    struct buf bytes;
    uint8_t hash[32];
    if (!a->approves)
        return len ? err_set(reterr, E_SYNTAX, "behind a refusal stands something") : 0;
    buf_init(&bytes, CASE_ANSWER_BYTES);
    int r = case_armour_decode(armour, len, &bytes);
    if (r < 0) {
        err_set(reterr, r, "the encrypted shares behind the approval cannot be read");
    } else {
        case_hash(bytes.data, bytes.len, hash);
        if (memcmp(hash, a->payload, sizeof(hash)) != 0)
            r = err_set(reterr, E_CRYPTO, "the encrypted shares are not those that were signed");
    }
    if (r >= 0 && ret_payload)
        r = buf_append(ret_payload, bytes.data, bytes.len);
    buf_release(&bytes);
    return r;
}

static int check_subject(const struct case_answer *a, const struct case_order *o,
                         const uint8_t order_hash[32], const struct seal_policy *p,
                         struct err *reterr)
{
    uint8_t set[SEAL_SET];
    seal_policy_id(p, set);
    if (strcmp(a->id, o->id) != 0 || memcmp(a->order, order_hash, 32) != 0)
        return err_set(reterr, E_MISMATCH,
                       "the answer is to another order than %s, or to another "
                       "wording of it",
                       o->id);
    if (memcmp(a->set, set, SEAL_SET) != 0 || a->count != p->count)
        return err_set(reterr, E_MISMATCH, "the answer is by a custodian of another set");
    if (!p->custodian[a->custodian - 1].signs)
        return err_set(reterr, E_AUTH, "custodian %d of the set has no signing key", a->custodian);
    return 0;
}

int case_answer_open(const void *file, size_t len, const struct case_order *o,
                     const uint8_t order_hash[32], const struct seal_policy *p,
                     struct case_answer *ret, struct buf *ret_payload, struct err *reterr)
{
    struct tlog_note note;
    struct case_answer a;
    if (len > CASE_ANSWER_BYTES)
        return err_set(reterr, E_LIMIT, "an answer has at most %zu bytes", CASE_ANSWER_BYTES);
    size_t n = note_len(file, len);
    int r = tlog_note_parse(file, n, &note, reterr);
    if (r >= 0)
        r = case_answer_parse(note.text, note.text_len, &a, reterr);
    if (r >= 0)
        r = check_subject(&a, o, order_hash, p, reterr);
    if (r < 0)
        return r;
    r = tlog_note_verify(&note, &p->custodian[a.custodian - 1].signer, 1, NULL, reterr);
    if (r < 0)
        return err_set(reterr, r, "the answer is not signed by custodian %s, whose it claims to be",
                       p->custodian[a.custodian - 1].name);
    r = check_payload(&a, (const char *)file + n, len - n, ret_payload, reterr);
    if (r < 0)
        return r;
    case_hash(note.text, note.text_len, a.hash);
    *ret = a;
    return 0;
}

static int bits(uint64_t v)
{
    return __builtin_popcountll(v);
}

static uint64_t with_role(const struct seal_policy *p, const char *role)
{
    uint64_t mask = 0;
    for (int i = 0; i < p->count; i++)
        if (p->custodian[i].signs && (!role || !strcmp(p->custodian[i].role, role)))
            mask |= UINT64_C(2) << i;
    return mask;
}

int case_quorum(const struct seal_policy *p, uint64_t approved, struct err *reterr)
{
    approved &= with_role(p, NULL);
    if (bits(approved) < p->threshold)
        return err_set(reterr, E_THRESHOLD, "%d custodians must approve, %d did", p->threshold,
                       bits(approved));
    for (int i = 0; i < p->required; i++)
        if (bits(approved & with_role(p, p->require[i].role)) < p->require[i].count)
            return err_set(reterr, E_THRESHOLD,
                           "%d of those who approve must have the role %s, %d had it",
                           p->require[i].count, p->require[i].role,
                           bits(approved & with_role(p, p->require[i].role)));
    return 0;
}

bool case_quorum_possible(const struct seal_policy *p, uint64_t refused)
{
    return case_quorum(p, with_role(p, NULL) & ~refused, NULL) >= 0;
}
