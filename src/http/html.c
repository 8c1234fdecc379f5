/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/html.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"

static void put(struct html *h, const char *bytes, size_t len)
{
    if (h->code >= 0)
        h->code = buf_append(h->out, bytes, len);
}

void html_put(struct html *h, const char *markup)
{
    put(h, markup, strlen(markup));
}

void html_putf(struct html *h, const char *fmt, ...)
{
    char text[2000];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(text))
        h->code = E_BUG; /* our own words fit */
    else
        put(h, text, (size_t)n);
}

static const char *escaped(unsigned char c, bool lines)
{
    switch (c) {
    case '\n':
        return lines ? NULL : " ";
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return c < ' ' || c == 0x7f ? " " : NULL;
    }
}

static void put_escaped(struct html *h, const char *foreign, bool lines)
{
    for (const char *p = foreign; *p;) {
        size_t plain = 0;
        while (p[plain] && !escaped((unsigned char)p[plain], lines))
            plain++;
        put(h, p, plain);
        p += plain;
        if (*p)
            html_put(h, escaped((unsigned char)*p++, lines));
    }
}

void html_text(struct html *h, const char *foreign)
{
    put_escaped(h, foreign, false);
}

void html_lines(struct html *h, const char *foreign)
{
    put_escaped(h, foreign, true);
}

void html_query(struct html *h, const char *foreign)
{
    for (; *foreign; foreign++) {
        unsigned char c = (unsigned char)*foreign;
        if (isalnum(c) || strchr("-._~", c))
            put(h, foreign, 1);
        else
            html_putf(h, "%%%02X", c);
    }
}

void html_count(struct html *h, int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);
    for (int i = 0; i < len; i++)
        html_putf(h, "%s%c", i && digits[i - 1] != '-' && (len - i) % 3 == 0 ? "," : "", digits[i]);
}

void html_bytes(struct html *h, int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)bytes;
    size_t i = 0;
    for (; v >= 999.5 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
        v /= 1000;
    html_putf(h, v < 9.95 && i > 0 ? "%.1f&nbsp;%s" : "%.0f&nbsp;%s", v, units[i]);
}

void html_span(struct html *h, int64_t us)
{
    long long s = us > 0 ? us / SECOND_US : 0;
    if (s < 100)
        html_putf(h, "%lld&nbsp;s", s);
    else if (s < 100 * 60)
        html_putf(h, "%lld&nbsp;min", s / 60);
    else if (s < 48 * 3600)
        html_putf(h, "%lld&nbsp;h", s / 3600);
    else
        html_putf(h, "%lld&nbsp;days", s / 86400);
}
