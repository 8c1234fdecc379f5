/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/camera.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "media/params.h"
#include "recorder/loop.h"
#include "recorder/node_clock.h"

#define EPOCH_GRACE_US                                                                             \
    (15 * SECOND_US) /* an epoch's file waits this long for a key frame to end before */
#define KEYLESS_START_US                                                                           \
    (10 * SECOND_US) /* a stream without key frames is recorded from here on all the same */
#define GAP_TOLERANCE_US (SECOND_US / 2) /* less is no gap: frame intervals, jitter, slew */
#define KEY_RETRY_US (2 * SECOND_US)

/* ---- keys ---- */

void camera_want_key(struct camera *c, int64_t utc_us)
{
    int64_t epoch = keys_epoch_of(c->ctx->keys, utc_us);
    int64_t now = clock_mono_us(c->loop->clock);
    if ((c->key && c->key->epoch_us == epoch) || (c->next_key && c->next_key->epoch_us == epoch) ||
        c->key_requested_us || c->closing || now < c->key_retry_us)
        return;
    int days = c->cfg.retention_days ? c->cfg.retention_days : c->ctx->retention_days;
    if (keys_request(c->ctx->keys, c, c->cfg.id, epoch, days) >= 0)
        c->key_requested_us = epoch;
}

static bool use_key(struct camera *c, int64_t epoch_us)
{
    if (c->key && c->key->epoch_us == epoch_us)
        return true;
    if (!c->next_key || c->next_key->epoch_us != epoch_us)
        return false;
    keys_release(c->ctx->keys, c->key);
    c->key = c->next_key;
    c->next_key = NULL;
    return true;
}

void camera_drop_keys(struct camera *c)
{
    keys_release(c->ctx->keys, c->key);
    keys_release(c->ctx->keys, c->next_key);
    c->key = c->next_key = NULL;
}

static void on_key(struct camera *c, struct epoch_key *k, int code)
{
    c->key_requested_us = 0;
    if (!k) {
        log_error("keys", "camera %s: no key for the next epoch (%s), trying again in 2 s",
                  c->cfg.id, err_text(code));
        c->key_retry_us = clock_mono_us(c->loop->clock) + KEY_RETRY_US;
    } else {
        c->key_retry_us = 0;
        keys_release(c->ctx->keys, c->next_key);
        c->next_key = k;
    }
    camera_connect(c); /* not before: pictures that come before the key are lost */
}

struct key_message {
    struct camera *camera;
    struct epoch_key *key;
    int code;
};

static void deliver_key(struct loop *l, void *arg)
{
    struct key_message *m = arg;
    (void)l;
    on_key(m->camera, m->key, m->code);
    free(m);
}

void camera_post_key(struct camera *c, struct epoch_key *k, int code)
{
    struct key_message *m;
    while (!(m = malloc(sizeof(*m))))
        uv_sleep(10);
    *m = (struct key_message){c, k, code};
    while (loop_post(c->loop, deliver_key, m) < 0)
        uv_sleep(10);
}

/* ---- gaps ---- */

void camera_note_gap(struct camera *c, int64_t to_us)
{
    c->gap.to_us = to_us;
    c->gap_noted = true;
    store_note_gap(c->ctx->store, &c->gap);
    uv_mutex_lock(&c->lock);
    struct camera_status *s = &c->status;
    if (s->gap_count == 0 || s->gaps[s->gap_count - 1].from_us != c->gap.from_us) {
        if (s->gap_count == CAMERA_GAPS)
            memmove(s->gaps, s->gaps + 1, sizeof(s->gaps[0]) * (size_t)--s->gap_count);
        s->gap_count++;
    }
    s->gaps[s->gap_count - 1] = c->gap;
    uv_mutex_unlock(&c->lock);
}

/* Ends of files after which recording goes on at once: not by themselves the reason of a gap. */
static bool goes_on(const char *reason)
{
    return strcmp(reason, "epoch") == 0 || strcmp(reason, "parameters-changed") == 0;
}

