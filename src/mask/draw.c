/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/draw.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mask/grow.h"

#define MOSAIC_BLOCKS 24 /* across, at most; with 40 a face near the lens is still one to a net */
/* The smoothed field of cells that are covered is nowhere below SOLID inside any of them: see paint_cell(). */
#define SOLID 168
#define LINE 138 /* from here to SOLID the outline, from FADE to here it fades into the backdrop */
#define FADE 92
#define TICK_SPEED 0.025F /* pictures a second below which nothing is said of the direction */

enum { HIDDEN = DETECT_VEHICLE + 1, ZONE, TINTS };

/* Fill and outline. Flat, of middle brightness, told apart by hue and by brightness too. */
static const uint8_t fill[TINTS][3] = {
    [DETECT_UNKNOWN] = {112, 136, 122}, [DETECT_PERSON] = {100, 152, 116},
    [DETECT_FACE] = {100, 152, 116},    [DETECT_VEHICLE] = {118, 128, 98},
    [HIDDEN] = {52, 132, 124},          [ZONE] = {64, 126, 130},
};
static const uint8_t line[TINTS][3] = {
    [DETECT_UNKNOWN] = {172, 133, 124}, [DETECT_PERSON] = {176, 142, 121},
    [DETECT_FACE] = {176, 142, 121},    [DETECT_VEHICLE] = {182, 128, 112},
    [HIDDEN] = {72, 132, 124},          [ZONE] = {84, 126, 130},
};

/* A cell belongs to a zone when the zone's edge passes through it or its middle lies inside. */
static bool inside(const struct mask_zone *z, float x, float y)
{
    bool in = false;
    for (int i = 0, j = z->points - 1; i < z->points; j = i++)
        if ((z->y[i] > y) != (z->y[j] > y) &&
            x < (z->x[j] - z->x[i]) * (y - z->y[i]) / (z->y[j] - z->y[i]) + z->x[i])
            in = !in;
    return in;
}

static void set_zone_cell(struct mask_canvas *c, float x, float y)
{
    int cx = (int)floorf(x * (float)c->grid.width / MASK_CELL),
        cy = (int)floorf(y * (float)c->grid.height / MASK_CELL);
    if (cx >= 0 && cx < c->grid.columns && cy >= 0 && cy < c->grid.rows)
        c->zone[(size_t)cy * (size_t)c->grid.stride + (size_t)cx] = 255;
}

static void mark_zone(struct mask_canvas *c, const struct mask_zone *z)
{
    const struct mask_grid *g = &c->grid;
    for (int y = 0; y < g->rows; y++)
        for (int x = 0; x < g->columns; x++) {
            float px = ((float)x + 0.5F) * MASK_CELL / (float)g->width,
                  py = ((float)y + 0.5F) * MASK_CELL / (float)g->height;
            if (inside(z, px, py))
                set_zone_cell(c, px, py);
        }
    for (int i = 0, j = z->points - 1; i < z->points; j = i++)
        for (int k = 0, n = 4 * (g->width + g->height); k <= n; k++) {
            float t = (float)k / (float)n;
            set_zone_cell(c, z->x[i] + (z->x[j] - z->x[i]) * t, z->y[i] + (z->y[j] - z->y[i]) * t);
        }
    c->zones = true;
}

int mask_canvas_init(struct mask_canvas *c, int width, int height, const struct mask_config *cfg)
{
    *c = (struct mask_canvas){.grid = mask_grid_of(width, height)};
    uint8_t **arrays[] = {&c->field, &c->drawn, &c->tint,  &c->tint_drawn, &c->zone,
                          &c->known, &c->base,  &c->dirty, &c->tmp};
    size_t n = mask_grid_size(&c->grid), count = sizeof(arrays) / sizeof(arrays[0]);
    int r = mask_picture_init(&c->picture, width, height);
    if (r >= 0)
        r = mask_picture_init(&c->backdrop, width, height);
    uint8_t *all = calloc(n, count);
    c->field = all;
    if (r < 0 || !all)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        *arrays[i] = all + i * n;
    for (int i = 0; i < cfg->zone_count; i++)
        mark_zone(c, &cfg->zone[i]);
    mask_canvas_hide(c);
    return 0;
}

