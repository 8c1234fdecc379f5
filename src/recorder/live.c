/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One camera's masked pictures as live fragments, and its state in words. */
#include "recorder/live.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "media/params.h"
#include "recorder/view_private.h"

#define STALE_US (SECOND_US / 2) /* a fragment waits no longer for more pictures */
#define FIRST_STEP 9000          /* ticks of a picture until the rate is known */
#define PENDING_BYTES ((size_t)16 << 20)

static struct live_blob *message(const struct camera_mask *c, enum live_type type, const void *data,
                                 size_t size, int64_t utc_us, bool key)
{
    struct live_message m = {
        .type = type, .data = data, .size = size, .utc_us = utc_us, .key = key};
    snprintf(m.camera, sizeof(m.camera), "%s", c->id);
    return live_blob_new(&m);
}

/* ---- what new viewers get ---- */

static void drop_backlog(struct live_camera *lc)
{
    for (int i = 0; i < lc->backlog_count; i++)
        live_blob_unref(lc->backlog[i]);
    lc->backlog_count = 0;
    lc->backlog_bytes = 0;
}

/* Kept from a key frame on. A group of pictures that is too large is not: new viewers wait for the next key frame. */
static void keep(struct live_camera *lc, struct live_blob *b, size_t bytes, bool key)
{
    if (key)
        drop_backlog(lc);
    bool full = lc->backlog_count == LIVE_BACKLOG || lc->backlog_bytes + bytes > LIVE_BACKLOG_BYTES;
    if (full)
        drop_backlog(lc);
    if (full || (!key && !lc->backlog_count)) {
        live_blob_unref(b);
        return;
    }
    lc->backlog[lc->backlog_count++] = b;
    lc->backlog_bytes += bytes;
}

/* ---- fragments ---- */

static int fill(struct live *l, struct live_camera *lc)
{
    for (int i = 0; i < lc->pending_count; i++) {
        const struct live_pending *p = &lc->pending[i];
        struct media_au au = {.data = lc->bytes.data + p->at, .size = p->size, .key = p->key};
        int64_t at = p->dts_ticks - lc->base_dts;
        int r = mp4_fragment_append(l->scratch, 0, &au, at, at, NULL);
        if (r < 0)
            return r;
    }
    return 0;
}

static void flush(struct live *l, struct camera_mask *c)
{
    struct live_camera *lc = &c->live;
    const uint8_t *data;
    size_t len;
    if (!lc->pending_count)
        return;
    const struct live_pending first = lc->pending[0];
    /* tracks and clear samples are all that a fragment wants to know */
    const struct mp4_info info = {
        .tracks = 1, .track[0] = {.codec = MEDIA_H264, .clock_rate = 90000, .params = lc->params}};
    mp4_fragment_begin(l->scratch, &info);
    int r = fill(l, lc);
    if (r >= 0)
        r = mp4_fragment_finish(l->scratch, ++lc->sequence, lc->last_dts + lc->step - lc->base_dts,
                                first.utc_us, &data, &len);
    lc->pending_count = 0;
    lc->bytes.len = 0;
    struct live_blob *b = NULL;
    if (r >= 0) {
        mp4_fragment_bare(l->scratch, &data, &len);
        b = message(c, LIVE_FRAGMENT, data, len, first.utc_us, first.key);
    }
    if (!b) {
        live_camera_break(l, c); /* what follows cannot be decoded without it */
        return;
    }
    live_send(l, c, b, true, first.key);
    keep(lc, b, len, first.key);
}

static int begin(struct live *l, struct camera_mask *c, const struct mp4_info *info, int64_t dts)
{
    struct live_camera *lc = &c->live;
    struct buf init;
    buf_init(&init, 0);
    struct live_blob *b = NULL;
    int r = mp4_init_build(info, &init, NULL);
    if (r >= 0)
        b = message(c, LIVE_INIT, init.data, init.len, 0, false);
    buf_release(&init);
    lc->params = malloc(sizeof(*lc->params));
    if (!b || !lc->params) {
        live_blob_unref(b);
        free(lc->params);
        lc->params = NULL;
        return r < 0 ? r : -ENOMEM;
    }
    media_params_copy(lc->params, info->track[0].params);
    live_blob_unref(lc->init);
    lc->init = b;
    lc->base_dts = dts;
    lc->sequence = 0;
    lc->step = FIRST_STEP;
    live_send(l, c, b, false, false);
    return 0;
}

