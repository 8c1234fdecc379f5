/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a look at a camera says: numbers, and in plain words what is wrong. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "recorder/probe.h"

double probe_fps(const struct probe_track *t)
{
    int64_t ticks = t->max_pts - t->min_pts;
    return t->frames > 1 && ticks > 0 && t->track.clock_rate
               ? (double)(t->frames - 1) * t->track.clock_rate / (double)ticks
               : 0;
}

double probe_bits(const struct probe_track *t)
{
    int64_t us = t->last_us - t->first_us;
    return us > 0 ? (double)t->bytes * 8e6 / (double)us : 0;
}

void probe_take_description(struct probe *p, char *text)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        text_clean(line);
        if (!strncmp(line, "server: ", 8))
            snprintf(p->server, sizeof(p->server), "%s", line + 8);
        else if (!strncmp(line, "transport: ", 11))
            snprintf(p->transport, sizeof(p->transport), "%s", line + 11);
        else if (!strncmp(line, "oddity: ", 8) && p->oddity_count < 32)
            snprintf(p->oddities[p->oddity_count++], sizeof(p->oddities[0]), "%s", line + 8);
    }
}

struct findings {
    struct probe_finding *list;
    int count;
};

static void add(struct findings *f, enum probe_weight weight, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct findings *f, enum probe_weight weight, const char *fmt, ...)
{
    va_list ap;
    if (f->count == PROBE_FINDINGS)
        return;
    va_start(ap, fmt);
    vsnprintf(f->list[f->count].text, sizeof(f->list[0].text), fmt, ap);
    va_end(ap);
    f->list[f->count++].weight = weight;
}

static void judge_pictures(const struct probe_track *v, struct findings *f)
{
    double waited = (double)(v->last_us - v->first_us) / 1e6;
    double interval = (double)v->longest_key_us / 1e6;
    if (v->frames && !v->keys)
        add(f, PROBE_BAD, "no key frame in %.0f s: a recording cannot begin before one comes",
            waited);
    else if (v->keys == 1 && waited > 4)
        add(f, PROBE_WARN,
            "only one key frame in %.0f s: after a break recording waits that long; 1 to 2 s is "
            "good",
            waited);
    else if (interval > 4)
        add(f, PROBE_WARN,
            "a key frame only every %.1f s: after a break recording waits that long; 1 to 2 s is "
            "good",
            interval);
    if (v->frames && probe_fps(v) < 5)
        add(f, PROBE_WARN, "%.1f pictures a second are few", probe_fps(v));
    if (v->lost)
        add(f, PROBE_BAD,
            "%llu packets were lost on the way; look at the network, or use --transport tcp",
            (unsigned long long)v->lost);
    if (v->worst_wait_us > 2 * SECOND_US)
        add(f, PROBE_WARN, "the stream paused for %.1f s", (double)v->worst_wait_us / 1e6);
}

static void judge_stream(const struct probe_track *v, struct findings *f)
{
    if (v->track.codec == MEDIA_H265)
        add(f, PROBE_NOTE,
            "H.265 is recorded as it is, but not every browser plays it; H.264 plays everywhere");
    if (!v->params_in_sdp)
        add(f, PROBE_NOTE,
            "parameter sets are not announced but come with the pictures: recording starts a "
            "little later");
    if (v->reordered)
        add(f, PROBE_NOTE,
            "B-frames: pictures come out of order; that is recorded, and costs the camera delay");
    if (v->frames && !v->reports)
        add(f, PROBE_NOTE, "no sender reports so far: the camera does not tell its own time");
    else if (v->reports && llabs(v->clock_offset_us) > 2 * SECOND_US)
        add(f, PROBE_WARN, "the camera's clock is %.1f s %s this machine's; set NTP on it",
            (double)llabs(v->clock_offset_us) / 1e6,
            v->clock_offset_us > 0 ? "ahead of" : "behind");
}

int probe_findings(const struct probe *p, struct probe_finding ret[PROBE_FINDINGS])
{
    struct findings f = {ret, 0};
    const struct probe_track *v = &p->track[0], *sound = &p->track[1];
    if (p->failure[0])
        add(&f, PROBE_BAD, "%s", p->failure);
    if (v->seen && !v->frames)
        add(&f, PROBE_BAD, "the camera says it plays, but no picture came");
    judge_pictures(v, &f);
    if (v->seen)
        judge_stream(v, &f);
    if (sound->seen)
        add(&f, PROBE_NOTE,
            "sound (%s) is offered; it is left out unless the camera is added with --audio",
            media_codec_name(sound->track.codec));
    if (p->tls && !p->pinned && p->pin[0])
        add(&f, PROBE_NOTE, "certificate to pin, if it is this camera's: --pin %s", p->pin);
    if (!p->tls)
        add(&f, PROBE_NOTE,
            "rtsp:// is not encrypted: whoever is on the way sees the pictures; rtsps:// if the "
            "camera can");
    for (int i = 0; i < p->oddity_count; i++)
        add(&f, PROBE_NOTE, "the camera %s; that is tolerated", p->oddities[i]);
    return f.count;
}

static json_t *track_json(const struct probe_track *t)
{
    json_t *o =
        json_pack("{ss si sI sf sf sI}", "codec", media_codec_name(t->track.codec), "clock_rate",
                  (int)t->track.clock_rate, "frames", (json_int_t)t->frames, "fps", probe_fps(t),
                  "bitrate_bps", probe_bits(t), "packets_lost", (json_int_t)t->lost);
    if (t->track.width) {
        json_object_set_new(o, "width", json_integer(t->track.width));
        json_object_set_new(o, "height", json_integer(t->track.height));
        json_object_set_new(o, "key_frames", json_integer((json_int_t)t->keys));
        json_object_set_new(o, "key_frame_interval_s",
                            t->keys > 1 ? json_real((double)t->longest_key_us / 1e6) : json_null());
        json_object_set_new(o, "parameter_sets_in_sdp", json_boolean(t->params_in_sdp));
        json_object_set_new(o, "b_frames", json_boolean(t->reordered));
    } else {
        json_object_set_new(o, "channels", json_integer(t->track.channels));
    }
    json_object_set_new(o, "sender_reports", json_boolean(t->reports));
    json_object_set_new(o, "clock_offset_ms",
                        t->reports ? json_integer(t->clock_offset_us / 1000) : json_null());
    return o;
}

json_t *probe_json(const struct probe *p)
{
    static const char *const weights[] = {"bad", "warning", "note"};
    struct probe_finding f[PROBE_FINDINGS];
    json_t *tracks = json_array(), *findings = json_array();
    int n = probe_findings(p, f);
    for (int i = 0; i < PROBE_TRACKS; i++)
        if (p->track[i].seen)
            json_array_append_new(tracks, track_json(&p->track[i]));
    for (int i = 0; i < n; i++)
        json_array_append_new(findings, json_pack("{ss ss}", "weight", weights[f[i].weight], "text",
                                                  text_clean(f[i].text)));
    return json_pack("{sb ss ss ss ss so so}", "ok", p->track[0].frames > 0 && !p->failure[0],
                     "url", p->url, "server", p->server, "transport", p->transport,
                     "certificate_sha256", p->pin, "tracks", tracks, "findings", findings);
}