void mask_canvas_release(struct mask_canvas *c)
{
    mask_picture_release(&c->picture);
    mask_picture_release(&c->backdrop);
    free(c->field);
    *c = (struct mask_canvas){0};
}

void mask_canvas_hide(struct mask_canvas *c)
{
    mask_picture_fill(&c->picture, fill[HIDDEN]);
    c->covered = c->grid.count;
}

static void fill_cell(struct mask_picture *p, int x, int y, const uint8_t yuv[3])
{
    for (int i = 0; i < 3; i++) {
        size_t side = i ? MASK_CELL / 2 : MASK_CELL, stride = (size_t)p->stride[i];
        uint8_t *at = p->plane[i] + (size_t)y * side * stride + (size_t)x * side;
        for (size_t k = 0; k < side; k++)
            memset(at + k * stride, yuv[i], side);
    }
}

void mask_canvas_blank(const struct mask_canvas *c, struct mask_picture *live)
{
    if (!c->zones)
        return;
    for (int y = 0; y < c->grid.rows; y++)
        for (int x = 0; x < c->grid.columns; x++)
            if (c->zone[(size_t)y * (size_t)c->grid.stride + (size_t)x])
                fill_cell(live, x, y, fill[ZONE]);
}

/* Mean of the known cells of a block of @side cells, into all of them; a block that is mostly unknown stays so. */
static void flatten_block(struct mask_canvas *c, int bx, int by, int side)
{
    const struct mask_grid *g = &c->grid;
    struct mask_picture *p = &c->backdrop;
    unsigned long sum[3] = {0}, cells = 0, all = 0;
    for (int y = by; y < by + side && y < g->rows; y++)
        for (int x = bx; x < bx + side && x < g->columns; x++) {
            all++;
            if (!c->known[(size_t)y * (size_t)g->stride + (size_t)x])
                continue;
            cells++;
            for (int i = 0; i < 3; i++) {
                size_t n = i ? MASK_CELL / 2 : MASK_CELL, stride = (size_t)p->stride[i];
                const uint8_t *at = p->plane[i] + (size_t)y * n * stride + (size_t)x * n;
                for (size_t k = 0; k < n * n; k++)
                    sum[i] += at[k / n * stride + k % n];
            }
        }
    bool keep = cells * 2 >= all && cells;
    const uint8_t mean[3] = {(uint8_t)(cells ? sum[0] / (cells * 16) : 0),
                             (uint8_t)(cells ? sum[1] / (cells * 4) : 0),
                             (uint8_t)(cells ? sum[2] / (cells * 4) : 0)};
    for (int y = by; y < by + side && y < g->rows; y++)
        for (int x = bx; x < bx + side && x < g->columns; x++) {
            c->known[(size_t)y * (size_t)g->stride + (size_t)x] = keep ? 255 : 0;
            fill_cell(p, x, y, keep ? mean : fill[HIDDEN]);
        }
}

#define NO_TINT 255

/* Small loops over cells. Clang makes vectors of them at -O2, GCC 12 only when asked. */
#ifdef __clang__
#define VECTORISE
#else
#define VECTORISE __attribute__((optimize("O3")))
#endif

VECTORISE static void take_where_none(uint8_t *restrict tint, const uint8_t *restrict other,
                                      size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t t = tint[i] != NO_TINT ? tint[i] : other[i];
        tint[i] = t != NO_TINT ? t : 0;
    }
}

/* The rim is not covered itself and takes the tint of a neighbour that is: the least of those around. */
static void spread_tints(struct mask_canvas *c)
{
    memcpy(c->base, c->tint, mask_grid_size(&c->grid));
    mask_least(&c->grid, c->base, 2, c->tmp);
    take_where_none(c->tint, c->base, mask_grid_size(&c->grid));
}

/* The field of @base, which is used up: see paint_plane(). */
static void find_field(struct mask_canvas *c)
{
    mask_dilate(&c->grid, c->base, 1, c->tmp);
    mask_smooth(&c->grid, c->base, c->field, c->tmp);
}

static void find_tints(struct mask_canvas *c, const struct mask_regions *r)
{
    uint8_t of[256];
    size_t n = mask_grid_size(&c->grid);
    memset(of, DETECT_UNKNOWN, sizeof(of));
    of[0] = NO_TINT;
    for (int i = 0; i < r->count; i++)
        of[i + 1] = (uint8_t)r->object[i].class;
    for (size_t i = 0; i < n; i++)
        c->tint[i] = of[r->label[i]];
    spread_tints(c);
}

