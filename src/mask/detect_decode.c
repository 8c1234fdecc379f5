/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Formulas: YuNet (libfacedetection.train), YOLOX §2 (anchor-free head), NanoDet (generalised focal loss, distances as
 * distributions over 8 bins). Cells lie row after row, as many as the input has multiples of the stride.
 */
#include "mask/detect_decode.h"

#include <math.h>
#include <stdlib.h>

#define STRIDES 3
#define COCO_CLASSES 80
#define BINS 8         /* of a NanoDet distance */
#define CANDIDATES 512 /* boxes before suppression; beyond that the weakest go */
#define OVERLAP 0.5f

static const int strides[STRIDES] = {8, 16, 32};

/* The columns of COCO that are read at all. */
static const struct {
    int column;
    enum detect_class class;
} wanted[] = {
    {0, DETECT_PERSON},
    {1, DETECT_VEHICLE} /* bicycle */,
    {2, DETECT_VEHICLE} /* car */,
    {3, DETECT_VEHICLE} /* motorcycle */,
    {5, DETECT_VEHICLE} /* bus */,
    {6, DETECT_VEHICLE} /* train */,
    {7, DETECT_VEHICLE} /* lorry */,
};

struct candidates {
    struct detect_box box[CANDIDATES];
    int count;
    float threshold;
};

int detect_decode_outputs(enum detect_kind kind, const char *const **ret)
{
    static const char *const yunet[] = {"cls_8",   "obj_8",  "bbox_8", "cls_16", "obj_16",
                                        "bbox_16", "cls_32", "obj_32", "bbox_32"};
    static const char *const nanodet[] = {"792", "795", "814", "817", "836", "839"};
    *ret = kind == DETECT_YUNET ? yunet : kind == DETECT_NANODET ? nanodet : NULL;
    return kind == DETECT_YUNET ? 9 : kind == DETECT_NANODET ? 6 : 1;
}

static void put(struct candidates *c, const struct detect_box *b)
{
    if (!(b->score >= c->threshold) || !isfinite(b->x0 + b->x1 + b->y0 + b->y1) || b->x1 <= b->x0 ||
        b->y1 <= b->y0)
        return;
    if (c->count < CANDIDATES) {
        c->box[c->count++] = *b;
        return;
    }
    int weakest = 0;
    for (int i = 1; i < c->count; i++)
        if (c->box[i].score < c->box[weakest].score)
            weakest = i;
    if (c->box[weakest].score < b->score)
        c->box[weakest] = *b;
}

static struct detect_box around(float cx, float cy, float w, float h)
{
    return (struct detect_box){
        .x0 = cx - w / 2, .y0 = cy - h / 2, .x1 = cx + w / 2, .y1 = cy + h / 2};
}

static float unit(float v)
{
    return v > 0 ? fminf(v, 1) : 0;
}

static bool shaped(const struct detect_tensor *t, int rows, int columns)
{
    return t->rows == rows && t->columns == columns;
}

static int column_of(int cell, int columns)
{
    return cell % columns;
}

static int row_of(int cell, int columns)
{
    return cell / columns;
}

static int decode_yunet(const struct detect_tensor *t, int width, int height, struct candidates *c)
{
    for (int k = 0; k < STRIDES; k++, t += 3) {
        int s = strides[k], columns = width / s, cells = columns * (height / s);
        if (!shaped(&t[0], cells, 1) || !shaped(&t[1], cells, 1) || !shaped(&t[2], cells, 4))
            return E_MISMATCH;
        for (int i = 0; i < cells; i++) {
            float score = sqrtf(unit(t[0].data[i]) * unit(t[1].data[i]));
            if (!(score >= c->threshold))
                continue;
            const float *d = t[2].data + (ptrdiff_t)i * 4;
            float size = (float)s;
            struct detect_box b = around(((float)column_of(i, columns) + d[0]) * size,
                                         ((float)row_of(i, columns) + d[1]) * size,
                                         expf(d[2]) * size, expf(d[3]) * size);
            b.class = DETECT_FACE;
            b.score = score;
            put(c, &b);
        }
    }
    return 0;
}

/* The best of the wanted columns; returns its score. */
static float best_class(const float *classes, enum detect_class *ret)
{
    float best = 0;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (classes[wanted[i].column] > best) {
            best = classes[wanted[i].column];
            *ret = wanted[i].class;
        }
    return fminf(best, 1);
}

