/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Connects to one RTSP URL with the recorder's own client and prints a JSON object per event on stdout:
 * {"au":0,"size":…,"key":true,"changed":false,"loss":false,"pts":…,"arrival_us":…,"nals":["<type>:<sha256>",…]}
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "rtsp/session.h"

struct dump {
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t signal;
    struct rtsp_hub *hub;
    struct rtsp_session *session;
    enum media_codec codec[2];
    long frames, max_frames;
    bool quiet, once, failed;
};

static void hub_closed(void *user)
{
    struct dump *d = user;
    uv_close((uv_handle_t *)&d->timer, NULL);
    uv_close((uv_handle_t *)&d->signal, NULL);
}

static void session_closed(void *user)
{
    struct dump *d = user;
    rtsp_hub_close(d->hub, hub_closed, d);
}

static void stop(struct dump *d)
{
    struct rtsp_session *s = d->session;
    if (!s)
        return;
    struct rtsp_stats st;
    struct buf text;
    rtsp_session_stats(s, &st);
    buf_init(&text, 0);
    rtsp_session_describe(s, &text);
    fprintf(stderr, "%s", text.len ? buf_cstr(&text) : "");
    buf_release(&text);
    printf("{\"end\":true,\"bytes\":%" PRIu64 ",\"packets\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"access_units\":%" PRIu64 ",\"reconnects\":%" PRIu64 ",\"discarded_bytes\":%" PRIu64
           "}\n",
           st.bytes, st.packets, st.packets_lost, st.access_units, st.reconnects,
           st.discarded_bytes);
    fflush(stdout);
    d->session = NULL;
    rtsp_session_close(s, session_closed, d);
}

static void on_timer(uv_timer_t *t)
{
    stop(t->data);
}

static void on_signal(uv_signal_t *h, int number)
{
    stop(h->data);
}

static void on_state(void *user, enum rtsp_state state, int code, const char *why)
{
    static const char *const names[] = {"idle", "connecting", "playing", "waiting", "closed"};
    struct dump *d = user;
    printf("{\"state\":\"%s\",\"code\":\"%s\",\"why\":\"%s\"}\n", names[state],
           code ? err_name(code) : "", why ? why : "");
    if (state == RTSP_STATE_CLOSED && d->once) {
        d->failed = true;
        stop(d);
    }
}

static void on_track(void *user, int index, const struct media_track *t)
{
    struct dump *d = user;
    d->codec[index] = t->codec;
    printf("{\"track\":%d,\"codec\":\"%s\",\"clock\":%u,\"width\":%u,\"height\":%u,\"channels\":%u,"
           "\"sets\":%d}\n",
           index, media_codec_name(t->codec), t->clock_rate, t->width, t->height, t->channels,
           t->params ? t->params->count : 0);
}

static void print_nal(enum media_codec codec, const uint8_t *p, size_t n, bool first)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_Digest(p, n, md, &len, EVP_sha256(), NULL);
    printf("%s\"%d:", first ? "" : ",", codec == MEDIA_H265 ? p[0] >> 1 & 63 : p[0] & 31);
    for (unsigned i = 0; i < len; i++)
        printf("%02x", md[i]);
    printf("\"");
}

static void on_au(void *user, int index, const struct media_au *au)
{
    struct dump *d = user;
    bool video = d->codec[index] == MEDIA_H264 || d->codec[index] == MEDIA_H265;
    if (!d->quiet) {
        printf("{\"au\":%d,\"size\":%u,\"key\":%s,\"changed\":%s,\"loss\":%s,\"pts\":%" PRId64
               ",\"arrival_us\":%" PRId64,
               index, au->size, au->key ? "true" : "false", au->params_changed ? "true" : "false",
               au->loss ? "true" : "false", au->pts_ticks, au->arrival_us);
        if (video) {
            printf(",\"nals\":[");
            for (uint32_t at = 0; at + 4 <= au->size;) {
                uint32_t n = rd32(au->data + at);
                print_nal(d->codec[index], au->data + at + 4, n, at == 0);
                at += 4 + n;
            }
            printf("]");
        }
        printf("}\n");
    }
    if (++d->frames == d->max_frames)
        stop(d);
}

static void on_lost(void *user, int index, uint32_t packets)
{
    printf("{\"lost\":%d,\"packets\":%u}\n", index, packets);
}

static void on_report(void *user, int index, int64_t camera_us, int64_t pts, int64_t arrival_us)
{
    printf("{\"sender_report\":%d,\"camera_us\":%" PRId64 ",\"pts\":%" PRId64
           ",\"arrival_us\":%" PRId64 "}\n",
           index, camera_us, pts, arrival_us);
}

static int usage(void)
{
    fprintf(stderr, "usage: rtsp_dump [-t tcp|udp] [-a] [-n FRAMES] [-s SECONDS] [-p PINHEX] [-k] "
                    "[-1] [-q] URL\n");
    return 2;
}

static bool read_pin(const char *hex, uint8_t out[32])
{
    for (int i = 0; i < 32; i++) {
        unsigned v;
        if (sscanf(hex + 2 * i, "%2x", &v) != 1)
            return false;
        out[i] = (uint8_t)v;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct dump d = {.max_frames = -1};
    struct rtsp_config cfg = {0};
    int opt, seconds = 0;
    while ((opt = getopt(argc, argv, "t:an:s:p:k1q")) >= 0) {
        if (opt == 't')
            cfg.transport = strcmp(optarg, "udp") == 0 ? RTSP_TRANSPORT_UDP : RTSP_TRANSPORT_TCP;
        else if (opt == 'a')
            cfg.audio = true;
        else if (opt == 'n')
            d.max_frames = strtol(optarg, NULL, 10);
        else if (opt == 's')
            seconds = (int)strtol(optarg, NULL, 10);
        else if (opt == 'p')
            cfg.pinned = read_pin(optarg, cfg.pin_sha256);
        else if (opt == 'k')
            cfg.tls_insecure = true;
        else if (opt == '1')
            cfg.once = d.once = true;
        else if (opt == 'q')
            d.quiet = true;
        else
            return usage();
    }
    if (optind + 1 != argc)
        return usage();
    cfg.url = argv[optind];
    struct rtsp_hub_config hub = {.clock = &clock_system};
    struct rtsp_events ev = {on_state, on_track, on_au, on_lost, on_report};
    struct err e = {0};
    uv_loop_init(&d.loop);
    uv_timer_init(&d.loop, &d.timer);
    uv_signal_init(&d.loop, &d.signal);
    d.timer.data = d.signal.data = &d;
    uv_signal_start(&d.signal, on_signal, SIGINT);
    if (seconds)
        uv_timer_start(&d.timer, on_timer, (uint64_t)seconds * 1000, 0);
    int r = rtsp_hub_new(&d.loop, &hub, &d.hub);
    if (r >= 0)
        r = rtsp_session_open(d.hub, &cfg, &ev, &d, &d.session, &e);
    if (r < 0) {
        fprintf(stderr, "%s\n", err_str(&e, r));
        return 1;
    }
    uv_run(&d.loop, UV_RUN_DEFAULT);
    uv_loop_close(&d.loop);
    return d.failed;
}
