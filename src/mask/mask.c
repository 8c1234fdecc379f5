/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/mask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "mask/decode.h"
#include "mask/encode.h"
#include "mask/scale.h"

#define WIDTH_DEFAULT 640
#define FPS_DEFAULT 10
#define KEY_US (4 * SECOND_US)
#define WHOLE_PICTURES                                                                             \
    5 /* undamaged pictures in a row, from a key picture on, before anything is shown */

static const uint8_t COVER[3] = {52, 132, 124};

struct mask {
    struct mask_config cfg;
    void (*out)(void *user, const struct mask_output *o);
    void *user;

    struct media_track track; /* of the stream that is decoded; params not kept */
    struct mask_decoder *decoder;
    struct mask_scaler scaler;
    struct mask_encoder *encoder;
    int source_width, source_height;
    struct mask_picture live, canvas; /* live: the camera's picture, never encoded */

    bool await_key; /* the stream broke: nothing counts before the next key picture */
    int whole;      /* undamaged pictures since then, up to WHOLE_PICTURES */
    bool fed;       /* an output came of the access unit that is being fed */
    int64_t now_us, next_us, key_us;
    enum mask_state state;
    char reason[sizeof(((struct err *)0)->text)];

    struct mask_times times;
    struct err err; /* of the last picture, met inside the decoder's callback */
};

const char *mask_state_name(enum mask_state s)
{
    static const char *const names[] = {"covered", "detector", "declared", "mosaic"};
    return names[s];
}

static uint64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void set_state(struct mask *m, enum mask_state s, const char *reason)
{
    if (m->state != s)
        m->key_us =
            0; /* a new state begins with a key picture: nothing of the old one stays on a screen */
    m->state = s;
    snprintf(m->reason, sizeof(m->reason), "%s", reason);
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
    set_state(m, MASK_COVERED, "the stream has just begun");
    *ret = m;
    return 0;
}

static void drop_view(struct mask *m)
{
    mask_encoder_free(m->encoder);
    m->encoder = NULL;
    mask_scaler_release(&m->scaler);
    mask_picture_release(&m->live);
    mask_picture_release(&m->canvas);
    m->source_width = m->source_height = 0;
}

void mask_free(struct mask *m)
{
    if (!m)
        return;
    mask_decoder_free(m->decoder);
    drop_view(m);
    free(m);
}

void mask_forget(struct mask *m, const char *reason)
{
    m->whole = 0;
    set_state(m, MASK_COVERED, reason);
}

void mask_declare_empty(struct mask *m, bool empty)
{
    m->cfg.declared_empty = empty;
}

void mask_read_times(const struct mask *m, struct mask_times *ret)
{
    *ret = m->times;
}

/* The stream cannot be trusted: covered until a key picture and some whole ones behind it. */
static void distrust(struct mask *m, const char *reason)
{
    m->await_key = true;
    m->whole = 0;
    set_state(m, MASK_COVERED, reason);
}

static int open_view(struct mask *m, const AVFrame *f)
{
    int w, h;
    drop_view(m);
    if (mask_scale_size(f->width, f->height, m->cfg.width, &w, &h) < 0)
        return err_set(&m->err, E_UNSUPPORTED,
                       "pictures of %dx%d are too small or too large to be masked", f->width,
                       f->height);
    int r = mask_picture_init(&m->live, w, h);
    if (r >= 0)
        r = mask_picture_init(&m->canvas, w, h);
    if (r >= 0)
        r = mask_encoder_new(&m->canvas, m->cfg.fps, f->color_range == AVCOL_RANGE_JPEG,
                             &m->encoder, &m->err);
    if (r < 0) {
        drop_view(m);
        return r;
    }
    m->source_width = f->width;
    m->source_height = f->height;
    m->key_us = 0;
    return 0;
}

static void emit(struct mask *m, int64_t pts_ticks, int64_t utc_us)
{
    struct mask_encoded e;
    uint64_t t = cpu_us();
    bool key = !m->key_us || m->now_us - m->key_us >= KEY_US;
    int r = mask_encoder_encode(m->encoder, key, &e, &m->err);
    m->times.encode_us += cpu_us() - t;
    if (r < 0) {
        m->key_us = 0;
        return;
    }
    if (e.key)
        m->key_us = m->now_us;
    m->times.frames++;
    m->fed = true;
    m->out(m->user, &(struct mask_output){
                        .data = e.data,
                        .size = e.size,
                        .key = e.key,
                        .pts_ticks = pts_ticks,
                        .utc_us = utc_us,
                        .width = m->canvas.width,
                        .height = m->canvas.height,
                        .params = mask_encoder_params(m->encoder),
                        .state = m->state,
                        .reason = m->reason,
                        .covered_permille = m->state == MASK_COVERED ? 1000 : 0,
                    });
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

static void draw(struct mask *m)
{
    mask_picture_fill(&m->canvas, COVER);
}

static void on_picture(void *user, const struct mask_decoded *p)
{
    struct mask *m = user;
    const AVFrame *f = p->frame;
    if (!due(m) && !p->damaged)
        return;
    if ((f->width != m->source_width || f->height != m->source_height) && open_view(m, f) < 0)
        return;
    if (p->damaged)
        distrust(m, "the stream has errors: covered until it is whole again");
    else if (mask_scale(&m->scaler, f, &m->live, &m->err) < 0)
        distrust(m, m->err.text);
    else if (m->whole < WHOLE_PICTURES && !m->await_key)
        m->whole++;
    draw(m);
    emit(m, p->pts_ticks, p->utc_us);
    passed(m);
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
    drop_view(m);
    distrust(m, "the stream has just begun");
    m->track = *t;
    m->track.params = NULL;
    return mask_decoder_new(t, &m->decoder, reterr);
}

int mask_feed(struct mask *m, const struct media_track *track, const struct media_au *au,
              int64_t utc_us, struct err *reterr)
{
    int r = other_stream(m, track) ? open_stream(m, track, reterr) : 0;
    if (r < 0)
        return r;
    m->now_us = utc_us;
    m->fed = false;
    m->err = (struct err){0};
    if (au->loss)
        distrust(m, "parts of the stream were lost: covered until it is whole again");
    if (au->key)
        m->await_key = false;
    uint64_t t = cpu_us(), others = m->times.encode_us + m->times.plate_us + m->times.draw_us +
                                    m->times.detect_us;
    r = mask_decoder_feed(m->decoder, track, au, utc_us, due(m), on_picture, m, reterr);
    others =
        m->times.encode_us + m->times.plate_us + m->times.draw_us + m->times.detect_us - others;
    m->times.decode_us += cpu_us() - t - others;
    if (r >= 0 && m->err.code < 0) {
        r = m->err.code;
        if (reterr)
            *reterr = m->err;
    }
    if (r < 0) {
        distrust(m, "the stream has errors: covered until it is whole again");
        if (m->encoder && !m->fed && due(m)) {
            draw(m);
            emit(m, au->pts_ticks, utc_us);
            passed(m);
        }
    }
    return r;
}
