/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The socket between recorder and masker, both ends. First byte: who speaks. What is parsed is built and parsed again. */
#include <stdlib.h>
#include <string.h>

#include "mask/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct mask_wire *m, enum mask_wire_side side)
{
    static struct mask_wire again;
    struct buf first, second;
    buf_init(&first, 0);
    buf_init(&second, 0);
    if (mask_wire_build(m, &first) < 0 ||
        mask_wire_parse(first.data, first.len, side, &again) != (int)first.len ||
        mask_wire_build(&again, &second) < 0 || first.len != second.len ||
        memcmp(first.data, second.data, first.len) != 0 || again.camera != m->camera ||
        again.generation != m->generation)
        abort();
    buf_release(&first);
    buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mask_wire m;
    if (size < 1)
        return 0;
    enum mask_wire_side side = data[0] & 1 ? MASK_WIRE_FROM_MASKER : MASK_WIRE_FROM_RECORDER;
    size_t at = 1;
    int n;
    while ((n = mask_wire_parse(data + at, size - at, side, &m)) > 0) {
        round_trip(&m, side);
        at += (size_t)n;
    }
    return 0;
}
