/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The payload of an approval, an age file for the session: "lethe-shares/v1", "order HASH", "custodian N", and a line
 * "share KID NUMBER VALUE" for each key. Clear text is in locked memory only.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "case/answer_private.h"
#include "case/armour.h"
#include "seal/age.h"

#define LINE_CHARS 128 /* "share " KID 32, number, value 66 and LF are 109 at most */
#define HEAD_CHARS 128
#define MOST_SHARES 100000

struct payload {
    char *text; /* locked */
    size_t len, cap;
};

/* Constant time in the value; sodium's is, base/hex is not meant for secrets. */
static void put_share(struct payload *p, const uint8_t kid[SEAL_KID], const struct seal_share *s)
{
    char hex[2 * SEAL_KID + 1];
    int n = snprintf(p->text + p->len, LINE_CHARS, "share %s %d ", hex_encode(kid, SEAL_KID, hex),
                     s->number);
    p->len += (size_t)n;
    sodium_bin2hex(p->text + p->len, 2 * SEAL_SHARE + 1, s->value, SEAL_SHARE);
    p->len += 2 * (size_t)SEAL_SHARE;
    p->text[p->len++] = '\n';
}

static int collect(const struct case_order *o, const struct seal_shares *s,
                   struct seal_identity *id, struct payload *p, struct err *reterr)
{
    struct seal_share share;
    int r = 0;
    for (size_t i = 0; i < seal_shares_count(s) && r >= 0; i++) {
        uint8_t kid[SEAL_KID];
        struct seal_context c;
        const uint8_t *data;
        size_t len;
        seal_shares_at(s, i, kid, &c, &data, &len);
        r = case_order_covers(o, &c, reterr);
        if (r >= 0)
            r = seal_shares_unseal(s, kid, id, &share, reterr);
        if (r >= 0)
            put_share(p, kid, &share);
    }
    sodium_memzero(&share, sizeof(share));
    return r;
}

static int encrypt_payload(const struct case_order *o, struct case_answer *a,
                           const struct seal_shares *s, struct seal_identity *id, struct buf *out,
                           struct err *reterr)
{
    char hash[65];
    struct payload p = {.cap = HEAD_CHARS + LINE_CHARS * seal_shares_count(s)};
    if (!seal_shares_count(s) || seal_shares_count(s) > MOST_SHARES)
        return err_set(reterr, E_NOTFOUND,
                       "there are no shares for this order: nothing was recorded, or it is erased");
    if (sodium_init() < 0 || !(p.text = sodium_malloc(p.cap)))
        return -ENOMEM;
    p.len = (size_t)snprintf(p.text, HEAD_CHARS, "lethe-shares/v1\norder %s\ncustodian %d\n",
                             hex_encode(a->order, 32, hash), a->custodian);
    int r = collect(o, s, id, &p, reterr);
    a->shares = (long)seal_shares_count(s);
    if (r >= 0)
        r = seal_age_encrypt(o->session_key, (const uint8_t *)p.text, p.len, out);
    sodium_free(p.text); /* wipes */
    if (r >= 0)
        case_hash(out->data, out->len, a->payload);
    return r;
}

int case_approve(const struct case_order *o, const uint8_t order_hash[32],
                 const struct seal_shares *s, const struct seal_policy *p, struct seal_identity *id,
                 uint64_t index, int64_t now_us, struct buf *out, struct err *reterr)
{
    struct case_answer a;
    struct buf file;
    int r = case_answer_begin(o, order_hash, p, id, now_us, &a, reterr);
    if (r < 0)
        return r;
    a.approves = true;
    a.index = index;
    buf_init(&file, CASE_ANSWER_BYTES);
    r = encrypt_payload(o, &a, s, id, &file, reterr);
    if (r >= 0)
        r = case_answer_sign(&a, &id->signer, out);
    if (r >= 0)
        r = case_armour_append(file.data, file.len, out);
    buf_release(&file);
    return r;
}

static int grow(struct case_shares *c)
{
    if (c->count < c->cap)
        return 0;
    size_t cap = c->cap ? 2 * c->cap : 64;
    if (cap > (size_t)MOST_SHARES * SEAL_CUSTODIANS)
        return E_LIMIT;
    struct case_share *more = sodium_allocarray(cap, sizeof(*more));
    if (!more)
        return -ENOMEM;
    if (c->count)
        memcpy(more, c->share, c->count * sizeof(*more));
    sodium_free(c->share); /* wipes */
    c->share = more;
    c->cap = cap;
    return 0;
}

