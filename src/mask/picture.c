/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct mask_grid mask_grid_of(int width, int height)
{
    struct mask_grid g = {.width = width, .height = height};
    g.columns = (width + MASK_CELL - 1) / MASK_CELL;
    g.rows = (height + MASK_CELL - 1) / MASK_CELL;
    g.stride = (width + MASK_ALIGN - 1) / MASK_ALIGN * (MASK_ALIGN / MASK_CELL);
    g.count = g.columns * g.rows;
    return g;
}

int mask_picture_init(struct mask_picture *p, int width, int height)
{
    struct mask_grid g = mask_grid_of(width, height);
    *p = (struct mask_picture){.width = width, .height = height};
    size_t bytes = 0, size[3];
    for (int i = 0; i < 3; i++) {
        p->stride[i] = g.stride * MASK_CELL / (i ? 2 : 1);
        p->lines[i] = g.rows * MASK_CELL / (i ? 2 : 1);
        size[i] = (size_t)p->stride[i] * (size_t)p->lines[i];
        bytes += size[i];
    }
    /* the end is read in whole vectors: leave room behind it */
    size_t room = (bytes / MASK_ALIGN + 2) * MASK_ALIGN;
    uint8_t *all = aligned_alloc(MASK_ALIGN, room);
    if (!all)
        return -ENOMEM;
    memset(all, 128, room);
    for (int i = 0; i < 3; all += size[i++])
        p->plane[i] = all;
    return 0;
}

void mask_picture_release(struct mask_picture *p)
{
    free(p->plane[0]);
    *p = (struct mask_picture){0};
}

void mask_picture_copy(struct mask_picture *to, const struct mask_picture *from)
{
    for (int i = 0; i < 3; i++)
        memcpy(to->plane[i], from->plane[i], (size_t)from->stride[i] * (size_t)from->lines[i]);
}

void mask_picture_fill(struct mask_picture *p, const uint8_t yuv[3])
{
    for (int i = 0; i < 3; i++)
        memset(p->plane[i], yuv[i], (size_t)p->stride[i] * (size_t)p->lines[i]);
}

void mask_picture_pad(struct mask_picture *p)
{
    for (int i = 0; i < 3; i++) {
        int w = i ? p->width / 2 : p->width, h = i ? p->height / 2 : p->height;
        size_t stride = (size_t)p->stride[i];
        if (w < p->stride[i])
            for (int y = 0; y < h; y++) {
                uint8_t *line = p->plane[i] + (size_t)y * stride;
                memset(line + w, line[w - 1], stride - (size_t)w);
            }
        for (int y = h; y < p->lines[i]; y++)
            memcpy(p->plane[i] + (size_t)y * stride, p->plane[i] + (size_t)(h - 1) * stride,
                   stride);
    }
}
