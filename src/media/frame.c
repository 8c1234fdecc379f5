/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/frame.h"

const char *media_codec_name(enum media_codec c)
{
    switch (c) {
    case MEDIA_H264:
        return "H.264";
    case MEDIA_H265:
        return "H.265";
    case MEDIA_AAC:
        return "AAC";
    case MEDIA_PCMU:
        return "G.711 µ-law";
    case MEDIA_PCMA:
        return "G.711 A-law";
    case MEDIA_NONE:
        break;
    }
    return "none";
}
