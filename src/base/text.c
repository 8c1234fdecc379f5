/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

size_t text_utf8(const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    if (len == 0)
        return 0;
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (n == 1)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] > 0x9f;
    bool beyond = p[0] == 0xf4 && p[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : n;
}

static bool steers(const unsigned char *p, size_t n)
{
    if (n == 1)
        return *p < 0x20 || *p == 0x7f;
    if (n == 2)
        return *p == 0xc2 && p[1] <= 0x9f;
    return n == 3 && *p == 0xe2 &&
           ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) || /* what turns the */
            (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));  /* direction of writing */
}

char *text_clean(char *text)
{
    size_t left = strlen(text);
    for (char *p = text; left > 0;) {
        size_t n = text_utf8(p, left);
        if (n == 0 || steers((unsigned char *)p, n))
            memset(p, '?', n ? n : 1);
        n = n ? n : 1;
        p += n;
        left -= n;
    }
    return text;
}
