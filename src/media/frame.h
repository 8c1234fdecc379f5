/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MEDIA_FRAME_H
#define MEDIA_FRAME_H
/* What travels from a depacketiser to a writer: tracks and access units. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum media_codec { MEDIA_NONE, MEDIA_H264, MEDIA_H265, MEDIA_AAC, MEDIA_PCMU, MEDIA_PCMA };

#define MEDIA_PARAM_SETS 16        /* most VPS+SPS+PPS of one stream that are kept */
#define MEDIA_PARAM_SET_BYTES 1024 /* longest single parameter set that is kept */

struct media_param_set {
    uint16_t len;
    uint8_t data[MEDIA_PARAM_SET_BYTES]; /* NAL unit with its header, without start code */
};

/* Parameter sets of a video track, order VPS, SPS, PPS by arrival. Value type. */
struct media_params {
    int count;
    struct media_param_set set[MEDIA_PARAM_SETS];
};

/* One elementary stream. Owned by whoever hands it out; plain data, may be copied. */
struct media_track {
    enum media_codec codec;
    uint32_t clock_rate;    /* RTP ticks per second: 90000 for video */
    uint16_t width, height; /* of the SPS after cropping; 0 until known */
    uint16_t channels;      /* audio */
    uint8_t asc[64];        /* AAC AudioSpecificConfig */
    uint8_t asc_len;
    struct media_params
        *params; /* video; may be empty until in-band sets arrive; owned by the track's owner */
};

/* An access unit (video) or one audio frame. The bytes are borrowed for the time of the call. */
struct media_au {
    const uint8_t
        *data; /* video: NAL units, each behind a 4-byte big-endian length; audio: raw frame */
    uint32_t size;
    int64_t pts_ticks;   /* presentation time, unwrapped to 64 bit, in clock_rate ticks */
    int64_t arrival_us;  /* recorder's wall clock (UTC) when the last byte was read */
    bool key;            /* random access point: IDR, CRA or BLA with all parameter sets known */
    bool params_changed; /* the track's parameter sets differ from those of the AU before */
    bool loss;           /* packets are missing inside or right before this access unit */
};

const char *media_codec_name(enum media_codec c); /* "H.264", … never NULL */
#endif
