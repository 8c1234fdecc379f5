/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/grow.h"

#include <stdbool.h>
#include <string.h>

/* Small loops over bytes. Clang makes vectors of them at -O2, GCC 12 only when asked. */
#ifdef __clang__
#define VECTORISE
#else
#define VECTORISE __attribute__((optimize("O3")))
#endif

VECTORISE static void lower(uint8_t *restrict to, const uint8_t *restrict a, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = a[i] < to[i] ? a[i] : to[i];
}

#define WIDE_MAX 1024 /* cells of a row */

VECTORISE static void join(uint8_t *restrict to, const uint8_t *restrict a, int n)
{
    for (int i = 0; i < n; i++)
        to[i] |= a[i];
}

VECTORISE static void meet(uint8_t *restrict to, const uint8_t *restrict a, int n)
{
    for (int i = 0; i < n; i++)
        to[i] &= a[i];
}

typedef void apply_fn(uint8_t *restrict to, const uint8_t *restrict a, int n);

/* Both neighbours in the row, taken from @from; @outside stands for what lies beyond the picture. */
static void along(const struct mask_grid *g, uint8_t *m, const uint8_t *from, uint8_t outside,
                  apply_fn *apply)
{
    uint8_t line[WIDE_MAX + 2];
    int n = g->columns;
    for (int y = 0; y < g->rows; y++) {
        size_t at = (size_t)y * (size_t)g->stride;
        line[0] = line[n + 1] = outside;
        memcpy(line + 1, from + at, (size_t)n);
        apply(m + at, line, n);
        apply(m + at, line + 2, n);
    }
}

/* The rows above and below, taken from @from; beyond the picture there is none, which is as if it changed nothing. */
static void across(const struct mask_grid *g, uint8_t *m, const uint8_t *from, apply_fn *apply)
{
    size_t stride = (size_t)g->stride;
    for (int y = 0; y < g->rows; y++) {
        if (y > 0)
            apply(m + (size_t)y * stride, from + (size_t)(y - 1) * stride, g->columns);
        if (y + 1 < g->rows)
            apply(m + (size_t)y * stride, from + (size_t)(y + 1) * stride, g->columns);
    }
}

/*
 * A square of side 3, then a cross, then a square …: their sum is an octagon, and silhouettes look rounder than with
 * squares alone. Set cells reach @radius cells along rows and columns, and about 0.7 of it across.
 */
static void stepwise(const struct mask_grid *g, uint8_t *m, int radius, uint8_t *tmp,
                     uint8_t outside, apply_fn *apply)
{
    for (int i = 0; i < radius; i++) {
        if (i % 2) {
            memcpy(tmp, m, mask_grid_size(g));
            across(g, m, tmp, apply);
            along(g, m, tmp, outside, apply);
        } else {
            along(g, m, m, outside, apply);
            memcpy(tmp, m, mask_grid_size(g));
            across(g, m, tmp, apply);
        }
    }
}

void mask_dilate(const struct mask_grid *g, uint8_t *m, int radius, uint8_t *tmp)
{
    stepwise(g, m, radius, tmp, 0, join);
}

void mask_erode(const struct mask_grid *g, uint8_t *m, int radius, uint8_t *tmp)
{
    stepwise(g, m, radius, tmp, 255, meet);
}

void mask_least(const struct mask_grid *g, uint8_t *m, int radius, uint8_t *tmp)
{
    stepwise(g, m, radius, tmp, 255, lower);
}

void mask_close(const struct mask_grid *g, uint8_t *m, int radius, uint8_t *tmp)
{
    mask_dilate(g, m, radius, tmp);
    mask_erode(g, m, radius, tmp);
}

VECTORISE static void add_ones(uint8_t *restrict to, const uint8_t *restrict a, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = (uint8_t)(to[i] + (a[i] & 1));
}

