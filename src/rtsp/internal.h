/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_INTERNAL_H
#define RTSP_INTERNAL_H
/* Shared by the files of the session: hub.c session.c handshake.c receive.c udp.c conn.c. Not for other folders. */
#include "base/buf.h"
#include "base/list.h"
#include "rtsp/auth.h"
#include "rtsp/conn.h"
#include "rtsp/depay.h"
#include "rtsp/interleaved.h"
#include "rtsp/oddity.h"
#include "rtsp/rtp.h"
#include "rtsp/session.h"
#include "rtsp/timeline.h"
#include "rtsp/url.h"

/* Limits. Times in microseconds, sizes in bytes. */
#define HUB_RX_BYTES (256u << 10) /* receive buffer of all sessions of a loop */
/* Connections begun per tick, so that a restart does not send 2,000 SYNs at once: by the time that passed, as the ticks
 * of a busy loop are rare, within these limits. */
#define HUB_CONNECTS_PER_MS 4
#define HUB_CONNECTS_MIN 32
#define HUB_CONNECTS_MAX 256
#define ROUND_BYTES_MAX (1u << 20) /* read from one session per round */
#define GARBAGE_MAX (64u << 10)    /* bytes without a single good frame between them */
#define GARBAGE_PER_MINUTE (1u << 20)
#define SILENCE_US (10 * SECOND_US)       /* nothing at all came */
#define MEDIA_SILENCE_US (30 * SECOND_US) /* something came, but no picture */
#define ANSWER_US (10 * SECOND_US)        /* an answer to a request, or the connection itself */
#define TEARDOWN_US SECOND_US
#define BACKOFF_MIN_US SECOND_US
#define BACKOFF_MAX_US (30 * SECOND_US)
#define STABLE_US (10 * SECOND_US) /* a connection that played this long resets the backoff */
#define REPORT_US (5 * SECOND_US)  /* RTCP receiver reports */
#define KEEPALIVE_DEFAULT_S 60     /* session timeout when the camera does not say */
#define KEEPALIVE_MAX_US (30 * SECOND_US)
#define REDIRECTS_MAX 5
#define CHALLENGES_MAX 3 /* 401s to one request */
#define STRANGE_PAYLOAD_PACKETS                                                                    \
    32                     /* of another payload type, before the announcement is taken for wrong */
#define YOUNG_PER_TICK 256 /* sessions in their handshake that get a turn in every tick */
#define TICK_WORK_US (50 * INT64_C(1000)) /* then the loop gets its turn, the other sessions wait */
#define TRACKS 2

struct rtsp_hub {
    uv_loop_t *loop;
    const struct clock *clock;
    uv_timer_t tick;
    bool ticking, closing, timer_closed;
    struct list ring;  /* all sessions; the front is next */
    struct list dead;  /* closed, freed at the next tick */
    struct list young; /* sessions that connect or shake hands, and some that just did */
    int sessions, conns, connect_budget;
    int round_min_ms, round_max_ms;
    int64_t last_tick_us, share; /* share: turns owed, × 2^16 */
    uint64_t random[2];
    struct au_scratch scratch;
    uint8_t *rx;
    void *udp_rx; /* of udp.c, made when the first session needs it */
    uint8_t cipher[64 << 10];
    void (*done)(void *user);
    void *user;
};

int64_t hub_now(const struct rtsp_hub *h); /* monotonic */
uint64_t hub_random(struct rtsp_hub *h);
void hub_check_done(struct rtsp_hub *h);
void hub_sessions_changed(struct rtsp_hub *h);

enum step {
    STEP_IDLE,
    STEP_CONNECT,
    STEP_OPTIONS,
    STEP_DESCRIBE,
    STEP_SETUP,
    STEP_PLAY,
    STEP_PLAYING,
    STEP_TEARDOWN,
    STEP_WAIT,
    STEP_OVER /* `once` and done, or closed */
};

struct udp_pair;

