/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How the plate comes to be, and the only place where pixels of a live picture are written into it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mask/grow.h"
#include "mask/plate.h"

#define MEASURE_US (SECOND_US / 2) /* how often all of this is done */
#define DRIFT_MEASURES 8 /* each so often the plate follows the light, by one step: every 4 s */
#define NOISE_SHIFT 5    /* weight of a new measurement: 1/32 */
#define SETTLED 20       /* 1/10 s that a candidate has stood before its noise is measured */
#define NEW_MIN                                                                                    \
    40 /* an unknown cell shows another thing beyond this and what the picture's noise says */
#define NEW_MAX 200
#define NEW_OWN 140
#define BROKE_AFTER 10 /* 1/10 s that something stood before it can be said to have moved */
#define NEW_CHROMA 48
#define PEAK_NEW                                                                                   \
    44 /* noise that a new cell may show although it has not yet: with the next key picture */
#define BINS 256

/* Small loops over cells. Clang makes vectors of them at -O2, GCC 12 only when asked. */
#ifdef __clang__
#define VECTORISE
#else
#define VECTORISE __attribute__((optimize("O3")))
#endif

/* Cells that are known and differ: what stands there is followed in cand. Returns whether there are any. */
VECTORISE static bool find_visitors(struct mask_plate *p, uint8_t *restrict visitor)
{
    size_t n = mask_grid_size(&p->grid);
    const uint8_t *restrict learnt = p->learnt, *restrict weak = p->weak;
    uint16_t *restrict quiet = p->quiet;
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        visitor[i] = learnt[i] & weak[i];
        any |= visitor[i];
    }
    for (size_t i = 0; i < n;
         i++) /* seen to have left: whatever stood there starts anew if it comes back */
        quiet[i] &= (uint16_t)(learnt[i] & (uint8_t)~weak[i] ? 0 : 0xffff);
    return any;
}

VECTORISE static bool any_set(const uint8_t *v, int n)
{
    uint8_t any = 0;
    for (int i = 0; i < n; i++)
        any |= v[i];
    return any;
}

/* Visitors against what they were before, through the gain of now. */
static void compare_visitors(struct mask_plate *p, const struct mask_picture *live,
                             const uint8_t *visitor)
{
    const struct mask_grid *g = &p->grid;
    for (int y = 0; y < g->rows; y++) {
        size_t at = (size_t)y * (size_t)g->stride;
        if (!any_set(visitor + at, g->columns))
            continue;
        mask_plate_expose(p, &p->cand, &p->cand_pred, y, y + 1);
        struct mask_row row = {p->cand_sad + at, NULL, p->cand_chroma + at};
        mask_compare_row(live, &p->cand_pred, y, &row);
    }
}

/* What the noise of the picture alone makes of an unknown cell: two and a half times the median of all of them. */
static unsigned unknown_limit(const struct mask_plate *p)
{
    const struct mask_grid *g = &p->grid;
    unsigned bin[BINS] = {0}, total = 0, seen = 0, i = 0;
    for (int y = 0; y < g->rows; y += 2)
        for (int x = 0; x < g->columns; x++) {
            size_t c = (size_t)y * (size_t)g->stride + (size_t)x;
            if (!p->learnt[c]) {
                bin[p->sad[c] >> 2]++;
                total++;
            }
        }
    while (i < BINS - 1 && (seen += bin[i]) * 2 < total)
        i++;
    unsigned limit = i * 10 + 20;
    return limit < NEW_MIN ? NEW_MIN : limit > NEW_MAX ? NEW_MAX : limit;
}

struct place {
    int x, y;
    size_t cell;
};

/* The cell as it is now, in the exposure of the plate. */
static void take_cell(const struct mask_plate *p, struct mask_picture *to,
                      struct mask_picture *pred, const struct mask_picture *live,
                      const struct place *at)
{
    const int16_t *row = mask_light_row(&p->light, at->y * MASK_CELL);
    int block = at->x * MASK_CELL / MASK_BLOCK;
    for (int i = 0; i < 3; i++) {
        float gain = p->gain.gain[i] > 0.1F ? p->gain.gain[i] : 0.1F, offset = p->gain.offset[i];
        if (!i) /* soft light, per 16 pixels */
            offset += (float)row[block] / 16;
        size_t side = i ? MASK_CELL / 2 : MASK_CELL, stride = (size_t)to->stride[i];
        size_t from = (size_t)at->y * side * stride + (size_t)at->x * side;
        for (size_t k = 0; k < side * side; k++) {
            size_t b = from + k / side * stride + k % side;
            float v = ((float)live->plane[i][b] - offset) / gain + 0.5F;
            pred->plane[i][b] = live->plane[i][b];
            to->plane[i][b] = v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
        }
    }
}

