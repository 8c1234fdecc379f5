/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* RTP over UDP: one pair of ports serves all sessions. Source: RFC 3550 §11, RFC 2326 §12.39. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/server.h"

#define PAIR_TRIES 200
#define BATCH 64
#define SEND_BUFFER (4 << 20)

static int bind_port(const char *address, int port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size = SEND_BUFFER;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (fd < 0)
        return -errno;
    inet_pton(AF_INET, address, &a.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

int sim_udp_open(struct sim_server *s, struct err *reterr)
{
    s->udp_rtp = s->udp_rtcp = -1;
    for (int i = 0; i < PAIR_TRIES; i++) {
        int port = 20000 + (int)(sim_random(s) % 20000) * 2;
        int rtp = bind_port(s->o->address, port);
        if (rtp < 0)
            continue;
        int rtcp = bind_port(s->o->address, port + 1);
        if (rtcp < 0) {
            close(rtp);
            continue;
        }
        s->udp_rtp = rtp;
        s->udp_rtcp = rtcp;
        s->udp_port = port;
        struct epoll_event a = {.events = EPOLLIN, .data.ptr = &s->udp_rtp};
        struct epoll_event b = {.events = EPOLLIN, .data.ptr = &s->udp_rtcp};
        if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, rtp, &a) < 0 ||
            epoll_ctl(s->epoll, EPOLL_CTL_ADD, rtcp, &b) < 0)
            return err_set(reterr, -errno, "watching the UDP ports failed");
        return 0;
    }
    return err_set(reterr, E_BUSY, "no free pair of UDP ports on %s", s->o->address);
}

static bool same(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* Whatever a reader sends from its ports shows that it lives. */
static void heard(struct sim_server *s, const struct sockaddr_in *from)
{
    struct sim_session *ss;
    list_foreach (ss, &s->sessions, link)
        for (int i = 0; i < SIM_TRACKS; i++)
            if (ss->player[i].udp &&
                (same(&ss->player[i].rtcp, from) || same(&ss->player[i].rtp, from)))
                ss->heard_us = s->now_us;
}

void sim_udp_event(struct sim_server *s, int fd)
{
    uint8_t d[2048];
    for (int i = 0; i < BATCH; i++) {
        struct sockaddr_in from;
        socklen_t len = sizeof(from);
        if (recvfrom(fd, d, sizeof(d), 0, (struct sockaddr *)&from, &len) < 0)
            return;
        heard(s, &from);
    }
}

void sim_udp_send_block(struct sim_player *p, const struct sim_block *b)
{
    struct mmsghdr m[BATCH] = {0};
    struct iovec v[BATCH];
    struct sim_server *s = p->session->server;
    size_t at = 0;
    while (at + SIM_FRAMING <= b->len) {
        bool rtcp = b->data[at + 1] == p->rtcp_channel && p->rtcp_channel != p->channel;
        struct sockaddr_in *to = rtcp ? &p->rtcp : &p->rtp;
        unsigned n = 0;
        for (; n < BATCH && at + SIM_FRAMING <= b->len; n++) {
            size_t len = rd16(b->data + at + 2);
            v[n] = (struct iovec){(void *)(uintptr_t)(b->data + at + SIM_FRAMING), len};
            m[n].msg_hdr = (struct msghdr){
                .msg_name = to, .msg_namelen = sizeof(*to), .msg_iov = &v[n], .msg_iovlen = 1};
            at += SIM_FRAMING + len;
        }
        for (unsigned done = 0; done < n;) {
            int r = sendmmsg(rtcp ? s->udp_rtcp : s->udp_rtp, m + done, n - done, MSG_NOSIGNAL);
            if (r <= 0 && errno == EINTR)
                continue;
            if (r <= 0)
                done++; /* refused by the reader's host or no room: lost, as on a real network */
            else
                done += (unsigned)r;
        }
    }
}
