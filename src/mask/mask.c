/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/mask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mask/private.h"

#define WIDTH_DEFAULT 640
#define FPS_DEFAULT 10
#define WHOLE_PICTURES 5 /* undamaged pictures in a row, from a key picture on, before they count */
#define GAP_US (10 * SECOND_US) /* longer than that nobody knows what happened meanwhile */

const char *mask_state_name(enum mask_state s)
{
    static const char *const names[] = {"covered", "detector", "declared", "mosaic"};
    return names[s];
}

static int check_config(const struct mask_config *c, struct err *reterr)
{
    if (c->width < 0 || c->width > MASK_WIDTH_MAX || (c->width && c->width < 64) || c->width % 2)
        return err_set(reterr, E_RANGE, "a masked width of %d is not even or not in 64..%d",
                       c->width, MASK_WIDTH_MAX);
    if (c->fps < 0 || c->fps > 60)
        return err_set(reterr, E_RANGE, "%d masked frames a second are not in 1..60", c->fps);
    if (c->learn_us < 0)
        return err_set(reterr, E_RANGE, "the time to learn is below 0");
    if (c->zone_count < 0 || c->zone_count > MASK_ZONES)
        return err_set(reterr, E_RANGE, "%d privacy zones, %d is the most", c->zone_count,
                       MASK_ZONES);
    for (int i = 0; i < c->zone_count; i++)
        if (c->zone[i].points < 3 || c->zone[i].points > MASK_ZONE_POINTS)
            return err_set(reterr, E_RANGE, "privacy zone %d has %d corners, 3 to %d are possible",
                           i + 1, c->zone[i].points, MASK_ZONE_POINTS);
    return 0;
}

int mask_new(const struct mask_config *cfg, void (*out)(void *user, const struct mask_output *o),
             void *user, struct mask **ret, struct err *reterr)
{
    int r = check_config(cfg, reterr);
    if (r < 0)
        return r;
    struct mask *m = calloc(1, sizeof(*m));
    if (!m)
        return err_set(reterr, -ENOMEM, "no memory for a masked view");
    m->cfg = *cfg;
    m->cfg.width = cfg->width ? cfg->width : WIDTH_DEFAULT;
    m->cfg.fps = cfg->fps ? cfg->fps : FPS_DEFAULT;
    m->out = out;
    m->user = user;
    m->await_key = true;
    m->declaring = m->declaring_once = cfg->declared_empty;
    mask_set_state(m, MASK_COVERED, "the stream has just begun");
    *ret = m;
    return 0;
}

void mask_free(struct mask *m)
{
    if (!m)
        return;
    mask_decoder_free(m->decoder);
    mask_view_close(m);
    free(m);
}

void mask_forget(struct mask *m, const char *reason)
{
    mask_view_forget(m);
    m->whole = 0;
    mask_set_state(m, MASK_COVERED, reason);
}

void mask_declare_empty(struct mask *m, bool empty)
{
    if (!empty && m->declaring && m->source_width)
        m->declared = mask_plate_learnt(&m->plate) >= 0.5F;
    m->declaring = empty;
    m->declaring_once = false;
    m->declaring_us = 0;
}

void mask_want_key(struct mask *m)
{
    m->key_us = 0;
}

void mask_read_times(const struct mask *m, struct mask_times *ret)
{
    *ret = m->times;
}

/* The stream cannot be trusted: covered until a key picture and some whole ones behind it. What was learnt stays. */
static void distrust(struct mask *m, const char *reason)
{
    m->await_key = true;
    m->whole = 0;
    mask_set_state(m, MASK_COVERED, reason);
}

static bool due(const struct mask *m)
{
    return m->now_us + SECOND_US / m->cfg.fps / 2 >= m->next_us;
}

static void passed(struct mask *m)
{
    int64_t step = SECOND_US / m->cfg.fps;
    m->next_us = m->next_us + step > m->now_us ? m->next_us + step : m->now_us;
    if (m->next_us > m->now_us + 2 * step) /* time went back */
        m->next_us = m->now_us + step;
}

