/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reader of share files. A record counts only if its hash fits; behind anything else the next magic is looked for. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "seal/shares.h"
#include "seal/share_file.h"

/* After so many places that look like a record and are none the search ends: a hostile file costs a second at most. */
#define FAILED_MAX 1000

size_t seal_shares_count(const struct seal_shares *s)
{
    return s->count;
}

size_t seal_shares_damaged(const struct seal_shares *s)
{
    return s->damaged;
}

/* Length of the whole record at @p, or 0 if none stands there. */
static size_t whole_record(const uint8_t *p, size_t left)
{
    uint8_t hash[32];
    if (left < SHARE_FILE_HEAD || memcmp(p, SHARE_FILE_MAGIC, 8) != 0)
        return 0;
    size_t len = rd32(p + 8);
    if (len < SHARE_FILE_HEAD + SHARE_FILE_HASH || len > SHARE_FILE_RECORD_MAX || len > left)
        return 0;
    crypto_hash_sha256(hash, p, len - SHARE_FILE_HASH);
    return memcmp(hash, p + len - SHARE_FILE_HASH, SHARE_FILE_HASH) == 0 ? len : 0;
}

int seal_entry_open(const struct seal_entry *e, struct seal_record *ret)
{
    size_t text_len = rd16(e->data + 12), left = e->len - SHARE_FILE_HEAD - SHARE_FILE_HASH;
    int count = rd16(e->data + 14);
    if (text_len > left ||
        seal_record_parse((const char *)e->data + SHARE_FILE_HEAD, text_len, ret) < 0 ||
        ret->count != count)
        return E_CORRUPT;
    const uint8_t *p = e->data + SHARE_FILE_HEAD + text_len;
    left -= text_len;
    for (int i = 0; i < count; i++) {
        size_t n = left >= 2 ? rd16(p) : 0;
        if (left < 2 || n > left - 2)
            return E_CORRUPT;
        p += 2 + n;
        left -= 2 + n;
    }
    return left == 0 ? 0 : E_CORRUPT;
}

const uint8_t *seal_entry_share(const struct seal_entry *e, int i, size_t *ret_len)
{
    const uint8_t *p = e->data + SHARE_FILE_HEAD + rd16(e->data + 12);
    for (; i > 0; i--)
        p += 2 + rd16(p);
    *ret_len = rd16(p);
    return p + 2;
}

const char *seal_entry_text(const struct seal_entry *e, size_t *ret_len)
{
    *ret_len = rd16(e->data + 12);
    return (const char *)e->data + SHARE_FILE_HEAD;
}

static int add_entry(struct seal_shares *s, const uint8_t *data, size_t len)
{
    struct seal_entry e = {.data = data, .len = len};
    struct seal_record record;
    if (seal_entry_open(&e, &record) < 0) {
        s->damaged++;
        return 0;
    }
    if (s->count == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 64;
        struct seal_entry *more = reallocarray(s->entries, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        s->entries = more;
        s->cap = cap;
    }
    size_t text_len;
    const char *text = seal_entry_text(&e, &text_len);
    seal_record_kid(text, text_len, e.kid);
    s->entries[s->count++] = e;
    return 0;
}

/* From @at on, the offset of the next magic, or @len. */
static size_t next_magic(const uint8_t *data, size_t len, size_t at)
{
    const uint8_t *p = at < len ? memmem(data + at, len - at, SHARE_FILE_MAGIC, 8) : NULL;
    return p ? (size_t)(p - data) : len;
}

static int by_kid(const void *a, const void *b)
{
    const struct seal_entry *x = a, *y = b;
    return memcmp(x->kid, y->kid, SEAL_KID);
}

int seal_shares_parse(const uint8_t *data, size_t len, struct seal_shares **ret, struct err *reterr)
{
    struct seal_shares *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    bool inside = false; /* something damaged, counted already */
    int failed = 0;
    for (size_t at = 0; at < len && failed < FAILED_MAX;) {
        size_t n = whole_record(data + at, len - at);
        if (n > 0 && add_entry(s, data + at, n) < 0) {
            seal_shares_free(s);
            return -ENOMEM;
        }
        if (n == 0 && !inside)
            s->damaged++;
        inside = n == 0;
        failed += inside;
        at = n > 0 ? at + n : next_magic(data, len, at + 1);
    }
    if (s->count > 1)
        qsort(s->entries, s->count, sizeof(*s->entries), by_kid);
    *ret = s;
    return 0;
}

void seal_shares_free(struct seal_shares *s)
{
    if (!s)
        return;
    free(s->entries);
    free(s);
}

const struct seal_entry *seal_shares_entry(const struct seal_shares *s, const uint8_t kid[SEAL_KID])
{
    struct seal_entry key = {0};
    memcpy(key.kid, kid, SEAL_KID);
    return s->count ? bsearch(&key, s->entries, s->count, sizeof(key), by_kid) : NULL;
}

int seal_shares_find(const struct seal_shares *s, const uint8_t kid[SEAL_KID],
                     struct seal_context *ret, int *ret_threshold, int *ret_count)
{
    struct seal_record r;
    const struct seal_entry *e = seal_shares_entry(s, kid);
    if (!e || seal_entry_open(e, &r) < 0)
        return E_NOTFOUND;
    if (ret)
        *ret = r.context;
    if (ret_threshold)
        *ret_threshold = r.threshold;
    if (ret_count)
        *ret_count = r.count;
    return 0;
}
