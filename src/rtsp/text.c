/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/text.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"

struct span span_of(const char *text)
{
    return (struct span){text, text ? strlen(text) : 0};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span s)
{
    while (s.n && is_blank(s.p[0]))
        s.p++, s.n--;
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct span span_unquote(struct span s)
{
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        return (struct span){s.p + 1, s.n - 2};
    return s;
}

bool span_is(struct span s, const char *word)
{
    return s.n == strlen(word) && (s.n == 0 || strncasecmp(s.p, word, s.n) == 0);
}

bool span_starts(struct span s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && strncasecmp(s.p, prefix, n) == 0;
}

size_t span_find(struct span s, char c)
{
    const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : s.n;
}

bool span_cut(struct span *rest, char sep, struct span *ret)
{
    if (rest->n == 0)
        return false;
    size_t i = 0;
    bool quoted = false;
    for (; i < rest->n && (quoted || rest->p[i] != sep); i++) {
        if (rest->p[i] == '"')
            quoted = !quoted;
        else if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
            i++;
    }
    if (i > rest->n)
        i = rest->n;
    *ret = span_trim((struct span){rest->p, i});
    size_t used = i < rest->n ? i + 1 : i;
    rest->p += used;
    rest->n -= used;
    return true;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

int span_number(struct span s, int base, uint64_t max, uint64_t *ret)
{
    s = span_trim(s);
    if (s.n == 0)
        return E_SYNTAX;
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        int d = digit_value(s.p[i]);
        if (d >= base)
            return E_SYNTAX;
        if (v > (max - (uint64_t)d) / (uint64_t)base)
            return E_RANGE;
        v = v * (uint64_t)base + (uint64_t)d;
    }
    *ret = v;
    return 0;
}

int span_leading_number(struct span s, uint64_t max, uint64_t *ret)
{
    s = span_trim(s);
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return span_number((struct span){s.p, n}, 10, max, ret);
}

int span_copy(struct span s, char *out, size_t cap)
{
    out[0] = 0;
    if (s.n >= cap || (s.n && memchr(s.p, 0, s.n)))
        return E_LIMIT;
    if (s.n)
        memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return 0;
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

int span_base64(struct span s, uint8_t *out, size_t cap)
{
    uint32_t acc = 0;
    int bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n && s.p[i] != '='; i++) {
        if (is_blank(s.p[i]))
            continue;
        int v = base64_value(s.p[i]);
        if (v < 0)
            return E_SYNTAX;
        acc = (acc << 6 | (uint32_t)v) & 0xffffff;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (n == cap)
            return E_LIMIT;
        out[n++] = (uint8_t)(acc >> bits);
    }
    return (int)n;
}

int span_hex(struct span s, uint8_t *out, size_t cap)
{
    s = span_trim(s);
    if (s.n % 2)
        return E_SYNTAX;
    if (s.n / 2 > cap)
        return E_LIMIT;
    for (size_t i = 0; i < s.n; i += 2) {
        int hi = digit_value(s.p[i]), lo = digit_value(s.p[i + 1]);
        if (hi > 15 || lo > 15)
            return E_SYNTAX;
        out[i / 2] = (uint8_t)(hi << 4 | lo);
    }
    return (int)(s.n / 2);
}
