/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_SDP_H
#define RTSP_SDP_H
/* What DESCRIBE says about the streams. Lines that make no sense are skipped, never fatal. Reentrant. Source: RFC 4566, RFC 2326 §C. */
#include <stdbool.h>

#include "media/frame.h"
#include "rtsp/text.h"

#define RTSP_SDP_MEDIA 16
#define RTSP_SDP_FORMATS 8 /* payload types looked at per m= line */

enum rtsp_media_kind { RTSP_MEDIA_OTHER, RTSP_MEDIA_VIDEO, RTSP_MEDIA_AUDIO };

/* Borrows from the text that was parsed. */
struct rtsp_sdp_media {
    enum rtsp_media_kind kind;
    struct span
        name; /* encoding name of a=rtpmap, or what a static type stands for; empty: unknown */
    struct span fmtp; /* parameters behind the payload type */
    struct span control;
    enum media_codec codec; /* MEDIA_NONE: not supported */
    uint8_t payload_type;
    uint32_t clock_rate;
    uint16_t channels;
    bool sendonly; /* towards the camera: a talk-back channel */
};

struct rtsp_sdp {
    struct span control; /* session level */
    struct rtsp_sdp_media media[RTSP_SDP_MEDIA];
    int medias;
    bool odd; /* something had to be skipped or guessed */
};

/* Errors: E_NOTFOUND when there is not one m= line. */
int rtsp_sdp_parse(const char *text, size_t len, struct rtsp_sdp *ret);
/* Index of the first video (audio) that we can record; E_NOTFOUND. */
int rtsp_sdp_choose(const struct rtsp_sdp *sdp, enum rtsp_media_kind kind);
/* Value of one fmtp parameter (any case of name), {NULL, 0} when missing. */
struct span rtsp_fmtp_get(struct span fmtp, const char *name);
/*
 * Put the parameter sets of sprop-* into @params: several, base64 or Annex B inside, broken ones skipped.
 * Returns how many were taken; *ret_bad counts those that were not.
 */
int rtsp_fmtp_params(const struct rtsp_sdp_media *m, struct media_params *params, int *ret_bad);
#endif
