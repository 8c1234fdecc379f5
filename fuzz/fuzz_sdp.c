/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdlib.h>

#include "rtsp/depay.h"
#include "rtsp/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct media_params params;
    struct rtsp_sdp sdp;
    if (rtsp_sdp_parse((const char *)data, size, &sdp) < 0)
        return 0;
    rtsp_sdp_choose(&sdp, RTSP_MEDIA_VIDEO);
    rtsp_sdp_choose(&sdp, RTSP_MEDIA_AUDIO);
    for (int i = 0; i < sdp.medias; i++) {
        struct rtsp_sdp_media *m = &sdp.media[i];
        int bad;
        params.count = 0;
        rtsp_fmtp_params(m, &params, &bad);
        struct depay_audio d = {0};
        struct media_track t = {.codec = MEDIA_AAC};
        depay_audio_init(&d, &t, m->fmtp);
    }
    return 0;
}
