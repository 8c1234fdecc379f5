/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The way of one picture through plate, detectors and canvas, and what may be shown of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "mask/private.h"

#define KEY_US (4 * SECOND_US)
#define LEARN_US (2 * MINUTE_US)       /* quiet before a cell is learnt, in states (a) and (c) */
#define LEARN_DECLARED_US HOUR_US      /* in state (b), once the declaration is over */
#define LEARN_QUICK_US (6 * SECOND_US) /* while the place is declared empty */
#define STAY_FACTOR 30 /* what came and stayed waits that many times longer: an hour by default */
#define LOOKS_NEW 5
#define LOOKS_STAY 40
#define QUIET_NEVER 65535
#define DECLARING_US MINUTE_US /* a declaration by configuration ends by itself */
#define KNOWN_ENOUGH 0.5F      /* of the picture, before any of it is shown */
#define KNOWN_ALL 0.998F
#define LOST_SHARE 0.6F /* of what is known differs: this is no crowd, this is another view */
#define FOUND_SHARE 0.45F
#define FOUND_US (2 * SECOND_US)
#define LOST_US (20 * SECOND_US) /* lost that long: the view is learnt anew */
#define STALE_SHARE 0.3F         /* differs, and next to nothing moves */
#define STALE_MOVING 0.02F
#define STALE_US (10 * SECOND_US)

uint64_t mask_cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void mask_set_state(struct mask *m, enum mask_state s, const char *reason)
{
    if (m->state != s)
        m->key_us =
            0; /* a new state begins with a key picture: nothing of the old one stays on a screen */
    m->state = s;
    if (strcmp(m->reason, reason) != 0)
        snprintf(m->reason, sizeof(m->reason), "%s", reason);
}

void mask_view_close(struct mask *m)
{
    mask_encoder_free(m->encoder);
    m->encoder = NULL;
    mask_scaler_release(&m->scaler);
    mask_picture_release(&m->live);
    mask_plate_release(&m->plate);
    mask_regions_release(&m->regions);
    mask_watch_release(&m->watch);
    mask_canvas_release(&m->canvas);
    m->source_width = m->source_height = 0;
}

static int init_parts(struct mask *m, int w, int h, bool full_range)
{
    int r = mask_picture_init(&m->live, w, h);
    if (r >= 0)
        r = mask_plate_init(&m->plate, w, h);
    if (r >= 0)
        r = mask_regions_init(&m->regions, &m->plate.grid);
    if (r >= 0)
        r = mask_watch_init(&m->watch, &m->plate.grid, m->cfg.detectors);
    if (r >= 0)
        r = mask_canvas_init(&m->canvas, w, h, &m->cfg);
    if (r >= 0)
        r = mask_encoder_new(&m->canvas.picture, m->cfg.fps, full_range, &m->encoder, &m->err);
    return r;
}

int mask_view_open(struct mask *m, const AVFrame *f)
{
    int w, h;
    mask_view_close(m);
    if (mask_scale_size(f->width, f->height, m->cfg.width, &w, &h) < 0)
        return err_set(&m->err, E_UNSUPPORTED,
                       "pictures of %dx%d are too small or too large to be masked", f->width,
                       f->height);
    int r = init_parts(m, w, h, f->color_range == AVCOL_RANGE_JPEG);
    if (r < 0) {
        mask_view_close(m);
        return m->err.code ? r : err_set(&m->err, r, "no memory for a picture of %dx%d", w, h);
    }
    m->source_width = f->width;
    m->source_height = f->height;
    m->key_us = m->seen_us = 0;
    mask_view_forget(m);
    return 0;
}

void mask_view_forget(struct mask *m)
{
    if (m->source_width)
        mask_plate_forget(&m->plate);
    m->declared = false;
    m->lost = false;
    m->lost_us = m->found_us = m->stale_us = 0;
}

