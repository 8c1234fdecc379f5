/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_PROBE_H
#define RECORDER_PROBE_H
/*
 * A look at a camera as the recorder would see it: what it offers, and in plain words what is wrong. For `lethe probe`
 * and for control.sock. Blocking, with a loop of its own.
 */
#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "media/frame.h"
#include "rtsp/session.h"

#define PROBE_TRACKS 2
#define PROBE_FINDINGS 48

struct probe_track {
    bool seen;
    struct media_track track; /* params not kept */
    bool params_in_sdp;       /* complete before the first access unit */
    uint64_t frames, keys, bytes, lost;
    int64_t first_pts, last_pts, min_pts, max_pts;
    int64_t first_us, last_us, last_key_us, longest_key_us; /* arrival; between key frames */
    int64_t worst_wait_us;   /* longest time without an access unit */
    bool reordered;          /* presentation times went back: B-frames */
    bool reports;            /* sender reports came */
    int64_t clock_offset_us; /* camera minus this machine, of the last report */
};

struct probe {
    char url[640], server[128], transport[64], pin[65], failure[400];
    bool tls, pinned;
    int seconds; /* asked for */
    struct probe_track track[PROBE_TRACKS];
    char oddities[32][128];
    int oddity_count;
};

/* What is wrong or worth knowing, worst first. */
enum probe_weight { PROBE_BAD, PROBE_WARN, PROBE_NOTE };
struct probe_finding {
    enum probe_weight weight;
    char text[240];
};
int probe_findings(const struct probe *p, struct probe_finding ret[PROBE_FINDINGS]);

double probe_fps(const struct probe_track *t);
double probe_bits(const struct probe_track *t);
/* Server, transport and oddities out of the text of rtsp_session_describe(). */
void probe_take_description(struct probe *p, char *text);

json_t *probe_json(const struct probe *p);

/*
 * Watch the camera of @cfg for p->seconds after it plays, 15 s at most until then. What the camera does wrong is in @p,
 * also that it did not answer (p->failure). @stop: give up soon when it becomes true; NULL: never.
 * Errors: the URL cannot be used, or no memory.
 */
int probe_watch(struct probe *p, const struct rtsp_config *cfg, const atomic_bool *stop,
                struct err *reterr);
/* SHA-256 of the certificate that HOST:PORT shows, unchecked, as hex; false when there is none within 5 s. */
bool probe_certificate(const char *host, int port, char ret[65]);
#endif
