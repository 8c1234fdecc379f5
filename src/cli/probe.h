/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H
/* What `lethe probe` measured, and the sentences made of it. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "media/frame.h"

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
void probe_print(const struct probe *p, bool colour);

/* SHA-256 of the certificate that HOST:PORT shows, unchecked, as hex; false when there is none within 5 s. */
bool probe_certificate(const char *host, int port, char ret[65]);
#endif