VECTORISE static void keep_confirmed(uint8_t *restrict m, const uint8_t *restrict around,
                                     const uint8_t *restrict sole, int n)
{
    for (int i = 0; i < n; i++)
        m[i] &= (uint8_t)((around[i] >= 3 ? 255 : 0) | sole[i]); /* itself and two more */
}

/* Set cells in the 3x3 square of row @y, into @ret. */
static void count_around(const struct mask_grid *g, const uint8_t *m, int y, uint8_t *ret)
{
    int n = g->columns;
    memset(ret, 0, (size_t)n);
    for (int d = -1; d <= 1; d++) {
        if (y + d < 0 || y + d >= g->rows)
            continue;
        const uint8_t *row = m + (size_t)(y + d) * (size_t)g->stride;
        add_ones(ret, row, n);
        add_ones(ret + 1, row, n - 1);
        add_ones(ret, row + 1, n - 1);
    }
}

VECTORISE static void grow_row(uint8_t *restrict m, const uint8_t *restrict near,
                               const uint8_t *restrict trace, int n)
{
    for (int i = 0; i < n; i++)
        m[i] |= (uint8_t)((near[i] ? 255 : 0) & trace[i]);
}

void mask_settle(const struct mask_grid *g, const struct mask_evidence *e, int reach, int steps,
                 uint8_t *tmp)
{
    size_t stride = (size_t)g->stride, size = mask_grid_size(g);
    uint8_t around[WIDE_MAX], *weak = e->weak;
    memcpy(tmp, weak, size);
    for (int y = 0; y < g->rows; y++) {
        size_t at = (size_t)y * stride;
        bool edge = y == 0 || y == g->rows - 1;
        count_around(g, tmp, y, around);
        for (int x = 0; x < g->columns; x += edge ? 1 : g->columns - 1)
            around[x] = e->strong[at + (size_t)x] ? 3 : around[x];
        keep_confirmed(weak + at, around, e->sole + at, g->columns);
    }
    meet(e->strong, weak, (int)size);
    mask_dilate(g, e->strong, reach, tmp);
    meet(weak, e->strong, (int)size);
    for (int s = 0; s < steps; s++) {
        memcpy(tmp, weak, size);
        for (int y = 0; y < g->rows; y++) {
            count_around(g, tmp, y, around);
            grow_row(weak + (size_t)y * stride, around, e->trace + (size_t)y * stride, g->columns);
        }
    }
}

VECTORISE static void mean_of_three(uint8_t *restrict to, const uint8_t *restrict a,
                                    const uint8_t *restrict b, const uint8_t *restrict c, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = (uint8_t)(((unsigned)(a[i] + b[i] + c[i]) * 21846U) >> 16);
}

void mask_smooth(const struct mask_grid *g, const uint8_t *m, uint8_t *ret, uint8_t *tmp)
{
    size_t stride = (size_t)g->stride;
    uint8_t line[WIDE_MAX + 2];
    int n = g->columns;
    for (int y = 0; y < g->rows; y++) {
        const uint8_t *row = m + (size_t)y * stride;
        memcpy(line + 1, row, (size_t)n);
        line[0] = row[0];
        line[n + 1] = row[n - 1];
        mean_of_three(tmp + (size_t)y * stride, line, line + 1, line + 2, n);
    }
    for (int y = 0; y < g->rows; y++) {
        const uint8_t *row = tmp + (size_t)y * stride;
        mean_of_three(ret + (size_t)y * stride, y ? row - stride : row, row,
                      y + 1 < g->rows ? row + stride : row, n);
    }
}

VECTORISE static int count_row(const uint8_t *m, int n)
{
    unsigned sum = 0;
    for (int i = 0; i < n; i++)
        sum += m[i] & 1U;
    return (int)sum;
}

int mask_count(const struct mask_grid *g, const uint8_t *m)
{
    int n = 0;
    for (int y = 0; y < g->rows; y++)
        n += count_row(m + (size_t)y * (size_t)g->stride, g->columns);
    return n;
}