static unsigned tenths(int64_t us)
{
    int64_t v = us / 100000;
    return v > QUIET_NEVER - 1 ? QUIET_NEVER - 1 : v < 1 ? 1 : (unsigned)v;
}

static int64_t learn_us(const struct mask *m)
{
    return m->cfg.learn_us                    ? m->cfg.learn_us
           : m->declared && !m->watch.persons ? LEARN_DECLARED_US
                                              : LEARN_US;
}

/* What may be learnt follows from who looks: see the table in docs/design/masking.md. */
static struct mask_lesson lesson_of(const struct mask *m, int dt_ms)
{
    struct mask_lesson l = {
        .now_us = m->now_us, .dt_ms = dt_ms, .looks = m->watch.looks, .claims = m->watch.claims};
    int64_t learn = learn_us(m);
    l.quiet_new = tenths(learn);
    if (m->declaring) {
        l.quiet_new = l.quiet_stay = tenths(learn < LEARN_QUICK_US ? learn : LEARN_QUICK_US);
    } else if (m->watch.persons) {
        l.looks_new = LOOKS_NEW;
        l.looks_stay = LOOKS_STAY;
        l.quiet_stay = tenths(learn * STAY_FACTOR);
        if (!mask_watch_awake(&m->watch,
                              m->now_us)) { /* asleep: nothing is learnt that it did not see */
            l.quiet_new = QUIET_NEVER;
            l.quiet_stay = 0;
        }
    } else if (!m->declared) {
        l.quiet_stay = tenths(learn * STAY_FACTOR);
    }
    return l;
}

static void end_declaring(struct mask *m)
{
    m->declared = mask_plate_learnt(&m->plate) >= KNOWN_ENOUGH;
    m->declaring = false;
}

static void mind_declaration(struct mask *m)
{
    if (!m->declaring)
        return;
    if (!m->declaring_us)
        m->declaring_us = m->now_us;
    if (m->declaring_once &&
        (mask_plate_learnt(&m->plate) >= KNOWN_ALL || m->now_us - m->declaring_us >= DECLARING_US))
        end_declaring(m);
}

static bool lasts(int64_t *since_us, bool now, int64_t now_us, int64_t how_long_us)
{
    if (!now || *since_us > now_us)
        *since_us = 0;
    else if (!*since_us)
        *since_us = now_us;
    return now && now_us - *since_us >= how_long_us;
}

/*
 * Most of what is known differs: a knock, a turn, another camera, or something right before the lens. Covered at once;
 * if the old view comes back, it is the old view, else it is learnt anew, and no declaration holds for it.
 */
static void mind_view(struct mask *m)
{
    const struct mask_plate *p = &m->plate;
    float differing = mask_plate_differing(p), moved = (float)p->moved / (float)p->grid.count;
    bool known = mask_plate_learnt(p) >= KNOWN_ENOUGH / 2;
    bool stale = lasts(&m->stale_us, known && differing > STALE_SHARE && moved < STALE_MOVING,
                       m->now_us, STALE_US);
    if (known && (differing > LOST_SHARE || stale)) {
        m->lost = true;
        m->found_us = 0;
    }
    if (!m->lost)
        return;
    if (lasts(&m->found_us, differing < (stale ? STALE_SHARE : FOUND_SHARE), m->now_us, FOUND_US)) {
        m->lost = false;
        m->lost_us = 0;
    } else if (lasts(&m->lost_us, true, m->now_us, LOST_US)) {
        mask_view_forget(m);
    }
}

