/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/camera.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "media/params.h"
#include "recorder/loop.h"
#include "recorder/node_clock.h"

#define KEY_AHEAD_US MINUTE_US /* an epoch's key is made this long before it begins … */
#define NAME_GAP_AFTER_US                                                                          \
    (2 * SECOND_US) /* a gap that lasts is told to index and status after this long */

static void set_text(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", from ? from : "");
}

/* ---- session events ---- */

static void on_state(void *user, enum rtsp_state s, int code, const char *why)
{
    struct camera *c = user;
    enum rtsp_state before = c->rtsp_state;
    c->rtsp_state = s;
    set_text(c->why, sizeof(c->why), why);
    if (s == RTSP_STATE_CONNECTING)
        camera_want_key(c, clock_wall_us(c->loop->clock));
    if (s == RTSP_STATE_PLAYING) {
        c->playing_since_us = clock_wall_us(c->loop->clock);
        media_dts_init(&c->dts, -1);
        for (int i = 0; i < MP4_TRACKS; i++)
            timebase_reset(&c->timebase[i], c->track[i].clock_rate);
        camera_sub_main_state(c, true, NULL);
        return;
    }
    if (before == RTSP_STATE_PLAYING || (s == RTSP_STATE_WAITING && code < 0))
        camera_sub_main_state(c, false, why ? why : err_text(code));
    if (before == RTSP_STATE_PLAYING) {
        camera_end_file(c, "stream-lost");
        log_warn("rtsp", "camera %s: stream lost (%s), reconnecting", c->cfg.id,
                 why ? why : err_text(code));
    }
    if (before != RTSP_STATE_PLAYING && s == RTSP_STATE_WAITING && code < 0)
        log_debug("rtsp", "camera %s: %s", c->cfg.id, why ? why : err_text(code));
}

static void on_track(void *user, int index, const struct media_track *t)
{
    struct camera *c = user;
    if (index < 0 || index >= MP4_TRACKS)
        return;
    c->track[index] = *t;
    c->track[index].params = NULL;
    c->has_track[index] = true;
    if (!c->timebase[index].started)
        timebase_reset(&c->timebase[index], t->clock_rate);
    if (index != 0)
        return;
    if (t->params)
        c->params = *t->params;
    c->track[0].params = &c->params;
    struct media_sps sps;
    if (!c->timebase[0].started && media_params_sps(&c->params, t->codec, &sps) >= 0)
        media_dts_init(&c->dts, sps.max_reorder);
    camera_sub_main_track(c, &c->track[0]);
}

static void on_au(void *user, int index, const struct media_au *au)
{
    struct camera *c = user;
    if (index == 0) {
        camera_on_video(c, au);
        camera_sub_main_au(c, au);
    } else if (index == 1 && c->cfg.audio) {
        camera_on_audio(c, au);
    }
}

static void on_lost(void *user, int index, uint32_t packets)
{
    struct camera *c = user;
    (void)index;
    c->packets_lost += packets;
}

static void on_sender_report(void *user, int index, int64_t camera_us, int64_t pts_ticks,
                             int64_t arrival_us)
{
    struct camera *c = user;
    (void)pts_ticks;
    if (index != 0)
        return;
    c->camera_offset_us = camera_us - arrival_us;
    c->camera_offset_known = true;
}

static const struct rtsp_events events = {on_state, on_track, on_au, on_lost, on_sender_report};

/* ---- life ---- */

int camera_new(struct loop *l, const struct camera_context *ctx, const struct index_camera *cfg,
               const struct index_gap *open_gap, struct camera **ret)
{
    struct camera *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    int r = uv_mutex_init(&c->lock);
    if (r < 0) {
        free(c);
        return r;
    }
    list_init(&c->link);
    c->loop = l;
    c->ctx = ctx;
    c->cfg = *cfg;
    recording_init(&c->sealed, ctx->store, ctx->pool, c->cfg.id, MP4_SEALED);
    c->clock_generation = atomic_load(&ctx->clock->generation);
    if (open_gap) {
        c->gap = *open_gap;
        c->gap_noted = true;
        c->sealed.covered_until_us = open_gap->from_us;
    }
    set_text(c->gap.camera, sizeof(c->gap.camera), cfg->id);
    c->status.state = cfg->enabled ? CAMERA_CONNECTING : CAMERA_DISABLED;
    if (ctx->view)
        c->mask = camera_mask_open(ctx->view, cfg);
    *ret = c;
    return 0;
}

