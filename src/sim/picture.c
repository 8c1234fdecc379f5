/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/picture.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int sim_picture_init(struct sim_picture *p, int width, int height)
{
    size_t luma = (size_t)width * (size_t)height;
    *p = (struct sim_picture){.width = width, .height = height};
    p->y = malloc(luma + luma / 2);
    if (!p->y)
        return -ENOMEM;
    p->u = p->y + luma;
    p->v = p->u + luma / 4;
    memset(p->y, 16, luma);
    memset(p->u, 128, luma / 2);
    return 0;
}

int sim_picture_add_label(struct sim_picture *p)
{
    p->label = calloc((size_t)p->width, (size_t)p->height);
    return p->label ? 0 : -ENOMEM;
}

void sim_picture_release(struct sim_picture *p)
{
    free(p->y);
    free(p->label);
    *p = (struct sim_picture){0};
}

void sim_picture_copy(struct sim_picture *to, const struct sim_picture *from)
{
    size_t luma = (size_t)from->width * (size_t)from->height;
    memcpy(to->y, from->y, luma + luma / 2);
    if (to->label)
        memset(to->label, 0, luma);
}

/* One line that comes from @from: @edge says whether the ends are repeated or cleared. */
static void shift_line(uint8_t *to, const uint8_t *from, int width, int dx, bool edge)
{
    int kept = width - abs(dx), gap = dx > 0 ? 0 : kept;
    uint8_t end = edge ? from[dx > 0 ? 0 : width - 1] : 0;
    memmove(to + (dx > 0 ? dx : 0), from + (dx > 0 ? 0 : -dx), (size_t)kept);
    memset(to + gap, end, (size_t)abs(dx));
}

static void shift_plane(uint8_t *plane, int width, int height, int dx, int dy, bool edge)
{
    for (int i = 0; i < height; i++) {
        int y = dy > 0 ? height - 1 - i : i,
            from = y - dy; /* in the order that reads before it writes */
        bool beyond = from < 0 || from >= height;
        from = from < 0 ? 0 : from >= height ? height - 1 : from;
        uint8_t *to = plane + (ptrdiff_t)y * width;
        if (beyond && !edge)
            memset(to, 0, (size_t)width);
        else /* the line at the end is the last to move, so all that repeat it find it as it was */
            shift_line(to, plane + (ptrdiff_t)from * width, width, dx, edge);
    }
}

void sim_picture_shift(struct sim_picture *p, int dx, int dy)
{
    if (abs(dx) >= p->width || abs(dy) >= p->height)
        return;
    shift_plane(p->y, p->width, p->height, dx, dy, true);
    shift_plane(p->u, p->width / 2, p->height / 2, dx / 2, dy / 2, true);
    shift_plane(p->v, p->width / 2, p->height / 2, dx / 2, dy / 2, true);
    if (p->label)
        shift_plane(p->label, p->width, p->height, dx, dy, false);
}

static uint8_t clamp8(float v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)(v + 0.5f);
}

struct sim_colour sim_colour_rgb(int r, int g, int b)
{
    float fr = (float)r, fg = (float)g, fb = (float)b;
    return (struct sim_colour){clamp8(16 + 0.257f * fr + 0.504f * fg + 0.098f * fb),
                               clamp8(128 - 0.148f * fr - 0.291f * fg + 0.439f * fb),
                               clamp8(128 + 0.439f * fr - 0.368f * fg - 0.071f * fb)};
}

struct sim_colour sim_colour_shade(struct sim_colour c, float factor)
{
    c.y = clamp8(16 + ((float)c.y - 16) * factor);
    return c;
}

/* Fill the pixels x0 <= x < x1 of one line; every second line carries colour. */
static void span(struct sim_picture *p, int y, float fx0, float fx1, struct sim_colour c)
{
    if (y < 0 || y >= p->height || !(fx1 > fx0) || fx1 <= 0 || fx0 >= (float)p->width)
        return;
    int x0 = fx0 <= 0 ? 0 : (int)(fx0 + 0.5f);
    int x1 = fx1 >= (float)p->width ? p->width : (int)(fx1 + 0.5f);
    if (x0 >= x1)
        return;
    memset(p->y + (size_t)y * (size_t)p->width + x0, c.y, (size_t)(x1 - x0));
    if (p->label)
        memset(p->label + (size_t)y * (size_t)p->width + x0, p->label_value, (size_t)(x1 - x0));
    int c0 = x0 / 2, c1 = (x1 + 1) / 2;
    if (y % 2)
        return;
    size_t at = (size_t)(y / 2) * (size_t)(p->width / 2) + (size_t)c0;
    memset(p->u + at, c.u, (size_t)(c1 - c0));
    memset(p->v + at, c.v, (size_t)(c1 - c0));
}

static int first_line(float y)
{
    return y <= 0 ? 0 : (int)ceilf(y - 0.5f);
}

static int end_line(const struct sim_picture *p, float y)
{
    return y >= (float)p->height ? p->height : (int)ceilf(y - 0.5f);
}

void sim_draw_rect(struct sim_picture *p, float x0, float y0, float x1, float y1,
                   struct sim_colour c)
{
    for (int y = first_line(y0); y < end_line(p, y1); y++)
        span(p, y, x0, x1, c);
}

void sim_draw_ellipse(struct sim_picture *p, float cx, float cy, float rx, float ry,
                      struct sim_colour c)
{
    for (int y = first_line(cy - ry); y < end_line(p, cy + ry); y++) {
        float d = ((float)y + 0.5f - cy) / ry, w = 1 - d * d;
        if (w <= 0)
            continue;
        w = rx * sqrtf(w);
        span(p, y, cx - w, cx + w, c);
    }
}

void sim_draw_polygon(struct sim_picture *p, const float (*xy)[2], int n, struct sim_colour c)
{
    float top = xy[0][1], bottom = xy[0][1];
    for (int i = 1; i < n; i++) {
        top = fminf(top, xy[i][1]);
        bottom = fmaxf(bottom, xy[i][1]);
    }
    for (int y = first_line(top); y < end_line(p, bottom); y++) {
        float at = (float)y + 0.5f, left = INFINITY, right = -INFINITY;
        for (int i = 0; i < n; i++) {
            const float *a = xy[i], *b = xy[(i + 1) % n];
            if ((a[1] <= at) == (b[1] <= at))
                continue;
            float x = a[0] + (b[0] - a[0]) * (at - a[1]) / (b[1] - a[1]);
            left = fminf(left, x);
            right = fmaxf(right, x);
        }
        span(p, y, left, right, c);
    }
}

void sim_draw_limb(struct sim_picture *p, float x0, float y0, float x1, float y1, float radius,
                   struct sim_colour c)
{
    float dx = x1 - x0, dy = y1 - y0, len = sqrtf(dx * dx + dy * dy);
    sim_draw_ellipse(p, x0, y0, radius, radius, c);
    sim_draw_ellipse(p, x1, y1, radius, radius, c);
    if (len < 0.01f)
        return;
    float nx = -dy / len * radius, ny = dx / len * radius;
    const float corners[4][2] = {
        {x0 + nx, y0 + ny}, {x1 + nx, y1 + ny}, {x1 - nx, y1 - ny}, {x0 - nx, y0 - ny}};
    sim_draw_polygon(p, corners, 4, c);
}
