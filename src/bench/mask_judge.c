/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bench/mask_judge.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHROMA_WEIGHT 2.0f /* chroma has half the resolution and half the swing */
#define NEIGHBOURS 6
#define FLAT 8.0f
#define MARK 12.0f /* off the line between fill and mark, by encoding */
#define RING 10    /* pixels around a person that show whether a fill goes on */
#define FALSE_LUMA 26
#define FALSE_CHROMA 12
#define SAME_LUMA 10 /* without B: O equals S */
#define SAME_CHROMA 6

enum { NOT_JUDGED, HIDDEN, EXPOSED };

void judge_scratch_release(struct judge_scratch *j)
{
    free(j->map);
    *j = (struct judge_scratch){0};
}

static int prepare(struct judge_scratch *j, const struct sim_picture *p)
{
    size_t size = (size_t)p->width * (size_t)p->height;
    if (j->width != p->width || j->height != p->height) {
        judge_scratch_release(j);
        j->map = malloc(size);
        if (!j->map)
            return -ENOMEM;
        j->width = p->width;
        j->height = p->height;
    }
    memset(j->map, NOT_JUDGED, size);
    return 0;
}

int judge_light(const struct sim_picture *b, const struct sim_picture *o)
{
    int histogram[256] = {0}, seen = 0, i = 0;
    for (int k = 0; k < b->width * b->height; k += 7) {
        int from = b->y[k] - 16, to = o->y[k] - 16;
        if (from < 16)
            continue;
        int ratio = to * 64 / from;
        histogram[ratio < 0 ? 0 : ratio > 255 ? 255 : ratio]++;
        seen++;
    }
    for (int sum = 0; i < 255 && (sum += histogram[i]) < (seen + 1) / 2; i++)
        ;
    return i;
}

struct colour {
    float y, u, v;
};

static struct colour at(const struct sim_picture *p, int x, int y)
{
    int half = (y / 2) * (p->width / 2) + x / 2;
    return (struct colour){(float)p->y[y * p->width + x], CHROMA_WEIGHT * (float)p->u[half],
                           CHROMA_WEIGHT * (float)p->v[half]};
}

static struct colour minus(struct colour a, struct colour b)
{
    return (struct colour){a.y - b.y, a.u - b.u, a.v - b.v};
}

static float dot(struct colour a, struct colour b)
{
    return a.y * b.y + a.u * b.u + a.v * b.v;
}

static bool near(struct colour a, struct colour b, float distance)
{
    struct colour off = minus(a, b);
    return dot(off, off) <= distance * distance;
}

static int judge_pixel(struct colour s, struct colour b, struct colour o, int light)
{
    struct colour older = {16 + (b.y - 16) * (float)light / 64, b.u, b.v},
                  from_older = minus(o, older);
    if (dot(from_older, from_older) <= JUDGE_NOISE * JUDGE_NOISE)
        return HIDDEN;
    struct colour way = minus(s, b), gone = minus(o, b);
    float contrast = dot(way, way);
    if (contrast < JUDGE_CONTRAST * JUDGE_CONTRAST)
        return HIDDEN;
    float along = dot(gone, way) / contrast;
    if (along < JUDGE_EXPOSED)
        return HIDDEN;
    if (along > 1) /* beyond S: how far off is how far from S */
        along = 1;
    struct colour off = {gone.y - along * way.y, gone.u - along * way.u, gone.v - along * way.v};
    float noise = JUDGE_NOISE + 0.1f * sqrtf(contrast);
    return dot(off, off) <= noise * noise ? EXPOSED : HIDDEN;
}

struct span {
    int x0, y0, x1, y1;
};

static struct span span_of(const struct sim_picture *p, const float box[4], int grow)
{
    struct span r = {(int)floorf(box[0]) - grow, (int)floorf(box[1]) - grow,
                     (int)ceilf(box[2]) + grow, (int)ceilf(box[3]) + grow};
    r.x0 = r.x0 < 0 ? 0 : r.x0;
    r.y0 = r.y0 < 0 ? 0 : r.y0;
    r.x1 = r.x1 > p->width ? p->width : r.x1;
    r.y1 = r.y1 > p->height ? p->height : r.y1;
    return r;
}

