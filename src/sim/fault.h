/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H
/*
 * Fault scripts: what cameras do wrong, and when. docs/format/faults.md is the reference of the format.
 * A quirk is a state that lasts; an event happens once each time; a reply rule answers a request differently.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* name, word in the script, kind of argument, its words or its default ("": must be given) */
#define SIM_QUIRK_LIST(X)                                                                          \
    X(MARKER, "marker", SIM_ARG_WORD, "never always")                                              \
    X(LOSS, "loss", SIM_ARG_PERCENT, "")                                                           \
    X(REORDER, "reorder", SIM_ARG_PERCENT, "")                                                     \
    X(DUPLICATE, "duplicate", SIM_ARG_PERCENT, "")                                                 \
    X(NO_SR, "no-sr", SIM_ARG_NONE, "")                                                            \
    X(SR, "sr", SIM_ARG_WORD, "wrong-ssrc first malformed wrong-clock")                            \
    X(INTERLEAVED, "interleaved", SIM_ARG_WORD, "swap other single")                               \
    X(TRANSPORT, "transport", SIM_ARG_WORD,                                                        \
      "avp spaces bad-ssrc no-server-port zero-server-port empty-source hostnames order")          \
    X(UNKNOWN_CHANNEL, "unknown-channel", SIM_ARG_NONE, "")                                        \
    X(CRLF, "crlf", SIM_ARG_NONE, "")                                                              \
    X(EARLY_RTP, "early-rtp", SIM_ARG_NONE, "")                                                    \
    X(SPLIT_TIMESTAMP, "split-timestamp", SIM_ARG_NONE, "")                                        \
    X(FU, "fu", SIM_ARG_WORD, "start-end empty type-change reserved")                              \
    X(ANNEXB, "annexb", SIM_ARG_WORD, "prefix joined")                                             \
    X(STAP, "stap", SIM_ARG_NONE, "")                                                              \
    X(TRAILING, "trailing-zeros", SIM_ARG_NONE, "")                                                \
    X(FOREIGN_PT, "foreign-pt", SIM_ARG_NONE, "")                                                  \
    X(DROP_KEYS, "drop-keys", SIM_ARG_NONE, "")                                                    \
    X(BIG_PACKETS, "big-packets", SIM_ARG_NONE, "")                                                \
    X(DRIFT, "drift", SIM_ARG_PPM, "")                                                             \
    X(SDP, "sdp", SIM_ARG_WORD,                                                                    \
      "no-origin decimal-origin two-names bad-connection bad-time no-newline vendor-media "        \
      "no-fmtp empty-fmtp "                                                                        \
      "bad-sprop annexb-sprop no-sprop one-sprop pt35 rate-space zero-rate absolute-control "      \
      "no-control "                                                                                \
      "slash-control base-control wrong-direction lf-only fmtp-other-track mode0")                 \
    X(CONTENT_BASE, "content-base", SIM_ARG_WORD,                                                  \
      "none no-scheme double bare-ipv6 wrong no-slash")                                            \
    X(CSEQ, "cseq", SIM_ARG_WORD, "lower-case spaces wrong none")                                  \
    X(REASON, "reason", SIM_ARG_WORD, "empty none")                                                \
    X(NO_CONTENT_TYPE, "no-content-type", SIM_ARG_NONE, "")                                        \
    X(SESSION, "session", SIM_ARG_WORD, "changes no-timeout bad spaces")                           \
    X(PUBLIC, "public", SIM_ARG_WORD, "none no-get-parameter")                                     \
    X(NO_PARAMETER, "no-parameter-methods", SIM_ARG_NONE, "")                                      \
    X(RTP_INFO, "rtp-info", SIM_ARG_WORD, "none semicolon bad-time zero one wrong-url extra lies") \
    X(NEEDS, "needs", SIM_ARG_WORD, "range user-agent")                                            \
    X(AUTH, "auth", SIM_ARG_WORD,                                                                  \
      "basic-first unknown-first stale stale-lower other-case once no-qop")

#define SIM_EVENT_LIST(X)                                                                          \
    X(DROP, "drop", SIM_ARG_NONE, "")                                                              \
    X(RESET, "reset", SIM_ARG_NONE, "")                                                            \
    X(STALL, "stall", SIM_ARG_DURATION, "")                                                        \
    X(GARBAGE, "garbage", SIM_ARG_SIZE, "1k")                                                      \
    X(FLOOD, "flood", SIM_ARG_SIZE, "10M")                                                         \
    X(SEQ_JUMP, "seq-jump", SIM_ARG_COUNT, "1000")                                                 \
    X(TS_JUMP, "ts-jump", SIM_ARG_DURATION, "1h")                                                  \
    X(TS_BACK, "ts-back", SIM_ARG_DURATION, "10s")                                                 \
    X(TS_ONCE, "ts-once", SIM_ARG_DURATION, "1h")                                                  \
    X(PARAM_CHANGE, "param-change", SIM_ARG_NONE, "")                                              \
    X(CUT, "cut", SIM_ARG_NONE, "")                                                                \
    X(SKIP, "skip", SIM_ARG_COUNT, "10")                                                           \
    X(EXPIRE, "expire", SIM_ARG_NONE, "")                                                          \
    X(ASK, "server-options", SIM_ARG_NONE, "")                                                     \
    X(SSRC_CHANGE, "ssrc-change", SIM_ARG_NONE, "")                                                \
    X(STALE_DATA, "stale-data", SIM_ARG_COUNT, "20")                                               \
    X(STRAY_REPLY, "stray-reply", SIM_ARG_NONE, "")                                                \
    X(BYE, "bye", SIM_ARG_NONE, "")

