/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H
/*
 * What the files of the simulator share: one thread, one epoll set, one wheel of due access units. Plain epoll and
 * not libuv: the hot path is one send() of shared bytes per access unit, without a write request per send, and
 * edge-triggered readiness costs nothing until a send comes up short.
 */
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "sim/fault.h"
#include "sim/program.h"
#include "sim/sim.h"

#define SIM_STREAMS 2                      /* main, sub */
#define SIM_TRACKS 2                       /* video, audio */
#define SIM_SLOW_US (2 * INT64_C(1000000)) /* a reader that is further behind is dropped */
#define SIM_SR_US (5 * INT64_C(1000000))
#define SIM_REQUEST_BYTES ((size_t)64 << 10)
#define SIM_TOLD 20 /* lines about single readers of one kind; the statistics count all */
#define SIM_QUEUE_MAX 8192
#define SIM_WHEEL_SLOTS 4096 /* of a millisecond */

struct sim_server;
struct sim_session;
struct sim_conn;

struct sim_stream {
    struct sim_program *track[SIM_TRACKS]; /* audio may be NULL */
    struct sim_program *other;             /* what a parameter change switches to; may be NULL */
};

struct sim_camera {
    int id;
    struct sim_stream stream[SIM_STREAMS];
    double phase; /* where in the loop it starts, 0..1; also its place inside a frame's time */
    struct sim_quirks *quirks[SIM_STREAMS]; /* NULL: behaves */
    int playing[SIM_STREAMS];
    int64_t base_us[SIM_STREAMS]; /* time line of the video while somebody plays */
};

/* What is told about an access unit once all of it was handed to the kernel. */
struct sim_note {
    struct sim_player *player; /* NULL: nothing is told */
    struct sim_program *program;
    uint32_t index, timestamp;
    int64_t loop;
    bool damaged;
};

struct sim_pending {
    struct sim_block *block;
    uint32_t offset;
    int64_t since_us;
    struct sim_note note;
};

/* One track of a session. */
struct sim_player {
    struct sim_session *session;
    struct sim_program *program;
    struct list wheel;       /* linked while PLAYING */
    int64_t due_us, base_us; /* monotonic; base: when tick 0 of pass 0 was or would have been */
    int64_t loop;
    size_t index;
    int track;
    bool set_up, udp, noted;
    uint8_t channel, rtcp_channel;
    struct sockaddr_in rtp, rtcp;
    uint64_t number;          /* access units played */
    uint32_t packets, octets; /* for sender reports */
    int64_t next_sr_us;
    struct sim_mangle *mangle; /* private state of faults; NULL in the normal case */
};

struct sim_session {
    char id[24];
    struct sim_server *server;
    struct sim_camera *camera;
    int stream;
    struct sim_conn *conn; /* NULL: UDP session whose connection went away */
    struct list link;
    struct sim_player player[SIM_TRACKS];
    bool playing, leader;
    int64_t heard_us;
    uint64_t number;
};

struct sim_conn {
    struct sim_server *server;
    struct list link;
    int fd;
    SSL *ssl;
    bool handshaking, closing, after_flush_close;
    uint8_t *in;
    size_t in_len, in_cap;
    struct sim_pending *queue; /* ring */
    uint32_t head, count, cap;
    struct sim_session *session;
    struct sim_block
        *late; /* slow handshake: a reply that goes out at held_until_us; requests wait */
    int64_t held_until_us;
    char nonce[40];
    int64_t nonce_born_us;
    unsigned server_cseq;
};

struct sim_stats {
    uint64_t aus, bytes, short_sends, slow_dropped, timed_out, sessions_made;
    uint64_t total_aus, total_bytes; /* of the spans before */
    int64_t worst_lag_us;
    double cpu_before;
};

struct sim_server {
    const struct sim_options *o;
    int epoll, listener, tls_listener, udp_rtp, udp_rtcp;
    int udp_port;
    SSL_CTX *tls;
    struct sim_camera *cameras;
    struct sim_program **programs;
    size_t program_count;
    struct list conns, dead, sessions, dead_sessions;
    int held; /* connections with a late reply */
    struct list wheel[SIM_WHEEL_SLOTS];
    int64_t wheel_ms; /* slots before this one have been served */
    int64_t now_us, wall_us, start_us, start_wall_us;
    struct sim_faults *faults; /* NULL: none */
    struct sim_framelog *framelog;
    FILE *truth;
    struct sim_stats stats;
    uint64_t random;
};