/* A candidate is the median of what it shows: each look moves it by one step at most. */
static void approach_cell(struct mask_picture *to, struct mask_picture *pred,
                          const struct mask_picture *live, const struct place *at)
{
    for (int i = 0; i < 3; i++) {
        size_t side = i ? MASK_CELL / 2 : MASK_CELL, stride = (size_t)to->stride[i];
        size_t from = (size_t)at->y * side * stride + (size_t)at->x * side;
        for (size_t k = 0; k < side * side; k++) {
            size_t b = from + k / side * stride + k % side;
            uint8_t *t = &to->plane[i][b], *q = &pred->plane[i][b], l = live->plane[i][b];
            int step = (l > *q) - (l < *q);
            *t = (uint8_t)(*t + ((step > 0 && *t < 255) - (step < 0 && *t > 0)));
            *q = (uint8_t)(*q + step);
        }
    }
}

static void copy_cell(struct mask_picture *to, const struct mask_picture *from,
                      const struct place *at)
{
    for (int i = 0; i < 3; i++) {
        size_t side = i ? MASK_CELL / 2 : MASK_CELL, stride = (size_t)to->stride[i];
        size_t b = (size_t)at->y * side * stride + (size_t)at->x * side;
        for (size_t k = 0; k < side; k++)
            memcpy(to->plane[i] + b + k * stride, from->plane[i] + b + k * stride, side);
    }
}

static void measure(uint16_t *noise, uint16_t *peak, uint16_t sad)
{
    int v = sad << 4;
    *noise = (uint16_t)(*noise + (v - *noise) / (1 << NOISE_SHIFT) + (v > *noise));
    *peak = (uint16_t)(v > *peak ? v : *peak - (*peak >> 8) - (*peak > 0));
}

static void measure_cell(struct mask_plate *p, size_t c)
{
    measure(&p->noise[c], &p->peak[c], p->sad[c]);
    measure(&p->noise_chroma[c], &p->peak_chroma[c], p->chroma[c]);
}

static void count_quiet(struct mask_plate *p, size_t c, unsigned passed)
{
    p->quiet[c] = (uint16_t)(p->quiet[c] + passed > 65535 ? 65535 : p->quiet[c] + passed);
}

static bool seen_by_detector(const struct mask_plate *p, const struct mask_lesson *l, size_t c,
                             unsigned looks)
{
    return (uint16_t)(l->looks - p->look[c]) >= looks;
}

/*
 * A cell that was never known. Its candidate stands in the plate itself, which is not shown there. It learns what it
 * shows most of the time: time with the candidate counts once, time without it twice against it, so that a busy road
 * is learnt between the cars.
 */
static void follow_unknown(struct mask_plate *p, const struct mask_picture *live,
                           const struct mask_lesson *l, unsigned limit, unsigned passed,
                           const struct place *at)
{
    size_t c = at->cell;
    unsigned own =
        p->noise[c] / 8U +
        16; /* twice what the cell itself has been doing: edges tremble more than walls */
    own = own > NEW_OWN ? NEW_OWN : own;
    bool differs = p->sad[c] > (own > limit ? own : limit) || p->chroma[c] > NEW_CHROMA;
    if (differs && p->sad[c] < NEW_MAX && p->quiet[c] >= SETTLED)
        measure_cell(p, c);
    if (differs && !l->claims[c] && p->quiet[c] > 2 * passed) {
        p->quiet[c] = (uint16_t)(p->quiet[c] - 2 * passed);
        return;
    }
    if (differs || l->claims[c]) {
        take_cell(p, &p->plate, &p->pred, live, at);
        p->quiet[c] = p->noise[c] = p->peak[c] = p->noise_chroma[c] = p->peak_chroma[c] = 0;
        p->look[c] = (uint16_t)l->looks;
        return;
    }
    count_quiet(p, c, passed);
    approach_cell(&p->plate, &p->pred, live, at);
    if (p->quiet[c] < SETTLED)
        p->noise[c] = (uint16_t)(p->sad[c] << 4),
        p->noise_chroma[c] = (uint16_t)(p->chroma[c] << 4);
    else
        measure_cell(p, c);
    if (p->quiet[c] < l->quiet_new || !seen_by_detector(p, l, c, l->looks_new))
        return;
    p->learnt[c] = 255;
    p->learnt_count++;
    p->quiet[c] = 0;
    if (p->peak[c] < PEAK_NEW << 4)
        p->peak[c] = PEAK_NEW << 4;
    mask_plate_limits(p, c);
}