static void decide(struct mask *m)
{
    float learnt = mask_plate_learnt(&m->plate);
    if (m->lost) {
        mask_set_state(m, MASK_COVERED,
                       "most of the picture changed: covered until the old view is back or a new "
                       "one is learnt");
    } else if (learnt < KNOWN_ENOUGH) {
        mask_set_state(m, MASK_COVERED, "the empty place is being learnt");
    } else if (mask_watch_awake(&m->watch, m->now_us)) {
        mask_set_state(m, MASK_DETECTOR, "a person detector looks at the picture");
    } else if (m->declared || m->declaring) {
        mask_set_state(
            m, MASK_DECLARED,
            m->watch.persons
                ? "the person detector is late; the place was declared empty while it was learnt"
                : "the place was declared empty while it was learnt");
    } else {
        mask_set_state(
            m, MASK_MOSAIC,
            m->watch.persons
                ? "the person detector is late: the place is shown coarse"
                : "no person detector, and the place was not declared empty: it is shown coarse");
    }
}

void mask_view_see(struct mask *m, int dt_ms)
{
    struct mask_plate *p = &m->plate;
    uint64_t t = mask_cpu_us();
    mask_canvas_blank(&m->canvas, &m->live);
    p->frozen = m->lost;
    mask_plate_see(p, &m->live, m->now_us, dt_ms);
    uint64_t looking = mask_cpu_us();
    int learnt = p->learnt_count;
    mask_watch_step(&m->watch, &m->live, p, &m->regions, m->now_us, learn_us(m) / (2 * LOOKS_NEW));
    if (p->learnt_count <
        learnt) /* somebody stands in the plate: it is not to be seen from this picture on */
        m->key_us = 0;
    looking = mask_cpu_us() - looking;
    m->times.detect_us += looking;
    mask_plate_cover(p, m->watch.claims);
    mask_regions_find(&m->regions, p, m->now_us, dt_ms);
    if (m->watch.fresh)
        mask_regions_name(&m->regions, &p->grid, m->watch.box, m->watch.boxes);
    struct mask_lesson l = lesson_of(m, dt_ms);
    if (mask_plate_learn(p, &m->live, &l))
        mask_regions_unsettle(&m->regions, p);
    mind_declaration(m);
    mind_view(m);
    decide(m);
    m->times.plate_us += mask_cpu_us() - t - looking;
}

static void draw(struct mask *m, bool key)
{
    uint64_t t = mask_cpu_us();
    if (m->state == MASK_COVERED) {
        if (key)
            mask_canvas_hide(&m->canvas);
    } else {
        if (key)
            mask_canvas_backdrop(&m->canvas, &m->plate, m->state == MASK_MOSAIC);
        mask_canvas_draw(&m->canvas, &m->plate, &m->regions);
    }
    m->times.draw_us += mask_cpu_us() - t;
}

static void hand_out(struct mask *m, const struct mask_encoded *e, int64_t pts_ticks,
                     int64_t utc_us)
{
    unsigned count = (unsigned)m->plate.grid.count;
    bool covered = m->state == MASK_COVERED;
    m->times.frames++;
    m->emitted = true;
    m->out(m->user,
           &(struct mask_output){
               .data = e->data,
               .size = e->size,
               .key = e->key,
               .pts_ticks = pts_ticks,
               .utc_us = utc_us,
               .width = m->canvas.picture.width,
               .height = m->canvas.picture.height,
               .params = mask_encoder_params(m->encoder),
               .state = m->state,
               .reason = m->reason,
               .covered_permille = covered ? 1000 : (unsigned)m->canvas.covered * 1000 / count,
               .motion_permille = (unsigned)m->plate.moved * 1000 / count,
               .object_count = covered ? 0 : m->regions.count,
               .objects = m->regions.object,
           });
}

void mask_view_emit(struct mask *m, int64_t pts_ticks, int64_t utc_us)
{
    struct mask_encoded e;
    bool key = !m->key_us || m->now_us - m->key_us >= KEY_US || m->now_us < m->key_us;
    draw(m, key);
    uint64_t t = mask_cpu_us();
    int r = mask_encoder_encode(m->encoder, key, &e, &m->err);
    m->times.encode_us += mask_cpu_us() - t;
    m->key_us = r < 0 ? 0 : e.key ? m->now_us : m->key_us;
    if (r >= 0)
        hand_out(m, &e, pts_ticks, utc_us);
}
