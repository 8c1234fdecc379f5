/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Log entries from hostile bytes; what is read is built again to the same bytes. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tlog/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tlog_parsed p;
    struct tlog_entry_writer w;
    struct err e = {0};
    struct buf b;
    char id[200], value[200];
    if (tlog_entry_parse((const char *)data, size, &p, &e) < 0) {
        assert(e.text[0]);
        return 0;
    }
    if (p.kind->statement)
        return 0;
    buf_init(&b, 1 << 20);
    snprintf(id, sizeof(id), "%.*s", (int)p.id_len, p.id);
    tlog_entry_begin(&w, p.kind->name, id, &b);
    for (unsigned i = 0; i < p.lines; i++) {
        snprintf(value, sizeof(value), "%.*s", (int)p.line[i].len, p.line[i].value);
        tlog_entry_text(&w, p.line[i].field->key, value);
    }
    int r = tlog_entry_end(&w);
    assert(r >= 0 && b.len == size && memcmp(b.data, data, size) == 0);
    buf_release(&b);
    return 0;
}
