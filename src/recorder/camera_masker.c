/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A camera and its masker: what it is told, what it says, and when it is late. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "recorder/view_private.h"

#define DECLARED_US (30 * SECOND_US) /* how long a declaration waits for the stream */

void camera_mask_set_opened(struct camera_mask *c, bool opened)
{
    c->opened = opened;
    atomic_store(&c->wanted, opened);
}

void camera_mask_send(struct camera_mask *c, struct mask_wire *m)
{
    m->camera = c->number;
    m->generation = c->flow.generation;
    int r = mask_peer_send(c->peer, m);
    if (r < 0) { /* out of memory: what it does not know it cannot mask */
        log_error("mask", "camera %s: a message to its masker was lost (%s)", c->id, err_text(r));
        camera_mask_set_opened(c, false);
    }
}

void camera_mask_send_track(struct camera_mask *c)
{
    static _Thread_local struct mask_wire m;
    m.type = MASK_WIRE_TRACK;
    m.track = c->track;
    m.track.params = &c->params;
    camera_mask_send(c, &m);
}

void camera_mask_begin(struct camera_mask *c)
{
    int64_t age = view_wall_us(c->view) - c->declared_us;
    static _Thread_local struct mask_wire m;
    mask_flow_begin(&c->flow, view_mono_us(c->view));
    c->has_picture = false;
    c->trouble[0] = 0;
    camera_mask_set_opened(c, true);
    m.type = MASK_WIRE_OPEN;
    m.open = c->config;
    m.open.declared_empty = c->declared_us && age >= 0 && age < DECLARED_US;
    c->declared_us = 0;
    camera_mask_send(c, &m);
    if (c->has_track)
        camera_mask_send_track(c);
}

void camera_mask_forget(struct camera_mask *c, const char *why)
{
    static _Thread_local struct mask_wire m;
    mask_flow_begin(&c->flow, view_mono_us(c->view));
    c->has_picture = false;
    m.type = MASK_WIRE_FORGET;
    snprintf(m.forget.reason, sizeof(m.forget.reason), "%s", why);
    camera_mask_send(c, &m);
}

void camera_mask_attach(struct camera_mask *c, struct mask_peer *p)
{
    c->peer = p;
    camera_mask_set_opened(c, false);
    if (c->playing)
        camera_mask_begin(c);
    camera_mask_tell(c, false);
}

void camera_mask_detach(struct camera_mask *c, const char *why)
{
    (void)why;
    c->peer = NULL;
    c->has_picture = false;
    camera_mask_set_opened(c, false);
    mask_flow_begin(&c->flow, view_mono_us(c->view)); /* whatever still comes is of before */
    camera_mask_end_file(c, "masker-lost");
    camera_mask_tell(c, false);
}

static void on_trouble(struct camera_mask *c, const struct mask_wire *m)
{
    if (m->generation != c->flow.generation)
        return;
    if (!c->trouble[0])
        log_error("mask", "camera %s: it cannot be masked (%s)", c->id, m->trouble.text);
    snprintf(c->trouble, sizeof(c->trouble), "%s", m->trouble.text);
    c->has_picture = false;
    camera_mask_end_file(c, "masker-failed");
    camera_mask_tell(c, false);
}

/* Pictures build upon each other: behind one that was refused, the next to be taken is a key frame. */
static void on_picture(struct camera_mask *c, const struct mask_wire *m)
{
    int64_t utc_us;
    if (!c->playing || m->generation != c->flow.generation)
        return;
    if (!mask_flow_picture(&c->flow, m->generation, m->picture.pts_ticks, view_mono_us(c->view),
                           &utc_us))
        c->await_key = true;
    else if (m->picture.key || !c->await_key)
        camera_mask_on_picture(c, &m->picture, utc_us);
}

int camera_mask_on_message(struct camera_mask *c, const struct mask_wire *m)
{
    if (m->type == MASK_WIRE_DONE)
        return mask_flow_done(&c->flow, m->generation, m->done.sequence) ? 0 : E_PROTOCOL;
    if (m->type == MASK_WIRE_TROUBLE)
        on_trouble(c, m);
    else if (m->type == MASK_WIRE_PICTURE)
        on_picture(c, m);
    return 0;
}

void camera_mask_tick(struct camera_mask *c, int64_t mono_us, bool turn)
{
    if (c->closing) {
        if (atomic_load(&c->masked.in_flight) > 0)
            return;
        _Atomic bool *gone = c->gone;
        list_remove(&c->link);
        uv_mutex_destroy(&c->lock);
        free(c);
        if (gone)
            atomic_store(gone, true);
        return;
    }
    if (c->opened && c->playing && mask_flow_late(&c->flow, mono_us)) {
        if (c->state != VIEW_LATE)
            c->lateness++;
        camera_mask_end_file(c, "masker-late");
        c->has_picture = false;
    }
    recording_flush(&c->masked, view_wall_us(c->view));
    camera_mask_tell(c, !turn);
    if (turn) {
        camera_mask_note_activity(c, view_wall_us(c->view) - 3 * SECOND_US, false);
        camera_mask_publish(c, mono_us);
    }
}