static int decode_yolox(const struct detect_tensor *t, int width, int height, struct candidates *c)
{
    int row = 0, rows = 0;
    for (int k = 0; k < STRIDES; k++)
        rows += (width / strides[k]) * (height / strides[k]);
    if (!shaped(t, rows, 5 + COCO_CLASSES))
        return E_MISMATCH;
    for (int k = 0; k < STRIDES; k++) {
        int s = strides[k], columns = width / s, cells = columns * (height / s);
        for (int i = 0; i < cells; i++, row++) {
            const float *d = t->data + (ptrdiff_t)row * t->columns;
            enum detect_class class = DETECT_UNKNOWN;
            float size = (float)s;
            if (!(d[4] >= c->threshold)) /* no class can lift it */
                continue;
            float score = unit(d[4]) * best_class(d + 5, &class);
            struct detect_box b = around((d[0] + (float)column_of(i, columns)) * size,
                                         (d[1] + (float)row_of(i, columns)) * size,
                                         expf(d[2]) * size, expf(d[3]) * size);
            b.class = class;
            b.score = score;
            put(c, &b);
        }
    }
    return 0;
}

/* Mean of a distribution given as logarithms, in cells. */
static float distance(const float *bins)
{
    float top = bins[0], sum = 0, mean = 0;
    for (int i = 1; i < BINS; i++)
        top = fmaxf(top, bins[i]);
    for (int i = 0; i < BINS; i++) {
        float e = expf(bins[i] - top);
        sum += e;
        mean += e * (float)i;
    }
    return mean / sum;
}

static int decode_nanodet(const struct detect_tensor *t, int width, int height,
                          struct candidates *c)
{
    for (int k = 0; k < STRIDES; k++, t += 2) {
        int s = strides[k], columns = width / s, cells = columns * (height / s);
        if (!shaped(&t[0], cells, COCO_CLASSES) || !shaped(&t[1], cells, 4 * BINS))
            return E_MISMATCH;
        for (int i = 0; i < cells; i++) {
            struct detect_box b = {.class = DETECT_UNKNOWN};
            b.score = best_class(t[0].data + (ptrdiff_t)i * COCO_CLASSES, &b.class);
            if (!(b.score >= c->threshold))
                continue;
            const float *d = t[1].data + (ptrdiff_t)i * 4 * BINS;
            float size = (float)s, x = ((float)column_of(i, columns) + 0.5f) * size - 0.5f,
                  y = ((float)row_of(i, columns) + 0.5f) * size - 0.5f;
            b.x0 = x - distance(d) * size;
            b.y0 = y - distance(d + BINS) * size;
            b.x1 = x + distance(d + 2 * BINS) * size;
            b.y1 = y + distance(d + 3 * BINS) * size;
            put(c, &b);
        }
    }
    return 0;
}

float detect_overlap(const struct detect_box *a, const struct detect_box *b)
{
    float w = fminf(a->x1, b->x1) - fmaxf(a->x0, b->x0);
    float h = fminf(a->y1, b->y1) - fmaxf(a->y0, b->y0);
    if (!(w > 0) || !(h > 0))
        return 0;
    float both = w * h,
          all = (a->x1 - a->x0) * (a->y1 - a->y0) + (b->x1 - b->x0) * (b->y1 - b->y0) - both;
    return all > 0 ? both / all : 0;
}

static int by_score(const void *a, const void *b)
{
    const struct detect_box *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

int detect_suppress(struct detect_box *b, int n, float overlap)
{
    int kept = 0;
    qsort(b, (size_t)n, sizeof(*b), by_score);
    for (int i = 0; i < n; i++) {
        bool stays = true;
        for (int k = 0; k < kept && stays; k++)
            stays = b[k].class != b[i].class || detect_overlap(&b[k], &b[i]) <= overlap;
        if (stays)
            b[kept++] = b[i];
    }
    return kept;
}

int detect_decode(enum detect_kind kind, const struct detect_tensor *t, int width, int height,
                  float threshold, struct detect_box ret[DETECT_BOXES])
{
    struct candidates c = {.threshold = threshold};
    int r = kind == DETECT_YUNET   ? decode_yunet(t, width, height, &c)
            : kind == DETECT_YOLOX ? decode_yolox(t, width, height, &c)
                                   : decode_nanodet(t, width, height, &c);
    if (r < 0)
        return r;
    int n = detect_suppress(c.box, c.count, OVERLAP);
    if (n > DETECT_BOXES)
        n = DETECT_BOXES;
    for (int i = 0; i < n; i++)
        ret[i] = c.box[i];
    return n;
}
