/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/metrics.h"

#include <errno.h>

#include "http/health.h"

static int head(struct buf *b, const char *name, const char *type, const char *help)
{
    return buf_appendf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static int one(struct buf *b, const char *name, const char *type, const char *help, double value)
{
    int r = head(b, name, type, help);
    return r < 0 ? r : buf_appendf(b, "%s %.17g\n", name, value);
}

/* Label values: backslash, quote and line feed are escaped. */
static int put_label(struct buf *b, const char *text)
{
    int r = 0;
    for (; *text && r >= 0; text++) {
        const char *escaped = *text == '\\'   ? "\\\\"
                              : *text == '"'  ? "\\\""
                              : *text == '\n' ? "\\n"
                                              : NULL;
        r = escaped ? buf_append(b, escaped, 2) : buf_append(b, text, 1);
    }
    return r;
}

static int put_states(struct buf *b, const struct http_health *h)
{
    int r = head(b, "lethe_cameras", "gauge", "Cameras by state.");
    for (int i = 0; i < HTTP_CAMERA_STATES && r >= 0; i++)
        r = buf_appendf(b, "lethe_cameras{state=\"%s\"} %zu\n",
                        http_camera_state_name((enum http_camera_state)i), h->by_state[i]);
    return r;
}

/* One series per camera of what differs by camera. */
static int put_cameras(struct buf *b, const struct http_status *s)
{
    static const struct {
        const char *name, *type, *help;
        size_t offset;
    } series[] = {
        {"lethe_camera_bitrate_bps", "gauge", "Bits a second now.",
         offsetof(struct http_camera, bitrate_bps)},
        {"lethe_camera_frames_received_total", "counter", "Frames that came.",
         offsetof(struct http_camera, frames_received)},
        {"lethe_camera_frames_recorded_total", "counter", "Frames on disk.",
         offsetof(struct http_camera, frames_recorded)},
        {"lethe_camera_frames_lost_total", "counter", "Frames lost.",
         offsetof(struct http_camera, frames_lost)},
    };
    int r = 0;
    for (size_t k = 0; k < sizeof(series) / sizeof(series[0]) && r >= 0; k++) {
        r = head(b, series[k].name, series[k].type, series[k].help);
        for (size_t i = 0; i < s->camera_count && r >= 0; i++) {
            const void *at = (const char *)&s->cameras[i] + series[k].offset;
            buf_appendf(b, "%s{camera=\"", series[k].name);
            put_label(b, s->cameras[i].id);
            r = buf_appendf(b, "\"} %lld\n", (long long)*(const int64_t *)at);
        }
    }
    return r;
}

static int put_totals(struct buf *b, const struct http_status *s, const struct http_health *h)
{
    const struct {
        const char *name, *type, *help;
        double value;
    } totals[] = {
        {"lethe_bitrate_bps", "gauge", "Bits a second of all cameras now.", (double)h->bitrate_bps},
        {"lethe_frames_received_total", "counter", "Frames that came.", (double)h->frames_received},
        {"lethe_frames_recorded_total", "counter", "Frames on disk.", (double)h->frames_recorded},
        {"lethe_frames_lost_total", "counter", "Frames lost.", (double)h->frames_lost},
        {"lethe_disk_bytes", "gauge", "Size of the volume.", (double)s->disk.bytes_total},
        {"lethe_disk_free_bytes", "gauge", "Free on the volume.", (double)s->disk.bytes_free},
        {"lethe_written_bytes_total", "counter", "Bytes written since the recorder began.",
         (double)s->disk.bytes_written},
        {"lethe_queue_bytes", "gauge", "Bytes that wait to be written.",
         (double)s->disk.queue_bytes},
        {"lethe_retention_promised_days", "gauge", "Days promised.", s->promised_days},
        {"lethe_retention_actual_days", "gauge", "Days kept.", s->actual_days},
        {"lethe_practice_custodians", "gauge", "1 while only practice custodians are enrolled.",
         s->practice ? 1 : 0},
        {"lethe_start_time_seconds", "gauge", "When the recorder began, Unix time.",
         (double)s->started_us / 1e6},
    };
    int r = 0;
    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]) && r >= 0; i++)
        r = one(b, totals[i].name, totals[i].type, totals[i].help, totals[i].value);
    return r;
}

int http_metrics(struct buf *b, const struct http_snapshot *snap)
{
    struct http_health h;
    http_health_judge(snap, &h);
    int critical = 0;
    for (size_t i = 0; i < h.count; i++)
        critical += h.problems[i].level == HTTP_CRITICAL;
    int r = one(b, "lethe_up", "gauge", "1 while the recorder answers.", snap->code < 0 ? 0 : 1);
    if (r >= 0)
        r = one(b, "lethe_critical_problems", "gauge", "Problems that make /healthz fail.",
                critical);
    if (r < 0 || snap->code < 0)
        return r;
    r = put_states(b, &h);
    if (r >= 0)
        r = put_totals(b, snap->status, &h);
    return r < 0 ? r : put_cameras(b, snap->status);
}
