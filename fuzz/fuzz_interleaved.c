/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The TCP stream as a session takes it apart. First byte: how much of the rest comes at once. */
#include <stdlib.h>

#include "rtsp/interleaved.h"
#include "rtsp/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t take(const uint8_t *p, size_t n, const struct rtsp_channels *known, bool *in_step)
{
    struct rtsp_item item;
    struct rtsp_message m;
    rtsp_interleaved_next(p, n, known, *in_step, &item);
    if (item.type == RTSP_ITEM_MORE)
        return 0;
    if (item.type == RTSP_ITEM_TEXT) {
        int r = rtsp_message_parse((const char *)p, n, &m);
        *in_step = r >= 0;
        return r < 0 ? 1 : (size_t)r;
    }
    if (item.size == 0 || item.size > n)
        abort();
    *in_step = item.type == RTSP_ITEM_FRAME || item.blank;
    return item.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtsp_channels known = {0};
    bool in_step = true;
    if (size < 2)
        return 0;
    size_t step = data[0] + 1u, at = 1, end = 1;
    rtsp_channels_add(&known, 0);
    rtsp_channels_add(&known, 1);
    while (end < size) {
        end = end + step < size ? end + step : size;
        size_t used;
        while (at < end && (used = take(data + at, end - at, &known, &in_step)) > 0)
            at += used;
    }
    return 0;
}
