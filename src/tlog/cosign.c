/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/cosign.h"

#include <string.h>

/* Is there a signature by the same key above the i-th? */
static bool has_line(const struct tlog_note *n, size_t i)
{
    const struct tlog_signature *s = &n->signatures[i];
    for (size_t k = 0; k < i; k++)
        if (n->signatures[k].name_len == s->name_len &&
            memcmp(n->signatures[k].name, s->name, s->name_len) == 0 &&
            memcmp(n->signatures[k].id, s->id, sizeof(s->id)) == 0)
            return true;
    return false;
}

/* Which witness of the policy wrote this line, -1: none. E_CRYPTO: it claims to be one and is not. */
static int witness_of(const struct tlog_policy *p, const struct tlog_note *n,
                      const struct tlog_signature *s, struct err *reterr)
{
    for (size_t i = 0; i < p->witnesses_n; i++) {
        const struct tlog_vkey *k = &p->witnesses[i];
        if (memcmp(k->id, s->id, sizeof(k->id)) != 0 || strlen(k->name) != s->name_len ||
            memcmp(k->name, s->name, s->name_len) != 0)
            continue;
        if (tlog_signature_check(k, n->text, n->text_len, s, NULL) < 0)
            return err_set(reterr, E_CRYPTO, "the cosignature by %.200s is wrong", k->name);
        return (int)i;
    }
    return -1;
}

int tlog_cosign_merge(const struct tlog_policy *policy, struct buf *note, const void *lines,
                      size_t len, struct err *reterr)
{
    struct tlog_note old, all;
    all.signatures_n = 0;
    struct buf joined;
    int added = 0, r = tlog_note_parse(note->data, note->len, &old, reterr);
    size_t before = note->len;
    buf_init(&joined, TLOG_NOTE_BYTES);
    if (r >= 0)
        r = buf_append(&joined, note->data, note->len);
    if (r >= 0)
        r = buf_append(&joined, lines, len);
    if (r >= 0)
        r = tlog_note_parse(joined.data, joined.len, &all, reterr);
    if (r >= 0 && all.text_len != old.text_len)
        r = err_set(reterr, E_SYNTAX, "cosignatures are signature lines and nothing else");
    for (size_t i = 0; r >= 0 && i < all.signatures_n; i++) {
        const struct tlog_signature *s = &all.signatures[i];
        int w = i < old.signatures_n ? -1 : witness_of(policy, &all, s, reterr);
        if (w == E_CRYPTO)
            r = w;
        else if (w >= 0 && !has_line(&all, i))
            r = ++added ? buf_append(note, s->line, s->line_len) : 0;
    }
    if (r < 0)
        note->len = before;
    buf_release(&joined);
    return r < 0 ? r : added;
}
