/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/status.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "recorder/node_clock.h"

#define STATUS_CLIENTS_QUEUE 16

void status_alarm(struct status *s, const struct index_event *e)
{
    log_warn(e->kind, "%s%s%s", e->camera, e->camera[0] ? ": " : "", e->text);
    uv_mutex_lock(&s->lock);
    if (s->alarm_count == STATUS_ALARMS)
        memmove(s->alarms, s->alarms + 1, sizeof(s->alarms[0]) * (size_t)--s->alarm_count);
    s->alarms[s->alarm_count++] = *e;
    uv_mutex_unlock(&s->lock);
}

static json_t *time_json(int64_t us)
{
    char text[TIME_TEXT];
    return us ? json_string(time_format(us, text)) : json_null();
}

static json_t *gap_json(const struct index_gap *g)
{
    return json_pack("{s:o,s:o,s:s,s:s}", "from", time_json(g->from_us), "to", time_json(g->to_us),
                     "reason", g->reason, "detail", g->detail);
}

static json_t *gaps_today(const struct camera_status *c, int64_t now_us)
{
    json_t *list = json_array();
    int64_t midnight = now_us - now_us % DAY_US;
    for (int i = 0; i < c->gap_count; i++)
        if (c->gaps[i].to_us == 0 || c->gaps[i].to_us > midnight)
            json_array_append_new(list, gap_json(&c->gaps[i]));
    return list;
}

static json_t *mask_json(const struct camera_mask_status *m)
{
    json_t *o = json_pack("{s:s,s:s,s:o,s:f,s:I,s:I,s:{s:i,s:i,s:i}}", "state",
                          view_state_name(m->state), "reason", m->reason, "masker",
                          m->masker < 0 ? json_null() : json_integer(m->masker), "fps",
                          (double)(int)(m->fps * 100 + 0.5) / 100, "frames_recorded",
                          (json_int_t)m->frames, "late", (json_int_t)m->late, "objects", "person",
                          (int)m->persons, "vehicle", (int)m->vehicles, "unknown", (int)m->others);
    return o ? o : json_null();
}

static json_t *camera_json(const struct fleet_member *m, int64_t now_us)
{
    static const char *const states[] = {"disabled", "connecting", "recording", "waiting"};
    struct camera_status c;
    camera_read_status(m->camera, &c);
    json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:I,s:f,s:o}", "id", m->cfg.id, "name", m->cfg.name,
                          "state", states[c.state], "reason", c.reason, "bitrate_bps",
                          (json_int_t)c.bitrate_bps, "fps", (double)(int)(c.fps * 100 + 0.5) / 100,
                          "last_frame", time_json(c.last_frame_us));
    if (!o)
        return json_pack("{s:s,s:s}", "id", m->cfg.id, "state", states[c.state]);
    json_object_set_new(o, "codec", json_string(c.codec));
    json_object_set_new(o, "width", json_integer(c.width));
    json_object_set_new(o, "height", json_integer(c.height));
    json_object_set_new(o, "frames_received", json_integer((json_int_t)c.frames_received));
    json_object_set_new(o, "frames_recorded", json_integer((json_int_t)c.frames_recorded));
    json_object_set_new(o, "frames_lost", json_integer((json_int_t)c.frames_lost));
    json_object_set_new(o, "packets_lost", json_integer((json_int_t)c.packets_lost));
    json_object_set_new(o, "bytes_received", json_integer((json_int_t)c.bytes));
    json_object_set_new(o, "reconnects", json_integer((json_int_t)c.reconnects));
    json_object_set_new(o, "camera_clock_offset_ms",
                        c.camera_clock_known ? json_integer(c.camera_clock_offset_us / 1000)
                                             : json_null());
    json_object_set_new(o, "gaps", gaps_today(&c, now_us));
    json_object_set_new(o, "mask", m->camera->mask ? mask_json(&c.mask) : json_null());
    return o;
}

