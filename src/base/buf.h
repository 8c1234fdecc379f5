/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BASE_BUF_H
#define BASE_BUF_H
/* A growing byte buffer with a ceiling given at birth. Thread-bound. */
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data;
    size_t len, cap, ceiling; /* ceiling 0: BUF_CEILING_DEFAULT */
};
#define BUF_CEILING_DEFAULT ((size_t)64 << 20)

void buf_init(struct buf *b, size_t ceiling);
/* Frees the memory; the buffer is empty and may be used again. NULL is fine. */
void buf_release(struct buf *b);
/* Make room for @more bytes behind len. -ENOMEM or E_LIMIT; the buffer is unchanged then. */
int buf_reserve(struct buf *b, size_t more);
int buf_append(struct buf *b, const void *data, size_t len);
int buf_appendf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Append big-endian integers. */
int buf_u8(struct buf *b, uint8_t v);
int buf_u16(struct buf *b, uint16_t v);
int buf_u24(struct buf *b, uint32_t v);
int buf_u32(struct buf *b, uint32_t v);
int buf_u64(struct buf *b, uint64_t v);
/* Drop @n bytes at the front, moving the rest. */
void buf_consume(struct buf *b, size_t n);
/* NUL-terminated view (the NUL is not counted in len); NULL when out of memory. */
char *buf_cstr(struct buf *b);

static inline uint16_t rd16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t rd24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}
static inline uint32_t rd32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t rd64(const uint8_t *p)
{
    return (uint64_t)rd32(p) << 32 | rd32(p + 4);
}
static inline void wr16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8), p[1] = (uint8_t)v;
}
static inline void wr32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8),
    p[3] = (uint8_t)v;
}
static inline void wr64(uint8_t *p, uint64_t v)
{
    wr32(p, (uint32_t)(v >> 32)), wr32(p + 4, (uint32_t)v);
}
#endif
