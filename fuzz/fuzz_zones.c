/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Privacy zones from hostile text; what is stored reads back and is its own normal form. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/zones.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1), normal[INDEX_ZONES], again[INDEX_ZONES];
    struct mask_zone zone[MASK_ZONES];
    struct err e = {0};
    if (!text)
        return 0;
    memcpy(text, data, size);
    if (zones_normalise(text, normal, &e) < 0) {
        assert(e.text[0]);
    } else {
        assert(zones_read(normal, zone) >= 0);
        assert(zones_normalise(normal, again, &e) >= 0 && !strcmp(normal, again));
    }
    free(text);
    return 0;
}
