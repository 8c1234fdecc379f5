/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/text.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hex.h"

static const char *line_end(const struct case_lines *l)
{
    return l->at < l->end ? memchr(l->at, '\n', (size_t)(l->end - l->at)) : NULL;
}

bool case_line_is(struct case_lines *l, const char *line)
{
    const char *nl = line_end(l);
    if (!nl || (size_t)(nl - l->at) != strlen(line) || memcmp(l->at, line, strlen(line)) != 0)
        return false;
    l->at = nl + 1;
    return true;
}

bool case_line(struct case_lines *l, const char *key, char *out, size_t cap)
{
    const char *nl = line_end(l);
    size_t k = strlen(key), n = nl ? (size_t)(nl - l->at) : 0;
    if (n < k + 2 || memcmp(l->at, key, k) != 0 || l->at[k] != ' ' || n - k - 1 >= cap)
        return false;
    if (memchr(l->at, 0, n))
        return false;
    memcpy(out, l->at + k + 1, n - k - 1);
    out[n - k - 1] = 0;
    l->at = nl + 1;
    return true;
}

bool case_line_time(struct case_lines *l, const char *key, int64_t *ret_us)
{
    char text[TIME_TEXT];
    return case_line(l, key, text, sizeof(text)) && time_parse(text, ret_us) >= 0;
}

bool case_line_hash(struct case_lines *l, const char *key, uint8_t ret[32])
{
    char text[65];
    size_t n = 0;
    return case_line(l, key, text, sizeof(text)) && hex_decode(text, ret, 32, &n) >= 0 && n == 32;
}

bool case_line_number(struct case_lines *l, const char *key, long min, long max, long *ret)
{
    char text[16], *end;
    if (!case_line(l, key, text, sizeof(text)) || strspn(text, "0123456789") != strlen(text))
        return false;
    *ret = strtol(text, &end, 10);
    return *ret >= min && *ret <= max;
}

bool case_lines_end(const struct case_lines *l)
{
    return l->at == l->end;
}

int case_put_time(struct buf *b, const char *key, int64_t us)
{
    char text[TIME_TEXT];
    return buf_appendf(b, "%s %s\n", key, time_format(us, text));
}

int case_put_hash(struct buf *b, const char *key, const uint8_t hash[32])
{
    char text[65];
    return buf_appendf(b, "%s %s\n", key, hex_encode(hash, 32, text));
}

bool case_code_valid(const char *code)
{
    size_t n = strlen(code);
    return n > 0 && n < CASE_CODE && strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n;
}

void case_hash(const void *data, size_t len, uint8_t ret[32])
{
    SHA256(data, len, ret);
}