VECTORISE static void unite(uint8_t *restrict to, const uint8_t *restrict cover,
                            const uint8_t *restrict zone, const uint8_t *restrict known, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(cover[i] | zone[i] | (uint8_t)~known[i]);
}

static void count_covered(struct mask_canvas *c, const struct mask_plate *p)
{
    unite(c->tmp, p->cover, c->zone, c->known, mask_grid_size(&c->grid));
    c->covered = mask_count(&c->grid, c->tmp);
}

VECTORISE static void mark_changes(uint8_t *restrict dirty, const uint8_t *restrict now,
                                   uint8_t *restrict drawn, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dirty[i] |= (uint8_t)(now[i] != drawn[i] ? 255 : 0);
        drawn[i] = now[i];
    }
}

static void find_dirty(struct mask_canvas *c)
{
    size_t n = mask_grid_size(&c->grid);
    mark_changes(c->dirty, c->field, c->drawn, n);
    mark_changes(c->dirty, c->tint, c->tint_drawn, n);
    mask_dilate(&c->grid, c->dirty, 1, c->tmp);
}

static uint8_t blend(unsigned f, uint8_t back, uint8_t body, uint8_t rim)
{
    if (f >= SOLID)
        return body;
    if (f >= LINE)
        return rim;
    return f <= FADE ? back : (uint8_t)((back * (LINE - f) + rim * (f - FADE)) / (LINE - FADE));
}

/*
 * One cell from the field of the 3x3 cells around it, which is taken to stand in their middles and interpolated between
 * them. base was dilated by a cell before it was smoothed: in a base cell the field is 255, in those beside it at least
 * 4/9 of that, so that no pixel of a base cell is below (9/9 + 6/9 + 6/9 + 4/9) / 4 = 177 of 255.
 */
static void paint_plane(struct mask_picture *to, const struct mask_picture *back, int plane, int x,
                        int y, const unsigned f[3][3], const uint8_t *body, const uint8_t *rim)
{
    int side = plane ? MASK_CELL / 2 : MASK_CELL;
    size_t stride = (size_t)to->stride[plane],
           at = (size_t)(y * side) * stride + (size_t)(x * side);
    for (int j = 0; j < side; j++)
        for (int i = 0; i < side; i++) {
            int px = (2 * i + 1) * 8 / side - 8,
                py = (2 * j + 1) * 8 / side - 8; /* from the middle, in 1/16 */
            const unsigned *row = f[1], *other = f[py < 0 ? 0 : 2];
            int sx = px < 0 ? 0 : 2;
            unsigned wx = (unsigned)abs(px), wy = (unsigned)abs(py);
            unsigned v = (row[1] * (16 - wx) + row[sx] * wx) * (16 - wy) +
                         (other[1] * (16 - wx) + other[sx] * wx) * wy;
            size_t b = at + (size_t)j * stride + (size_t)i;
            to->plane[plane][b] = blend(v >> 8, back->plane[plane][b], body[plane], rim[plane]);
        }
}

static void copy_cell(struct mask_picture *to, const struct mask_picture *from, int x, int y)
{
    for (int i = 0; i < 3; i++) {
        size_t side = i ? MASK_CELL / 2 : MASK_CELL, stride = (size_t)to->stride[i];
        size_t at = (size_t)y * side * stride + (size_t)x * side;
        for (size_t k = 0; k < side; k++)
            memcpy(to->plane[i] + at + k * stride, from->plane[i] + at + k * stride, side);
    }
}

static void paint_cell(const struct mask_canvas *c, struct mask_picture *to,
                       const struct mask_picture *back, int x, int y, uint8_t tint)
{
    const struct mask_grid *g = &c->grid;
    unsigned f[3][3], lowest = 255, highest = 0;
    for (int j = -1; j <= 1; j++)
        for (int i = -1; i <= 1; i++) {
            int nx = x + i < 0 ? 0 : x + i >= g->columns ? g->columns - 1 : x + i;
            int ny = y + j < 0 ? 0 : y + j >= g->rows ? g->rows - 1 : y + j;
            unsigned v = c->field[(size_t)ny * (size_t)g->stride + (size_t)nx];
            f[j + 1][i + 1] = v;
            lowest = v < lowest ? v : lowest;
            highest = v > highest ? v : highest;
        }
    if (highest <= FADE)
        copy_cell(to, back, x, y);
    else if (lowest >= SOLID)
        fill_cell(to, x, y, fill[tint]);
    else
        for (int i = 0; i < 3; i++)
            paint_plane(to, back, i, x, y, f, fill[tint], line[tint]);
}

