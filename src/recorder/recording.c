/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/recording.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"

#define FRAGMENT_US SECOND_US /* longest fragment */
#define FRAGMENT_KEY_US                                                                            \
    (SECOND_US / 4)              /* a key frame starts a new fragment if this one is as long */
#define FLUSH_AFTER_US SECOND_US /* a fragment waits this long for more, then it is written */

void recording_init(struct recording *r, struct store *store, struct pool *pool, const char *camera,
                    enum mp4_view view)
{
    *r = (struct recording){
        .store = store, .pool = pool, .camera = camera, .view = view, .rate = 90000};
}

const struct mp4_info *recording_info(const struct recording *r)
{
    return store_file_info(r->file);
}

static int64_t ticks_us(const struct recording *r, int64_t ticks)
{
    return ticks * SECOND_US / r->rate;
}

static void on_written(void *user, struct mp4_fragment *f, int code)
{
    struct pool_slot *s = user;
    struct recording *r = s->recording;
    (void)f;
    if (code < 0) {
        atomic_store(&r->write_error, code);
        atomic_fetch_add(&r->frames_failed, s->frames);
    } else {
        atomic_fetch_add(&r->frames_recorded, s->frames);
    }
    pool_give(r->pool, s);
    atomic_fetch_sub(&r->in_flight, 1); /* last: the owner may be freed from here on */
}

static void tell_slow(const struct recording *r, int64_t from_us, unsigned frames)
{
    struct index_gap g = {.from_us = from_us, .to_us = r->covered_until_us, .reason = "disk-slow"};
    snprintf(g.camera, sizeof(g.camera), "%s", r->camera);
    if (r->view == MP4_SEALED)
        store_note_gap(r->store, &g);
    log_warn("store", "camera %s: the disk cannot keep up, %u %sframes lost", r->camera, frames,
             r->view == MP4_MASKED ? "masked " : "");
}

static void submit(struct recording *r, int64_t next_dts)
{
    struct pool_slot *s = r->slot;
    if (!s)
        return;
    r->slot = NULL;
    s->recording = r;
    atomic_fetch_add(&r->in_flight, 1);
    int64_t from_us = s->first_us;
    unsigned frames = s->frames;
    int code = store_file_append(r->file, s->fragment, next_dts, from_us, on_written, s);
    if (code >= 0)
        return;
    atomic_fetch_sub(&r->in_flight, 1);
    r->frames_lost += frames;
    pool_give(r->pool, s);
    if (code == E_FULL)
        tell_slow(r, from_us, frames);
    else
        atomic_store(&r->write_error, code);
}

static void drop_slot(struct recording *r)
{
    if (r->slot)
        pool_give(r->pool, r->slot);
    r->slot = NULL;
}

void recording_end(struct recording *r, const char *reason)
{
    if (!r->file)
        return;
    submit(r, -1);
    store_file_end(r->file, reason);
    r->file = NULL;
    atomic_store(&r->write_error, 0);
}

int recording_failed(struct recording *r)
{
    int code = atomic_load(&r->write_error);
    if (!r->file || code >= 0)
        return 0;
    if (r->slot)
        r->frames_lost += r->slot->frames;
    drop_slot(r);
    return code;
}

void recording_flush(struct recording *r, int64_t now_us)
{
    if (r->slot && now_us - r->slot_opened_us >= FLUSH_AFTER_US)
        submit(r, -1);
}

int recording_begin(struct recording *r, const struct mp4_info *info, int64_t dts,
                    struct err *reterr)
{
    int code = store_file_begin(r->store, info, &r->file, reterr);
    if (code < 0) {
        r->file = NULL;
        return code;
    }
    r->epoch_us = info->epoch_us;
    r->start_us = info->start_us;
    r->first_dts = dts;
    atomic_store(&r->write_error, 0);
    return 0;
}

void recording_pace(struct recording *r, uint32_t rate, int64_t dts)
{
    r->rate = rate ? rate : 90000;
    int64_t step = dts - r->last_dts;
    if (step > 0 && step < r->rate) /* less than a second */
        r->last_step = step;
    r->last_dts = dts;
}

static bool fresh_slot(struct recording *r, const struct media_au *au, int64_t dts, int64_t utc_us)
{
    r->slot = pool_take(r->pool);
    if (!r->slot)
        return false;
    mp4_fragment_begin(r->slot->fragment, recording_info(r));
    r->slot->frames = 0;
    r->slot->first_us = utc_us;
    r->slot_first_dts = dts;
    r->slot_opened_us = au->arrival_us;
    return true;
}

static bool fragment_is_long(const struct recording *r, const struct media_au *au, int64_t dts)
{
    int64_t so_far = ticks_us(r, dts - r->slot_first_dts);
    /* Players seek to fragments: in what is played from the file as it lies, each key frame begins one. */
    bool seekable = recording_info(r)->view == MP4_MASKED;
    return so_far + ticks_us(r, r->last_step) > FRAGMENT_US ||
           (au->key && (seekable || so_far >= FRAGMENT_KEY_US));
}

int recording_append(struct recording *r, const struct media_au *au, int64_t dts, int64_t utc_us,
                     struct mp4_cipher *cipher)
{
    int64_t at = dts - r->first_dts, pts = au->pts_ticks - r->first_dts;
    if (r->slot && fragment_is_long(r, au, dts))
        submit(r, at);
    int code = -ENOMEM;
    for (int attempt = 0; attempt < 2; attempt++) {
        if (!r->slot && !fresh_slot(r, au, dts, utc_us))
            break;
        code = mp4_fragment_append(r->slot->fragment, 0, au, at, pts, cipher);
        if (code != E_LIMIT || r->slot->frames == 0)
            break;
        submit(r, at); /* full before its second was over: a high bitrate */
    }
    if (code < 0) {
        if (r->slot && r->slot->frames == 0)
            drop_slot(r);
        log_warn("recorder", "camera %s: an access unit of %u bytes was not recorded (%s)",
                 r->camera, au->size, err_text(code));
        r->frames_lost++;
        return code;
    }
    r->slot->frames++;
    r->covered_until_us = utc_us + ticks_us(r, r->last_step);
    return 0;
}
