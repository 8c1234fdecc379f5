/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/health.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_SHOWN 3
#define SILENT_US (10 * SECOND_US)
#define QUEUE_WARN_BYTES (INT64_C(128) << 20)

/* Alarm and disk states by name. */
static const struct known {
    const char *kind;
    enum http_level level;
    const char *text, *advice;
} disk_states[] = {
    {"disk-full", HTTP_CRITICAL,
     "The disk is full; recording has stopped or eats into the promised days.",
     "Make room or add a disk; or promise fewer days (retention_days in lethe.yaml)."},
    {"volume-lost", HTTP_CRITICAL, "The volume with the recordings is not there.",
     "Mount it again; recording goes on by itself when the right volume is back."},
    {"write-failed", HTTP_CRITICAL, "The disk refuses writes.",
     "Look at the kernel's log for errors of the disk; replace it if they return."},
    {"read-only", HTTP_CRITICAL, "The volume with the recordings has become read-only.",
     "Look at the kernel's log for the reason, check the file system, mount it read-write again."},
};
static const struct known alarm_kinds[] = {
    {"fsync-failed", HTTP_CRITICAL, NULL, "Look at the kernel's log for errors of the disk."},
    {"write-failed", HTTP_CRITICAL, NULL, "Look at the kernel's log for errors of the disk."},
    {"volume-lost", HTTP_CRITICAL, NULL, "Mount the volume again."},
    {"disk-full", HTTP_CRITICAL, NULL, "Make room, add a disk, or promise fewer days."},
    {"retention-shortfall", HTTP_CRITICAL, NULL, "Add disk, or promise fewer days."},
    {"clock-stepped", HTTP_WARNING, NULL, "Check the time service of this machine."},
};

static const struct known *find_known(const struct known *table, size_t n, const char *kind)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].kind, kind) == 0)
            return &table[i];
    return NULL;
}

__attribute__((format(printf, 4, 5))) static void add(struct http_health *h, enum http_level level,
                                                      const char *advice, const char *fmt, ...)
{
    if (h->count == HTTP_PROBLEMS)
        return;
    struct http_problem *p = &h->problems[h->count++];
    p->level = level;
    snprintf(p->advice, sizeof(p->advice), "%s", advice);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->text, sizeof(p->text), fmt, ap);
    va_end(ap);
}

/* Why a process is not there, in the supervisor's words. */
static void add_processes(struct http_health *h, const struct http_snapshot *snap)
{
    json_t *root = snap->children ? json_loads(snap->children, 0, NULL) : NULL;
    const json_t *list = json_object_get(root, "children");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(c, "name"));
        const char *death = json_string_value(json_object_get(c, "death"));
        const char *at = json_string_value(json_object_get(c, "death_at"));
        long long restarts = json_integer_value(json_object_get(c, "restarts"));
        int64_t at_us;
        if (!name || !death || !at || time_parse(at, &at_us) < 0)
            continue;
        int64_t now = snap->status ? snap->status->now_us : 0;
        if (snap->code >= 0 && now - at_us > HOUR_US)
            continue;
        add(h, HTTP_WARNING, "Its log has the lines before that; a report of a crash is welcome.",
            "The %s process %s at %s; it has been started again %lld times since this node began.",
            name, death, at, restarts);
    }
    json_decref(root);
}

static void add_recorder(struct http_health *h, const struct http_snapshot *snap)
{
    if (snap->code < 0)
        add(h, HTTP_CRITICAL,
            "It is started again by itself. If this stays, look at the log of lethe serve and at "
            "the state of the disk.",
            "The recorder does not answer, so nothing may be recording now. %s", snap->err.text);
}

static void add_disk(struct http_health *h, const struct http_status *s)
{
    const char *state = s->disk.state;
    const struct known *k =
        find_known(disk_states, sizeof(disk_states) / sizeof(disk_states[0]), state);
    if (k)
        add(h, k->level, k->advice, "%s", k->text);
    else if (state[0] && strcmp(state, "ok") != 0)
        add(h, HTTP_CRITICAL, "Look at the recorder's log.", "The disk is in the state \"%s\".",
            state);
    if (s->disk.queue_bytes > QUEUE_WARN_BYTES)
        add(h, HTTP_WARNING,
            "Look for other load on the disk; when the queue is full, frames are lost.",
            "The disk is slower than the cameras: %lld MB wait to be written.",
            (long long)s->disk.queue_bytes / 1000000);
    if (s->promised_days > 0 && s->actual_days + 0.05 < s->promised_days)
        add(h, HTTP_CRITICAL, "Add disk, or promise fewer days (retention_days in lethe.yaml).",
            "Recordings are kept for %.1f days, promised are %.0f.", s->actual_days,
            s->promised_days);
}

