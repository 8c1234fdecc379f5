/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/proof.h"

#include <string.h>

#include "tlog/base64.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1"

static bool is(const char *line, size_t n, const char *want)
{
    return n == strlen(want) && memcmp(line, want, n) == 0;
}

static bool begins(const char *line, size_t n, const char *want)
{
    return n >= strlen(want) && memcmp(line, want, strlen(want)) == 0;
}

/* Base64 of any length, which nobody here reads. */
static bool extra_valid(const char *text, size_t len)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t end = len;
    while (end > 0 && len - end < 2 && text[end - 1] == '=')
        end--;
    for (size_t i = 0; i < end; i++)
        if (!text[i] || !strchr(letters, text[i]))
            return false;
    return len % 4 == 0;
}

int tlog_proof_parse(const void *data, size_t len, struct tlog_proof *ret, struct err *reterr)
{
    struct tlog_proof p = {0};
    const char *text = data, *line = "";
    size_t at = 0, n = 0;
    if (len > TLOG_PROOF_BYTES)
        return err_set(reterr, E_LIMIT, "the proof is longer than %d bytes", TLOG_PROOF_BYTES);
    if (!tlog_line(text, len, &at, &line, &n) || !is(line, n, FIRST_LINE))
        return err_set(reterr, E_SYNTAX, "the proof does not begin with " FIRST_LINE);
    bool more = tlog_line(text, len, &at, &line, &n);
    if (more && begins(line, n, "extra ")) {
        p.extra = line + 6;
        p.extra_len = n - 6;
        if (!extra_valid(p.extra, p.extra_len))
            return err_set(reterr, E_SYNTAX, "the extra line of the proof is not Base64");
        more = tlog_line(text, len, &at, &line, &n);
    }
    if (!more || !begins(line, n, "index ") || tlog_decimal_parse(line + 6, n - 6, &p.index) < 0)
        return err_set(reterr, E_SYNTAX, "the proof has no index line");
    while ((more = tlog_line(text, len, &at, &line, &n)) && n > 0)
        if (p.path.n == TLOG_PATH_HASHES ||
            tlog_hash_parse(line, n, &p.path.hashes[p.path.n++]) < 0)
            return err_set(reterr, E_SYNTAX, "hash %zu of the proof is not well formed", p.path.n);
    if (!more)
        return err_set(reterr, E_SYNTAX, "the proof has no checkpoint behind an empty line");
    p.checkpoint = text + at;
    p.checkpoint_len = len - at;
    *ret = p;
    return 0;
}

int tlog_proof_format(const struct tlog_proof *p, struct buf *out)
{
    size_t before = out->len;
    int r = buf_appendf(out, FIRST_LINE "\n");
    if (r >= 0 && p->extra)
        r = buf_appendf(out, "extra %.*s\n", (int)p->extra_len, p->extra);
    if (r >= 0)
        r = buf_appendf(out, "index %llu\n", (unsigned long long)p->index);
    for (size_t i = 0; i < p->path.n && r >= 0; i++)
        r = tlog_hash_append(out, &p->path.hashes[i]);
    if (r >= 0)
        r = buf_append(out, "\n", 1);
    if (r >= 0)
        r = buf_append(out, p->checkpoint, p->checkpoint_len);
    if (r < 0)
        out->len = before;
    return r;
}

int tlog_proof_check(const struct tlog_proof *p, const void *entry, size_t len,
                     const struct tlog_policy *policy, struct tlog_checkpoint *ret,
                     struct err *reterr)
{
    struct tlog_checkpoint c;
    struct tlog_hash leaf;
    int r = tlog_policy_open(policy, p->checkpoint, p->checkpoint_len, &c, NULL, reterr);
    if (r < 0)
        return r;
    tlog_leaf_hash(entry, len, &leaf);
    r = tlog_inclusion_check(&leaf, p->index, c.size, &c.root, &p->path);
    if (r < 0)
        return err_set(reterr, E_MISMATCH,
                       "the proof does not fit: entry %llu of the log is another, or the proof was "
                       "altered",
                       (unsigned long long)p->index);
    if (ret)
        *ret = c;
    return 0;
}
