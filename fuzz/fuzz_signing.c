/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Media Signing SEI, and units against their lists. First byte: codec; then units behind two bytes of length. No fuzzer
 * signs anything, so every second input has its lists believed without a signature.
 */
#include <assert.h>

#include "base/buf.h"
#include "media/signing_private.h"

static void unit(struct signing *s, const uint8_t *p, size_t n, bool believe)
{
    struct signing_doc d;
    if (!believe || n < 2 || !signing_sei_is(s->codec, p, n)) {
        assert(signing_add(s, p, n, 0) >= 0);
        return;
    }
    if (signing_sei_parse(s->codec, p, n, &d) >= 0)
        signing_match(s, &d, s->report.units, 0);
    signing_sei_release(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct signing *s;
    struct signing_report r;
    if (size < 1 || signing_new(data[0] & 1 ? MEDIA_H265 : MEDIA_H264, NULL, &s) < 0)
        return 0;
    bool believe = data[0] & 2;
    for (size_t at = 1; at + 2 <= size;) {
        size_t n = rd16(data + at);
        at += 2;
        n = n < size - at ? n : size - at;
        unit(s, data + at, n, believe);
        at += n;
    }
    signing_report(s, &r);
    assert(r.units <= size);
    signing_free(s);
    return 0;
}
