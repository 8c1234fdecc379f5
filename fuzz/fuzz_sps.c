/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* First byte: codec. Rest: one SPS NAL unit. */
#include <assert.h>

#include "media/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct media_sps s;
    if (size < 1)
        return 0;
    enum media_codec codec = data[0] & 1 ? MEDIA_H265 : MEDIA_H264;
    if (media_sps_parse(codec, data + 1, size - 1, &s) == 0) {
        assert(s.width > 0 && s.width <= 16384 && s.height > 0 && s.height <= 16384);
        assert(s.max_reorder >= -1 && s.max_reorder <= 16);
        assert(s.chroma_format_idc <= 3 && s.bit_depth_luma >= 8 && s.bit_depth_luma <= 16);
    }
    return 0;
}
