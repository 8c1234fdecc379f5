/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* First byte: codec. Then NAL units behind a length of one byte: a stream's parameter sets as they come and change. */
#include <assert.h>

#include "media/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct media_params p;
    struct media_sps s;
    if (size < 1)
        return 0;
    p.count = 0;
    enum media_codec codec = data[0] & 1 ? MEDIA_H265 : MEDIA_H264;
    for (size_t at = 1; at < size;) {
        size_t len = data[at++];
        len = len > size - at ? size - at : len;
        int r = media_params_put(&p, codec, data + at, len);
        if (r >= 0)
            assert(media_params_put(&p, codec, data + at, len) ==
                   0); /* the same set again changes nothing */
        at += len;
    }
    assert(p.count <= MEDIA_PARAM_SETS);
    if (media_params_complete(&p, codec))
        assert(media_params_sps(&p, codec, &s) == 0);
    return 0;
}
