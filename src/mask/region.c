/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mask/grow.h"

#define LABELS 4096 /* runs that start a new component before they are found to belong together */
#define SPEED_SHARE 0.3F /* weight of a new measurement of the motion */
#define BROKE_SHARE 64   /* of an object, and */
#define BROKE_CELLS 2 /* cells of an object that show something new before it counts as movement */

int mask_regions_init(struct mask_regions *r, const struct mask_grid *g)
{
    *r = (struct mask_regions){.next_track = 1};
    r->label = calloc(mask_grid_size(g), 1);
    r->scratch = calloc(mask_grid_size(g), sizeof(uint16_t));
    return r->label && r->scratch ? 0 : -ENOMEM;
}

void mask_regions_release(struct mask_regions *r)
{
    free(r->label);
    free(r->scratch);
    *r = (struct mask_regions){0};
}

static uint16_t root(const uint16_t *parent, uint16_t i)
{
    while (parent[i] != i)
        i = parent[i];
    return i;
}

static void unite(uint16_t *parent, uint16_t a, uint16_t b)
{
    a = root(parent, a), b = root(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

/* First pass: provisional labels, and which of them touch. Returns how many; the last one takes what is too much. */
static int label_cells(uint16_t *label, const struct mask_grid *g, const uint8_t *cover,
                       uint16_t *parent)
{
    int n = 0;
    size_t stride = (size_t)g->stride;
    parent[0] = 0;
    memset(label, 0, mask_grid_size(g) * sizeof(*label));
    for (int y = 0; y < g->rows; y++) {
        const uint8_t *row = cover + (size_t)y * stride;
        const uint8_t *first = memchr(row, 255, (size_t)g->columns);
        for (int x = first ? (int)(first - row) : g->columns; x < g->columns; x++) {
            size_t c = (size_t)y * stride + (size_t)x;
            uint16_t left = x ? label[c - 1] : 0, up = y ? label[c - stride] : 0;
            if (!cover[c])
                continue;
            if (!left && !up) {
                n = n < LABELS - 1 ? n + 1 : n;
                parent[n] = (uint16_t)n;
                label[c] = (uint16_t)n;
                continue;
            }
            label[c] = left ? left : up;
            if (left && up && left != up)
                unite(parent, left, up);
        }
    }
    return n;
}

static int64_t area(const struct mask_object *o)
{
    return (int64_t)((o->x1 - o->x0) * (o->y1 - o->y0) * 1000000.0F);
}

static int64_t overlap(const struct mask_object *a, const struct mask_object *b)
{
    float x0 = a->x0 > b->x0 ? a->x0 : b->x0, x1 = a->x1 < b->x1 ? a->x1 : b->x1;
    float y0 = a->y0 > b->y0 ? a->y0 : b->y0, y1 = a->y1 < b->y1 ? a->y1 : b->y1;
    return x1 > x0 && y1 > y0 ? (int64_t)((x1 - x0) * (y1 - y0) * 1000000.0F) : 0;
}

/* Silhouettes that met or parted have jumped, not moved. */
static bool same_size(const struct mask_object *a, const struct mask_object *b)
{
    float w = (a->x1 - a->x0) / (b->x1 - b->x0), h = (a->y1 - a->y0) / (b->y1 - b->y0);
    return w > 0.85F && w < 1.18F && h > 0.85F && h < 1.18F;
}

/* Take over number, class and motion of the object of the frame before that lies here. */
static void follow(struct mask_regions *r, const struct mask_regions *old, uint64_t *taken, int i,
                   int64_t now_us, int dt_ms)
{
    struct mask_object *o = &r->object[i];
    int best = -1;
    int64_t most = 0;
    for (int k = 0; k < old->count; k++) {
        int64_t a = overlap(o, &old->object[k]),
                smaller = area(o) < area(&old->object[k]) ? area(o) : area(&old->object[k]);
        if (!(*taken >> k & 1) && a > most && a * 10 > smaller * 3)
            best = k, most = a;
    }
    r->part[i].since_us = now_us;
    if (best < 0) {
        o->track = r->next_track++;
        return;
    }
    const struct mask_object *was = &old->object[best];
    *taken |= UINT64_C(1) << best;
    o->track = was->track;
    o->class = was->class;
    r->part[i].since_us = old->part[best].since_us;
    r->part[i].looked = old->part[best].looked;
    o->dx = was->dx, o->dy = was->dy;
    if (dt_ms > 0 && same_size(o, was)) {
        float s = 1000.0F / (float)dt_ms / 2;
        o->dx += ((o->x0 + o->x1 - was->x0 - was->x1) * s - was->dx) * SPEED_SHARE;
        o->dy += ((o->y0 + o->y1 - was->y0 - was->y1) * s - was->dy) * SPEED_SHARE;
    } else {
        o->dx *= 1 - SPEED_SHARE, o->dy *= 1 - SPEED_SHARE;
    }
}

static void measure_parts(struct mask_regions *r, const struct mask_plate *p,
                          const uint16_t *parent, uint8_t *number)
{
    const struct mask_grid *g = &p->grid;
    for (int y = 0; y < g->rows; y++) {
        const uint8_t *row = p->cover + (size_t)y * (size_t)g->stride;
        const uint8_t *first = memchr(row, 255, (size_t)g->columns);
        for (int x = first ? (int)(first - row) : g->columns; x < g->columns; x++) {
            size_t c = (size_t)y * (size_t)g->stride + (size_t)x;
            uint16_t l = r->scratch[c] ? root(parent, r->scratch[c]) : 0;
            if (!l)
                continue;
            if (!number[l] && r->count < MASK_OBJECTS) {
                number[l] = (uint8_t)++r->count;
                memset(&r->part[number[l] - 1], 0, sizeof(r->part[0]));
                r->part[number[l] - 1].x0 = x;
                r->part[number[l] - 1].y0 = y;
            }
            if (!number[l])
                number[l] = 255;
            r->label[c] = number[l];
            if (number[l] == 255)
                continue;
            int i = number[l] - 1;
            r->part[i].x0 = x < r->part[i].x0 ? x : r->part[i].x0;
            r->part[i].x1 = x + 1 > r->part[i].x1 ? x + 1 : r->part[i].x1;
            r->part[i].y1 = y + 1;
            r->part[i].cells++;
            r->part[i].moving += p->moving[c] & 1;
        }
    }
}

void mask_regions_find(struct mask_regions *r, const struct mask_plate *p, int64_t now_us,
                       int dt_ms)
{
    const struct mask_grid *g = &p->grid;
    uint16_t parent[LABELS];
    uint8_t number[LABELS];
    struct mask_regions old = *r;
    uint64_t taken = 0;
    r->count = 0;
    memset(r->label, 0, mask_grid_size(g));
    if (!mask_count(g, p->cover))
        return;
    int labels = label_cells(r->scratch, g, p->cover, parent);
    memset(number, 0, (size_t)labels + 1);
    measure_parts(r, p, parent, number);
    for (int i = 0; i < r->count; i++) {
        float w = (float)g->columns, h = (float)g->rows;
        r->object[i] = (struct mask_object){.x0 = (float)r->part[i].x0 / w,
                                            .y0 = (float)r->part[i].y0 / h,
                                            .x1 = (float)r->part[i].x1 / w,
                                            .y1 = (float)r->part[i].y1 / h};
        follow(r, &old, &taken, i, now_us, dt_ms);
    }
}

static int cell_at(float v, int cells)
{
    int c = (int)(v * (float)cells);
    return c < 0 ? 0 : c >= cells ? cells - 1 : c;
}

void mask_regions_name(struct mask_regions *r, const struct mask_grid *g,
                       const struct detect_box *boxes, int n)
{
    for (int i = 0; i < r->count; i++)
        r->part[i].looked = true;
    for (int b = 0; b < n; b++) {
        int x = cell_at((boxes[b].x0 + boxes[b].x1) / 2, g->columns);
        int y = cell_at((boxes[b].y0 + boxes[b].y1) / 2, g->rows);
        uint8_t l = r->label[(size_t)y * (size_t)g->stride + (size_t)x];
        if (!l || l == 255)
            continue;
        struct mask_object *o = &r->object[l - 1];
        enum detect_class c = boxes[b].class == DETECT_FACE ? DETECT_PERSON : boxes[b].class;
        if (c == DETECT_PERSON || o->class == DETECT_UNKNOWN)
            o->class = c;
    }
}

void mask_regions_unsettle(struct mask_regions *r, struct mask_plate *p)
{
    const struct mask_grid *g = &p->grid;
    bool any = false;
    for (int i = 0; i < r->count; i++)
        r->part[i].broke = 0;
    for (int y = 0; y < g->rows; y++)
        for (int x = 0; x < g->columns; x++) {
            size_t c = (size_t)y * (size_t)g->stride + (size_t)x;
            uint8_t l = r->label[c];
            if (p->broke[c] && l && l != 255 &&
                ++r->part[l - 1].broke >= r->part[l - 1].cells / BROKE_SHARE + BROKE_CELLS)
                any = true;
        }
    for (int y = 0; y < g->rows && any; y++)
        for (int x = 0; x < g->columns; x++) {
            size_t c = (size_t)y * (size_t)g->stride + (size_t)x;
            uint8_t l = r->label[c];
            if (l && l != 255 &&
                r->part[l - 1].broke >= r->part[l - 1].cells / BROKE_SHARE + BROKE_CELLS &&
                p->learnt[c])
                mask_plate_unsettle(p, c);
        }
}