static int parse_share(struct case_shares *c, const char *line, size_t len)
{
    struct case_share *s = &c->share[c->count];
    size_t n = 0;
    int at = 0;
    char head[48] = "";
    char kid[2 * SEAL_KID + 1];
    if (len < 44 + 2 * (size_t)SEAL_SHARE - 4 || len > LINE_CHARS)
        return E_SYNTAX;
    size_t value = len - 2 * (size_t)SEAL_SHARE;
    if (value >= sizeof(head))
        return E_SYNTAX;
    memcpy(head, line, value);
    if (sscanf(head, "share %32[0-9a-f] %2d %n", kid, &s->share.number, &at) != 2 ||
        (size_t)at != value || s->share.number < 1 || s->share.number > SEAL_CUSTODIANS ||
        hex_decode(kid, s->kid, SEAL_KID, &n) < 0 || n != SEAL_KID)
        return E_SYNTAX;
    if (sodium_hex2bin(s->share.value, SEAL_SHARE, line + value, 2 * SEAL_SHARE, NULL, &n, NULL) !=
            0 ||
        n != SEAL_SHARE)
        return E_SYNTAX;
    c->count++;
    return 0;
}

int case_payload_parse(struct case_shares *c, const struct case_answer *a, const char *text,
                       size_t len)
{
    struct case_lines l = case_lines(text, len);
    uint8_t order[32];
    long number, shares = 0;
    if (!case_line_is(&l, "lethe-shares/v1") || !case_line_hash(&l, "order", order) ||
        !case_line_number(&l, "custodian", 1, SEAL_CUSTODIANS, &number))
        return E_SYNTAX;
    if (memcmp(order, a->order, 32) != 0 || number != a->custodian)
        return E_MISMATCH;
    for (; l.at < l.end; shares++) {
        const char *nl = memchr(l.at, '\n', (size_t)(l.end - l.at));
        int r = nl ? grow(c) : E_SYNTAX;
        if (r >= 0)
            r = parse_share(c, l.at, (size_t)(nl - l.at));
        if (r < 0)
            return r;
        l.at = nl + 1;
    }
    return shares == a->shares ? 0 : E_SYNTAX;
}

int case_shares_add(struct case_shares *c, const struct case_answer *a, const void *payload,
                    size_t len, struct seal_identity *session, struct err *reterr)
{
    size_t n = 0, before = c->count;
    if (sodium_init() < 0)
        return E_BUG;
    uint8_t *text = sodium_malloc(len + 1);
    if (!text)
        return -ENOMEM;
    int r = seal_age_decrypt(payload, len, &session, 1, text, len, &n);
    if (r == E_NOTFOUND)
        err_set(reterr, r,
                "the approval of custodian %d is for another session: this key does not open it",
                a->custodian);
    else if (r < 0)
        err_set(reterr, r, "the approval of custodian %d cannot be decrypted (%s)", a->custodian,
                err_text(r));
    if (r >= 0) {
        r = case_payload_parse(c, a, (const char *)text, n);
        if (r < 0) {
            c->count = before;
            err_set(reterr, r, "the shares in the approval of custodian %d are not as they must be",
                    a->custodian);
        }
    }
    sodium_free(text); /* wipes */
    return r;
}

void case_shares_release(struct case_shares *c)
{
    sodium_free(c->share); /* wipes */
    *c = (struct case_shares){0};
}

int case_shares_key(const struct case_shares *c, const struct seal_shares *records,
                    const uint8_t kid[SEAL_KID], const struct seal_context *want,
                    uint8_t ret_key[SEAL_KEY], struct err *reterr)
{
    size_t n = 0;
    struct seal_share *mine = sodium_allocarray(SEAL_CUSTODIANS, sizeof(*mine));
    if (!mine)
        return -ENOMEM;
    for (size_t i = 0; i < c->count && n < SEAL_CUSTODIANS; i++)
        if (!memcmp(c->share[i].kid, kid, SEAL_KID))
            mine[n++] = c->share[i].share;
    int r = seal_shares_combine(records, kid, want, mine, n, ret_key, reterr);
    for (size_t out = 0; r == E_CRYPTO && n > 2 && out < n;
         out++) { /* one of them may be a bad one */
        struct seal_share first = mine[0];
        mine[0] = mine[out];
        mine[out] = first;
        sodium_memzero(&first, sizeof(first));
        if (seal_shares_combine(records, kid, want, mine + 1, n - 1, ret_key, NULL) >= 0)
            r = 0;
    }
    sodium_free(mine); /* wipes */
    return r;
}
