/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Life of a camera's masked view, and what its loop tells of the stream. */
#include "recorder/camera_mask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "media/params.h"
#include "recorder/view_private.h"
#include "recorder/zones.h"

const char *view_state_name(enum view_state s)
{
    static const char *const names[] = {"covered", "detector",  "declared",  "mosaic", "late",
                                        "failed",  "no-masker", "no-stream", "off"};
    return names[s];
}

/* ---- messages from the camera's loop ---- */

struct message {
    struct view_message head;
    struct camera_mask *camera;
    bool flag;
    char text[160];
    _Atomic bool *gone;
};

struct track_message {
    struct view_message head;
    struct camera_mask *camera;
    struct media_track track;
    struct media_params params;
};

struct unit_message {
    struct view_message head;
    struct camera_mask *camera;
    struct media_au au;
    int64_t utc_us;
    uint8_t bytes[];
};

struct configure_message {
    struct view_message head;
    struct camera_mask *camera;
    int64_t declared_us;
    char zones[INDEX_ZONES];
};

static void *patient_alloc(size_t size)
{
    void *p;
    while (!(p = calloc(1, size)))
        uv_sleep(10);
    return p;
}

static void post(struct camera_mask *c, void (*run)(struct view *, struct view_message *),
                 bool flag, const char *text, _Atomic bool *gone)
{
    struct message *m = patient_alloc(sizeof(*m));
    m->head.run = run;
    m->camera = c;
    m->flag = flag;
    m->gone = gone;
    snprintf(m->text, sizeof(m->text), "%s", text ? text : "");
    view_post(c->view, &m->head);
}

static void on_open(struct view *v, struct view_message *head)
{
    struct camera_mask *c = ((struct message *)head)->camera;
    c->number = v->next_number++;
    list_append(&v->cameras, &c->link);
    list_append(&v->bucket[c->number % VIEW_BUCKETS], &c->in_bucket);
    c->peer = mask_link_of(v, c->id);
    live_camera_open(&v->live, c);
    camera_mask_tell(c, false);
}

static void on_stream(struct view *v, struct view_message *head)
{
    struct message *m = (struct message *)head;
    struct camera_mask *c = m->camera;
    (void)v;
    camera_mask_end_file(c, "stream-lost");
    c->playing = m->flag;
    c->has_picture = false;
    snprintf(c->why, sizeof(c->why), "%s", m->text);
    mask_flow_begin(&c->flow, view_mono_us(c->view));
    if (c->playing && c->peer && c->opened)
        camera_mask_forget(c, "the stream has begun anew: covered until the place is known again");
    else if (c->playing && c->peer)
        camera_mask_begin(c);
    camera_mask_tell(c, false);
}

static void on_track(struct view *v, struct view_message *head)
{
    struct track_message *m = (struct track_message *)head;
    struct camera_mask *c = m->camera;
    (void)v;
    c->track = m->track;
    media_params_copy(&c->params, &m->params);
    c->track.params = &c->params;
    c->has_track = true;
    if (c->opened)
        camera_mask_send_track(c);
}

static void forward(struct camera_mask *c, struct unit_message *m)
{
    static _Thread_local struct mask_wire w;
    struct media_au *au = &w.unit.au;
    if (atomic_exchange(&c->dropped, false) || m->au.loss)
        mask_flow_skip(&c->flow);
    if (!c->playing || !c->opened || !c->has_track)
        return;
    if (!mask_peer_has_room(c->peer))
        mask_flow_skip(&c->flow);
    w.type = MASK_WIRE_UNIT;
    w.unit.utc_us = m->utc_us;
    *au = m->au;
    au->data = m->bytes;
    if (mask_flow_send(&c->flow, au->key, au->size, au->pts_ticks, m->utc_us, view_mono_us(c->view),
                       &w.unit.sequence, &au->loss))
        camera_mask_send(c, &w);
}

static void on_unit(struct view *v, struct view_message *head)
{
    struct unit_message *m = (struct unit_message *)head;
    forward(m->camera, m);
    atomic_fetch_sub(&v->inbox_bytes, sizeof(*m) + m->au.size);
}

static void on_cut(struct view *v, struct view_message *head)
{
    struct message *m = (struct message *)head;
    (void)v;
    camera_mask_end_file(m->camera, m->text);
    m->camera->flow.last_utc_us = 0; /* time may go back now */
}

/* A zone that cannot be read must not become a picture without it: everything is one zone then. */
static void set_zones(struct camera_mask *c, const char *text)
{
    static const struct mask_zone whole = {4, {0, 1, 1, 0}, {0, 0, 1, 1}};
    memset(c->config.zone, 0, sizeof(c->config.zone));
    c->config.zone_count = zones_read(text, c->config.zone);
    if (c->config.zone_count < 0) {
        log_error("mask", "camera %s: its privacy zones cannot be read, everything is covered",
                  c->id);
        memset(c->config.zone, 0, sizeof(c->config.zone));
        c->config.zone[0] = whole;
        c->config.zone_count = 1;
    }
}

