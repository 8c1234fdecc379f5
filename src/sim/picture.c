/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/picture.h"

#include <errno.h>
#include <math.h>
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

void sim_picture_release(struct sim_picture *p)
{
    free(p->y);
    *p = (struct sim_picture){0};
}

void sim_picture_copy(struct sim_picture *to, const struct sim_picture *from)
{
    size_t luma = (size_t)from->width * (size_t)from->height;
    memcpy(to->y, from->y, luma + luma / 2);
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
