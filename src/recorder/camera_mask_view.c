/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What comes of a camera's masked pictures: files, live, states and what is told of them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "media/params.h"
#include "recorder/view_private.h"

#define MASKED_RATE 90000
#define NOTE_EVERY_US (10 * SECOND_US) /* a change of state becomes an event, at most that often */
#define TELL_OBJECTS_US SECOND_US      /* viewers are told of objects at most that often */

static int64_t ticks_of(int64_t utc_us)
{
    return utc_us / 100 * 9 + utc_us % 100 * 9 / 100;
}

/* ---- files ---- */

void camera_mask_end_file(struct camera_mask *c, const char *reason)
{
    recording_end(&c->masked, reason);
    live_camera_break(&c->view->live, c);
    c->await_key = true;
}

static void check_write_error(struct camera_mask *c)
{
    int code = recording_failed(&c->masked);
    if (code >= 0)
        return;
    log_error("store", "camera %s: writing the masked view failed (%s), starting a new file", c->id,
              err_text(code));
    recording_end(&c->masked, code == -ENOSPC ? "disk-full" : "write-failed");
}

static void describe_file(const struct camera_mask *c, int64_t utc_us, struct mp4_info *info)
{
    const struct view_config *cfg = &c->view->cfg;
    *info = (struct mp4_info){.view = MP4_MASKED, .start_us = utc_us, .tracks = 1};
    snprintf(info->camera, sizeof(info->camera), "%s", c->id);
    snprintf(info->node, sizeof(info->node), "%s", cfg->node);
    info->epoch_us = utc_us - utc_us % cfg->epoch_length_us;
    info->epoch_length_us = cfg->epoch_length_us;
    info->retention_days = c->retention_days;
    info->track[0] = (struct media_track){
        .codec = MEDIA_H264,
        .clock_rate = MASKED_RATE,
        .params =
            (struct media_params *)(uintptr_t)&c->picture_params /* copied by who takes it */};
}

/* Media time is the recorder's own, so masked and sealed view of a moment stand at the same place. */
static void record(struct camera_mask *c, const struct media_au *au, int64_t utc_us)
{
    int64_t dts = ticks_of(utc_us), end = c->masked.epoch_us + c->view->cfg.epoch_length_us;
    check_write_error(c);
    recording_pace(&c->masked, MASKED_RATE, dts);
    if (c->masked.file && au->key && (utc_us >= end || utc_us < c->masked.epoch_us))
        recording_end(&c->masked, "epoch");
    if (!c->masked.file) {
        struct mp4_info info;
        struct err e = {0};
        if (!au->key)
            return;
        describe_file(c, utc_us, &info);
        if (recording_begin(&c->masked, &info, dts, &e) < 0)
            return; /* the sealed view meets the same disk, and tells */
    }
    recording_append(&c->masked, au, dts, utc_us, NULL);
}

static void count_objects(struct camera_mask *c, const struct mask_output *o)
{
    c->persons = c->vehicles = c->others = 0;
    for (int i = 0; i < o->object_count; i++) {
        enum detect_class k = o->objects[i].class;
        c->persons += k == DETECT_PERSON || k == DETECT_FACE;
        c->vehicles += k == DETECT_VEHICLE;
        c->others += k == DETECT_UNKNOWN;
    }
    c->motion_permille = o->motion_permille;
}

void camera_mask_note_activity(struct camera_mask *c, int64_t utc_us, bool all)
{
    int64_t minute = c->activity.minute_us;
    if (!minute || (!all && utc_us >= minute && utc_us < minute + MINUTE_US))
        return;
    struct index_change change = {.kind = INDEX_PUT_ACTIVITY};
    struct index_activity *a = &change.activity;
    snprintf(a->camera, sizeof(a->camera), "%s", c->id);
    a->minute_us = minute;
    a->motion_max = (uint16_t)c->activity.motion_max;
    a->motion_mean = (uint16_t)(c->activity.motion_sum / c->activity.pictures);
    a->persons_max = (uint8_t)(c->activity.persons_max < 255 ? c->activity.persons_max : 255);
    a->vehicles_max = (uint8_t)(c->activity.vehicles_max < 255 ? c->activity.vehicles_max : 255);
    store_note(c->view->cfg.store, &change);
    memset(&c->activity, 0, sizeof(c->activity));
}

static void add_activity(struct camera_mask *c, int64_t utc_us)
{
    camera_mask_note_activity(c, utc_us, false);
    c->activity.minute_us = utc_us - utc_us % MINUTE_US;
    c->activity.motion_sum += c->motion_permille;
    c->activity.pictures++;
    if (c->motion_permille > c->activity.motion_max)
        c->activity.motion_max = c->motion_permille;
    if (c->persons > c->activity.persons_max)
        c->activity.persons_max = c->persons;
    if (c->vehicles > c->activity.vehicles_max)
        c->activity.vehicles_max = c->vehicles;
}