static json_t *alarms_json(struct status *s)
{
    json_t *list = json_array();
    uv_mutex_lock(&s->lock);
    for (int i = 0; i < s->alarm_count; i++) {
        const struct index_event *e = &s->alarms[i];
        json_array_append_new(list,
                              json_pack("{s:o,s:s,s:s,s:s}", "at", time_json(e->at_us), "kind",
                                        e->kind, "camera", e->camera, "text", e->text));
    }
    uv_mutex_unlock(&s->lock);
    return list;
}

static json_t *disk_json(const struct store_stats *d)
{
    return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:f}", "state", d->state, "bytes_total",
                     (json_int_t)d->bytes_total, "bytes_free", (json_int_t)d->bytes_free,
                     "bytes_written", (json_int_t)d->bytes_written, "queue_bytes",
                     (json_int_t)d->queue_bytes, "files_open", (json_int_t)d->files_open,
                     "index_queue", (json_int_t)d->index_queue, "longest_sync_ms",
                     (double)d->longest_sync_us / 1000);
}

static char *status_text(struct status *s)
{
    int64_t now = clock_wall_us(&s->clock->clock);
    struct store_stats d = {0};
    store_stats(s->store, &d);
    json_t *cameras = json_array();
    for (const struct fleet_member *m = s->fleet->first; m; m = m->next)
        if (!m->leaving)
            json_array_insert_new(cameras, 0, camera_json(m, now));
    json_t *o =
        json_pack("{s:s,s:s,s:o,s:o,s:b,s:i,s:o,s:{s:f,s:f},s:o,s:o}", "node", s->node, "version",
                  s->version, "started", time_json(s->started_us), "now", time_json(now),
                  "practice", s->practice, "threads", s->fleet->loop_count, "cameras", cameras,
                  "retention", "promised_days", d.promised_days, "actual_days", d.actual_days,
                  "disk", disk_json(&d), "alarms", alarms_json(s));
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return text;
}

struct answer {
    uv_write_t write;
    uv_pipe_t pipe;
    char *text;
};

static void on_answer_closed(uv_handle_t *h)
{
    struct answer *a = h->data;
    free(a->text);
    free(a);
}

static void on_answered(uv_write_t *w, int code)
{
    struct answer *a = w->data;
    (void)code;
    uv_close((uv_handle_t *)&a->pipe, on_answer_closed);
}

static void on_client(uv_stream_t *server, int code)
{
    struct status *s = server->data;
    struct answer *a = code < 0 ? NULL : calloc(1, sizeof(*a));
    if (!a)
        return;
    uv_pipe_init(server->loop, &a->pipe, 0);
    a->pipe.data = a->write.data = a;
    if (uv_accept(server, (uv_stream_t *)&a->pipe) < 0 || !(a->text = status_text(s))) {
        uv_close((uv_handle_t *)&a->pipe, on_answer_closed);
        return;
    }
    uv_buf_t b = uv_buf_init(a->text, (unsigned)strlen(a->text));
    if (uv_write(&a->write, (uv_stream_t *)&a->pipe, &b, 1, on_answered) < 0)
        uv_close((uv_handle_t *)&a->pipe, on_answer_closed);
}

int status_open(struct status *s, uv_loop_t *loop, const char *data_dir, struct err *reterr)
{
    int n = snprintf(s->path, sizeof(s->path), "%s/run/recorder.sock", data_dir);
    if (n < 0 || (size_t)n >= sizeof(s->path))
        return err_set(
            reterr, E_LIMIT,
            "the path %s is too long for a socket; use a data directory with a shorter name",
            data_dir);
    unlink(s->path);
    uv_pipe_init(loop, &s->server, 0);
    s->server.data = s;
    mode_t before = umask(0117);
    int r = uv_pipe_bind(&s->server, s->path);
    umask(before);
    if (r >= 0)
        r = uv_listen((uv_stream_t *)&s->server, STATUS_CLIENTS_QUEUE, on_client);
    if (r < 0)
        return err_set(reterr, r, "status socket %s: %s", s->path, err_text(r));
    return 0;
}

void status_close(struct status *s)
{
    if (s->server.data)
        uv_close((uv_handle_t *)&s->server, NULL);
    if (s->path[0])
        unlink(s->path);
}
