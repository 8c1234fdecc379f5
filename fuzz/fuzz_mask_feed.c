/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Access units of a sub stream. First byte: codec in bit 0, declared empty in bit 1. Then NAL units: a byte of flags (1
 * key, 2 ends the access unit, 4 loss), two bytes of length, the bytes. After an error nothing but covered pictures may
 * come until a key picture.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mask/mask.h"
#include "media/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UNITS_MAX 200

struct watch {
    bool broken; /* an error came, and no key picture since */
    bool loss;
    int outputs;
};

static void on_output(void *user, const struct mask_output *o)
{
    struct watch *w = user;
    w->outputs++;
    assert(o->size > 4 && o->width >= 2 && o->width <= 640);
    assert(!w->broken && !w->loss ? 1 : o->state == MASK_COVERED && o->covered_permille == 1000);
    assert(o->object_count >= 0 && o->object_count <= MASK_OBJECTS);
    assert(o->key == (rd32(o->data) > 0 && (o->data[4] & 31) == 7));
}

static void feed(struct mask *m, struct watch *w, struct media_track *t, const struct buf *au,
                 int flags, int64_t now_us)
{
    struct media_au unit = {.data = au->data,
                            .size = (uint32_t)au->len,
                            .pts_ticks = now_us * 9 / 100,
                            .key = flags & 1,
                            .loss = flags & 4};
    if (unit.key)
        w->broken = w->loss = false;
    w->loss |= unit.loss;
    if (mask_feed(m, t, &unit, now_us, NULL) < 0)
        w->broken = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watch w = {0};
    struct media_params params = {0};
    struct mask *m = NULL;
    struct buf au;
    if (size < 2)
        return 0;
    struct media_track t = {
        .codec = data[0] & 1 ? MEDIA_H265 : MEDIA_H264, .clock_rate = 90000, .params = &params};
    struct mask_config cfg = {.declared_empty = data[0] & 2, .learn_us = 500000};
    if (mask_new(&cfg, on_output, &w, &m, NULL) < 0)
        return 0;
    buf_init(&au, 1 << 20);
    int64_t now_us = INT64_C(1700000000000000);
    int units = 0;
    for (size_t at = 1; size - at >= 3 && units < UNITS_MAX;) {
        int flags = data[at];
        size_t len = rd16(data + at + 1);
        at += 3;
        len = len > size - at ? size - at : len;
        media_params_put(&params, t.codec, data + at, len);
        buf_u32(&au, (uint32_t)len);
        buf_append(&au, data + at, len);
        at += len;
        if (flags & 2) {
            feed(m, &w, &t, &au, flags, now_us += 100000);
            au.len = 0;
            units++;
        }
    }
    buf_release(&au);
    mask_free(m);
    return 0;
}
