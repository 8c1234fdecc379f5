/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_SESSION_H
#define RTSP_SESSION_H
/*
 * RTSP 1.0 client (RFC 2326) for thousands of cameras on one libuv loop.
 *
 * A hub belongs to one loop. It owns one receive buffer that all its sessions share and reads established
 * TCP sessions in rounds (a timer, not one epoll wake-up per packet): at 2,000 cameras a read then returns
 * several access units at once, which is where the cost per camera falls.
 *
 * A session is one connection attempt after the other to one URL: it reconnects with backoff and jitter and
 * never gives up by itself.
 */
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "media/frame.h"

struct rtsp_hub;
struct rtsp_session;

struct rtsp_hub_config {
    const struct clock *clock;
    int round_min_ms, round_max_ms; /* 0: 20 and 100; the round grows with the number of sessions */
};

/* Create the hub of @loop; SIGPIPE is ignored from then on, unless it has a handler. Thread: bound to the loop's thread, as is everything below. */
int rtsp_hub_new(uv_loop_t *loop, const struct rtsp_hub_config *cfg, struct rtsp_hub **ret);
/* All sessions must be closed before. @done may be NULL; called when the memory has been freed. */
void rtsp_hub_close(struct rtsp_hub *h, void (*done)(void *user), void *user);

enum rtsp_transport { RTSP_TRANSPORT_AUTO, RTSP_TRANSPORT_TCP, RTSP_TRANSPORT_UDP };

/* Copied by rtsp_session_open(). */
struct rtsp_config {
    const char *url;               /* rtsp:// or rtsps://, credentials allowed inside */
    const char *user, *password;   /* NULL: those of the URL */
    enum rtsp_transport transport; /* AUTO: TCP, then UDP when the camera answers 461 */
    bool audio;                    /* also set up AAC/G.711; off by default */
    bool pinned; /* rtsps: accept only the certificate with pin_sha256, whatever its issuer */
    uint8_t pin_sha256[32]; /* SHA-256 of the certificate, DER */
    bool tls_insecure; /* rtsps without a pin and without checking the issuer: must be asked for */
    bool once;         /* do not reconnect (probe) */
};

enum rtsp_state {
    RTSP_STATE_IDLE,
    RTSP_STATE_CONNECTING, /* TCP, TLS, OPTIONS, DESCRIBE, SETUP, PLAY */
    RTSP_STATE_PLAYING,    /* PLAY was accepted */
    RTSP_STATE_WAITING,    /* backoff before the next attempt */
    RTSP_STATE_CLOSED
};

/* Called on the loop's thread. Pointers are borrowed for the time of the call. Closing the session inside is allowed. */
struct rtsp_events {
    /* @code 0 or why the last connection ended; @why one sentence without credentials. */
    void (*state)(void *user, enum rtsp_state s, int code, const char *why);
    /* A track is known (after SETUP) or its parameter sets changed. @index 0 is video. */
    void (*track)(void *user, int index, const struct media_track *t);
    void (*au)(void *user, int index, const struct media_au *au);
    /* RTP packets that never came, as far as sequence numbers tell. */
    void (*lost)(void *user, int index, uint32_t packets);
    /* RTCP sender report: camera's NTP time as UTC microseconds for presentation time @pts_ticks. May be NULL. */
    void (*sender_report)(void *user, int index, int64_t camera_us, int64_t pts_ticks,
                          int64_t arrival_us);
};

struct rtsp_stats {
    uint64_t bytes, packets, packets_lost, access_units, reconnects, discarded_bytes;
    int64_t last_au_us; /* wall clock; 0 = never */
};

/*
 * Open a session; the first event comes from the loop, never from inside this call.
 * Owns: the session belongs to the caller until rtsp_session_close().
 * Errors: E_SYNTAX (URL), -ENOMEM; @reterr names the part of the URL.
 */
int rtsp_session_open(struct rtsp_hub *h, const struct rtsp_config *cfg,
                      const struct rtsp_events *ev, void *user, struct rtsp_session **ret,
                      struct err *reterr);
/* TEARDOWN (bounded to 1 s), then free; @done is called then. No event comes after this call. */
void rtsp_session_close(struct rtsp_session *s, void (*done)(void *user), void *user);
void rtsp_session_stats(const struct rtsp_session *s, struct rtsp_stats *ret);
/* Text about the camera for `lethe probe`: server name, chosen transport, tracks, oddities met. */
struct buf;
int rtsp_session_describe(const struct rtsp_session *s, struct buf *out);
#endif