static void open_gap(struct camera *c, const char *reason)
{
    if ((c->gap.reason[0] && !goes_on(c->gap.reason)) || !c->sealed.covered_until_us)
        return;
    c->gap.from_us = c->sealed.covered_until_us;
    snprintf(c->gap.reason, sizeof(c->gap.reason), "%s", reason);
    snprintf(c->gap.detail, sizeof(c->gap.detail), "%s", c->why);
    c->gap_noted = false;
}

static void close_gap(struct camera *c, int64_t start_us)
{
    if (c->gap.reason[0] && (c->gap_noted || start_us - c->gap.from_us > GAP_TOLERANCE_US))
        camera_note_gap(c, start_us > c->gap.from_us ? start_us : c->gap.from_us);
    c->gap.reason[0] = c->gap.detail[0] = 0;
    c->gap_noted = false;
}

/* Frames that came but could not be kept: counted, and the gap gets the reason if it has none. */
static void lose(struct camera *c, const char *reason)
{
    c->frames_lost++;
    open_gap(c, reason);
}

/* ---- files ---- */

void camera_end_file(struct camera *c, const char *reason)
{
    if (!c->sealed.file)
        return;
    recording_end(&c->sealed, reason);
    open_gap(c, reason);
}

static void check_write_error(struct camera *c)
{
    int code = recording_failed(&c->sealed);
    if (code >= 0)
        return;
    log_error("store", "camera %s: writing failed (%s), starting a new file", c->cfg.id,
              err_text(code));
    camera_end_file(c, code == -ENOSPC ? "disk-full" : "write-failed");
}

void camera_flush(struct camera *c, int64_t now_us)
{
    check_write_error(c);
    recording_flush(&c->sealed, now_us);
}

static void describe_file(struct camera *c, struct mp4_info *info, int64_t start_us)
{
    *info =
        (struct mp4_info){.view = MP4_SEALED, .encrypted = true, .start_us = start_us, .tracks = 1};
    snprintf(info->camera, sizeof(info->camera), "%s", c->cfg.id);
    snprintf(info->node, sizeof(info->node), "%s", c->ctx->node);
    memcpy(info->kid, c->key->key->kid, sizeof(info->kid));
    info->epoch_us = c->key->epoch_us;
    info->epoch_length_us = keys_epoch_length(c->ctx->keys);
    info->retention_days = c->cfg.retention_days ? c->cfg.retention_days : c->ctx->retention_days;
    info->track[0] = c->track[0];
    if (c->cfg.audio && c->has_track[1]) {
        info->track[1] = c->track[1];
        info->tracks = 2;
    }
}

static bool may_start(const struct camera *c, const struct media_au *au)
{
    if (!c->has_track[0] || !c->track[0].width)
        return false;
    return au->key || au->arrival_us - c->playing_since_us > KEYLESS_START_US;
}

static bool begin_file(struct camera *c, const struct media_au *au, int64_t dts, int64_t utc_us)
{
    if (!may_start(c, au)) {
        lose(c, "no-key-frame");
        return false;
    }
    if (!use_key(c, keys_epoch_of(c->ctx->keys, utc_us))) {
        camera_want_key(c, utc_us);
        lose(c, "no-key");
        return false;
    }
    struct mp4_info info;
    describe_file(c, &info, utc_us);
    struct err e = {0};
    int r = recording_begin(&c->sealed, &info, dts, &e);
    if (r < 0) {
        snprintf(c->why, sizeof(c->why), "%s", err_str(&e, r));
        lose(c, r == -ENOSPC ? "disk-full" : r == E_FULL ? "disk-slow" : "volume-lost");
        return false;
    }
    c->audio_based = false;
    close_gap(c, utc_us);
    return true;
}

/* The epoch of the open file is over and its successor can begin with this access unit. */
static bool epoch_is_over(struct camera *c, const struct media_au *au, int64_t utc_us)
{
    int64_t end = c->sealed.epoch_us + keys_epoch_length(c->ctx->keys);
    if (utc_us < end)
        return false;
    bool ready = c->next_key && c->next_key->epoch_us == keys_epoch_of(c->ctx->keys, utc_us);
    if (!ready)
        camera_want_key(c, utc_us);
    return ready && (au->key || utc_us >= end + EPOCH_GRACE_US);
}