uint64_t sim_random(struct sim_server *s);
int64_t sim_mono_us(void);
int64_t sim_wall_us(void);

/* library.c: programs of all cameras. */
int sim_library_open(struct sim_server *s, struct err *reterr);
void sim_library_close(struct sim_server *s);

/* conn.c */
int sim_conn_accept(struct sim_server *s, int listener, bool tls);
void sim_conn_event(struct sim_conn *c, uint32_t events);
/* Send or queue; takes over one reference of @b. @note may be NULL. */
void sim_conn_send(struct sim_conn *c, struct sim_block *b, const struct sim_note *note);
void sim_conn_text(struct sim_conn *c, const char *text, size_t len);
void sim_conn_flush(struct sim_conn *c);
/* Close after what is queued has gone out. */
void sim_conn_finish(struct sim_conn *c);
/* Close now; the object lives on until sim_conn_reap(). @reset: RST instead of FIN. */
void sim_conn_close(struct sim_conn *c, bool reset, const char *why);
void sim_conn_reap(struct sim_server *s);
/* Look at requests that wait in the buffer. */
void sim_conn_parse(struct sim_conn *c);
/* Send late replies that are due. */
void sim_conn_release_held(struct sim_server *s);

/* tls.c */
int sim_tls_open(struct sim_server *s, struct err *reterr);

/* session.c */
struct sim_session *sim_session_new(struct sim_server *s, struct sim_camera *camera, int stream);
/* Ends it; the memory lives on until sim_session_reap(). NULL is fine. */
void sim_session_free(struct sim_session *ss);
void sim_session_reap(struct sim_server *s);
struct sim_session *sim_session_find(struct sim_server *s, const char *id);
void sim_session_play(struct sim_session *ss);
void sim_session_pause(struct sim_session *ss);
void sim_session_sweep(struct sim_server *s);

/* player.c */
void sim_player_start(struct sim_player *p);
void sim_player_stop(struct sim_player *p);
/* Play the first access unit at once, before anything else happens. */
void sim_player_kick(struct sim_player *p);
void sim_wheel_init(struct sim_server *s);
void sim_wheel_run(struct sim_server *s);
int sim_wheel_wait_ms(const struct sim_server *s);
/* Wall time at which the picture of an access unit was taken. */
int64_t sim_player_taken_us(const struct sim_player *p, const struct sim_program *program,
                            size_t index, int64_t loop);
/* Send a finished block on the player's transport. Takes over one reference. */
void sim_player_send(struct sim_player *p, struct sim_block *b, const struct sim_note *note);
/* Move on to the next access unit; true when the loop began anew. */
bool sim_player_advance(struct sim_player *p);

/* rtcp.c: append a compound sender report (interleaved framing included). */
void sim_rtcp_send(struct sim_player *p);

/* udp.c */
int sim_udp_open(struct sim_server *s, struct err *reterr);
void sim_udp_event(struct sim_server *s, int fd);
void sim_udp_send_block(struct sim_player *p, const struct sim_block *b);

/* reply.c: one request, headers and body complete. */
/* sdp.c: the description of a stream. */
int sim_sdp_write(const struct sim_server *s, const struct sim_camera *cam, int stream,
                  const char *base, struct buf *out);

/* auth.c */
struct sim_request;
/* Does the request carry what this camera wants? *ret_stale: only the nonce was too old. */
bool sim_auth_check(struct sim_conn *c, const struct sim_request *r, const struct sim_quirks *q,
                    bool *ret_stale);
/* Append the WWW-Authenticate lines; makes a fresh nonce. */
int sim_auth_challenge(struct sim_conn *c, const struct sim_quirks *q, bool stale, struct buf *out);

void sim_reply(struct sim_conn *c, const struct sim_request *r);

/* framelog.c */
struct sim_framelog;
int sim_framelog_open(const struct sim_options *o, struct sim_framelog **ret, struct err *reterr);
void sim_framelog_close(struct sim_framelog *f);
void sim_framelog_flush(struct sim_framelog *f);
bool sim_framelog_wants(const struct sim_framelog *f, int camera);
void sim_framelog_write(struct sim_framelog *f, const struct sim_note *n, int64_t wall_us);
void sim_truth_write(struct sim_server *s, const struct sim_note *n);
#endif
