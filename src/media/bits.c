/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/bits.h"

void bits_init(struct bits *b, const uint8_t *nal, size_t len)
{
    size_t n = 0;
    unsigned zeros = 0;
    for (size_t i = 0; i < len && n < BITS_BYTES; i++) {
        if (zeros >= 2 && nal[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = nal[i] ? 0 : zeros + 1;
        b->data[n++] = nal[i];
    }
    b->pos = 0;
    b->len = n * 8;
    b->over = false;
}

uint32_t bits_u(struct bits *b, unsigned n)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned bit = 0;
        if (b->pos < b->len) {
            bit = b->data[b->pos / 8] >> (7 - b->pos % 8) & 1U;
            b->pos++;
        } else {
            b->over = true;
        }
        v = v << 1 | bit;
    }
    return v;
}

void bits_skip(struct bits *b, size_t n)
{
    if (n > b->len - b->pos) {
        b->over = true;
        n = b->len - b->pos;
    }
    b->pos += n;
}

uint32_t bits_ue(struct bits *b)
{
    unsigned zeros = 0;
    while (!b->over && bits_u(b, 1) == 0)
        zeros++;
    if (b->over || zeros > 31) {
        b->over = true;
        return 0;
    }
    return (UINT32_C(1) << zeros) - 1 + bits_u(b, zeros);
}

int32_t bits_se(struct bits *b)
{
    uint32_t k = bits_ue(b);
    return k & 1 ? (int32_t)(k / 2 + 1) : -(int32_t)(k / 2);
}
