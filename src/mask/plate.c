/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/plate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mask/grow.h"

#define HOLD 50        /* 1/50 s: a second */
#define CLOSE_RADIUS 4 /* cells: holes and gaps up to 40 pixels across are filled */
#define LIGHT_US (SECOND_US / 2)
#define REACH 4      /* cells around a strong difference within which a weak one counts */
#define LIMIT_MIN 40 /* of a cell's 16 luma pixels together */
#define LIMIT_MAX 208
#define LIMIT_UNKNOWN 90 /* before any noise was measured */
#define CHROMA_MIN 24    /* of its 8 chroma pixels together */
#define CHROMA_MAX 112
#define STEADY 10 /* 1/10 s */

/* Small loops over cells. Clang makes vectors of them at -O2, GCC 12 only when asked. */
#ifdef __clang__
#define VECTORISE
#else
#define VECTORISE __attribute__((optimize("O3")))
#endif

static int init_cells(struct mask_plate *p)
{
    uint16_t **wide[] = {&p->sad,      &p->chroma,      &p->sum,   &p->previous,
                         &p->cand_sad, &p->cand_chroma, &p->noise, &p->noise_chroma,
                         &p->peak,     &p->peak_chroma, &p->limit, &p->limit_chroma,
                         &p->quiet,    &p->look};
    uint8_t **narrow[] = {&p->learnt, &p->weak,  &p->strong, &p->trace, &p->moving,
                          &p->cover,  &p->guard, &p->broke,  &p->tmp,   &p->hold};
    size_t n = mask_grid_size(&p->grid), nw = sizeof(wide) / sizeof(wide[0]),
           nn = sizeof(narrow) / sizeof(narrow[0]);
    uint16_t *w = calloc(n * nw, sizeof(uint16_t));
    uint8_t *b = calloc(n, nn);
    p->sad = w;
    p->learnt = b;
    p->usable = calloc((size_t)p->plate_blocks.count + 1, 1);
    if (!w || !b || !p->usable)
        return -ENOMEM;
    for (size_t i = 0; i < nw; i++)
        *wide[i] = w + i * n;
    for (size_t i = 0; i < nn; i++)
        *narrow[i] = b + i * n;
    return 0;
}

int mask_plate_init(struct mask_plate *p, int width, int height)
{
    *p = (struct mask_plate){.grid = mask_grid_of(width, height)};
    int r = mask_picture_init(&p->plate, width, height);
    if (r >= 0)
        r = mask_picture_init(&p->pred, width, height);
    if (r >= 0)
        r = mask_picture_init(&p->cand, width, height);
    if (r >= 0)
        r = mask_picture_init(&p->cand_pred, width, height);
    if (r >= 0)
        r = mask_blocks_init(&p->plate_blocks, &p->grid);
    if (r >= 0)
        r = mask_blocks_init(&p->live_blocks, &p->grid);
    if (r >= 0)
        r = mask_light_init(&p->light, &p->grid);
    if (r >= 0)
        r = init_cells(p);
    if (r >= 0)
        mask_plate_forget(p);
    return r;
}

void mask_plate_release(struct mask_plate *p)
{
    mask_picture_release(&p->plate);
    mask_picture_release(&p->pred);
    mask_picture_release(&p->cand);
    mask_picture_release(&p->cand_pred);
    mask_blocks_release(&p->plate_blocks);
    mask_blocks_release(&p->live_blocks);
    mask_light_release(&p->light);
    free(p->usable);
    free(p->sad);
    free(p->learnt);
    *p = (struct mask_plate){0};
}

void mask_plate_forget(struct mask_plate *p)
{
    size_t n = mask_grid_size(&p->grid);
    mask_gain_reset(&p->gain);
    mask_light_reset(&p->light);
    for (int i = 0; i < 3; i++)
        p->used[i] = mask_gain_affine(&p->gain, i, 255);
    mask_picture_fill(&p->plate, (const uint8_t[]){128, 128, 128});
    mask_picture_copy(&p->pred, &p->plate);
    memset(p->learnt, 0, n);
    memset(p->hold, 0, n);
    memset(p->cover, 0, n);
    memset(p->quiet, 0, n * sizeof(uint16_t));
    memset(p->noise, 0, n * sizeof(uint16_t));
    memset(p->peak, 0, n * sizeof(uint16_t));
    memset(p->noise_chroma, 0, n * sizeof(uint16_t));
    memset(p->peak_chroma, 0, n * sizeof(uint16_t));
    for (size_t i = 0; i < n; i++)
        p->limit[i] = p->limit_chroma[i] = LIMIT_UNKNOWN;
    p->learnt_count = p->differing = p->moved = 0;
    p->frames = 0;
}

