/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MEDIA_BITS_H
#define MEDIA_BITS_H
/*
 * Bit reader over the payload of a NAL unit. Reading past the end yields zeros and sets `over`, so that a parser may
 * read on and look at it once. Reentrant.
 * Source: ITU-T H.264 §7.4.1 (emulation prevention), §9.1 (Exp-Golomb codes).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITS_BYTES 1024

struct bits {
    size_t pos, len; /* in bits */
    bool over;
    uint8_t data[BITS_BYTES]; /* emulation prevention bytes removed; cut off after BITS_BYTES */
};

void bits_init(struct bits *b, const uint8_t *nal, size_t len);
/* @n 0..32 */
uint32_t bits_u(struct bits *b, unsigned n);
void bits_skip(struct bits *b, size_t n);
/* ue(v): a code longer than 32 bits sets `over`. */
uint32_t bits_ue(struct bits *b);
int32_t bits_se(struct bits *b);
#endif