static void add_alarms(struct http_health *h, const struct http_status *s)
{
    for (size_t i = 0; i < s->alarm_count && i < 8; i++) {
        const struct http_alarm *a = &s->alarms[i];
        const struct known *k =
            find_known(alarm_kinds, sizeof(alarm_kinds) / sizeof(alarm_kinds[0]), a->kind);
        if (s->now_us - a->at_us > HTTP_ALARM_NEWS_US)
            break;
        add(h, k ? k->level : HTTP_WARNING, k ? k->advice : "", "%s%s%s (%s)", a->camera,
            a->camera[0] ? ": " : "", a->text, a->kind);
        if (h->count)
            h->problems[h->count - 1].names_cameras = a->camera[0] != 0;
    }
}

/* "North gate, South gate, Yard and 12 more" */
static void add_cameras(struct http_health *h, const struct http_status *s,
                        enum http_camera_state state, enum http_level level, const char *what,
                        const char *advice)
{
    char names[300] = "";
    size_t n = 0, shown = 0, total = h->by_state[state];
    for (size_t i = 0; i < s->camera_count && shown < NAMES_SHOWN && n < sizeof(names); i++) {
        const struct http_camera *c = &s->cameras[i];
        if (c->state != state)
            continue;
        n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%.60s", shown++ ? ", " : "", c->id);
    }
    if (total > shown && n < sizeof(names))
        snprintf(names + n, sizeof(names) - n, " and %zu more", total - shown);
    if (total)
        add(h, level, advice, "%zu of %zu cameras %s %s: %s.", total, s->camera_count,
            total == 1 ? "is" : "are", what, names);
    if (total && h->count)
        h->problems[h->count - 1].names_cameras = true;
    if (total && h->count)
        h->problems[h->count - 1].names_cameras = true;
}

/* The session stands, but nothing comes: the camera hangs, or the network drops what it sends. */
static void add_silent(struct http_health *h, const struct http_status *s)
{
    size_t silent = 0;
    const char *first = "";
    for (size_t i = 0; i < s->camera_count; i++) {
        const struct http_camera *c = &s->cameras[i];
        if (c->state != HTTP_CAMERA_RECORDING || s->now_us - c->last_frame_us < SILENT_US)
            continue;
        if (!silent++)
            first = c->id;
    }
    if (silent)
        add(h, HTTP_WARNING, "Look at the camera and the way to it.",
            "%zu camera%s connected but %s sent nothing for %d s: %s%s.", silent,
            silent == 1 ? " is" : "s are", silent == 1 ? "has" : "have",
            (int)(SILENT_US / SECOND_US), first, silent > 1 ? " and others" : "");
}

static void count_cameras(struct http_health *h, const struct http_status *s)
{
    for (size_t i = 0; i < s->camera_count; i++) {
        const struct http_camera *c = &s->cameras[i];
        h->by_state[c->state]++;
        h->bitrate_bps += c->bitrate_bps;
        h->frames_received += c->frames_received;
        h->frames_recorded += c->frames_recorded;
        h->frames_lost += c->frames_lost;
        h->gaps_today += c->gap_total;
    }
}

static int by_level(const void *a, const void *b)
{
    const struct http_problem *x = a, *y = b;
    return (int)x->level - (int)y->level;
}

void http_health_judge(const struct http_snapshot *snap, struct http_health *h)
{
    const struct http_status *s = snap->status;
    memset(h, 0, sizeof(*h));
    add_recorder(h, snap);
    if (s)
        count_cameras(h, s);
    if (s && snap->code >= 0) {
        add_disk(h, s);
        add_cameras(
            h, s, HTTP_CAMERA_CONNECTING, HTTP_WARNING, "connecting",
            "This passes within seconds of a start; otherwise the list of cameras says why.");
        add_cameras(
            h, s, HTTP_CAMERA_WAITING, HTTP_WARNING, "not connected",
            "They are tried again and again; the list of cameras says why, and lethe probe URL "
            "tries one by hand.");
        add_cameras(h, s, HTTP_CAMERA_UNKNOWN, HTTP_WARNING,
                    "in a state that this page does not know", "");
        add_silent(h, s);
        add_alarms(h, s);
        if (!s->camera_count)
            add(h, HTTP_NOTE, "lethe camera add ID --main rtsp://…", "There are no cameras yet.");
    }
    add_processes(h, snap);
    qsort(h->problems, h->count, sizeof(h->problems[0]), by_level);
}