static void restart_time(struct camera *c, const char *reason)
{
    camera_end_file(c, reason);
    camera_sub_main_cut(c, reason);
    struct media_sps sps;
    int reorder = media_params_sps(&c->params, c->track[0].codec, &sps) >= 0 ? sps.max_reorder : -1;
    media_dts_init(&c->dts, reorder);
    for (int i = 0; i < MP4_TRACKS; i++)
        timebase_reset(&c->timebase[i], c->track[i].clock_rate);
}

/* The new time can begin with this access unit: its key is here, and a decoder can start, or we have waited enough. */
static bool ready_for_new_time(struct camera *c, const struct media_au *au)
{
    int64_t epoch = keys_epoch_of(c->ctx->keys, au->arrival_us),
            now = clock_mono_us(c->loop->clock);
    bool has_key = c->key->epoch_us == epoch || (c->next_key && c->next_key->epoch_us == epoch);
    if (!has_key)
        camera_want_key(c, au->arrival_us);
    if (!c->step_seen_us)
        c->step_seen_us = now;
    return has_key && (au->key || now - c->step_seen_us > EPOCH_GRACE_US);
}

/* True if the node's clock was stepped and the new time begins now; until then the old time goes on. */
static bool clock_has_stepped(struct camera *c, const struct media_au *au)
{
    unsigned generation = atomic_load(&c->ctx->clock->generation);
    if (generation == c->clock_generation || (c->sealed.file && !ready_for_new_time(c, au)))
        return false;
    c->clock_generation = generation;
    c->step_seen_us = 0;
    return true;
}

static int64_t place_in_time(struct camera *c, const struct media_au *au, int64_t *ret_dts)
{
    if (clock_has_stepped(c, au)) {
        restart_time(c, "clock-stepped");
        c->sealed.covered_until_us =
            c->sealed.covered_until_us > au->arrival_us ? 0 : c->sealed.covered_until_us;
    }
    int64_t dts = media_dts_next(&c->dts, au->pts_ticks);
    bool stepping = c->clock_generation != atomic_load(&c->ctx->clock->generation);
    if (!stepping && !timebase_observe(&c->timebase[0], dts, au->arrival_us)) {
        restart_time(c, "timestamps-jumped");
        dts = media_dts_next(&c->dts, au->pts_ticks);
        timebase_observe(&c->timebase[0], dts, au->arrival_us);
    }
    *ret_dts = dts;
    return c->timebase[0].started ? timebase_utc(&c->timebase[0], dts) : au->arrival_us;
}

void camera_on_video(struct camera *c, const struct media_au *au)
{
    c->frames_received++;
    c->last_frame_us = au->arrival_us;
    check_write_error(c);
    if (au->params_changed)
        camera_end_file(c, "parameters-changed");
    int64_t dts, utc_us = place_in_time(c, au, &dts);
    if (c->sealed.file && epoch_is_over(c, au, utc_us))
        camera_end_file(c, "epoch");
    recording_pace(&c->sealed, c->track[0].clock_rate, dts);
    if (c->sealed.file || begin_file(c, au, dts, utc_us))
        recording_append(&c->sealed, au, dts, utc_us, &c->key->cipher);
}

void camera_on_audio(struct camera *c, const struct media_au *au)
{
    struct timebase *tb = &c->timebase[1];
    if (!timebase_observe(tb, au->pts_ticks, au->arrival_us)) {
        timebase_reset(tb, c->track[1].clock_rate);
        timebase_observe(tb, au->pts_ticks, au->arrival_us);
        c->audio_based = false;
    }
    if (!c->sealed.file || !c->sealed.slot || recording_info(&c->sealed)->tracks < 2)
        return;
    if (!c->audio_based) {
        int64_t offset_us = timebase_utc(tb, au->pts_ticks) - c->sealed.start_us;
        if (offset_us < 0)
            return;
        c->audio_based = true;
        c->audio_base_pts = au->pts_ticks;
        c->audio_base_ticks = offset_us * c->track[1].clock_rate / SECOND_US;
    }
    int64_t at = c->audio_base_ticks + au->pts_ticks - c->audio_base_pts;
    mp4_fragment_append(c->sealed.slot->fragment, 1, au, at, at, &c->key->cipher);
}
