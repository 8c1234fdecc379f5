/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/gain.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_MIN 24      /* usable blocks below which nothing is fitted */
#define TOLERANCE 2.5F     /* a block agrees when its mean is that near, in steps of 1/255 */
#define AGREED_ENOUGH 0.6F /* of the usable blocks: the fit in use is only refined */
#define PAIRS 600
#define FAR 16.0F /* two blocks whose difference tells something of the factor */
#define PRIOR                                                                                      \
    40.0 /* variance that speaks for a factor of 1: in a flat picture only an offset can be told */
#define REFINE 0.6F /* of the way to a refined fit, per frame */

int mask_blocks_init(struct mask_blocks *b, const struct mask_grid *g)
{
    *b = (struct mask_blocks){.columns = g->width / MASK_BLOCK, .rows = g->height / MASK_BLOCK};
    b->count = b->columns * b->rows;
    float *all = calloc((size_t)b->count * 3 + 1, sizeof(float));
    if (!all)
        return -ENOMEM;
    for (int i = 0; i < 3; i++)
        b->mean[i] = all + (size_t)i * (size_t)b->count;
    return 0;
}

void mask_blocks_release(struct mask_blocks *b)
{
    free(b->mean[0]);
    *b = (struct mask_blocks){0};
}

/* Sums of the columns of a band of lines, then of the blocks. Clang makes vectors of it at -O2, GCC 12 when asked. */
#ifdef __clang__
#define VECTORISE
#else
#define VECTORISE __attribute__((optimize("O3")))
#endif

VECTORISE static void add_line(uint16_t *restrict sum, const uint8_t *restrict line, int n)
{
    for (int i = 0; i < n; i++)
        sum[i] = (uint16_t)(sum[i] + line[i]);
}

void mask_blocks_measure(struct mask_blocks *b, const struct mask_picture *p)
{
    uint16_t column[MASK_WIDTH_MAX];
    for (int i = 0; i < 3; i++) {
        int side = i ? MASK_BLOCK / 2 : MASK_BLOCK;
        for (int y = 0; y < b->rows; y++) {
            memset(column, 0, sizeof(column[0]) * (size_t)(b->columns * side));
            for (int k = 0; k < side; k++)
                add_line(column, p->plane[i] + (ptrdiff_t)(y * side + k) * p->stride[i],
                         b->columns * side);
            for (int x = 0; x < b->columns; x++) {
                unsigned sum = 0;
                for (int k = 0; k < side; k++)
                    sum += column[x * side + k];
                b->mean[i][y * b->columns + x] = (float)sum / (float)(side * side);
            }
        }
    }
}

void mask_gain_reset(struct mask_gain *g)
{
    *g = (struct mask_gain){.gain = {1, 1, 1}, .agreed = 1};
}

/* The blocks that are looked at in one plane. */
struct points {
    const float *from, *to;
    const uint8_t *usable;
    uint8_t least; /* of usable */
    int count;
};

static bool usable(const struct points *p, int i)
{
    return p->usable[i] >= p->least && p->to[i] > 17 &&
           p->to[i] < 233; /* clipped values tell nothing */
}

static float share_agreed(const struct points *p, float gain, float offset)
{
    int n = 0, agreed = 0;
    for (int i = 0; i < p->count; i++)
        if (usable(p, i)) {
            n++;
            agreed += fabsf(p->from[i] * gain + offset - p->to[i]) < TOLERANCE;
        }
    return n < BLOCKS_MIN ? -1 : (float)agreed / (float)n;
}

