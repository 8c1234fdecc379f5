/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rtsp/internal.h"
#include "rtsp/reorder.h"

#define BATCH 32 /* datagrams per call */
#define SLOT_BYTES                                                                                 \
    (65536 + 64) /* the largest datagram; the odd size spreads the slots over the cache */
#define BATCHES_PER_ROUND 16   /* what one camera may cost in a round */
#define SOCKET_BYTES (4 << 20) /* asked for; the kernel gives what it allows */
#define PORT_TRIES 64

struct udp_pair {
    int rtp, rtcp; /* sockets */
    struct sockaddr_storage rtp_peer, rtcp_peer;
    socklen_t peer_len;
    bool reports_known; /* rtcp_peer has a port */
    struct reorder reorder;
};

struct udp_batch {
    struct mmsghdr message[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_storage from[BATCH];
    uint8_t *bytes;
    uint8_t space[];
};

static int open_socket(const struct sockaddr_storage *address, socklen_t len)
{
    int size = SOCKET_BYTES;
    int fd = socket(address->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)address, len) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    return fd;
}

static void set_port(struct sockaddr_storage *a, uint16_t port)
{
    if (a->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)a)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)a)->sin_port = htons(port);
}

static uint16_t get_port(const struct sockaddr_storage *a)
{
    return ntohs(a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
                                          : ((const struct sockaddr_in *)a)->sin_port);
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET6)
        return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                      &((const struct sockaddr_in6 *)b)->sin6_addr, 16) == 0;
    return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
           ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

static int bind_pair(struct udp_pair *u, struct rtsp_hub *h, uint16_t *ret_port)
{
    struct sockaddr_storage any = {.ss_family = u->rtp_peer.ss_family};
    int r = E_BUSY;
    for (int i = 0; i < PORT_TRIES; i++) {
        uint16_t port = (uint16_t)(16384 + hub_random(h) % 24000 * 2); /* even */
        set_port(&any, port);
        r = u->rtp = open_socket(&any, u->peer_len);
        if (r == -EADDRINUSE || r == -EACCES)
            continue;
        if (r < 0)
            return r;
        set_port(&any, (uint16_t)(port + 1));
        r = u->rtcp = open_socket(&any, u->peer_len);
        if (r >= 0) {
            *ret_port = port;
            return 0;
        }
        close(u->rtp);
        u->rtp = -1;
    }
    return r;
}

int udp_pair_new(struct rtsp_hub *h, const struct sockaddr_storage *peer, struct udp_pair **ret,
                 uint16_t *ret_port)
{
    if (!h->udp_rx) {
        struct udp_batch *b = malloc(sizeof(*b) + (size_t)BATCH * SLOT_BYTES);
        if (!b)
            return -ENOMEM;
        b->bytes = b->space;
        h->udp_rx = b;
    }
    udp_pair_free(*ret); /* SETUP was sent again */
    *ret = NULL;
    struct udp_pair *u = calloc(1, sizeof(*u));
    if (!u)
        return -ENOMEM;
    u->rtp = u->rtcp = -1;
    u->rtp_peer = u->rtcp_peer = *peer;
    u->peer_len =
        peer->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    reorder_init(&u->reorder);
    int r = bind_pair(u, h, ret_port);
    if (r < 0) {
        udp_pair_free(u);
        return r;
    }
    *ret = u;
    return 0;
}

void udp_pair_free(struct udp_pair *u)
{
    if (!u)
        return;
    if (u->rtp >= 0)
        close(u->rtp);
    if (u->rtcp >= 0)
        close(u->rtcp);
    reorder_release(&u->reorder);
    free(u);
}

void udp_pair_peer(struct udp_pair *u, const struct sockaddr_storage *peer, const char *source,
                   uint16_t rtp, uint16_t rtcp)
{
    struct sockaddr_storage a = *peer;
    if (a.ss_family == AF_INET && source[0])
        inet_pton(AF_INET, source, &((struct sockaddr_in *)&a)->sin_addr);
    else if (a.ss_family == AF_INET6 && source[0])
        inet_pton(AF_INET6, source, &((struct sockaddr_in6 *)&a)->sin6_addr);
    u->rtp_peer = u->rtcp_peer = a;
    set_port(&u->rtp_peer, rtp);
    set_port(&u->rtcp_peer, rtcp);
    u->reports_known = rtcp != 0;
}

static void send_to(int fd, const struct sockaddr_storage *to, socklen_t len, const void *p,
                    size_t n)
{
    if (get_port(to) != 0)
        (void)sendto(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)to, len);
}