struct rtsp_config camera_session_config(const struct camera *c, const char *url)
{
    struct rtsp_config cfg = {.url = url,
                              .transport = (enum rtsp_transport)c->cfg.transport,
                              .audio = c->cfg.audio,
                              .tls_insecure = c->cfg.tls_insecure};
    size_t len = 0;
    if (c->cfg.pin[0] && hex_decode(c->cfg.pin, cfg.pin_sha256, sizeof(cfg.pin_sha256), &len) >= 0)
        cfg.pinned = len == sizeof(cfg.pin_sha256);
    return cfg;
}

static int open_session(struct camera *c)
{
    struct rtsp_config cfg = camera_session_config(c, c->cfg.main_url);
    struct err e = {0};
    int r = rtsp_session_open(c->loop->hub, &cfg, &events, c, &c->session, &e);
    if (r < 0) {
        c->session = NULL;
        set_text(c->why, sizeof(c->why), err_str(&e, r));
        log_error("rtsp", "camera %s: %s", c->cfg.id, err_str(&e, r));
    }
    return r;
}

void camera_start(struct loop *l, void *arg)
{
    struct camera *c = arg;
    list_append(&l->cameras, &c->link);
    int64_t now = clock_wall_us(l->clock);
    c->rate_at_us = now;
    if (!c->cfg.enabled)
        return;
    camera_want_key(c, now);
    if (!c->sealed.covered_until_us && !c->gap.reason[0]) {
        c->gap.from_us = now;
        set_text(c->gap.reason, sizeof(c->gap.reason), "not-connected");
    }
    c->unconnected = true;
    if (!c->key_requested_us)
        camera_connect(c);
}

void camera_connect(struct camera *c)
{
    if (!c->unconnected || c->closing)
        return;
    c->unconnected = false;
    open_session(c);
    camera_sub_open(c);
}

static void free_if_idle(struct camera *c)
{
    if (!c->closing || c->session || c->sub || c->key_requested_us ||
        atomic_load(&c->sealed.in_flight) > 0 || (c->mask && !atomic_load(&c->mask_gone)))
        return;
    camera_drop_keys(c);
    list_remove(&c->link);
    uv_mutex_destroy(&c->lock);
    void (*closed)(void *) = c->closed;
    void *user = c->closed_user;
    free(c);
    if (closed)
        closed(user);
}

static void on_session_closed(void *user)
{
    struct camera *c = user;
    c->session = NULL;
}

void camera_close(struct loop *l, void *arg)
{
    struct camera *c = arg;
    (void)l;
    c->closing = true;
    c->why[0] = 0;
    camera_end_file(c, c->end_reason);
    if (c->gap.reason[0] && !c->gap_noted)
        camera_note_gap(c, 0);
    if (c->session)
        rtsp_session_close(c->session, on_session_closed, c);
    camera_sub_close(c);
    camera_mask_close(c->mask, c->end_reason, &c->mask_gone);
}

/* ---- status ---- */

static void measure_rate(struct camera *c, const struct rtsp_stats *s, int64_t now_us)
{
    double seconds = (double)(now_us - c->rate_at_us) / (double)SECOND_US;
    if (seconds < 0.5)
        return;
    double fps = (double)(c->frames_received - c->rate_frames) / seconds;
    double bps = (double)(s->bytes - c->rate_bytes) * 8 / seconds;
    c->fps = c->fps > 0 ? 0.7 * c->fps + 0.3 * fps : fps; /* smooth over about three seconds */
    c->bps = c->bps > 0 ? 0.7 * c->bps + 0.3 * bps : bps;
    c->rate_at_us = now_us;
    c->rate_bytes = s->bytes;
    c->rate_frames = c->frames_received;
}