struct rtsp_track {
    struct rtsp_session *session;
    struct media_track media;
    struct assembler assembler; /* video */
    struct depay_audio audio;
    struct timeline timeline;
    struct rtp_source source;
    struct udp_pair *udp;
    uint8_t payload_type, rtp_channel, rtcp_channel;
    bool donl, payload_seen, has_ssrc, told;
    bool settled; /* whose packets they are was decided, none are held any more */
    struct buf held;
    int held_packets;
    int64_t held_since_us;
    uint32_t announced_ssrc, strange_payload, last_sr;
    int64_t last_sr_us; /* monotonic; 0: none */
    char control[RTSP_URL_BYTES];
};

struct rtsp_session {
    struct list node;
    struct list young; /* alone when it is not in the hub's list */
    struct rtsp_hub *hub;
    struct rtsp_events ev;
    void *user;
    struct rtsp_config cfg;    /* strings not kept: url and auth hold them */
    struct rtsp_url home, url; /* url: after redirects */
    struct rtsp_auth auth;
    struct conn *conn;
    enum step step;
    bool closing, told_playing, use_udp, tried_udp, early_media, in_step, auth_worked, options_only;
    void (*done)(void *user);
    void *done_user;

    /* requests */
    uint32_t cseq, keepalive_cseq;
    int challenges, redirects, setup_index;
    bool awaiting, can_get_parameter, can_set_parameter, keepalive_unanswered;
    int64_t deadline_us, next_keepalive_us, next_report_us, keepalive_us;
    char session_id[128], base[RTSP_URL_BYTES], aggregate[RTSP_URL_BYTES], server[64];

    /* stream */
    struct rtsp_track track[TRACKS];
    int tracks;
    struct rtsp_channels channels;
    struct buf tail;
    uint32_t garbage, garbage_minute;
    int64_t garbage_since_us, last_data_us, last_media_us, playing_since_us, backoff_us;
    int64_t now_us, arrival_us; /* of this turn: monotonic and wall */
    uint32_t our_ssrc, oddities;
    struct rtsp_stats stats;
    struct err why; /* of the last end */
};

/* session.c */
void session_turn(struct rtsp_session *s, int64_t now_us);
void session_free(struct rtsp_session *s);
/* End this connection attempt with a reason; reconnects later. Nothing of the stream may be touched afterwards. */
void session_fail(struct rtsp_session *s, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* New connection at once, to s->url. */
void session_reconnect_now(struct rtsp_session *s);
/* PLAY was accepted, or media came before the answer. */
void session_tell_playing(struct rtsp_session *s);
static inline void session_odd(struct rtsp_session *s, enum rtsp_oddity o)
{
    s->oddities |= ODD_BIT(o);
}
/* True when the session still reads its connection. */
static inline bool session_alive(const struct rtsp_session *s)
{
    return s->conn != NULL;
}

/* handshake.c */
void handshake_begin(struct rtsp_session *s);
void handshake_message(struct rtsp_session *s, const struct rtsp_message *m);
void handshake_keepalive(struct rtsp_session *s);
/* Best effort; true when it went out and an answer may be waited for. */
bool handshake_teardown(struct rtsp_session *s);

/* early.c */
typedef void (*early_take)(struct rtsp_track *t, const uint8_t *p, size_t n);
/* Every RTP packet of a track as it came: goes to @take at once, later, or, if it is of an earlier session, never. */
void early_packet(struct rtsp_track *t, const uint8_t *p, size_t n, early_take take);

/* receive.c */
/* Read and handle what the connection has. May fail the session. */
void receive_tcp(struct rtsp_session *s);
/* One RTP or RTCP packet of a track, in order. */
void receive_rtp(struct rtsp_track *t, const struct rtp_packet *p);
/* Parse and check payload type and source. False: not for us, counted as discarded. */
bool receive_rtp_accept(struct rtsp_track *t, const uint8_t *p, size_t n, struct rtp_packet *ret);
void receive_rtcp(struct rtsp_track *t, const uint8_t *p, size_t n);
void receive_reports(struct rtsp_session *s);
/* Forget the tracks of the connection before. */
void receive_reset(struct rtsp_session *s);
extern const struct assembler_events receive_assembler_events;
void receive_audio_frame(void *user, const uint8_t *data, uint32_t size, uint32_t ts, bool loss);
#endif
