/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NAL unit kinds (ITU-T H.264 table 7-1, ITU-T H.265 table 7-1) and the collection of parameter sets of a stream. */
#include "media/params.h"

#include <string.h>

#include "media/bits.h"

static enum media_nal_kind h264_kind(unsigned type)
{
    switch (type) {
    case 1: /* slices and data partitions; 19 to 21: auxiliary pictures, further layers and views */
    case 2:
    case 3:
    case 4:
    case 19:
    case 20:
    case 21:
        return NAL_SLICE;
    case 5:
        return NAL_KEY_SLICE;
    case 6:
        return NAL_SEI;
    case 7:
        return NAL_SPS;
    case 8:
        return NAL_PPS;
    case 9:
        return NAL_DELIMITER;
    default:
        return NAL_OTHER;
    }
}

static enum media_nal_kind h265_kind(unsigned type)
{
    if (type <
        32) /* BLA, IDR and CRA are 16 to 21, the rest up to 31 are other or reserved pictures */
        return type >= 16 && type <= 21 ? NAL_KEY_SLICE : NAL_SLICE;
    switch (type) {
    case 32:
        return NAL_VPS;
    case 33:
        return NAL_SPS;
    case 34:
        return NAL_PPS;
    case 35:
        return NAL_DELIMITER;
    case 39:
    case 40:
        return NAL_SEI;
    default:
        return NAL_OTHER;
    }
}

enum media_nal_kind media_nal_kind(enum media_codec codec, const uint8_t *nal, size_t len)
{
    if (codec == MEDIA_H264 && len >= 1)
        return h264_kind(nal[0] & 31U);
    if (codec == MEDIA_H265 && len >= 2)
        return h265_kind(nal[0] >> 1 & 63U);
    return NAL_OTHER;
}

/* Identifier of a parameter set; all of H.265's base layer only, as other layers have sets of another syntax. */
static int set_id(enum media_codec codec, enum media_nal_kind kind, const uint8_t *nal, size_t len,
                  uint32_t *ret)
{
    if (codec == MEDIA_H265 && ((nal[0] & 1) || nal[1] >> 3))
        return E_SYNTAX;
    if (kind == NAL_SPS) {
        struct media_sps sps;
        if (media_sps_parse(codec, nal, len, &sps) < 0)
            return E_SYNTAX;
        *ret = sps.id;
        return 0;
    }
    size_t header = codec == MEDIA_H265 ? 2 : 1, head = len - header;
    struct bits b;
    bits_init(&b, nal + header, head < 16 ? head : 16);
    *ret = kind == NAL_VPS ? bits_u(&b, 4) : bits_ue(&b);
    return b.over || *ret > (codec == MEDIA_H265 ? 63U : 255U) ? E_SYNTAX : 0;
}

int media_params_put(struct media_params *p, enum media_codec codec, const uint8_t *nal, size_t len)
{
    /* A NAL unit never ends in a zero byte; some cameras pad their parameter sets nevertheless. */
    while (len > 0 && nal[len - 1] == 0)
        len--;
    enum media_nal_kind kind = media_nal_kind(codec, nal, len);
    uint32_t id;
    if (kind != NAL_VPS && kind != NAL_SPS && kind != NAL_PPS)
        return E_SYNTAX;
    if (len > MEDIA_PARAM_SET_BYTES)
        return E_LIMIT;
    for (int i = 0; i < p->count;
         i++) /* the usual case: in-band sets are repeated with every key frame */
        if (p->set[i].len == len && memcmp(p->set[i].data, nal, len) == 0)
            return 0;
    if (set_id(codec, kind, nal, len, &id) < 0)
        return E_SYNTAX;

    int at = 0; /* behind all sets of the same or an earlier kind */
    for (int i = 0; i < p->count; i++) {
        struct media_param_set *s = &p->set[i];
        enum media_nal_kind k = media_nal_kind(codec, s->data, s->len);
        uint32_t other;
        if (k <= kind)
            at = i + 1;
        if (k != kind || set_id(codec, k, s->data, s->len, &other) < 0 || other != id)
            continue;
        memcpy(s->data, nal, len);
        s->len = (uint16_t)len;
        return 1;
    }
    if (p->count >= MEDIA_PARAM_SETS)
        return E_LIMIT;
    memmove(&p->set[at + 1], &p->set[at], (size_t)(p->count - at) * sizeof(p->set[0]));
    memcpy(p->set[at].data, nal, len);
    p->set[at].len = (uint16_t)len;
    p->count++;
    return 1;
}

bool media_params_complete(const struct media_params *p, enum media_codec codec)
{
    bool vps = codec != MEDIA_H265, sps = false, pps = false;
    for (int i = 0; i < p->count; i++) {
        enum media_nal_kind k = media_nal_kind(codec, p->set[i].data, p->set[i].len);
        vps |= k == NAL_VPS;
        sps |= k == NAL_SPS;
        pps |= k == NAL_PPS;
    }
    return vps && sps && pps;
}

int media_params_sps(const struct media_params *p, enum media_codec codec, struct media_sps *ret)
{
    for (int i = 0; i < p->count; i++)
        if (media_nal_kind(codec, p->set[i].data, p->set[i].len) == NAL_SPS)
            return media_sps_parse(codec, p->set[i].data, p->set[i].len, ret);
    return E_NOTFOUND;
}

void media_params_copy(struct media_params *to, const struct media_params *from)
{
    to->count = from->count;
    memcpy(to->set, from->set, (size_t)from->count * sizeof(from->set[0]));
}

bool media_params_same(const struct media_params *a, const struct media_params *b)
{
    if (a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++)
        if (a->set[i].len != b->set[i].len ||
            memcmp(a->set[i].data, b->set[i].data, a->set[i].len) != 0)
            return false;
    return true;
}