static enum camera_state state_of(const struct camera *c)
{
    if (!c->cfg.enabled)
        return CAMERA_DISABLED;
    if (c->rtsp_state == RTSP_STATE_PLAYING)
        return c->sealed.file ? CAMERA_RECORDING : CAMERA_CONNECTING;
    return c->rtsp_state == RTSP_STATE_CONNECTING ? CAMERA_CONNECTING : CAMERA_WAITING;
}

static void publish_status(struct camera *c, int64_t now_us)
{
    struct rtsp_stats stats = {0};
    if (c->session)
        rtsp_session_stats(c->session, &stats);
    measure_rate(c, &stats, now_us);
    uv_mutex_lock(&c->lock);
    struct camera_status *s = &c->status;
    s->state = state_of(c);
    set_text(s->reason, sizeof(s->reason),
             s->state == CAMERA_RECORDING                              ? ""
             : c->rtsp_state == RTSP_STATE_PLAYING && c->gap.reason[0] ? c->gap.reason
                                                                       : c->why);
    s->bitrate_bps = c->rtsp_state == RTSP_STATE_PLAYING ? (int64_t)c->bps : 0;
    s->fps = c->rtsp_state == RTSP_STATE_PLAYING ? c->fps : 0;
    s->last_frame_us = c->last_frame_us;
    s->camera_clock_known = c->camera_offset_known;
    s->camera_clock_offset_us = c->camera_offset_us;
    s->frames_received = c->frames_received;
    s->frames_recorded = atomic_load(&c->sealed.frames_recorded);
    s->frames_lost = c->frames_lost + c->sealed.frames_lost + atomic_load(&c->sealed.frames_failed);
    s->packets_lost = c->packets_lost;
    s->bytes = stats.bytes;
    s->reconnects = stats.reconnects;
    set_text(s->codec, sizeof(s->codec),
             c->has_track[0] ? media_codec_name(c->track[0].codec) : "");
    s->width = c->track[0].width;
    s->height = c->track[0].height;
    uv_mutex_unlock(&c->lock);
}

void camera_read_status(struct camera *c, struct camera_status *ret)
{
    uv_mutex_lock(&c->lock);
    *ret = c->status;
    uv_mutex_unlock(&c->lock);
    camera_mask_read_status(c->mask, &ret->mask);
}

/* Spread over the minute before the epoch begins, by the camera's id, so that 2,500 keys are not
 * made at once. */
static int64_t key_lead_us(const struct camera *c)
{
    int64_t lead = keys_epoch_length(c->ctx->keys) / 4;
    lead = lead < KEY_AHEAD_US ? lead : KEY_AHEAD_US;
    uint32_t hash = 2166136261u;
    for (const char *p = c->cfg.id; *p; p++)
        hash = (hash ^ (uint8_t)*p) * 16777619u;
    return lead / 2 + (int64_t)(hash % 1000) * (lead / 2) / 1000;
}

static void look_after_keys(struct camera *c, int64_t now_us)
{
    if (c->rtsp_state == RTSP_STATE_PLAYING)
        camera_want_key(c, c->sealed.file ? now_us + key_lead_us(c) : now_us);
    int64_t over = now_us - keys_epoch_length(c->ctx->keys) - MINUTE_US;
    if (c->key && !c->sealed.file && c->key->epoch_us < over) {
        keys_release(c->ctx->keys, c->key);
        c->key = NULL;
    }
    if (c->next_key && c->next_key->epoch_us < over) {
        keys_release(c->ctx->keys, c->next_key);
        c->next_key = NULL;
    }
}

void camera_tick(struct camera *c, int64_t now_us, bool turn)
{
    if (c->closing) {
        free_if_idle(c);
        return;
    }
    camera_flush(c, now_us);
    if (!turn)
        return;
    look_after_keys(c, now_us);
    if (c->gap.reason[0] && !c->gap_noted && now_us - c->gap.from_us > NAME_GAP_AFTER_US)
        camera_note_gap(c, 0);
    publish_status(c, now_us);
}