void camera_mask_on_picture(struct camera_mask *c, const struct mask_output *o, int64_t utc_us)
{
    int64_t dts = ticks_of(utc_us);
    struct media_au au = {.data = o->data,
                          .size = o->size,
                          .pts_ticks = dts,
                          .arrival_us = view_wall_us(c->view),
                          .key = o->key};
    if (o->key && o->params && !media_params_same(o->params, &c->picture_params)) {
        if (c->masked.file)
            camera_mask_end_file(c, "parameters-changed");
        media_params_copy(&c->picture_params, o->params);
    }
    if (!c->picture_params.count)
        return;
    c->trouble[0] = 0;
    c->await_key = false;
    c->has_picture = true;
    c->state = (enum view_state)o->state;
    c->pictures++;
    snprintf(c->reason, sizeof(c->reason), "%s", o->reason);
    count_objects(c, o);
    add_activity(c, utc_us);
    record(c, &au, utc_us);
    struct mp4_info info;
    describe_file(c, utc_us, &info);
    live_camera_picture(&c->view->live, c, &info, &au, utc_us);
    camera_mask_tell(c, true);
}

/* ---- states ---- */

static enum view_state work_out(struct camera_mask *c, const char **ret_reason)
{
    *ret_reason = c->reason;
    if (!c->enabled) {
        *ret_reason = "";
        return VIEW_OFF;
    }
    if (!c->playing) {
        *ret_reason = c->why[0] ? c->why : "the camera sends nothing";
        return VIEW_NO_STREAM;
    }
    if (!c->peer) {
        *ret_reason = "no masker is running; one is being started";
        return VIEW_NO_MASKER;
    }
    if (c->trouble[0]) {
        *ret_reason = c->trouble;
        return VIEW_FAILED;
    }
    if (c->opened && mask_flow_late(&c->flow, view_mono_us(c->view))) {
        *ret_reason = "the masker does not keep up; there is no picture until it does";
        return VIEW_LATE;
    }
    if (c->has_picture)
        return c->state <= VIEW_MOSAIC ? c->state : VIEW_COVERED;
    *ret_reason = "waiting for the first masked picture";
    return c->state == VIEW_LATE ? VIEW_LATE : VIEW_COVERED;
}

/* A change of state is an event; one that flaps is told every ten seconds, with where it stands then. */
static void note(struct camera_mask *c, int64_t mono_us)
{
    if (c->state == c->noted_state || (c->noted_us && mono_us - c->noted_us < NOTE_EVERY_US))
        return;
    bool begins = c->noted_state == VIEW_OFF && c->state >= VIEW_NO_MASKER;
    struct index_event e = {.at_us = view_wall_us(c->view)};
    snprintf(e.kind, sizeof(e.kind), "mask-state");
    snprintf(e.camera, sizeof(e.camera), "%s", c->id);
    snprintf(e.text, sizeof(e.text), "%s, was %s%s%s", view_state_name(c->state),
             view_state_name(c->noted_state), c->told_reason[0] ? ": " : "", c->told_reason);
    if (!begins)
        store_note_event(c->view->cfg.store, &e);
    if (c->state >= VIEW_LATE && c->state != VIEW_OFF && !begins)
        log_warn("mask", "camera %s: %s", c->id, e.text);
    c->noted_state = c->state;
    c->noted_us = mono_us;
}

void camera_mask_tell(struct camera_mask *c, bool quiet)
{
    const char *reason;
    int64_t mono = view_mono_us(c->view);
    c->state = work_out(c, &reason);
    bool changed = c->state != c->told_state || strcmp(reason, c->told_reason) != 0;
    if (!changed && (quiet || c->state > VIEW_MOSAIC || mono - c->told_us < TELL_OBJECTS_US)) {
        note(c, mono);
        return;
    }
    c->told_state = c->state;
    c->told_us = mono;
    snprintf(c->told_reason, sizeof(c->told_reason), "%s", reason);
    note(c, mono);
    live_camera_state(&c->view->live, c);
}

void camera_mask_publish(struct camera_mask *c, int64_t mono_us)
{
    double seconds = (double)(mono_us - c->rate_us) / (double)SECOND_US;
    if (seconds >= 0.5) {
        double fps = (double)(c->pictures - c->pictures_before) / seconds;
        c->fps = c->fps > 0 ? 0.7 * c->fps + 0.3 * fps : fps;
        c->pictures_before = c->pictures;
        c->rate_us = mono_us;
    }
    uv_mutex_lock(&c->lock);
    struct camera_mask_status *s = &c->status;
    s->state = c->state;
    snprintf(s->reason, sizeof(s->reason), "%s", c->told_reason);
    s->masker = c->peer ? mask_peer_number(c->peer) : -1;
    s->fps = c->has_picture ? c->fps : 0;
    s->late = c->lateness;
    s->dropped = c->flow.dropped;
    s->frames = atomic_load(&c->masked.frames_recorded);
    s->persons = c->has_picture ? c->persons : 0;
    s->vehicles = c->has_picture ? c->vehicles : 0;
    s->others = c->has_picture ? c->others : 0;
    uv_mutex_unlock(&c->lock);
}
