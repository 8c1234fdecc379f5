/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/utf8.h"

#include "base/err.h"

int utf8_next(const char *text, size_t len, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (len == 0)
        return E_SYNTAX;
    uint8_t first = (uint8_t)text[0];
    size_t n = first < 0x80             ? 1
               : (first & 0xe0) == 0xc0 ? 2
               : (first & 0xf0) == 0xe0 ? 3
               : (first & 0xf8) == 0xf0 ? 4
                                        : 0;
    if (n == 0 || n > len)
        return E_SYNTAX;
    uint32_t c = n == 1 ? first : first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (((uint8_t)text[i] & 0xc0) != 0x80)
            return E_SYNTAX;
        c = c << 6 | ((uint8_t)text[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return E_SYNTAX;
    *ret = c;
    return (int)n;
}

bool utf8_valid(const char *text, size_t len)
{
    uint32_t c;
    for (size_t at = 0; at < len;) {
        int n = utf8_next(text + at, len - at, &c);
        if (n < 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

bool utf8_is_space(uint32_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}
