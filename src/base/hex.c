/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/hex.h"

#include "base/err.h"

char *hex_encode(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = 0;
    return out;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_decode(const char *text, uint8_t *out, size_t cap, size_t *ret_len)
{
    size_t n = 0;
    while (*text) {
        if (*text == ':' || *text == ' ') {
            text++;
            continue;
        }
        int hi = nibble(text[0]), lo = hi < 0 ? -1 : nibble(text[1]);
        if (lo < 0)
            return E_SYNTAX;
        if (n == cap)
            return E_LIMIT;
        out[n++] = (uint8_t)(hi << 4 | lo);
        text += 2;
    }
    *ret_len = n;
    return 0;
}