void live_camera_picture(struct live *l, struct camera_mask *c, const struct mp4_info *info,
                         const struct media_au *au, int64_t utc_us)
{
    struct live_camera *lc = &c->live;
    int64_t dts = au->pts_ticks;
    if (au->key || lc->pending_count == LIVE_PENDING)
        flush(l, c);
    if (!lc->params && (!au->key || begin(l, c, info, dts) < 0))
        return;
    if (lc->last_dts && dts > lc->last_dts && dts - lc->last_dts < 90000)
        lc->step = dts - lc->last_dts;
    lc->last_dts = dts;
    struct live_pending p = {dts, utc_us, (uint32_t)lc->bytes.len, au->size, au->key};
    if (buf_append(&lc->bytes, au->data, au->size) < 0) {
        live_camera_break(l, c);
        return;
    }
    lc->pending[lc->pending_count++] = p;
    if (utc_us - lc->pending[0].utc_us + lc->step * 100 / 9 >= LIVE_FRAGMENT_US)
        flush(l, c);
}

void live_camera_break(struct live *l, struct camera_mask *c)
{
    struct live_camera *lc = &c->live;
    (void)l;
    drop_backlog(lc);
    lc->pending_count = 0;
    lc->bytes.len = 0;
    lc->last_dts = 0;
    free(lc->params);
    lc->params = NULL;
    live_blob_unref(lc->init);
    lc->init = NULL;
}

/* ---- states ---- */

void live_camera_state(struct live *l, struct camera_mask *c)
{
    char at[TIME_TEXT];
    bool picture = c->state <= VIEW_MOSAIC && c->has_picture;
    json_t *o = json_pack("{s:s,s:s,s:s,s:{s:i,s:i,s:i},s:i}", "state", view_state_name(c->state),
                          "reason", c->told_reason, "at", time_format(view_wall_us(c->view), at),
                          "objects", "person", picture ? (int)c->persons : 0, "vehicle",
                          picture ? (int)c->vehicles : 0, "unknown", picture ? (int)c->others : 0,
                          "motion_permille", picture ? (int)c->motion_permille : 0);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text)
        return; /* out of memory: the next change is told again */
    struct live_blob *b = message(c, LIVE_STATE, text, strlen(text), 0, false);
    free(text);
    if (!b)
        return;
    live_blob_unref(c->live.state);
    c->live.state = b;
    live_send(l, c, b, false, false);
}

/* ---- life ---- */

void live_camera_open(struct live *l, struct camera_mask *c)
{
    list_init(&c->live.subs);
    buf_init(&c->live.bytes, PENDING_BYTES);
    live_clients_camera_opened(l, c);
}

void live_camera_close(struct live *l, struct camera_mask *c)
{
    live_clients_camera_closed(l, c);
    live_camera_break(l, c);
    live_blob_unref(c->live.state);
    c->live.state = NULL;
    buf_release(&c->live.bytes);
}

void live_tick(struct live *l, int64_t mono_us)
{
    struct camera_mask *c;
    int64_t now = view_wall_us(l->view);
    list_foreach (c, &l->view->cameras, link)
        if (!c->closing && c->live.pending_count && now - c->live.pending[0].utc_us > STALE_US)
            flush(l, c);
    live_clients_tick(l, mono_us);
}

int live_open(struct live *l, struct view *v, struct err *reterr)
{
    l->view = v;
    list_init(&l->clients);
    int r = mp4_fragment_new(&l->scratch);
    return r < 0 ? r : live_listen(l, reterr);
}

void live_close(struct live *l)
{
    if (!l->view)
        return;
    live_clients_close(l);
    mp4_fragment_free(l->scratch);
    l->scratch = NULL;
}
