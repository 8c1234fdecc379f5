/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/detect_input.h"

#include <math.h>
#include <string.h>

static int clamp_int(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* From @lo..@hi (0..1) to pixels of a side of @size, at least @least of them; the start is even. */
static void side(float lo, float hi, int size, int least, int *ret_at, int *ret_len)
{
    if (!(lo > 0))
        lo = 0;
    if (!(hi < 1))
        hi = 1;
    int from = lo < 1 ? (int)(lo * (float)size) : size - 1;
    int to = hi > 0 ? (int)ceilf(hi * (float)size) : 1;
    int len = to > from ? to - from : 1;
    if (len < least) {
        from -= (least - len) / 2;
        len = least;
    }
    if (len > size)
        len = size;
    from = clamp_int(from, 0, size - len) & ~1;
    *ret_at = from;
    *ret_len = clamp_int(len + 1, 1, size - from);
}

struct detect_region detect_region_of(const struct detect_picture *pic, float x0, float y0,
                                      float x1, float y1, int least_width, int least_height)
{
    struct detect_region r;
    side(x0, x1, pic->width, least_width, &r.x, &r.width);
    side(y0, y1, pic->height, least_height, &r.y, &r.height);
    return r;
}

float detect_input_scale(const struct detect_region *r, int width, int height)
{
    float scale = fminf((float)width / (float)r->width, (float)height / (float)r->height);
    return fminf(scale, 1);
}

/* Mean of the rows @from..@to of a plane, weighted by how much of each lies inside, into @sum. */
static void mean_rows(const uint8_t *plane, int stride, int x, int width, int rows, float from,
                      float to, float *restrict sum)
{
    float all = 1 / (to - from);
    memset(sum, 0, (size_t)width * sizeof(*sum));
    for (int y = (int)from; y < rows && (float)y < to; y++) {
        float w = (fminf((float)y + 1, to) - fmaxf((float)y, from)) * all;
        const uint8_t *restrict line = plane + (ptrdiff_t)y * stride + x;
        for (int i = 0; i < width; i++)
            sum[i] += w * (float)line[i];
    }
}

/* The same along a row, to @count means of @step values each. @row has a value to spare at its end. */
static void mean_columns(const float *restrict row, int width, float step, int count,
                         float *restrict ret)
{
    for (int i = 0; i < count; i++) {
        float from = (float)i * step, to = fminf(from + step, (float)width), sum = 0;
        if (!(to - from > 1e-3f)) { /* rounding at the last one */
            from = (float)width - 1;
            to = (float)width;
        }
        int a = (int)from, b = (int)to;
        if (a == b) {
            ret[i] = row[a];
            continue;
        }
        sum = row[a] * ((float)a + 1 - from);
        for (int k = a + 1; k < b; k++)
            sum += row[k];
        if (b < width)
            sum += row[b] * (to - (float)b);
        ret[i] = sum / (to - from);
    }
}

struct shrink {
    const struct detect_picture *pic;
    const struct detect_region *r;
    float *sums, *line[3]; /* line: means of Y, U, V for one row of the input */
    int columns;
    float step;
};

/* Row @y of the reduced region: luma and both colours. */
static void shrink_row(const struct shrink *s, int y)
{
    const struct detect_picture *p = s->pic;
    for (int i = 0; i < 3; i++) {
        int half = i ? 2 : 1;
        int x = s->r->x / half, w = (s->r->width + half - 1) / half;
        int rows = (p->height + half - 1) / half;
        float top = (float)s->r->y / (float)half, step = s->step / (float)half;
        float from = top + (float)y * step;
        if (from > (float)rows - 0.5f)
            from = (float)rows - 0.5f;
        mean_rows(p->plane[i], p->stride[i], x, w, rows, from, fminf(from + step, (float)rows),
                  s->sums);
        mean_columns(s->sums, w, step, s->columns, s->line[i]);
    }
}

static float clamp255(float v)
{
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

static float convert_row(const struct shrink *s, const struct detect_norm *n, float *restrict b,
                         float *restrict g, float *restrict r)
{
    const float *restrict py = s->line[0], *restrict pu = s->line[1], *restrict pv = s->line[2];
    float luma = 0;
    for (int i = 0; i < s->columns; i++) {
        float y = 1.164f * (py[i] - 16), u = pu[i] - 128, v = pv[i] - 128;
        luma += py[i];
        b[i] = (clamp255(y + 2.017f * u) - n->mean[0]) / n->deviation[0];
        g[i] = (clamp255(y - 0.391f * u - 0.813f * v) - n->mean[1]) / n->deviation[1];
        r[i] = (clamp255(y + 1.596f * v) - n->mean[2]) / n->deviation[2];
    }
    return luma;
}

static void pad(float *out, int width, int height, int columns, int rows,
                const struct detect_norm *n)
{
    for (int c = 0; c < 3; c++) {
        float value = (n->pad - n->mean[c]) / n->deviation[c];
        float *plane = out + (ptrdiff_t)c * width * height;
        for (int y = 0; y < height; y++)
            for (int x = y < rows ? columns : 0; x < width; x++)
                plane[(ptrdiff_t)y * width + x] = value;
    }
}

float detect_input_fill(const struct detect_picture *pic, const struct detect_region *r, int width,
                        int height, const struct detect_norm *norm, float *scratch, float *out)
{
    float scale = detect_input_scale(r, width, height);
    int columns = clamp_int((int)((float)r->width * scale + 0.5f), 1, width);
    int rows = clamp_int((int)((float)r->height * scale + 0.5f), 1, height);
    struct shrink s = {.pic = pic, .r = r, .columns = columns, .step = 1 / scale};
    s.sums = scratch;
    for (int i = 0; i < 3; i++)
        s.line[i] = scratch + r->width + 4 + (ptrdiff_t)i * columns;
    float luma = 0;
    size_t plane = (size_t)width * (size_t)height;
    for (int y = 0; y < rows; y++) {
        float *to = out + (ptrdiff_t)y * width;
        shrink_row(&s, y);
        luma += convert_row(&s, norm, to, to + plane, to + 2 * plane);
    }
    pad(out, width, height, columns, rows, norm);
    return luma / (float)(columns * rows);
}

static float cut(float v, float at, float len, float size)
{
    v = v > 0 ? v : 0;
    v = at + fminf(v, len);
    return fminf(v / size, 1);
}

void detect_input_map(const struct detect_picture *pic, const struct detect_region *r, int width,
                      int height, struct detect_box *b)
{
    float scale = detect_input_scale(r, width, height), pw = (float)pic->width,
          ph = (float)pic->height;
    b->x0 = cut(b->x0 / scale, (float)r->x, (float)r->width, pw);
    b->x1 = cut(b->x1 / scale, (float)r->x, (float)r->width, pw);
    b->y0 = cut(b->y0 / scale, (float)r->y, (float)r->height, ph);
    b->y1 = cut(b->y1 / scale, (float)r->y, (float)r->height, ph);
}
