/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Ground truth of clips from hostile bytes; what is read is sane and is found again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/mask_truth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct truth t;
    struct err e = {0};
    int r = truth_parse((const char *)data, size, &t, &e);
    assert(r >= 0 || (t.count == 0 && (e.text[0] || r == -12)));
    for (size_t i = 0; i < t.count; i++) {
        const struct truth_box *b = &t.box[i];
        size_t n;
        assert(b->box[2] > b->box[0] && b->box[3] > b->box[1] && b->frame >= 0);
        assert(truth_find(&t, b->clip, b->frame, &n) && n > 0);
    }
    truth_release(&t);
    return 0;
}
