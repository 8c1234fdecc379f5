/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/watch.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ROUND_US (2 * SECOND_US)        /* the slow round */
#define URGENT_US (300 * INT64_C(1000)) /* something new came up */
#define RETRY_US (200 * INT64_C(1000))  /* the budget said no */
#define LATE_US (8 * SECOND_US)         /* without an answer the detector counts as asleep */
#define CLAIM_US (5 * SECOND_US)        /* a box holds that long if no later round replaces it */
#define GROWTH 0.25F                    /* of the box, on every side */
#define SURE 0.5F                       /* score from which a box speaks against the plate itself */

int mask_watch_init(struct mask_watch *w, const struct mask_grid *g, struct detector_pool *pool)
{
    static atomic_uint_fast64_t cameras;
    *w = (struct mask_watch){.pool = pool, .camera = ++cameras};
    w->persons = pool && detector_pool_has(pool, DETECT_PERSON);
    w->claims = calloc(mask_grid_size(g), 1);
    return w->claims ? 0 : -ENOMEM;
}

void mask_watch_release(struct mask_watch *w)
{
    free(w->claims);
    *w = (struct mask_watch){0};
}

bool mask_watch_awake(const struct mask_watch *w, int64_t now_us)
{
    return w->persons && w->looked_us && now_us - w->looked_us < LATE_US && now_us >= w->looked_us;
}

static bool anything_new(const struct mask_regions *r)
{
    for (int i = 0; i < r->count; i++)
        if (!r->part[i].looked)
            return true;
    return false;
}

static bool due(const struct mask_watch *w, const struct mask_regions *r, int64_t now_us,
                bool *ret_urgent)
{
    int64_t since = now_us - w->looked_us;
    *ret_urgent = anything_new(r);
    if (now_us - w->asked_us < RETRY_US && now_us >= w->asked_us)
        return false;
    return !w->looked_us || since < 0 || since >= (*ret_urgent ? URGENT_US : ROUND_US);
}

/* The cells of a box that was grown by @share of its size on every side. */
struct span {
    int x0, y0, x1, y1;
};
static int cell(float v, int n)
{
    int c = (int)(v * (float)n);
    return v < 0 || c < 0 ? 0 : c > n ? n : c;
}
static struct span span_of(const struct detect_box *b, const struct mask_grid *g, float share)
{
    float w = (b->x1 - b->x0) * share, h = (b->y1 - b->y0) * share;
    return (struct span){cell(b->x0 - w, g->columns), cell(b->y0 - h, g->rows),
                         cell(b->x1 + w, g->columns) + 1, cell(b->y1 + h, g->rows) + 1};
}

static void claim(struct mask_watch *w, const struct mask_grid *g, const struct detect_box *b)
{
    struct span s = span_of(b, g, b->class == DETECT_VEHICLE ? 0.05F : GROWTH);
    if (b->class == DETECT_FACE) { /* there is a person under it */
        s.y1 += (s.y1 - s.y0) * 2;
        s.x0 -= (s.x1 - s.x0) / 4, s.x1 += (s.x1 - s.x0) / 4;
    }
    for (int y = s.y0 < 0 ? 0 : s.y0; y < s.y1 && y < g->rows; y++)
        for (int x = s.x0 < 0 ? 0 : s.x0; x < s.x1 && x < g->columns; x++)
            w->claims[(size_t)y * (size_t)g->stride + (size_t)x] = 255;
}

/*
 * Somebody stands where the live picture is like the plate: then the plate shows them, and is forgotten there. Somebody
 * who came later differs from the plate in most of the box.
 */
static void doubt(struct mask_plate *p, const struct detect_box *b)
{
    const struct mask_grid *g = &p->grid;
    struct span s = span_of(b, g, -0.15F);
    int cells = 0, same = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int y = s.y0; y < s.y1 && y < g->rows; y++)
            for (int x = s.x0; x < s.x1 && x < g->columns; x++) {
                size_t c = (size_t)y * (size_t)g->stride + (size_t)x;
                if (pass)
                    mask_plate_doubt(p, c);
                cells++;
                same += p->learnt[c] && !p->weak[c];
            }
        if (same * 10 < cells * 7)
            return;
        s = span_of(b, g, GROWTH);
    }
}

static void take_boxes(struct mask_watch *w, struct mask_plate *p, int n, int64_t now_us,
                       int64_t spacing_us)
{
    w->boxes = n;
    w->fresh = true;
    w->looked_us = now_us;
    if (now_us - w->counted_us >= spacing_us || now_us < w->counted_us) {
        w->looks++;
        w->counted_us = now_us;
    }
    for (int i = 0; i < n; i++)
        if (w->box[i].score >= SURE &&
            (w->box[i].class == DETECT_PERSON || w->box[i].class == DETECT_FACE))
            doubt(p, &w->box[i]);
}

void mask_watch_step(struct mask_watch *w, const struct mask_picture *live, struct mask_plate *p,
                     const struct mask_regions *r, int64_t now_us, int64_t spacing_us)
{
    const struct mask_grid *g = &p->grid;
    bool urgent;
    w->fresh = false;
    if (!w->pool)
        return;
    if (due(w, r, now_us, &urgent)) {
        struct detect_picture pic = {.width = live->width, .height = live->height};
        struct detect_box found[DETECT_BOXES];
        for (int i = 0; i < 3; i++) {
            pic.plane[i] = live->plane[i];
            pic.stride[i] = live->stride[i];
        }
        w->asked_us = now_us;
        int n = detector_pool_look(w->pool, w->camera, &pic, 0, 0, 1, 1, urgent, now_us, found);
        if (n >= 0) {
            memcpy(w->box, found, sizeof(found[0]) * (size_t)n);
            take_boxes(w, p, n, now_us, spacing_us);
        }
    }
    memset(w->claims, 0, mask_grid_size(g));
    if (now_us - w->looked_us < CLAIM_US && now_us >= w->looked_us)
        for (int i = 0; i < w->boxes; i++)
            claim(w, g, &w->box[i]);
}