static unsigned within(unsigned v, unsigned low, unsigned high)
{
    return v < low ? low : v > high ? high : v;
}

/*
 * One and a half times what the cell does on average when nobody is there, or a little more than the most it did, and
 * a little. A camera's encoder sends new noise with each key picture and none between: the mean is over many of them.
 * The ceiling sees to it that where leaves move all day, people are still seen: the leaves are then covered with them.
 */
static uint16_t limit_of(unsigned noise, unsigned peak, unsigned least, unsigned most)
{
    unsigned mean = noise * 3 >> 5, top = peak * 9 >> 7;
    return (uint16_t)within((mean > top ? mean : top) + 12, least, most);
}

void mask_plate_limits(struct mask_plate *p, size_t i)
{
    p->limit[i] = limit_of(p->noise[i], p->peak[i], LIMIT_MIN, LIMIT_MAX);
    p->limit_chroma[i] = limit_of(p->noise_chroma[i], p->peak_chroma[i], CHROMA_MIN, CHROMA_MAX);
}

float mask_plate_learnt(const struct mask_plate *p)
{
    return (float)p->learnt_count / (float)p->grid.count;
}

float mask_plate_differing(const struct mask_plate *p)
{
    return p->learnt_count ? (float)p->differing / (float)p->learnt_count : 0;
}

/* Known, or unknown but standing still for a second: good to tell the light by. A byte per cell into p->tmp. */
VECTORISE static void find_steady(struct mask_plate *p, size_t n)
{
    const uint8_t *restrict learnt = p->learnt;
    const uint16_t *restrict quiet = p->quiet;
    uint8_t *restrict steady = p->tmp;
    for (size_t i = 0; i < n; i++)
        steady[i] = (learnt[i] | (quiet[i] >= STEADY)) & 1;
}

static uint32_t four(const uint8_t *v)
{
    uint32_t word;
    memcpy(&word, v, sizeof(word));
    return word;
}

/* Blocks that are steady: 2 when nothing is covered in them, else 1. */
static void find_usable(struct mask_plate *p)
{
    const struct mask_blocks *b = &p->plate_blocks;
    size_t stride = (size_t)p->grid.stride;
    int known = 0, clear = 0;
    find_steady(p, mask_grid_size(&p->grid));
    for (int y = 0, i = 0; y < b->rows; y++)
        for (int x = 0; x < b->columns; x++, i++) {
            size_t c = (size_t)y * 4 * stride + (size_t)x * 4;
            uint32_t steady = 0, covered = 0;
            for (size_t k = 0; k < 4; k++) {
                steady += four(p->tmp + c + k * stride);
                covered |= four(p->cover + c + k * stride);
            }
            int cells = (int)(steady * 0x01010101U >> 24);
            p->usable[i] = cells < 12 ? 0 : covered ? 1 : 2;
            known += cells >= 12;
            clear += p->usable[i] == 2;
        }
    for (int i = 0; i < b->count && clear * 5 < known * 2; i++)
        p->usable[i] = p->usable[i]
                           ? 1
                           : 0; /* nothing is clear enough to tell soft light by, but the gain is */
}

VECTORISE static uint8_t brightest(const uint8_t *v, size_t n)
{
    uint8_t m = 0;
    for (size_t i = 0; i < n; i++)
        m = v[i] > m ? v[i] : m;
    return m;
}

/* Does the gain differ from the one that pred was made with by what one could see? */
static bool gain_moved(const struct mask_plate *p, const struct mask_affine now[3])
{
    for (int i = 0; i < 3; i++)
        for (int v = 16; v <= 240; v += 224) {
            int before = v * p->used[i].gain + p->used[i].offset * (MASK_GAIN_ONE / 16);
            int after = v * now[i].gain + now[i].offset * (MASK_GAIN_ONE / 16);
            if (abs(after - before) > MASK_GAIN_ONE * 2 / 5)
                return true;
        }
    return abs(now[0].high - p->used[0].high) > 1;
}

void mask_plate_expose(const struct mask_plate *p, const struct mask_picture *plate,
                       struct mask_picture *ret, int from, int to)
{
    for (int i = 0; i < 3; i++) {
        int side = i ? MASK_CELL / 2 : MASK_CELL;
        size_t stride = (size_t)plate->stride[i];
        for (int y = from * side; y < to * side; y++)
            mask_affine_row(plate->plane[i] + (size_t)y * stride,
                            ret->plane[i] + (size_t)y * stride, stride, p->used[i],
                            i ? NULL : mask_light_row(&p->light, y));
    }
}