/* Time since the picture before, as far as it was watched. */
static int step_ms(struct mask *m)
{
    int64_t step = m->seen_us ? m->now_us - m->seen_us : 0;
    if (step < 0 || step > GAP_US) {
        memset(m->plate.quiet, 0, mask_grid_size(&m->plate.grid) * sizeof(m->plate.quiet[0]));
        step = 0;
    }
    m->seen_us = m->now_us;
    return (int)(step / 1000);
}

static void on_picture(void *user, const struct mask_decoded *p)
{
    struct mask *m = user;
    const AVFrame *f = p->frame;
    if (!due(m) && !p->damaged)
        return;
    if (f->width != m->source_width || f->height != m->source_height) {
        if (m->source_width)
            distrust(m, "the size of the picture changed: the place is learnt anew");
        if (mask_view_open(m, f) < 0)
            return;
    }
    if (p->damaged)
        distrust(m, "the stream has errors: covered until it is whole again");
    else if (mask_scale(&m->scaler, f, &m->live, &m->err) < 0)
        distrust(m, m->err.text);
    else if (m->await_key || ++m->whole < WHOLE_PICTURES)
        mask_set_state(m, MASK_COVERED, m->reason);
    else
        mask_view_see(m, step_ms(m));
    m->whole = m->whole > WHOLE_PICTURES ? WHOLE_PICTURES : m->whole;
    mask_view_emit(m, p->pts_ticks, p->utc_us);
    passed(m);
}

/* Pictures that come all at once: each a step after the one before. */
static void on_flushed(void *user, const struct mask_decoded *p)
{
    struct mask *m = user;
    on_picture(user, p);
    m->now_us += SECOND_US / m->cfg.fps;
}

static bool other_stream(const struct mask *m, const struct media_track *t)
{
    return !m->decoder || t->codec != m->track.codec || t->width != m->track.width ||
           t->height != m->track.height;
}

static int open_stream(struct mask *m, const struct media_track *t, struct err *reterr)
{
    mask_decoder_free(m->decoder);
    m->decoder = NULL;
    distrust(m, m->track.codec ? "another stream began: the place is learnt anew"
                               : "the stream has just begun");
    mask_view_close(m);
    mask_view_forget(m);
    m->track = *t;
    m->track.params = NULL;
    return mask_decoder_new(t, &m->decoder, reterr);
}

static uint64_t other_times(const struct mask_times *t)
{
    return t->encode_us + t->plate_us + t->draw_us + t->detect_us;
}

/* No picture came of an access unit that should have been one: a covered one goes out in its place. */
static void emit_covered(struct mask *m, int64_t pts_ticks, int64_t utc_us)
{
    distrust(m, "the stream has errors: covered until it is whole again");
    if (!m->source_width || m->emitted || !due(m))
        return;
    mask_view_emit(m, pts_ticks, utc_us);
    passed(m);
}

int mask_feed(struct mask *m, const struct media_track *track, const struct media_au *au,
              int64_t utc_us, struct err *reterr)
{
    int r = other_stream(m, track) ? open_stream(m, track, reterr) : 0;
    if (r < 0)
        return r;
    m->now_us = utc_us;
    m->emitted = false;
    m->err = (struct err){0};
    if (au->loss)
        distrust(m, "parts of the stream were lost: covered until it is whole again");
    if (au->key)
        m->await_key = false;
    uint64_t began = mask_cpu_us(), others = other_times(&m->times);
    r = mask_decoder_feed(m->decoder, track, au, utc_us, due(m), on_picture, m, reterr);
    m->times.decode_us += mask_cpu_us() - began - (other_times(&m->times) - others);
    if (r >= 0 && m->err.code < 0) {
        r = m->err.code;
        if (reterr)
            *reterr = m->err;
    }
    if (r < 0)
        emit_covered(m, au->pts_ticks, utc_us);
    return r;
}

void mask_flush(struct mask *m)
{
    if (!m->decoder)
        return;
    m->now_us += SECOND_US / m->cfg.fps;
    mask_decoder_flush(m->decoder, on_flushed, m);
    m->await_key = true;
}