/* Exposed pixels among exposed neighbours. */
static void count(const struct judge_scratch *j, struct span r, struct judge_area *ret)
{
    for (int y = r.y0; y < r.y1; y++)
        for (int x = r.x0; x < r.x1; x++) {
            int around = 0, v = j->map[y * j->width + x];
            ret->pixels += v != NOT_JUDGED;
            if (v != EXPOSED)
                continue;
            for (int dy = y > r.y0 ? -1 : 0; dy <= (y + 1 < r.y1); dy++)
                for (int dx = x > r.x0 ? -1 : 0; dx <= (x + 1 < r.x1); dx++)
                    around += j->map[(y + dy) * j->width + x + dx] == EXPOSED;
            ret->exposed += around >= NEIGHBOURS;
        }
}

static bool inner(const uint8_t *l, int width, uint8_t label)
{
    return l[0] == label && l[-1] == label && l[1] == label && l[-width] == label &&
           l[width] == label;
}

/* Middle values of O over the pixels of a span that are exposed, or over those that are not. */
static struct colour middle(const struct judge_scratch *j, const struct sim_picture *o,
                            struct span r, bool exposed)
{
    int histogram[3][256] = {{0}}, n = 0, value[3] = {0};
    for (int y = r.y0; y < r.y1; y++)
        for (int x = r.x0; x < r.x1; x++) {
            int half = (y / 2) * (o->width / 2) + x / 2;
            if ((j->map[y * j->width + x] == EXPOSED) != exposed)
                continue;
            n++;
            histogram[0][o->y[y * o->width + x]]++;
            histogram[1][o->u[half]]++;
            histogram[2][o->v[half]]++;
        }
    for (int i = 0; i < 3; i++)
        for (int sum = 0; value[i] < 255 && (sum += histogram[i][value[i]]) < (n + 1) / 2;)
            value[i]++;
    return (struct colour){(float)value[0], CHROMA_WEIGHT * (float)value[1],
                           CHROMA_WEIGHT * (float)value[2]};
}

/*
 * One flat colour over what it matches and over what it does not, on a person and around them: a fill. Pixels of it
 * are not exposed.
 */
static void forgive_fill(struct judge_scratch *j, const struct sim_picture *s,
                         const struct sim_picture *o, struct span r, const float box[4])
{
    struct colour m = middle(j, o, r, true);
    struct span wide = span_of(o, box, RING);
    int other = 0, other_flat = 0;
    for (int y = wide.y0; y < wide.y1; y++)
        for (int x = wide.x0; x < wide.x1; x++)
            if (j->map[y * j->width + x] != EXPOSED && !near(at(s, x, y), m, JUDGE_CONTRAST)) {
                other++;
                other_flat += near(at(o, x, y), m, FLAT);
            }
    if (other < RING || other_flat * 2 < other)
        return;
    for (int y = r.y0; y < r.y1; y++)
        for (int x = r.x0; x < r.x1; x++) {
            uint8_t *v = &j->map[y * j->width + x];
            if (*v == EXPOSED && near(at(o, x, y), m, FLAT))
                *v = HIDDEN;
        }
}

/* Whether @c is a blend of two colours: the edge of a mark, or its middle after encoding. */
static bool on_line(struct colour c, struct colour from, struct colour to)
{
    struct colour way = minus(to, from), gone = minus(c, from);
    float length = dot(way, way);
    if (length < 1)
        return near(c, from, FLAT);
    float along = dot(gone, way) / length;
    struct colour off = {gone.y - along * way.y, gone.u - along * way.u, gone.v - along * way.v};
    return dot(off, off) <= MARK * MARK;
}

/*
 * A silhouette lies over all that is around, and what seems to shine through is of one colour: the mark that is drawn on
 * it. A person would show at least two.
 */
static void forgive_mark(struct judge_scratch *j, const struct sim_picture *o, struct span r,
                         const float box[4])
{
    struct span wide = span_of(o, box, RING);
    struct colour fill = middle(j, o, wide, false), mark = middle(j, o, r, true);
    int exposed = 0, marked = 0, other = 0, filled = 0;
    for (int y = wide.y0; y < wide.y1; y++)
        for (int x = wide.x0; x < wide.x1; x++) {
            bool seen = j->map[y * j->width + x] == EXPOSED;
            exposed += seen;
            other += !seen;
            marked += seen && on_line(at(o, x, y), fill, mark);
            filled += !seen && near(at(o, x, y), fill, FLAT);
        }
    if (filled * 4 < other * 3 || marked * 10 < exposed * 7)
        return;
    for (int y = r.y0; y < r.y1; y++)
        for (int x = r.x0; x < r.x1; x++) {
            uint8_t *v = &j->map[y * j->width + x];
            *v = *v == EXPOSED ? HIDDEN : *v;
        }
}