/* A cell that is known and shows something else: it must stand without a break, and much longer. */
static void follow_visitor(struct mask_plate *p, const struct mask_picture *live,
                           const struct mask_lesson *l, unsigned passed, const struct place *at)
{
    size_t c = at->cell;
    bool moved =
        4 * p->cand_sad[c] > 7 * p->limit[c] || 4 * p->cand_chroma[c] > 7 * p->limit_chroma[c];
    if (l->claims[c] || moved) {
        p->broke[c] =
            p->quiet[c] >= BROKE_AFTER ? 255 : 0; /* what has just come cannot have stood still */
        take_cell(p, &p->cand, &p->cand_pred, live, at);
        p->quiet[c] = 0;
        p->look[c] = (uint16_t)l->looks;
        return;
    }
    count_quiet(p, c, passed);
    approach_cell(&p->cand, &p->cand_pred, live, at);
    if (!l->quiet_stay || p->quiet[c] < l->quiet_stay || !seen_by_detector(p, l, c, l->looks_stay))
        return;
    copy_cell(&p->plate, &p->cand, at);
    copy_cell(&p->pred, &p->cand_pred, at);
    p->plate_changed = true;
    p->weak[c] = p->hold[c] = 0;
    p->quiet[c] = 0;
}

static void expand(uint8_t *to, const uint8_t *cells, int n, int side)
{
    for (int i = 0; i < n; i++)
        memset(to + (size_t)i * (size_t)side, cells[i], (size_t)side);
}

/* Row by row: the cells in @quiet follow the light. */
static void drift_rows(struct mask_plate *p, const struct mask_picture *live, const uint8_t *quiet)
{
    _Alignas(MASK_ALIGN) uint8_t pull[MASK_WIDTH_MAX];
    const struct mask_grid *g = &p->grid;
    for (int y = 0; y < g->rows; y++) {
        const uint8_t *cells = quiet + (size_t)y * (size_t)g->stride;
        for (int i = 0; i < 3; i++) {
            size_t side = i ? MASK_CELL / 2 : MASK_CELL, stride = (size_t)p->plate.stride[i];
            expand(pull, cells, g->stride, (int)side);
            for (size_t k = 0; k < side; k++) {
                size_t at = ((size_t)y * side + k) * stride;
                mask_approach(p->plate.plane[i] + at, p->pred.plane[i] + at, live->plane[i] + at,
                              pull, stride);
            }
        }
    }
    p->plate_changed = true;
}

/* Cells that are known, show nothing that stands out, and are away from all that is covered. */
static void find_quiet(struct mask_plate *p, uint8_t *quiet)
{
    const struct mask_grid *g = &p->grid;
    size_t n = mask_grid_size(g);
    memcpy(quiet, p->cover, n);
    mask_dilate(g, quiet, 1, p->tmp);
    for (size_t i = 0; i < n; i++) {
        bool strong = 4 * p->sad[i] > 7 * p->limit[i] || 4 * p->chroma[i] > 7 * p->limit_chroma[i];
        quiet[i] = strong ? 0 : p->learnt[i] & (uint8_t)~quiet[i];
    }
}

static void follow_light(struct mask_plate *p, const struct mask_picture *live)
{
    size_t n = mask_grid_size(&p->grid);
    find_quiet(p, p->guard);
    for (size_t i = 0; i < n; i++)
        if (p->guard[i]) {
            measure_cell(p, i);
            mask_plate_limits(p, i);
        }
    if (++p->measures % DRIFT_MEASURES == 0)
        drift_rows(p, live, p->guard);
}

/* Row by row, those that have something to follow. */
static void follow_cells(struct mask_plate *p, const struct mask_picture *live,
                         const struct mask_lesson *l, const uint8_t *visitor, unsigned passed)
{
    const struct mask_grid *g = &p->grid;
    unsigned limit = p->learnt_count < g->count ? unknown_limit(p) : 0;
    for (int y = 0; y < g->rows; y++) {
        size_t row = (size_t)y * (size_t)g->stride;
        if (!memchr(p->learnt + row, 0, (size_t)g->columns) && !any_set(visitor + row, g->columns))
            continue;
        for (int x = 0; x < g->columns; x++) {
            struct place at = {x, y, row + (size_t)x};
            if (!p->learnt[at.cell])
                follow_unknown(p, live, l, limit, passed, &at);
            else if (visitor[at.cell])
                follow_visitor(p, live, l, passed, &at);
        }
    }
}

bool mask_plate_learn(struct mask_plate *p, const struct mask_picture *live,
                      const struct mask_lesson *l)
{
    uint8_t *visitor = p->guard; /* not in use before the light is followed */
    p->unlearnt_ms += (unsigned)l->dt_ms;
    if (l->now_us - p->measured_us < MEASURE_US && l->now_us >= p->measured_us)
        return false;
    p->measured_us = l->now_us;
    unsigned passed = p->unlearnt_ms / 100;
    p->unlearnt_ms %= 100;
    memset(p->broke, 0, mask_grid_size(&p->grid));
    if (find_visitors(p, visitor))
        compare_visitors(p, live, visitor);
    follow_cells(p, live, l, visitor, passed);
    if (!p->frozen)
        follow_light(p, live);
    return true;
}

void mask_plate_doubt(struct mask_plate *p, size_t c)
{
    if (p->learnt[c])
        p->learnt_count--;
    p->learnt[c] = p->hold[c] = 0;
    p->quiet[c] = 0;
}
