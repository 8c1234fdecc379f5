/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/scale.h"

#include <errno.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <string.h>

#define SIDE_MIN 32

int mask_scale_size(int width, int height, int limit, int *ret_width, int *ret_height)
{
    if (width < SIDE_MIN || height < SIDE_MIN || width > MASK_WIDTH_MAX || height > MASK_WIDTH_MAX)
        return E_RANGE;
    int w = width < limit ? width : limit;
    int64_t h = w == width ? height : ((int64_t)height * w + width / 2) / width;
    *ret_width = w & ~1;
    *ret_height = (int)h & ~1;
    return *ret_height < 2 ? E_RANGE : 0;
}

int mask_scale_accepts(const AVFrame *f, struct err *reterr)
{
    if (f->format == AV_PIX_FMT_YUV420P || f->format == AV_PIX_FMT_YUVJ420P)
        return 0;
    const char *name = av_get_pix_fmt_name(f->format);
    return err_set(reterr, E_UNSUPPORTED, "pictures of kind %s are not masked, only 8 bit 4:2:0",
                   name ? name : "unknown");
}

static void copy(const AVFrame *f, struct mask_picture *to)
{
    for (int i = 0; i < 3; i++) {
        size_t w = (size_t)(i ? to->width / 2 : to->width);
        for (int y = 0; y < (i ? to->height / 2 : to->height); y++)
            memcpy(to->plane[i] + (ptrdiff_t)y * to->stride[i],
                   f->data[i] + (ptrdiff_t)y * f->linesize[i], w);
    }
}

/* Twice the size is the usual main stream (1280x720): each pixel is the rounded mean of four. */
static void halve(const AVFrame *f, struct mask_picture *to)
{
    for (int i = 0; i < 3; i++) {
        int w = i ? to->width / 2 : to->width, h = i ? to->height / 2 : to->height;
        for (int y = 0; y < h; y++) {
            const uint8_t *a = f->data[i] + (ptrdiff_t)(2 * y) * f->linesize[i],
                          *b = a + f->linesize[i];
            uint8_t *d = to->plane[i] + (ptrdiff_t)y * to->stride[i];
            for (int x = 0; x < w; x++)
                d[x] = (uint8_t)((a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) >> 2);
        }
    }
}

static int prepare(struct mask_scaler *s, const AVFrame *f, const struct mask_picture *to)
{
    if (s->sws && s->from_width == f->width && s->from_height == f->height &&
        s->from_format == f->format)
        return 0;
    mask_scaler_release(s);
    /* yuvj420p is 4:2:0 too; one name on both sides keeps the range as it is */
    s->sws = sws_getContext(f->width, f->height, AV_PIX_FMT_YUV420P, to->width, to->height,
                            AV_PIX_FMT_YUV420P, SWS_AREA, NULL, NULL, NULL);
    s->from_width = f->width;
    s->from_height = f->height;
    s->from_format = f->format;
    return s->sws ? 0 : -ENOMEM;
}

int mask_scale(struct mask_scaler *s, const AVFrame *f, struct mask_picture *to, struct err *reterr)
{
    int r = mask_scale_accepts(f, reterr);
    if (r < 0)
        return r;
    if (f->width - to->width <= 1 && f->height - to->height <= 1) {
        copy(f, to);
    } else if (f->width == 2 * to->width && f->height == 2 * to->height) {
        halve(f, to);
    } else {
        r = prepare(s, f, to);
        if (r < 0)
            return err_set(reterr, r, "no memory for scaling");
        sws_scale(s->sws, (const uint8_t *const *)f->data, f->linesize, 0, f->height, to->plane,
                  to->stride);
    }
    mask_picture_pad(to);
    return 0;
}

void mask_scaler_release(struct mask_scaler *s)
{
    sws_freeContext(s->sws);
    *s = (struct mask_scaler){0};
}