#define SIM_REPLY_LIST(X)                                                                          \
    X(REPLY, "reply", SIM_ARG_COUNT, "")                                                           \
    X(REDIRECT, "redirect", SIM_ARG_TEXT, "")                                                      \
    X(DELAY, "delay", SIM_ARG_DURATION, "")                                                        \
    X(CLOSE, "close", SIM_ARG_NONE, "")                                                            \
    X(IGNORE, "ignore", SIM_ARG_NONE, "")                                                          \
    X(JUNK, "junk", SIM_ARG_SIZE, "1k")

enum sim_arg {
    SIM_ARG_NONE,
    SIM_ARG_WORD,
    SIM_ARG_PERCENT,
    SIM_ARG_PPM,
    SIM_ARG_DURATION,
    SIM_ARG_SIZE,
    SIM_ARG_COUNT,
    SIM_ARG_TEXT
};
#define X(id, word, arg, more) SIM_Q_##id,
enum sim_quirk_id { SIM_QUIRK_LIST(X) SIM_QUIRKS };
#undef X
#define X(id, word, arg, more) SIM_E_##id,
enum sim_event_id { SIM_EVENT_LIST(X) SIM_EVENTS };
#undef X
#define X(id, word, arg, more) SIM_R_##id,
enum sim_reply_id { SIM_REPLY_LIST(X) SIM_REPLIES };
#undef X

/* State of one stream of a camera. 0: off. A word is a bit per place in its list, from bit 0; else the argument. */
struct sim_quirks {
    int64_t arg[SIM_QUIRKS];
};
static inline int64_t sim_quirk(const struct sim_quirks *q, enum sim_quirk_id id)
{
    return q ? q->arg[id] : 0;
}
/* Is the word with that place in its list on? */
static inline bool sim_quirk_word(const struct sim_quirks *q, enum sim_quirk_id id, int place)
{
    return q && (q->arg[id] >> place & 1);
}

bool sim_quirk_is_word(enum sim_quirk_id id);

enum sim_when { SIM_AT, SIM_EVERY, SIM_AFTER, SIM_ALWAYS, SIM_ON };
enum sim_method {
    SIM_OPTIONS,
    SIM_DESCRIBE,
    SIM_SETUP,
    SIM_PLAY,
    SIM_PAUSE,
    SIM_TEARDOWN,
    SIM_GET_PARAMETER,
    SIM_SET_PARAMETER,
    SIM_ANY_METHOD,
    SIM_METHODS
};
extern const char *const sim_method_names[SIM_METHODS]; /* "OPTIONS", …, "ANY" */

enum sim_action_kind { SIM_QUIRK, SIM_EVENT, SIM_REPLY };
#define SIM_RANGES 16

struct sim_rule {
    unsigned line;
    enum sim_when when;
    int64_t time_us;        /* AT, EVERY, AFTER */
    enum sim_method method; /* ON */
    struct {
        int from, to;
    } range[SIM_RANGES];
    int ranges;
    int stream; /* -1: both */
    enum sim_action_kind kind;
    int action;      /* by kind */
    int64_t arg;     /* microseconds, bytes, count, millionths (percent), bit of the word */
    char text[200];  /* REDIRECT */
    int64_t last_us; /* quirk: how long; 0: to the end */
    int times;       /* 0: always */
    int64_t chance;  /* millionths, 1000000: every time */

    int64_t due_us; /* run time: next time since the start, INT64_MAX: never */
    int64_t end_us;
    int done;
    int *done_on; /* ON with times: counted per camera */
};
/* An "after" rule that waits for its time in one session. */
struct sim_after {
    size_t rule;
    uint64_t session;
    int64_t due_us;
};
struct sim_faults {
    struct sim_rule *rule;
    size_t count;
    struct sim_after *after;
    size_t after_count, after_cap;
    int64_t next_us; /* since the start: when the first rule is due */
};

/*
 * Parse a script; @name is for sentences. Errors: E_SYNTAX and E_RANGE with file and line, -ENOMEM.
 * Owns: success gives *ret to the caller.
 */
int sim_faults_parse(const char *name, const char *text, size_t len, struct sim_faults **ret,
                     struct err *reterr);
int sim_faults_load(const char *path, struct sim_faults **ret, struct err *reterr);
void sim_faults_free(struct sim_faults *f); /* NULL is fine */
bool sim_rule_covers(const struct sim_rule *r, int camera, int stream);
/* Does any rule have that event? */
bool sim_faults_have_event(const struct sim_faults *f, enum sim_event_id e);

struct sim_server;
struct sim_session;
/* fault_run.c: switch quirks and set off events that are due. */
int sim_faults_start(struct sim_server *s);
void sim_faults_run(struct sim_server *s);
/* A session began to play: rules that count from there. */
void sim_faults_played(struct sim_session *ss);
/* The reply rule for a request, counted, or NULL. @camera -1: unknown. */
const struct sim_rule *sim_faults_reply(struct sim_server *s, int camera, int stream,
                                        enum sim_method m);
#endif
