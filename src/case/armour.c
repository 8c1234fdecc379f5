/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/armour.h"

#include <stdbool.h>
#include <string.h>

#include "tlog/base64.h"

#define END "-----END AGE ENCRYPTED FILE-----\n"
#define LINE_BYTES ((size_t)48)
#define LINE_CHARS 64

int case_armour_append(const void *data, size_t len, struct buf *out)
{
    const uint8_t *p = data;
    char line[TLOG_BASE64_TEXT(LINE_BYTES)];
    int r = buf_append(out, CASE_ARMOUR_BEGIN, strlen(CASE_ARMOUR_BEGIN));
    for (size_t at = 0; at < len && r >= 0; at += LINE_BYTES) {
        size_t n = len - at < LINE_BYTES ? len - at : LINE_BYTES;
        r = buf_appendf(out, "%s\n", tlog_base64(p + at, n, line));
    }
    return r < 0 ? r : buf_append(out, END, strlen(END));
}

int case_armour_decode(const char *text, size_t len, struct buf *out)
{
    size_t head = strlen(CASE_ARMOUR_BEGIN), tail = strlen(END);
    if (len < head + tail || memcmp(text, CASE_ARMOUR_BEGIN, head) != 0 ||
        memcmp(text + len - tail, END, tail) != 0)
        return E_SYNTAX;
    const char *at = text + head, *end = text + len - tail;
    bool last = false;
    while (at < end) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        uint8_t bytes[LINE_BYTES];
        size_t n = 0, chars = nl ? (size_t)(nl - at) : 0;
        if (!nl || last || chars == 0 || chars > LINE_CHARS)
            return E_SYNTAX;
        int r = tlog_base64_decode(at, chars, bytes, sizeof(bytes), &n);
        if (r >= 0)
            r = buf_append(out, bytes, n);
        if (r < 0)
            return r;
        last = n < LINE_BYTES; /* only the last line may be short */
        at = nl + 1;
    }
    return 0;
}
