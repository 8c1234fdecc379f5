/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* CSV from hostile bytes; what is read is written and read back as the same fields. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/csv.h"

static int read_back(const struct csv_record *rec)
{
    struct buf b;
    struct csv_reader r;
    struct csv_record again;
    buf_init(&b, 0);
    for (int i = 0; i < rec->count; i++)
        if (csv_put(&b, rec->field[i].text, i == 0) < 0)
            return -1;
    csv_init(&r, "again", b.data, b.len);
    if (csv_next(&r, &again, NULL) > 0) {
        assert(again.count == rec->count);
        for (int i = 0; i < rec->count; i++)
            assert(!strcmp(again.field[i].text, rec->field[i].text));
    } else {
        assert(rec->count == 1 && !rec->field[0].text[0]); /* one empty field is an empty line */
    }
    csv_release(&r);
    buf_release(&b);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv_reader r;
    struct csv_record rec;
    struct err e = {0};
    int got;
    csv_init(&r, "f", data, size);
    while ((got = csv_next(&r, &rec, &e)) > 0)
        read_back(&rec);
    assert(got == 0 || e.text[0]);
    csv_release(&r);
    return 0;
}