/* Least squares over the blocks that agree with gain and offset as they are. */
static void refine(const struct points *p, float *gain, float *offset)
{
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (int i = 0; i < p->count; i++) {
        double x = (double)p->from[i], y = (double)p->to[i];
        if (!usable(p, i) || fabsf(p->from[i] * *gain + *offset - p->to[i]) >= TOLERANCE)
            continue;
        n++, sx += x, sy += y, sxx += x * x, sxy += x * y;
    }
    if (n < BLOCKS_MIN)
        return;
    double var = sxx / n - sx / n * (sx / n), cov = sxy / n - sx / n * (sy / n);
    double slope = (cov + PRIOR) / (var + PRIOR);
    *gain = (float)slope;
    *offset = (float)(sy / n - slope * sx / n);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float median(float *v, int n)
{
    qsort(v, (size_t)n, sizeof(*v), by_value);
    return v[n / 2];
}

/* Median of the slopes between far blocks, then of what is left (Theil and Sen): a minority cannot move it. */
static void robust(const struct points *p, float *gain, float *offset)
{
    float v[PAIRS];
    int n = 0;
    uint32_t r = 12345;
    for (int tries = 0; tries < 4 * PAIRS && n < PAIRS; tries++) {
        r = r * 1664525U + 1013904223U;
        int i = (int)((r >> 8) % (uint32_t)p->count);
        r = r * 1664525U + 1013904223U;
        int j = (int)((r >> 8) % (uint32_t)p->count);
        float dx = p->from[i] - p->from[j];
        if (usable(p, i) && usable(p, j) && fabsf(dx) > FAR)
            v[n++] = (p->to[i] - p->to[j]) / dx;
    }
    *gain = n > PAIRS / 4 ? median(v, n) : 1;
    n = 0;
    int step = p->count / PAIRS + 1;
    for (int i = 0; i < p->count && n < PAIRS; i += step)
        if (usable(p, i))
            v[n++] = p->to[i] - p->from[i] * *gain;
    *offset = n ? median(v, n) : 0;
}

/* Share of the blocks explained afterwards, or -1 when there are too few to tell. */
static float fit(const struct points *p, float *gain, float *offset)
{
    float agreed = share_agreed(p, *gain, *offset), g = *gain, o = *offset;
    if (agreed < 0)
        return -1;
    if (agreed < AGREED_ENOUGH) {
        robust(p, &g, &o);
        refine(p, &g, &o);
        float better = share_agreed(p, g, o);
        if (better > agreed + 0.1F && g > 0.2F && g < 3.5F) {
            *gain = g, *offset = o;
            agreed = better;
        }
        return agreed;
    }
    refine(p, &g, &o);
    if (g > 0.2F && g < 3.5F) {
        *gain += (g - *gain) * REFINE;
        *offset += (o - *offset) * REFINE;
    }
    return agreed;
}

void mask_gain_fit(struct mask_gain *g, const struct mask_blocks *plate,
                   const struct mask_blocks *live, const uint8_t *usable_blocks)
{
    struct points p = {.usable = usable_blocks, .least = 1, .count = plate->count};
    if (memchr(usable_blocks, 2, (size_t)plate->count))
        p.least = 2;
    float agreed = 1;
    for (int i = 0; i < 3; i++) {
        p.from = plate->mean[i], p.to = live->mean[i];
        float a = fit(&p, &g->gain[i], &g->offset[i]);
        if (i == 0 && a >= 0)
            agreed = a;
    }
    g->agreed = agreed;
}

static int clamp(float v, int low, int high)
{
    return v < (float)low ? low : v > (float)high ? high : (int)lrintf(v);
}

struct mask_affine mask_gain_affine(const struct mask_gain *g, int plane, uint8_t white)
{
    return (struct mask_affine){
        .gain = (uint16_t)clamp(g->gain[plane] * MASK_GAIN_ONE, 0, 32767),
        .offset = (int16_t)clamp(g->offset[plane] * 16, -15000, 15000),
        .low = 0,
        .high = plane ? 255 : white,
    };
}

bool mask_gain_is_one(const struct mask_gain *g)
{
    for (int i = 0; i < 3; i++)
        if (fabsf(g->gain[i] - 1) > 0.002F || fabsf(g->offset[i]) > 0.25F)
            return false;
    return true;
}
