/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "seal/shamir.h"

#include <sodium.h>
#include <string.h>

#include "base/err.h"
#include "seal/ct.h"

/* All ones if @bit is 1, zero if it is 0. */
static uint8_t mask(unsigned bit)
{
    return (uint8_t)(0u - bit);
}

/* a·X modulo X^8 + X^4 + X^3 + X + 1 */
static uint8_t twice(uint8_t a)
{
    return (uint8_t)((unsigned)a << 1 ^ (mask(a >> 7) & 0x1bu));
}

static uint8_t multiply(uint8_t a, uint8_t b)
{
    uint8_t r = 0;
    for (int bit = 0; bit < 8; bit++, a = twice(a))
        r ^= a & mask(b >> bit & 1u);
    return r;
}

/* a^254, which is 1/a for a != 0: 254 = 2 + 4 + … + 128. */
static uint8_t inverse(uint8_t a)
{
    uint8_t power = a, r = 1;
    for (int i = 0; i < 7; i++) {
        power = multiply(power, power);
        r = multiply(r, power);
    }
    return r;
}

/* v[i] = v[i]·x for all bytes at once; always over the longest secret, so that the compiler makes vectors of it */
static void scale(uint8_t *v, size_t len, uint8_t x)
{
    uint8_t a[SEAL_SHAMIR_SECRET] = {0}, r[SEAL_SHAMIR_SECRET] = {0};
    memcpy(a, v, len);
    for (int bit = 0; bit < 8; bit++) {
        uint8_t m = mask(x >> bit & 1u);
        for (size_t i = 0; i < SEAL_SHAMIR_SECRET; i++) {
            r[i] ^= a[i] & m;
            a[i] = twice(a[i]);
        }
    }
    memcpy(v, r, len);
    sodium_memzero(a, sizeof(a));
    sodium_memzero(r, sizeof(r));
}

static void add(uint8_t *v, const uint8_t *w, size_t len)
{
    for (size_t i = 0; i < len; i++)
        v[i] ^= w[i];
}

/* @n different values out of 1..255, all choices and orders equally likely. */
static void draw_points(uint8_t *x, int n)
{
    uint8_t all[255];
    for (unsigned i = 0; i < 255; i++)
        all[i] = (uint8_t)(i + 1);
    for (int i = 0; i < n; i++) {
        uint32_t j = (uint32_t)i + randombytes_uniform(255u - (uint32_t)i);
        x[i] = all[j];
        all[j] = all[i];
    }
}

int seal_shamir_split(const uint8_t *secret, size_t len, int t, int n, uint8_t *shares)
{
    if (t < 2 || n < t || n > SEAL_SHAMIR_SHARES || len < 1 || len > SEAL_SHAMIR_SECRET)
        return E_RANGE;
    uint8_t x[SEAL_SHAMIR_SHARES], coefficients[SEAL_SHAMIR_SHARES - 1][SEAL_SHAMIR_SECRET];
    draw_points(x, n);
    randombytes_buf(coefficients, sizeof(coefficients[0]) * ((size_t)t - 1));
    for (int i = 0; i < n; i++) {
        uint8_t *y = shares + (size_t)i * (len + 1);
        memcpy(y, coefficients[t - 2], len); /* Horner's rule from the highest power down */
        for (int k = t - 3; k >= 0; k--) {
            scale(y, len, x[i]);
            add(y, coefficients[k], len);
        }
        scale(y, len, x[i]);
        add(y, secret, len);
        y[len] = x[i];
    }
    sodium_memzero(coefficients, sizeof(coefficients));
    return 0;
}

static int check_points(const uint8_t *shares, int n, size_t len)
{
    for (int i = 0; i < n; i++) {
        uint8_t x = shares[(size_t)i * (len + 1) + len];
        if (x == 0)
            return E_MISMATCH;
        for (int j = 0; j < i; j++)
            if (shares[(size_t)j * (len + 1) + len] == x)
                return E_MISMATCH;
    }
    return 0;
}

int seal_shamir_combine(const uint8_t *shares, int n, size_t len, uint8_t *secret)
{
    if (n < 2 || n > SEAL_SHAMIR_SHARES || len < 1 || len > SEAL_SHAMIR_SECRET)
        return E_RANGE;
    int r = check_points(shares, n, len);
    if (r < 0)
        return r;
    uint8_t sum[SEAL_SHAMIR_SECRET] = {0}, y[SEAL_SHAMIR_SECRET];
    for (int i = 0; i < n; i++) {
        const uint8_t *share = shares + (size_t)i * (len + 1);
        uint8_t above = 1, below = 1; /* Lagrange basis at 0: product of x_j / (x_j - x_i) */
        for (int j = 0; j < n; j++) {
            if (j == i)
                continue;
            uint8_t xj = shares[(size_t)j * (len + 1) + len];
            above = multiply(above, xj);
            below = multiply(below, (uint8_t)(xj ^ share[len]));
        }
        memcpy(y, share, len);
        scale(y, len, multiply(above, inverse(below)));
        add(sum, y, len);
    }
    memcpy(secret, sum, len);
    sodium_memzero(sum, sizeof(sum));
    sodium_memzero(y, sizeof(y));
    return 0;
}
