/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_UDP_H
#define RTSP_UDP_H
/* RTP and RTCP over UDP: a pair of sockets per track, read in rounds like the connections. Thread-bound. */
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct rtsp_hub;
struct rtsp_session;
struct udp_pair;

/* Bind an even port and the one behind it for the address family of @peer. -errno. */
int udp_pair_new(struct rtsp_hub *h, const struct sockaddr_storage *peer, struct udp_pair **ret,
                 uint16_t *ret_port);
void udp_pair_free(struct udp_pair *u); /* NULL is fine */
/* Where the camera sends from: its address or the literal @source, ports 0 when it did not say. */
void udp_pair_peer(struct udp_pair *u, const struct sockaddr_storage *peer, const char *source,
                   uint16_t rtp, uint16_t rtcp);
/* Open the way back through a NAT: small packets before PLAY. NULL is fine. */
void udp_pair_punch(struct udp_pair *u);
void udp_pair_report(struct udp_pair *u, const uint8_t *p, size_t n);
/* Read all sockets of the session. May fail the session. */
void udp_receive(struct rtsp_session *s);
#endif
