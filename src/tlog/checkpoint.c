/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/checkpoint.h"

#include <string.h>

#include "tlog/base64.h"

bool tlog_line(const char *text, size_t len, size_t *at, const char **ret_line, size_t *ret_len)
{
    const char *line = text + *at, *end = *at < len ? memchr(line, '\n', len - *at) : NULL;
    if (!end)
        return false;
    *ret_line = line;
    *ret_len = (size_t)(end - line);
    *at += *ret_len + 1;
    return true;
}

int tlog_decimal_parse(const char *text, size_t len, uint64_t *ret)
{
    uint64_t v = 0;
    if (len == 0 || len > 19 || (len > 1 && text[0] == '0'))
        return E_SYNTAX;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return E_SYNTAX;
        v = v * 10 + (uint64_t)(text[i] - '0'); /* 19 digits fit */
    }
    if (v > INT64_MAX)
        return E_SYNTAX;
    *ret = v;
    return 0;
}

int tlog_hash_parse(const char *text, size_t len, struct tlog_hash *ret)
{
    struct tlog_hash h = {{0}};
    size_t n = 0;
    if (tlog_base64_decode(text, len, h.bytes, sizeof(h.bytes), &n) < 0 || n != sizeof(h.bytes))
        return E_SYNTAX;
    *ret = h;
    return 0;
}

int tlog_hash_append(struct buf *b, const struct tlog_hash *h)
{
    char text[TLOG_BASE64_TEXT(32)];
    return buf_appendf(b, "%s\n", tlog_base64(h->bytes, sizeof(h->bytes), text));
}

int tlog_checkpoint_parse(const char *text, size_t len, struct tlog_checkpoint *ret,
                          struct err *reterr)
{
    struct tlog_checkpoint c = {0};
    const char *line;
    size_t at = 0, n;
    if (!tlog_line(text, len, &at, &line, &n) || n == 0 || n >= sizeof(c.origin) ||
        memchr(line, 0, n))
        return err_set(reterr, E_SYNTAX, "the checkpoint does not begin with an origin");
    memcpy(c.origin, line, n);
    if (!tlog_line(text, len, &at, &line, &n) || tlog_decimal_parse(line, n, &c.size) < 0)
        return err_set(reterr, E_SYNTAX, "the second line of the checkpoint is not a size");
    if (!tlog_line(text, len, &at, &line, &n) || tlog_hash_parse(line, n, &c.root) < 0)
        return err_set(reterr, E_SYNTAX, "the third line of the checkpoint is not a root hash");
    while (tlog_line(text, len, &at, &line, &n))
        if (n == 0)
            return err_set(reterr, E_SYNTAX, "the checkpoint has an empty line");
    if (at != len)
        return err_set(reterr, E_SYNTAX, "the checkpoint does not end with a newline");
    *ret = c;
    return 0;
}

int tlog_checkpoint_format(const struct tlog_checkpoint *c, struct buf *out)
{
    size_t before = out->len;
    int r = buf_appendf(out, "%s\n%llu\n", c->origin, (unsigned long long)c->size);
    if (r >= 0)
        r = tlog_hash_append(out, &c->root);
    if (r < 0)
        out->len = before;
    return r;
}

int tlog_checkpoint_open(const void *data, size_t len, const struct tlog_vkey *keys, size_t keys_n,
                         struct tlog_checkpoint *ret, struct tlog_note *ret_note,
                         struct err *reterr)
{
    struct tlog_note n;
    uint64_t signers;
    if (len > TLOG_CHECKPOINT_BYTES)
        return err_set(reterr, E_LIMIT, "the checkpoint is longer than %d bytes",
                       TLOG_CHECKPOINT_BYTES);
    int r = tlog_note_parse(data, len, &n, reterr);
    if (r >= 0)
        r = tlog_note_verify(&n, keys, keys_n, &signers, reterr);
    if (r >= 0)
        r = tlog_checkpoint_parse(n.text, n.text_len, ret, reterr);
    if (r < 0)
        return r;
    for (size_t i = 0; i < keys_n; i++)
        if (signers >> i & 1 && strcmp(keys[i].name, ret->origin) == 0) {
            if (ret_note)
                *ret_note = n;
            return 0;
        }
    return err_set(reterr, E_MISMATCH, "the checkpoint is of %.150s and signed by another log",
                   ret->origin);
}