void udp_pair_punch(struct udp_pair *u)
{
    static const uint8_t rtp[RTP_HEAD] = {0x80};
    static const uint8_t rtcp[8] = {0x80, 201, 0, 1};
    if (!u)
        return;
    send_to(u->rtp, &u->rtp_peer, u->peer_len, rtp, sizeof(rtp));
    send_to(u->rtcp, &u->rtcp_peer, u->peer_len, rtcp, sizeof(rtcp));
}

void udp_pair_report(struct udp_pair *u, const uint8_t *p, size_t n)
{
    send_to(u->rtcp, &u->rtcp_peer, u->peer_len, p, n);
}

/* Number of datagrams; 0 for none. Errors of the socket (a refused punch) are not errors of the stream. */
static int receive_batch(struct udp_batch *b, int fd)
{
    for (int i = 0; i < BATCH; i++) {
        b->iov[i] = (struct iovec){b->bytes + (size_t)i * SLOT_BYTES, SLOT_BYTES};
        b->message[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &b->from[i],
                                                     .msg_namelen = sizeof(b->from[i]),
                                                     .msg_iov = &b->iov[i],
                                                     .msg_iovlen = 1}};
    }
    for (int tries = 0; tries < 4; tries++) {
        int n = recvmmsg(fd, b->message, BATCH, MSG_DONTWAIT, NULL);
        if (n >= 0)
            return n;
        if (errno != ECONNREFUSED && errno != EINTR)
            return 0;
    }
    return 0;
}

static void deliver(void *user, const uint8_t *p, size_t n)
{
    struct rtsp_track *t = user;
    struct rtp_packet packet;
    if (rtp_parse(p, n, &packet) >= 0)
        receive_rtp(t, &packet);
}

static void take_packet(struct rtsp_track *t, const uint8_t *p, size_t n)
{
    struct rtsp_session *s = t->session;
    struct rtp_packet packet;
    if (!receive_rtp_accept(t, p, n, &packet))
        return;
    s->last_data_us = s->now_us;
    uint32_t ticks = (uint32_t)((uint64_t)s->now_us * t->media.clock_rate / (uint64_t)SECOND_US);
    rtp_source_jitter(&t->source, packet.timestamp, ticks);
    reorder_push(&t->udp->reorder, packet.seq, p, n, s->now_us, deliver, t);
}

static void take_rtp(struct rtsp_track *t, const struct udp_batch *b, int i)
{
    struct rtsp_session *s = t->session;
    size_t n = b->message[i].msg_len;
    const uint8_t *p = b->iov[i].iov_base;
    if (!same_host(&b->from[i], &t->udp->rtp_peer)) {
        s->stats.discarded_bytes += n;
        return;
    }
    s->stats.bytes += n;
    early_packet(t, p, n, take_packet);
}

static void take_rtcp(struct rtsp_track *t, const struct udp_batch *b, int i)
{
    struct udp_pair *u = t->udp;
    if (!same_host(&b->from[i], &u->rtcp_peer))
        return;
    if (!u->reports_known) { /* SETUP named no port: answer where it comes from */
        set_port(&u->rtcp_peer, get_port(&b->from[i]));
        u->reports_known = true;
    }
    receive_rtcp(t, b->iov[i].iov_base, b->message[i].msg_len);
}

static void receive_track(struct rtsp_track *t, struct udp_batch *b)
{
    struct rtsp_session *s = t->session;
    for (int round = 0; round < BATCHES_PER_ROUND; round++) {
        int n = receive_batch(b, t->udp->rtp);
        if (n > 0 && s->step == STEP_PLAY)
            session_tell_playing(s);
        for (int i = 0; i < n && !s->closing; i++)
            take_rtp(t, b, i);
        if (n < BATCH || s->closing)
            break;
    }
    if (s->closing)
        return;
    reorder_expire(&t->udp->reorder, s->now_us, deliver, t);
    int n = receive_batch(b, t->udp->rtcp);
    for (int i = 0; i < n && !s->closing; i++)
        take_rtcp(t, b, i);
}

void udp_receive(struct rtsp_session *s)
{
    if (s->step != STEP_PLAY && s->step != STEP_PLAYING)
        return;
    s->arrival_us = clock_wall_us(s->hub->clock);
    for (int i = 0; i < s->tracks && !s->closing; i++) {
        struct rtsp_track *t = &s->track[i];
        if (!t->udp)
            continue;
        if (t->media.params)
            assembler_unpark(&t->assembler);
        receive_track(t, s->hub->udp_rx);
        if (t->media.params)
            assembler_park(&t->assembler);
    }
}
