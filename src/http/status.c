/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/status.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const char *const state_names[HTTP_CAMERA_STATES] = {"recording", "connecting", "waiting",
                                                            "disabled", "unknown"};

const char *http_camera_state_name(enum http_camera_state s)
{
    return state_names[s];
}

/* Copy what fits, without cutting a UTF-8 sequence in two. */
static void get_text(const json_t *o, const char *key, char *to, size_t cap)
{
    const char *text = json_string_value(json_object_get(o, key));
    size_t n = text ? strlen(text) : 0;
    if (n >= cap)
        for (n = cap - 1; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    if (n)
        memcpy(to, text, n);
    to[n] = 0;
}

static int64_t get_int(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    int64_t i = 0;
    if (json_is_integer(v))
        i = json_integer_value(v);
    else if (json_is_real(v) && json_real_value(v) > 0 && json_real_value(v) < 9e18)
        i = (int64_t)json_real_value(v);
    return i > 0 ? i : 0;
}

static double get_real(const json_t *o, const char *key)
{
    double v = json_number_value(json_object_get(o, key));
    return isfinite(v) && v > 0 ? v : 0;
}

static int64_t get_time(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    int64_t us;
    return text && time_parse(text, &us) == 0 && us > 0 ? us : 0;
}

static enum http_camera_state get_state(const json_t *o)
{
    const char *text = json_string_value(json_object_get(o, "state"));
    for (int i = 0; text && i < HTTP_CAMERA_UNKNOWN; i++)
        if (strcmp(text, state_names[i]) == 0)
            return (enum http_camera_state)i;
    return HTTP_CAMERA_UNKNOWN;
}

static void read_gap(const json_t *o, struct http_gap *g)
{
    g->from_us = get_time(o, "from");
    g->to_us = get_time(o, "to");
    get_text(o, "reason", g->reason, sizeof(g->reason));
    get_text(o, "detail", g->detail, sizeof(g->detail));
}

static int read_camera(const json_t *o, struct http_camera *c)
{
    get_text(o, "id", c->id, sizeof(c->id));
    get_text(o, "name", c->name, sizeof(c->name));
    get_text(o, "reason", c->reason, sizeof(c->reason));
    c->state = get_state(o);
    const json_t *mask = json_object_get(o, "mask");
    get_text(mask, "state", c->mask_state, sizeof(c->mask_state));
    get_text(mask, "reason", c->mask_reason, sizeof(c->mask_reason));
    c->bitrate_bps = get_int(o, "bitrate_bps");
    c->fps = get_real(o, "fps");
    c->last_frame_us = get_time(o, "last_frame");
    c->frames_received = get_int(o, "frames_received");
    c->frames_recorded = get_int(o, "frames_recorded");
    c->frames_lost = get_int(o, "frames_lost");
    const json_t *gaps = json_object_get(o, "gaps");
    c->gap_total = json_array_size(gaps);
    size_t n = c->gap_total < HTTP_STATUS_GAPS ? c->gap_total : HTTP_STATUS_GAPS;
    if (n && !(c->gaps = calloc(n, sizeof(*c->gaps))))
        return -ENOMEM;
    c->gap_count = n;
    for (size_t i = 0; i < n; i++) /* the newest ones stand last */
        read_gap(json_array_get(gaps, c->gap_total - n + i), &c->gaps[i]);
    return 0;
}

static int read_cameras(const json_t *list, struct http_status *s)
{
    size_t n = json_array_size(list);
    if (n > HTTP_STATUS_CAMERAS)
        return E_LIMIT;
    if (n && !(s->cameras = calloc(n, sizeof(*s->cameras))))
        return -ENOMEM;
    for (; s->camera_count < n; s->camera_count++) {
        int r = read_camera(json_array_get(list, s->camera_count), &s->cameras[s->camera_count]);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_alarms(const json_t *list, struct http_status *s)
{
    size_t total = json_array_size(list),
           n = total < HTTP_STATUS_ALARMS ? total : HTTP_STATUS_ALARMS;
    if (n && !(s->alarms = calloc(n, sizeof(*s->alarms))))
        return -ENOMEM;
    for (s->alarm_count = 0; s->alarm_count < n; s->alarm_count++) {
        const json_t *o = json_array_get(list, total - 1 - s->alarm_count);
        struct http_alarm *a = &s->alarms[s->alarm_count];
        a->at_us = get_time(o, "at");
        get_text(o, "kind", a->kind, sizeof(a->kind));
        get_text(o, "camera", a->camera, sizeof(a->camera));
        get_text(o, "text", a->text, sizeof(a->text));
    }
    return 0;
}

static int read_all(const json_t *root, struct http_status *s)
{
    get_text(root, "node", s->node, sizeof(s->node));
    get_text(root, "version", s->version, sizeof(s->version));
    s->started_us = get_time(root, "started");
    s->now_us = get_time(root, "now");
    s->practice = json_is_true(json_object_get(root, "practice"));
    s->threads = get_int(root, "threads");
    const json_t *retention = json_object_get(root, "retention"),
                 *disk = json_object_get(root, "disk");
    s->promised_days = get_real(retention, "promised_days");
    s->actual_days = get_real(retention, "actual_days");
    get_text(disk, "state", s->disk.state, sizeof(s->disk.state));
    s->disk.bytes_total = get_int(disk, "bytes_total");
    s->disk.bytes_free = get_int(disk, "bytes_free");
    s->disk.bytes_written = get_int(disk, "bytes_written");
    s->disk.queue_bytes = get_int(disk, "queue_bytes");
    int r = read_cameras(json_object_get(root, "cameras"), s);
    return r < 0 ? r : read_alarms(json_object_get(root, "alarms"), s);
}

int http_status_parse(const uint8_t *json, size_t len, struct http_status **ret, struct err *reterr)
{
    json_error_t where;
    json_t *root = json_loadb((const char *)json, len, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return err_set(reterr, E_SYNTAX, "The recorder's status is not JSON (byte %d of %zu).",
                       where.position, len);
    struct http_status *s = calloc(1, sizeof(*s));
    int r = !json_is_object(root) ? E_SYNTAX : s ? read_all(root, s) : -ENOMEM;
    json_decref(root);
    if (r < 0) {
        http_status_free(s);
        return err_set(reterr, r, "The recorder's status cannot be used: %s.", err_text(r));
    }
    *ret = s;
    return 0;
}

void http_status_free(struct http_status *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->camera_count; i++)
        free(s->cameras[i].gaps);
    free(s->cameras);
    free(s->alarms);
    free(s);
}