/* Distance from (x, y) to the line from a to b. */
static float distance(float x, float y, float ax, float ay, float bx, float by)
{
    float dx = bx - ax, dy = by - ay,
          t = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy + 0.001F);
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    dx = ax + t * dx - x, dy = ay + t * dy - y;
    return sqrtf(dx * dx + dy * dy);
}

struct tick {
    float ax, ay, bx, by, lx, ly, rx, ry; /* shaft from a to b, head from l and r to b */
};

static void paint_tick_pixel(struct mask_canvas *c, const struct tick *t, const uint8_t *colour,
                             int x, int y)
{
    float px = (float)x + 0.5F, py = (float)y + 0.5F,
          d = distance(px, py, t->ax, t->ay, t->bx, t->by);
    d = fminf(d, fminf(distance(px, py, t->lx, t->ly, t->bx, t->by),
                       distance(px, py, t->rx, t->ry, t->bx, t->by)));
    int a = d < 0.8F ? 256 : d > 1.8F ? 0 : (int)((1.8F - d) * 256);
    if (!a)
        return;
    for (int i = 0; i < 3; i++) {
        if (i && (x % 2 || y % 2))
            continue;
        uint8_t *p = c->picture.plane[i] + (ptrdiff_t)(i ? y / 2 : y) * c->picture.stride[i] +
                     (i ? x / 2 : x);
        *p = (uint8_t)(*p + (colour[i] - *p) * a / 256);
    }
}

/* Paint an arrow from the middle of an object, and see to it that it is painted over with the next picture. */
static void paint_tick(struct mask_canvas *c, const struct mask_regions *r, int n)
{
    const struct mask_grid *g = &c->grid;
    const struct mask_object *o = &r->object[n];
    float w = (float)g->width, h = (float)g->height, vx = o->dx * w, vy = o->dy * h;
    float speed = sqrtf(vx * vx + vy * vy), x = (o->x0 + o->x1) / 2 * w,
          y = (o->y0 + o->y1) / 2 * h;
    size_t middle = (size_t)(y / MASK_CELL) * (size_t)g->stride + (size_t)(x / MASK_CELL);
    if (speed < TICK_SPEED * w || r->label[middle] != n + 1)
        return;
    float size = fminf((o->x1 - o->x0) * w, (o->y1 - o->y0) * h) * 0.22F;
    size = size < 5 ? 5 : size > 14 ? 14 : size;
    vx = vx / speed * size, vy = vy / speed * size;
    struct tick t = {.ax = x - vx, .ay = y - vy, .bx = x + vx, .by = y + vy};
    t.lx = t.bx - vx * 0.7F + vy * 0.6F, t.ly = t.by - vy * 0.7F - vx * 0.6F;
    t.rx = t.bx - vx * 0.7F - vy * 0.6F, t.ry = t.by - vy * 0.7F + vx * 0.6F;
    int reach = (int)size + 3;
    for (int py = (int)y - reach; py <= (int)y + reach; py++)
        for (int px = (int)x - reach; px <= (int)x + reach; px++) {
            if (px < 0 || py < 0 || px >= g->width || py >= g->height)
                continue;
            size_t cell = (size_t)(py / MASK_CELL) * (size_t)g->stride + (size_t)(px / MASK_CELL);
            if (r->label[cell] != n + 1)
                continue;
            paint_tick_pixel(c, &t, line[o->class], px, py);
            c->dirty[cell] = 255;
        }
}

/* Mean of a cell of the backdrop. */
static void add_cell(const struct mask_picture *p, int x, int y, unsigned sum[3])
{
    for (int i = 0; i < 3; i++) {
        size_t side = i ? MASK_CELL / 2 : MASK_CELL, stride = (size_t)p->stride[i];
        const uint8_t *at = p->plane[i] + (size_t)y * side * stride + (size_t)x * side;
        unsigned cell = 0;
        for (size_t k = 0; k < side * side; k++)
            cell += at[k / side * stride + k % side];
        sum[i] += cell / (unsigned)(side * side);
    }
}

