/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/base64.h"

#include <sodium.h>

#include "base/err.h"

char *tlog_base64(const void *data, size_t len, char *out)
{
    return sodium_bin2base64(out, TLOG_BASE64_TEXT(len), data, len, sodium_base64_VARIANT_ORIGINAL);
}

int tlog_base64_append(struct buf *b, const void *data, size_t len)
{
    int r = buf_reserve(b, TLOG_BASE64_TEXT(len));
    if (r < 0)
        return r;
    tlog_base64(data, len, (char *)b->data + b->len);
    b->len += TLOG_BASE64_TEXT(len) - 1;
    return 0;
}

int tlog_base64_decode(const char *text, size_t len, uint8_t *out, size_t cap, size_t *ret_len)
{
    if (len % 4 != 0)
        return E_SYNTAX;
    if (len / 4 * 3 > cap + 2)
        return E_LIMIT;
    for (size_t i = 0; i < len; i++) /* libsodium 1.0.18 takes some bytes above 126 for letters */
        if ((unsigned char)text[i] > 126)
            return E_SYNTAX;
    if (sodium_base642bin(out, cap, text, len, NULL, ret_len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return E_SYNTAX;
    return 0;
}
