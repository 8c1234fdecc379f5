/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lists of recordings from hostile bytes; a list that is read whole is written again to the same bytes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "tlog/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tlog_manifest_reader r;
    struct tlog_manifest_line l;
    struct err e = {0};
    struct buf again;
    int got = tlog_manifest_open((const char *)data, size, &r, &e);
    if (got < 0) {
        assert(e.text[0]);
        return 0;
    }
    buf_init(&again, 1 << 24);
    assert(tlog_manifest_put_head(&r.head, &again) >= 0);
    while ((got = tlog_manifest_next(&r, &l, NULL, &e)) > 0)
        assert(tlog_manifest_put_line(&l, &again) >= 0);
    assert(got < 0 ? e.text[0] != 0 : again.len == size && memcmp(again.data, data, size) == 0);
    buf_release(&again);
    return 0;
}
