/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/light.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REACH 3      /* blocks around a node that are asked */
#define ASKED_MIN 12 /* that answer at least */
#define NEAR 5       /* half steps around the median within which most must lie */
#define STEP 1.0F    /* of a node at a time */
#define BINS (4 * MASK_LIGHT_MAX + 1)

int mask_light_init(struct mask_light *l, const struct mask_grid *g)
{
    *l = (struct mask_light){.columns = g->stride * MASK_CELL / MASK_BLOCK,
                             .rows = (g->rows * MASK_CELL + MASK_BLOCK - 1) / MASK_BLOCK};
    l->across = g->width / MASK_BLOCK / 2 + 1;
    l->down = g->height / MASK_BLOCK / 2 + 1;
    size_t nodes = (size_t)l->across * (size_t)l->down;
    l->offset = calloc((size_t)l->columns * (size_t)l->rows, sizeof(int16_t));
    l->node = calloc(nodes * 2, sizeof(float));
    l->next = l->node ? l->node + nodes : NULL;
    return l->offset && l->node ? 0 : -ENOMEM;
}

void mask_light_release(struct mask_light *l)
{
    free(l->offset);
    free(l->node);
    *l = (struct mask_light){0};
}

void mask_light_reset(struct mask_light *l)
{
    memset(l->offset, 0, (size_t)l->columns * (size_t)l->rows * sizeof(int16_t));
    memset(l->node, 0, (size_t)l->across * (size_t)l->down * 2 * sizeof(float));
}

struct question {
    const struct mask_gain *g;
    const struct mask_blocks *plate, *live;
    const uint8_t *clear;
};

/* The median of what the clear blocks around a node say, if most of them say about the same. */
static bool ask(const struct question *q, int x, int y, float *ret)
{
    unsigned bin[BINS] = {0}, n = 0, near = 0, seen = 0;
    for (int by = y - REACH; by < y + REACH; by++)
        for (int bx = x - REACH; bx < x + REACH; bx++) {
            int i = by * q->plate->columns + bx;
            if (by < 0 || by >= q->plate->rows || bx < 0 || bx >= q->plate->columns ||
                q->clear[i] != 2)
                continue;
            float left =
                q->live->mean[0][i] - q->plate->mean[0][i] * q->g->gain[0] - q->g->offset[0];
            int b = (int)lrintf(left * 2) + BINS / 2;
            bin[b < 0 ? 0 : b >= BINS ? BINS - 1 : b]++;
            n++;
        }
    if (n < ASKED_MIN)
        return false;
    int m = 0;
    while ((seen += bin[m]) * 2 < n)
        m++;
    for (int b = m - NEAR < 0 ? 0 : m - NEAR; b <= m + NEAR && b < BINS; b++)
        near += bin[b];
    m -= BINS / 2;
    *ret = (float)m / 2;
    return near * 10 >= n * 6;
}

/* Mean of the nodes around: the light under what is covered is that beside it. */
static float around(const struct mask_light *l, int x, int y)
{
    float sum = 0;
    int n = 0;
    for (int j = y - 1; j <= y + 1; j++)
        for (int i = x - 1; i <= x + 1; i++)
            if (j >= 0 && j < l->down && i >= 0 && i < l->across) {
                sum += l->node[j * l->across + i];
                n++;
            }
    return sum / (float)n;
}

/* Nodes stand at the corners of every second block; between them the light is interpolated. */
static void spread(struct mask_light *l)
{
    for (int y = 0; y < l->rows; y++)
        for (int x = 0; x < l->columns; x++) {
            float fx = ((float)x + 0.5F) / 2, fy = ((float)y + 0.5F) / 2;
            int i = (int)fx < l->across - 1 ? (int)fx : l->across - 1;
            int j = (int)fy < l->down - 1 ? (int)fy : l->down - 1;
            int i1 = i + 1 < l->across ? i + 1 : i, j1 = j + 1 < l->down ? j + 1 : j;
            fx = fminf(fx - (float)i, 1), fy = fminf(fy - (float)j, 1);
            const float *a = l->node + j * l->across, *b = l->node + j1 * l->across;
            float v =
                (a[i] * (1 - fx) + a[i1] * fx) * (1 - fy) + (b[i] * (1 - fx) + b[i1] * fx) * fy;
            l->offset[y * l->columns + x] = (int16_t)lrintf(v * 16);
        }
}

bool mask_light_follow(struct mask_light *l, const struct mask_gain *g,
                       const struct mask_blocks *plate, const struct mask_blocks *live,
                       const uint8_t *clear)
{
    struct question q = {g, plate, live, clear};
    bool changed = false;
    for (int y = 0; y < l->down; y++)
        for (int x = 0; x < l->across; x++) {
            float now = l->node[y * l->across + x], to;
            if (!ask(&q, x * 2, y * 2, &to))
                to = around(l, x, y);
            float step = to - now;
            step = step > STEP ? STEP : step < -STEP ? -STEP : step;
            changed |= fabsf(step) > 0.1F;
            l->next[y * l->across + x] = fmaxf(-MASK_LIGHT_MAX, fminf(MASK_LIGHT_MAX, now + step));
        }
    if (!changed)
        return false;
    memcpy(l->node, l->next, (size_t)l->across * (size_t)l->down * sizeof(float));
    for (int y = 0; y < l->down; y++) /* a soft field: no node stands out */
        for (int x = 0; x < l->across; x++)
            l->next[y * l->across + x] = around(l, x, y);
    memcpy(l->node, l->next, (size_t)l->across * (size_t)l->down * sizeof(float));
    spread(l);
    return true;
}