static void update_pred(struct mask_plate *p, const struct mask_picture *live, bool changed)
{
    struct mask_affine now[3];
    uint8_t white = 255;
    if (!mask_gain_is_one(&p->gain)) /* what is too bright is cut off where the camera does it */
        white = brightest(live->plane[0], (size_t)live->stride[0] * (size_t)live->height);
    for (int i = 0; i < 3; i++)
        now[i] = mask_gain_affine(&p->gain, i, white);
    if (!gain_moved(p, now) && !changed)
        return;
    memcpy(p->used, now, sizeof(now));
    mask_plate_expose(p, &p->plate, &p->pred, 0, p->grid.rows);
    p->plate_changed = false;
}

/* Returns whether the light changed at a stroke, so that motion cannot be told from it. */
static bool follow_light(struct mask_plate *p, const struct mask_picture *live, int64_t now_us)
{
    float before = p->gain.gain[0] * 128 + p->gain.offset[0];
    bool changed = p->plate_changed;
    if (changed || p->frames % 16 == 0)
        mask_blocks_measure(&p->plate_blocks, &p->plate);
    mask_blocks_measure(&p->live_blocks, live);
    find_usable(p);
    mask_gain_fit(&p->gain, &p->plate_blocks, &p->live_blocks, p->usable);
    if (!p->frozen && (now_us - p->light_us >= LIGHT_US || now_us < p->light_us)) {
        changed |=
            mask_light_follow(&p->light, &p->gain, &p->plate_blocks, &p->live_blocks, p->usable);
        p->light_us = now_us;
    }
    update_pred(p, live, changed);
    float step = p->gain.gain[0] * 128 + p->gain.offset[0] - before;
    return step > 1 || step < -1;
}

/* A cell that is clearly empty again is let go after 0.4 s. */
VECTORISE static void hold_cells(uint8_t *restrict hold, const uint8_t *restrict weak,
                                 const uint8_t *restrict trace, int passed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int left = hold[i] - (trace[i] ? passed : passed * 5 / 2);
        hold[i] = weak[i] ? HOLD : left > 0 ? (uint8_t)left : 0;
    }
}

void mask_plate_see(struct mask_plate *p, const struct mask_picture *live, int64_t now_us,
                    int dt_ms)
{
    const struct mask_grid *g = &p->grid;
    size_t n = mask_grid_size(g);
    bool stroke = follow_light(p, live, now_us);
    uint16_t *swap = p->previous;
    p->previous = p->sum;
    p->sum = swap;
    for (int y = 0; y < g->rows; y++) {
        size_t at = (size_t)y * (size_t)g->stride;
        struct mask_row row = {p->sad + at, p->sum + at, p->chroma + at};
        mask_compare_row(live, &p->pred, y, &row);
    }
    struct mask_verdict v = {p->sad,  p->chroma, p->limit,  p->limit_chroma, p->learnt,
                             p->weak, p->strong, p->moving, p->trace};
    mask_judge(&v, n);
    struct mask_evidence e = {p->weak, p->strong, p->moving, p->trace};
    mask_settle(g, &e, REACH, 1, p->tmp); /* moving serves as the third mask before it is found */
    if (stroke || !p->frames)
        memset(p->moving, 0, n);
    else
        mask_motion(p->sum, p->previous, p->limit, p->moving, n);
    int passed = dt_ms / 20;
    hold_cells(p->hold, p->weak, p->trace, passed > 255 ? 255 : passed, n);
    p->differing = mask_count(g, p->weak);
    p->moved = mask_count(g, p->moving);
    p->frames++;
}

VECTORISE static void unite(uint8_t *restrict to, const uint8_t *restrict hold,
                            const uint8_t *restrict claims, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = hold[i] | claims[i] ? 255 : 0;
}

/* Silhouettes are larger than what they hide: 2 to 3 cells all around, more on wide pictures. */
void mask_plate_cover(struct mask_plate *p, const uint8_t *claims)
{
    const struct mask_grid *g = &p->grid;
    int radius = g->width < 480 ? 2 : g->width < 960 ? 3 : g->width / 320;
    unite(p->cover, p->hold, claims, mask_grid_size(g));
    mask_close(g, p->cover, CLOSE_RADIUS, p->tmp);
    mask_dilate(g, p->cover, radius, p->tmp);
}
