/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The loop: signals, listeners, the wheel. */
#include "sim/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define EVENTS 512
#define BACKLOG 4096

uint64_t sim_random(struct sim_server *s)
{
    uint64_t x = s->random += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

int64_t sim_mono_us(void)
{
    return clock_mono_us(&clock_system);
}

int64_t sim_wall_us(void)
{
    return clock_wall_us(&clock_system);
}

void sim_options_default(struct sim_options *o)
{
    *o = (struct sim_options){.address = "127.0.0.1",
                              .port = 8554,
                              .cameras = 4,
                              .codec = MEDIA_H264,
                              .bitrate = 2000000,
                              .sub_bitrate = 400000,
                              .width = 1280,
                              .height = 720,
                              .fps = 25,
                              .gop = 50,
                              .slices = 1,
                              .sub_width = 640,
                              .sub_height = 360,
                              .sub_fps = 10,
                              .seed = 1,
                              .packet_bytes = 1400,
                              .session_timeout_s = 60};
}

static int listen_on(struct sim_server *s, int port, int *ret, struct err *reterr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (fd < 0)
        return err_set(reterr, -errno, "socket: %s", strerror(errno));
    *ret = fd;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (inet_pton(AF_INET, s->o->address, &a.sin_addr) != 1)
        return err_set(reterr, E_SYNTAX, "'%s' is no IPv4 address", s->o->address);
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, BACKLOG) < 0)
        return err_set(reterr, -errno, "listening on %s:%d: %s", s->o->address, port,
                       strerror(errno));
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = ret};
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) < 0
               ? err_set(reterr, -errno, "epoll: %s", strerror(errno))
               : 0;
}

static void raise_file_limit(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

static int open_outputs(struct sim_server *s, struct err *reterr)
{
    const struct sim_options *o = s->o;
    int r = o->frames_log ? sim_framelog_open(o, &s->framelog, reterr) : 0;
    if (r < 0 || !o->truth)
        return r;
    s->truth = fopen(o->truth, "we");
    return s->truth ? 0 : err_set(reterr, -errno, "%s: %s", o->truth, strerror(errno));
}

static int open_all(struct sim_server *s, struct err *reterr)
{
    const struct sim_options *o = s->o;
    int r = o->faults ? sim_faults_load(o->faults, &s->faults, reterr) : 0;
    if (r >= 0)
        r = open_outputs(s, reterr);
    if (r >= 0)
        r = sim_udp_open(s, reterr);
    if (r >= 0)
        r = listen_on(s, o->port, &s->listener, reterr);
    if (r >= 0 && o->tls_port && (r = sim_tls_open(s, reterr)) >= 0)
        r = listen_on(s, o->tls_port, &s->tls_listener, reterr);
    return r < 0 ? r : sim_library_open(s, reterr);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void close_all(struct sim_server *s)
{
    struct sim_conn *c, *ctmp;
    struct sim_session *ss, *stmp;
    list_foreach_safe (c, ctmp, &s->conns, link) {
        sim_conn_close(c, false, NULL);
    }
    list_foreach_safe (ss, stmp, &s->sessions, link) {
        sim_session_free(ss);
    }
    sim_conn_reap(s);
    sim_session_reap(s);
    sim_library_close(s);
    sim_faults_free(s->faults);
    sim_framelog_close(s->framelog);
    if (s->truth)
        fclose(s->truth);
    SSL_CTX_free(s->tls);
    close_fd(s->listener);
    close_fd(s->tls_listener);
    close_fd(s->udp_rtp);
    close_fd(s->udp_rtcp);
    close_fd(s->epoll);
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void print_stats(struct sim_server *s, int64_t span_us)
{
    struct sim_stats *t = &s->stats;
    double cpu = cpu_seconds(), span = (double)span_us / 1e6;
    int sessions = 0;
    struct sim_session *ss;
    list_foreach (ss, &s->sessions, link)
        sessions += ss->playing;
    fprintf(stderr,
            "sim: %d playing, %.0f access units/s, %.1f MB/s, cpu %.0f %%, worst lag %.1f ms, %llu "
            "short sends, "
            "%llu slow readers dropped, %llu timed out\n",
            sessions, (double)t->aus / span, (double)t->bytes / 1e6 / span,
            (cpu - t->cpu_before) * 100 / span, (double)t->worst_lag_us / 1e3,
            (unsigned long long)t->short_sends, (unsigned long long)t->slow_dropped,
            (unsigned long long)t->timed_out);
    t->cpu_before = cpu;
    t->total_aus += t->aus;
    t->total_bytes += t->bytes;
    t->aus = t->bytes = t->short_sends = 0;
    t->worst_lag_us = 0;
}

static void every_second(struct sim_server *s)
{
    sim_session_sweep(s);
    if (s->framelog)
        sim_framelog_flush(s->framelog);
    if (s->truth)
        fflush(s->truth);
}

static void handle(struct sim_server *s, const struct epoll_event *e, bool *stop)
{
    void *p = e->data.ptr;
    if (p == &s->listener || p == &s->tls_listener) {
        int r = sim_conn_accept(s, *(int *)p, p == &s->tls_listener);
        if (r < 0)
            log_warn("sim", "accept: %s", err_text(r));
    } else if (p == &s->udp_rtp || p == &s->udp_rtcp) {
        sim_udp_event(s, *(int *)p);
    } else if (p == stop) {
        *stop = true;
    } else {
        sim_conn_event(p, e->events);
    }
}

static void look_at_clocks(struct sim_server *s)
{
    s->now_us = sim_mono_us();
    s->wall_us = sim_wall_us();
}

static void loop(struct sim_server *s, bool *stop)
{
    struct epoll_event events[EVENTS];
    int64_t next_flush_us = s->now_us, next_stats_us = s->now_us + s->o->stats_us;
    while (!*stop && (!s->o->run_us || s->now_us - s->start_us < s->o->run_us)) {
        int n =
            epoll_wait(s->epoll, events, EVENTS, s->held || s->faults ? 1 : sim_wheel_wait_ms(s));
        look_at_clocks(s);
        for (int i = 0; i < n; i++)
            handle(s, &events[i], stop);
        if (s->faults)
            sim_faults_run(s);
        if (s->held)
            sim_conn_release_held(s);
        look_at_clocks(s);
        sim_wheel_run(s);
        sim_conn_reap(s);
        sim_session_reap(s);
        if (s->now_us >= next_flush_us) {
            every_second(s);
            next_flush_us = s->now_us + SECOND_US / 5;
        }
        if (s->o->stats_us && s->now_us >= next_stats_us) {
            print_stats(s, s->o->stats_us);
            next_stats_us += s->o->stats_us;
        }
    }
}

static int watch_signals(struct sim_server *s, bool *stop, int *ret_fd)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = stop};
    return *ret_fd < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, *ret_fd, &e) < 0 ? -errno : 0;
}