/* A cell that trembles too much to be learnt, among six and more that are known, takes their colour. */
static void mend_cell(struct mask_canvas *c, const struct mask_plate *p, int x, int y)
{
    unsigned sum[3] = {0}, n = 0;
    for (int d = 0; d < 9; d++) {
        int nx = x + d % 3 - 1, ny = y + d / 3 - 1;
        if (nx < 0 || ny < 0 || nx >= c->grid.columns || ny >= c->grid.rows ||
            !p->learnt[(size_t)ny * (size_t)c->grid.stride + (size_t)nx])
            continue;
        add_cell(&p->pred, nx, ny, sum);
        n++;
    }
    if (n < 6)
        return;
    fill_cell(
        &c->backdrop, x, y,
        (const uint8_t[]){(uint8_t)(sum[0] / n), (uint8_t)(sum[1] / n), (uint8_t)(sum[2] / n)});
    c->known[(size_t)y * (size_t)c->grid.stride + (size_t)x] = 255;
}

/* What c->base says, smoothly. */
static void paint_backdrop(struct mask_canvas *c, uint8_t tint)
{
    const struct mask_grid *g = &c->grid;
    find_field(c);
    for (int y = 0; y < g->rows; y++)
        for (int x = 0; x < g->columns; x++)
            if (c->field[(size_t)y * (size_t)g->stride + (size_t)x])
                paint_cell(c, &c->backdrop, &c->backdrop, x, y, tint);
}

void mask_canvas_backdrop(struct mask_canvas *c, const struct mask_plate *p, bool mosaic)
{
    const struct mask_grid *g = &c->grid;
    size_t n = mask_grid_size(g);
    mask_picture_copy(&c->backdrop, &p->pred);
    memcpy(c->known, p->learnt, n);
    for (int y = 0; y < g->rows; y++)
        for (int x = 0; x < g->columns; x++)
            if (!p->learnt[(size_t)y * (size_t)g->stride + (size_t)x])
                mend_cell(c, p, x, y);
    int side = (g->columns + MOSAIC_BLOCKS - 1) / MOSAIC_BLOCKS;
    for (int y = 0; y < g->rows && mosaic; y += side)
        for (int x = 0; x < g->columns; x += side)
            flatten_block(c, x, y, side);
    for (size_t i = 0; i < n; i++)
        c->base[i] = (uint8_t)~c->known[i];
    for (int y = 0; y < g->rows;
         y++) /* nothing beyond the last column is ever known: it is no cell */
        memset(c->base + (size_t)y * (size_t)g->stride + g->columns, 0,
               (size_t)(g->stride - g->columns));
    paint_backdrop(c, HIDDEN);
    memcpy(c->base, c->zone, n);
    if (c->zones)
        paint_backdrop(c, ZONE);
    mask_picture_copy(&c->picture, &c->backdrop);
    memset(c->drawn, 0, n);
    memset(c->tint_drawn, 0, n);
    c->busy = true;
}

static void paint_dirty(struct mask_canvas *c)
{
    const struct mask_grid *g = &c->grid;
    for (int y = 0; y < g->rows; y++) {
        const uint8_t *row = c->dirty + (size_t)y * (size_t)g->stride;
        for (int x = 0; x < g->columns; x++) {
            uint64_t eight;
            memcpy(&eight, row + x, sizeof(eight)); /* the row is padded to 16 */
            if (!eight && x % 8 == 0)
                x += 7;
            else if (row[x])
                paint_cell(c, &c->picture, &c->backdrop, x, y,
                           c->tint[(size_t)y * (size_t)g->stride + (size_t)x]);
        }
    }
}

void mask_canvas_draw(struct mask_canvas *c, const struct mask_plate *p,
                      const struct mask_regions *r)
{
    size_t n = mask_grid_size(&c->grid);
    count_covered(c, p);
    if (!r->count && !c->busy) /* nothing there, nothing to wipe */
        return;
    c->busy = r->count > 0;
    memcpy(c->base, p->cover, n);
    find_field(c);
    find_tints(c, r);
    find_dirty(c);
    paint_dirty(c);
    memset(c->dirty, 0, n);
    for (int i = 0; i < r->count; i++)
        paint_tick(c, r, i);
}
