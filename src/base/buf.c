/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void buf_init(struct buf *b, size_t ceiling)
{
    *b = (struct buf){.ceiling = ceiling};
}

void buf_release(struct buf *b)
{
    if (!b)
        return;
    free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
}

int buf_reserve(struct buf *b, size_t more)
{
    size_t ceiling = b->ceiling ? b->ceiling : BUF_CEILING_DEFAULT;
    if (more > ceiling || b->len > ceiling - more)
        return E_LIMIT;
    size_t need = b->len + more;
    if (need <= b->cap)
        return 0;
    size_t cap = b->cap ? b->cap : 256;
    while (cap < need)
        cap *= 2;
    uint8_t *data = realloc(b->data, cap);
    if (!data)
        return -ENOMEM;
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *data, size_t len)
{
    int r = buf_reserve(b, len);
    if (r < 0)
        return r;
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    return 0;
}

int buf_appendf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    int r = n < 0 ? E_BUG : buf_reserve(b, (size_t)n + 1);
    if (r >= 0) {
        vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return r;
}

int buf_u8(struct buf *b, uint8_t v)
{
    return buf_append(b, &v, 1);
}

int buf_u16(struct buf *b, uint16_t v)
{
    uint8_t p[2];
    wr16(p, v);
    return buf_append(b, p, 2);
}

int buf_u24(struct buf *b, uint32_t v)
{
    uint8_t p[4];
    wr32(p, v);
    return buf_append(b, p + 1, 3);
}

int buf_u32(struct buf *b, uint32_t v)
{
    uint8_t p[4];
    wr32(p, v);
    return buf_append(b, p, 4);
}

int buf_u64(struct buf *b, uint64_t v)
{
    uint8_t p[8];
    wr64(p, v);
    return buf_append(b, p, 8);
}

void buf_consume(struct buf *b, size_t n)
{
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

char *buf_cstr(struct buf *b)
{
    if (buf_reserve(b, 1) < 0)
        return NULL;
    b->data[b->len] = 0;
    return (char *)b->data;
}
