/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "fuzz_depay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    depay_fuzz(MEDIA_H265, data, size);
    return 0;
}
