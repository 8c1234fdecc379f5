/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The stream that is masked: a session of its own where the camera has a sub stream, else the main one. It is never
 * stored. All that happens here is to place it in time and to pass it on; nothing of it can hold up the main stream.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "media/params.h"
#include "recorder/camera.h"
#include "recorder/loop.h"
#include "recorder/node_clock.h"

bool camera_sub_is_main(const struct camera *c)
{
    return !c->cfg.sub_url[0] || strcmp(c->cfg.sub_url, c->cfg.main_url) == 0;
}

static void restart_time(struct camera *c)
{
    struct media_sps sps;
    bool known = c->sub_known && media_params_sps(&c->sub_params, c->sub_codec, &sps) >= 0;
    media_dts_init(&c->sub_dts, known ? sps.max_reorder : -1);
    timebase_reset(&c->sub_timebase, c->sub_rate);
    c->sub_clock_generation = atomic_load(&c->ctx->clock->generation);
}

static void on_state(void *user, enum rtsp_state s, int code, const char *why)
{
    struct camera *c = user;
    enum rtsp_state before = c->sub_state;
    c->sub_state = s;
    if (s == RTSP_STATE_PLAYING) {
        restart_time(c);
        camera_mask_stream(c->mask, true, NULL);
    } else if (before == RTSP_STATE_PLAYING || (s == RTSP_STATE_WAITING && code < 0)) {
        camera_mask_stream(c->mask, false, why ? why : err_text(code));
    }
    if (before == RTSP_STATE_PLAYING && s != RTSP_STATE_PLAYING)
        log_warn("rtsp", "camera %s: sub stream lost (%s), reconnecting", c->cfg.id,
                 why ? why : err_text(code));
}

static void on_track(void *user, int index, const struct media_track *t)
{
    struct camera *c = user;
    if (index != 0)
        return;
    c->sub_codec = t->codec;
    c->sub_rate = t->clock_rate;
    if (t->params)
        media_params_copy(&c->sub_params, t->params);
    c->sub_known = t->params != NULL;
    if (!c->sub_timebase.started)
        restart_time(c);
    camera_mask_track(c->mask, t);
}

static void on_au(void *user, int index, const struct media_au *au)
{
    struct camera *c = user;
    if (index != 0)
        return;
    if (c->sub_clock_generation != atomic_load(&c->ctx->clock->generation)) {
        restart_time(c);
        camera_mask_cut(c->mask, "clock-stepped");
    }
    int64_t dts = media_dts_next(&c->sub_dts, au->pts_ticks);
    if (!timebase_observe(&c->sub_timebase, dts, au->arrival_us)) {
        restart_time(c);
        camera_mask_cut(c->mask, "timestamps-jumped");
        dts = media_dts_next(&c->sub_dts, au->pts_ticks);
        timebase_observe(&c->sub_timebase, dts, au->arrival_us);
    }
    camera_mask_unit(c->mask, au, timebase_utc(&c->sub_timebase, au->pts_ticks));
}

static void on_lost(void *user, int index, uint32_t packets)
{
    (void)user, (void)index, (void)packets;
}

static const struct rtsp_events events = {on_state, on_track, on_au, on_lost, NULL};

void camera_sub_open(struct camera *c)
{
    struct err e = {0};
    if (!c->mask || !c->cfg.enabled || camera_sub_is_main(c))
        return;
    struct rtsp_config cfg = camera_session_config(c, c->cfg.sub_url);
    int r = rtsp_session_open(c->loop->hub, &cfg, &events, c, &c->sub, &e);
    if (r >= 0)
        return;
    c->sub = NULL;
    log_error("rtsp", "camera %s: sub stream: %s", c->cfg.id, err_str(&e, r));
    camera_mask_stream(c->mask, false, err_str(&e, r));
}

static void on_closed(void *user)
{
    struct camera *c = user;
    c->sub = NULL;
}

void camera_sub_close(struct camera *c)
{
    if (c->sub)
        rtsp_session_close(c->sub, on_closed, c);
}

/* ---- the main stream in its place ---- */

void camera_sub_main_state(struct camera *c, bool playing, const char *why)
{
    if (camera_sub_is_main(c))
        camera_mask_stream(c->mask, playing, why);
}

void camera_sub_main_track(struct camera *c, const struct media_track *t)
{
    if (camera_sub_is_main(c))
        camera_mask_track(c->mask, t);
}

void camera_sub_main_au(struct camera *c, const struct media_au *au)
{
    if (camera_sub_is_main(c) && c->timebase[0].started)
        camera_mask_unit(c->mask, au, timebase_utc(&c->timebase[0], au->pts_ticks));
}

void camera_sub_main_cut(struct camera *c, const char *reason)
{
    if (camera_sub_is_main(c))
        camera_mask_cut(c->mask, reason);
}