static void on_configure(struct view *v, struct view_message *head)
{
    const struct configure_message *m = (const struct configure_message *)head;
    struct camera_mask *c = m->camera;
    struct mask_zone before[MASK_ZONES];
    int count = c->config.zone_count;
    bool again = c->row_declared_us != m->declared_us;
    (void)v;
    memcpy(before, c->config.zone, sizeof(before));
    set_zones(c, m->zones);
    if (again)
        c->declared_us = m->declared_us;
    c->row_declared_us = m->declared_us;
    if (again || count != c->config.zone_count ||
        memcmp(before, c->config.zone, sizeof(before)) != 0) {
        camera_mask_end_file(c, "changed");
        if (c->opened)
            camera_mask_begin(c);
    }
    camera_mask_tell(c, false);
}

static void on_close(struct view *v, struct view_message *head)
{
    static _Thread_local struct mask_wire w;
    struct message *m = (struct message *)head;
    struct camera_mask *c = m->camera;
    w.type = MASK_WIRE_CLOSE;
    if (c->opened)
        camera_mask_send(c, &w);
    c->enabled = false;
    camera_mask_set_opened(c, false);
    c->peer = NULL;
    camera_mask_end_file(c, m->text);
    camera_mask_note_activity(c, 0, true);
    camera_mask_tell(c, false);
    live_camera_close(&v->live, c);
    list_remove(&c->in_bucket);
    c->gone = m->gone;
    c->closing = true;
}

/* ---- for the camera's loop ---- */

struct camera_mask *camera_mask_open(struct view *v, const struct index_camera *cfg)
{
    struct camera_mask *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    if (uv_mutex_init(&c->lock) < 0) {
        free(c);
        return NULL;
    }
    list_init(&c->link);
    list_init(&c->in_bucket);
    c->view = v;
    snprintf(c->id, sizeof(c->id), "%s", cfg->id);
    c->retention_days = cfg->retention_days ? cfg->retention_days : v->cfg.retention_days;
    c->enabled = cfg->enabled;
    c->config =
        (struct mask_config){.width = v->cfg.width, .fps = v->cfg.fps, .learn_us = v->cfg.learn_us};
    set_zones(c, cfg->zones);
    c->row_declared_us = cfg->declared_empty_us;
    c->state = c->told_state = c->noted_state = VIEW_OFF;
    c->status.masker = -1;
    c->status.state = VIEW_OFF;
    recording_init(&c->masked, v->cfg.store, v->cfg.pool, c->id, MP4_MASKED);
    post(c, on_open, false, NULL, NULL);
    return c;
}

void camera_mask_stream(struct camera_mask *c, bool playing, const char *why)
{
    if (c)
        post(c, on_stream, playing, why, NULL);
}

void camera_mask_track(struct camera_mask *c, const struct media_track *t)
{
    if (!c)
        return;
    struct track_message *m = patient_alloc(sizeof(*m));
    m->head.run = on_track;
    m->camera = c;
    m->track = *t;
    if (t->params)
        media_params_copy(&m->params, t->params);
    view_post(c->view, &m->head);
}

void camera_mask_unit(struct camera_mask *c, const struct media_au *au, int64_t utc_us)
{
    size_t bytes = sizeof(struct unit_message) + au->size;
    if (!c)
        return;
    if (!atomic_load(&c->wanted)) {
        atomic_store(&c->dropped, true);
        return;
    }
    bool fits = atomic_fetch_add(&c->view->inbox_bytes, bytes) + bytes <= VIEW_INBOX_BYTES;
    struct unit_message *m = fits ? malloc(bytes) : NULL;
    if (!m) {
        atomic_fetch_sub(&c->view->inbox_bytes, bytes);
        atomic_store(&c->dropped, true);
        return;
    }
    *m = (struct unit_message){{.run = on_unit}, c, *au, utc_us};
    memcpy(m->bytes, au->data, au->size);
    view_post(c->view, &m->head);
}

void camera_mask_cut(struct camera_mask *c, const char *reason)
{
    if (c)
        post(c, on_cut, false, reason, NULL);
}

void camera_mask_configure(struct camera_mask *c, const struct index_camera *cfg)
{
    if (!c)
        return;
    struct configure_message *m = patient_alloc(sizeof(*m));
    m->head.run = on_configure;
    m->camera = c;
    m->declared_us = cfg->declared_empty_us;
    snprintf(m->zones, sizeof(m->zones), "%s", cfg->zones);
    view_post(c->view, &m->head);
}

void camera_mask_close(struct camera_mask *c, const char *reason, _Atomic bool *gone)
{
    if (c)
        post(c, on_close, false, reason, gone);
}

void camera_mask_read_status(struct camera_mask *c, struct camera_mask_status *ret)
{
    *ret = (struct camera_mask_status){.state = VIEW_OFF, .masker = -1};
    if (!c)
        return;
    uv_mutex_lock(&c->lock);
    *ret = c->status;
    uv_mutex_unlock(&c->lock);
}
