/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* lethe.yaml from hostile bytes: a sentence or a config inside its ranges, nothing else. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config c;
    struct err e = {0};
    int r = config_parse("fuzz/f.yaml", data, size, &c, &e);
    if (r < 0) {
        assert(e.text[0]);
        return 0;
    }
    assert(c.epoch_minutes >= 1 && c.epoch_minutes <= 60 && 60 % c.epoch_minutes == 0);
    assert(c.retention_days >= 1 && c.threshold >= 2 && c.threads >= 0);
    assert(config_id_valid(c.node));
    assert(memchr(c.data_dir, 0, sizeof(c.data_dir)));
    return 0;
}