static int start(struct sim_server *s, bool *stop, int *ret_signals, struct err *reterr)
{
    int r = watch_signals(s, stop, ret_signals);
    if (r < 0)
        return err_set(reterr, r, "signals: %s", err_text(r));
    r = open_all(s, reterr);
    if (r < 0)
        return r;
    look_at_clocks(s);
    s->start_us = s->now_us;
    s->start_wall_us = s->wall_us;
    s->stats.cpu_before = cpu_seconds();
    sim_wheel_init(s);
    if (s->faults && (r = sim_faults_start(s)) < 0)
        return err_set(reterr, r, "starting the fault script: %s", err_text(r));
    printf("ready rtsp://%s:%d/cam0/main … %d cameras\n", s->o->address, s->o->port, s->o->cameras);
    fflush(stdout);
    return 0;
}

static void choose_defaults(struct sim_options *o)
{
    if (!o->scenes)
        o->scenes = 2;
    if (o->scene_seconds <= 0)
        o->scene_seconds = o->scene != SIM_SCENE_STREET && o->scene != SIM_SCENE_NOISE ? 120
                           : o->codec == MEDIA_H265 ? 8 /* libx265 takes that much longer */
                                                    : 20;
}

int sim_run(const struct sim_options *o, struct err *reterr)
{
    struct sim_server *s = calloc(1, sizeof(*s));
    struct sim_options copy = *o;
    bool stop = false;
    int signals = -1;
    if (!s)
        return -ENOMEM;
    choose_defaults(&copy);
    s->o = &copy;
    s->listener = s->tls_listener = s->udp_rtp = s->udp_rtcp = -1;
    s->random = o->seed;
    list_init(&s->conns);
    list_init(&s->dead);
    list_init(&s->sessions);
    list_init(&s->dead_sessions);
    raise_file_limit();
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    int r = s->epoll < 0 ? err_set(reterr, -errno, "epoll: %s", strerror(errno))
                         : start(s, &stop, &signals, reterr);
    if (r >= 0) {
        loop(s, &stop);
        printf("sent %llu access units, %llu bytes\n",
               (unsigned long long)(s->stats.total_aus + s->stats.aus),
               (unsigned long long)(s->stats.total_bytes + s->stats.bytes));
    }
    close_all(s);
    close_fd(signals);
    free(s);
    return r;
}
