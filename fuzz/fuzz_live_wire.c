/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages of live.sock: what is parsed is built again, byte for byte but for unknown flags. */
#include <stdlib.h>
#include <string.h>

#include "media/live_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct live_message m, again;
    struct buf out;
    size_t at = 0;
    int n;
    buf_init(&out, 0);
    while ((n = live_wire_parse(data + at, size - at, LIVE_SUBSCRIBE_MAX, &m)) > 0) {
        out.len = 0;
        if (live_wire_build(&m, &out) < 0 || out.len != (size_t)n ||
            live_wire_parse(out.data, out.len, LIVE_MESSAGE_MAX, &again) != n ||
            again.type != m.type || again.utc_us != m.utc_us || again.key != m.key ||
            again.size != m.size || strcmp(again.camera, m.camera) != 0 ||
            (m.size && memcmp(again.data, m.data, m.size) != 0))
            abort();
        at += (size_t)n;
    }
    buf_release(&out);
    return 0;
}