int judge_person(struct judge_scratch *j, const struct sim_picture *s, const struct sim_picture *b,
                 const struct sim_picture *o, int light, uint8_t label, const float box[4],
                 struct judge_area *ret)
{
    *ret = (struct judge_area){0};
    if (prepare(j, s) < 0)
        return -ENOMEM;
    struct span r = span_of(s, box, 1);
    for (int y = r.y0 > 1 ? r.y0 : 1; y < r.y1 && y < s->height - 1; y++)
        for (int x = r.x0 > 1 ? r.x0 : 1; x < r.x1 && x < s->width - 1; x++)
            if (inner(s->label + y * s->width + x, s->width, label))
                j->map[y * s->width + x] =
                    (uint8_t)judge_pixel(at(s, x, y), at(b, x, y), at(o, x, y), light);
    forgive_fill(j, s, o, r, box);
    forgive_mark(j, o, r, box);
    count(j, r, ret);
    return 0;
}

static bool in_ellipse(const float box[4], int x, int y)
{
    float w = box[2] - box[0], h = box[3] - box[1];
    float dx = ((float)x + 0.5f - box[0]) / w - 0.5f, dy = ((float)y + 0.5f - box[1]) / h - 0.5f;
    return dx * dx + dy * dy <= 0.25f;
}

int judge_box(struct judge_scratch *j, const struct sim_picture *s, const struct sim_picture *o,
              const float box[4], struct judge_area *ret)
{
    *ret = (struct judge_area){0};
    if (prepare(j, s) < 0)
        return -ENOMEM;
    struct span r = span_of(s, box, 0);
    for (int y = r.y0; y < r.y1; y++)
        for (int x = r.x0; x < r.x1; x++) {
            int half = (y / 2) * (s->width / 2) + x / 2, full = y * s->width + x;
            if (!in_ellipse(box, x, y))
                continue;
            bool same = abs(s->y[full] - o->y[full]) <= SAME_LUMA &&
                        abs(s->u[half] - o->u[half]) <= SAME_CHROMA &&
                        abs(s->v[half] - o->v[half]) <= SAME_CHROMA;
            j->map[full] = same ? EXPOSED : HIDDEN;
        }
    forgive_fill(j, s, o, r, box);
    forgive_mark(j, o, r, box);
    count(j, r, ret);
    return 0;
}

bool judge_missed(const struct judge_area *a)
{
    return a->pixels >= JUDGE_LEAST_PIXELS && a->exposed >= JUDGE_MISS_PIXELS &&
           (float)a->exposed > JUDGE_MISS * (float)a->pixels;
}

int judge_false_area(struct judge_scratch *j, const struct sim_picture *b,
                     const struct sim_picture *o, const struct judge_boxes *objects, int margin,
                     float *ret)
{
    if (prepare(j, b) < 0)
        return -ENOMEM;
    for (int i = 0; i < objects->count; i++) {
        struct span r = span_of(b, objects->box[i], margin);
        for (int y = r.y0; y < r.y1 && r.x1 > r.x0; y++)
            memset(j->map + (ptrdiff_t)y * b->width + r.x0, HIDDEN, (size_t)(r.x1 - r.x0));
    }
    int ratio = judge_light(b, o);
    long wrong = 0;
    for (int y = 0; y < b->height; y++)
        for (int x = 0; x < b->width; x++) {
            int full = y * b->width + x, half = (y / 2) * (b->width / 2) + x / 2;
            int luma = 16 + (b->y[full] - 16) * ratio / 64;
            if (j->map[full] == NOT_JUDGED)
                wrong += abs(luma - o->y[full]) > FALSE_LUMA ||
                         abs(b->u[half] - o->u[half]) > FALSE_CHROMA ||
                         abs(b->v[half] - o->v[half]) > FALSE_CHROMA;
        }
    *ret = (float)wrong / (float)(b->width * b->height);
    return 0;
}
