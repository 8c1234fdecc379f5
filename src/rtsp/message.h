/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_MESSAGE_H
#define RTSP_MESSAGE_H
/* RTSP messages, parsed in place. Reentrant, no allocation. Source: RFC 2326 §4, §6, §7. */
#include <stdbool.h>

#include "rtsp/text.h"

#define RTSP_HEAD_BYTES 16384 /* longest start line plus headers */
#define RTSP_BODY_BYTES 45056 /* longest body */
#define RTSP_HEADERS 64       /* more are skipped */

struct rtsp_message {
    bool request;            /* the peer asks us something */
    int status;              /* responses: 100..999 */
    struct span reason;      /* responses; may be empty */
    struct span method, uri; /* requests */
    struct {
        struct span name, value; /* value trimmed */
    } header[RTSP_HEADERS];
    int headers;
    struct span body;
};

/*
 * Parse one message at the start of @data.
 * Returns its length in bytes; 0 when more bytes are needed; E_SYNTAX, E_LIMIT when it can never become one.
 * Tolerates bare LF, empty reason, folded lines, lines without a colon (skipped) and blanks around everything.
 */
int rtsp_message_parse(const char *data, size_t len, struct rtsp_message *ret);
/* First header of that name (any case), trimmed; {NULL, 0} when it is missing. */
struct span rtsp_message_get(const struct rtsp_message *m, const char *name);
/* Value of "CSeq"; E_NOTFOUND, E_SYNTAX. */
int rtsp_message_cseq(const struct rtsp_message *m, uint32_t *ret);

/* "Session" header: id and timeout in seconds (@ret_timeout untouched when missing or unreadable). E_NOTFOUND, E_LIMIT. */
int rtsp_session_header(struct span value, char *ret_id, size_t cap, unsigned *ret_timeout);

/* What the camera chose in answer to SETUP. */
struct rtsp_transport_reply {
    bool tcp; /* the words said RTP/AVP/TCP; some say RTP/AVP and mean it */
    bool has_interleaved, has_ssrc;
    uint8_t rtp_channel, rtcp_channel;
    uint16_t server_rtp, server_rtcp; /* 0: not said */
    uint32_t ssrc;
    char source[64]; /* literal address, or "" */
};
/* First transport that is understood; parameters in any order, unknown or broken ones ignored. E_SYNTAX, E_UNSUPPORTED. */
int rtsp_transport_header(struct span value, struct rtsp_transport_reply *ret);
#endif
