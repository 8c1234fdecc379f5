/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_RTP_H
#define RTSP_RTP_H
/* RTP packets and the bookkeeping per source. Source: RFC 3550 §5.1, §6.4, §A.1, §A.3, §A.8. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEAD 12
#define RTP_MAX_DROPOUT 3000 /* a larger step of the sequence number is a new start, not a loss */
#define RTP_STALE_PACKETS                                                                          \
    64 /* packets of another SSRC that are taken for leftovers of an earlier session */

struct rtp_packet {
    const uint8_t *payload; /* borrowed */
    size_t len;             /* without padding */
    uint32_t timestamp, ssrc;
    uint16_t seq;
    uint8_t payload_type;
    bool marker;
};

/* E_TRUNCATED, E_SYNTAX (version, padding, extension). Reentrant. */
int rtp_parse(const uint8_t *p, size_t n, struct rtp_packet *ret);

struct rtp_source {
    bool started,
        announced; /* announced: the answer to SETUP named the SSRC and a packet confirmed it */
    uint32_t ssrc;
    uint16_t last_seq;
    uint32_t stale;          /* packets in a row with another SSRC */
    uint32_t extended, base; /* highest sequence number with cycles; first one */
    uint32_t received, expected_before, received_before;
    uint32_t transit, jitter16; /* §A.8, jitter × 16 */
};

enum rtp_verdict { RTP_TAKE, RTP_TAKE_NEW_SOURCE, RTP_DROP_STALE };
/*
 * Is the packet ours? With an announced and confirmed SSRC, RTP_STALE_PACKETS of another one in a row are dropped
 * as leftovers of an earlier session; after that, or without announcement, the new SSRC is a new source.
 */
enum rtp_verdict rtp_source_check(struct rtp_source *s, uint32_t ssrc);
/* Count a packet in order of delivery. Returns packets missing right before it; E_ORDER when it goes back or jumps. */
int rtp_source_count(struct rtp_source *s, uint16_t seq);
/* @arrival_ticks in the clock rate of the stream. */
void rtp_source_jitter(struct rtp_source *s, uint32_t timestamp, uint32_t arrival_ticks);

struct rtcp_sender_report {
    uint32_t ssrc, rtp_timestamp;
    uint64_t ntp; /* 32.32 seconds since 1900; 0: the camera has no clock */
};
/*
 * First sender report of a compound packet. 1 if there was one, 0 if there was none; broken parts end the search.
 * @ret_bye (may be NULL) becomes true when the compound holds a BYE.
 */
int rtcp_find_sender_report(const uint8_t *p, size_t n, struct rtcp_sender_report *ret,
                            bool *ret_bye);
/* UTC microseconds of an NTP time (era 0 before 2036, era 1 after). */
int64_t rtcp_ntp_to_us(uint64_t ntp);

#define RTCP_REPORT_BYTES 64
/*
 * Receiver report with SDES CNAME. @last_sr middle 32 bits of the last NTP time, @delay_us since it came (0, 0: none).
 * Returns the length.
 */
size_t rtcp_receiver_report(struct rtp_source *s, uint32_t our_ssrc, uint32_t last_sr,
                            int64_t delay_us, uint8_t ret[RTCP_REPORT_BYTES]);
#endif
