/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The nets of a pool: at most one for faces and one for persons and vehicles. A net keeps its plan for one size of
 * input, so there is one instance for each size that was ever needed; sizes are few. A look picks the smallest input
 * that shows the part as large as the duty asks for:
 *
 *   urgent   320x192 over a picture of up to 640 pixels' width, in proportion over more: something new, seen soon
 *   slow     the next larger size: who stays, far away and half hidden
 *
 * Figures behind the choice: a face is found from about 10 pixels at the input on; YOLOX finds 41 of 99 small persons
 * at 320x192 and 75 at 640x384.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mask/detect_decode.h"
#include "mask/detect_engine.h"
#include "mask/detect_input.h"
#include "mask/models.h"

#define SIZES 6
#define LEAST_WIDTH 192 /* parts are grown to this: nets want surroundings */
#define LEAST_HEIGHT 128
#define FACE_SCORE 0.5f
#define FACE_SCORE_DARK 0.4f
#define DARK_LUMA 60.0f
#define OBJECT_SCORE 0.3f
#define COST_SHARE 8 /* a measurement moves the estimate by an eighth */

struct size {
    int width, height;
    float us_per_pixel; /* first guess */
    struct detect_net *net;
    int64_t cost_us; /* 0: never run */
};

struct model {
    const struct model_info *info; /* NULL: no model for this duty */
    uint8_t *bytes;
    struct size size[SIZES];
    int sizes;
    struct detect_norm norm;
};

enum { FACES, OBJECTS, DUTIES };

struct nets {
    struct model duty[DUTIES];
    float *input, *scratch;
    size_t input_floats, scratch_floats;
};

static int64_t thread_cpu_us(void *user)
{
    (void)user;
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void set_sizes(struct model *m)
{
    static const int face[][2] = {{192, 128}, {320, 192}, {480, 288},
                                  {640, 384}, {960, 544}, {1280, 736}};
    static const int object[][2] = {{192, 128}, {320, 192}, {416, 256}, {640, 384}};
    static const int square[][2] = {{416, 416}};
    const int(*from)[2] = m->info->kind == DETECT_YUNET   ? face
                          : m->info->kind == DETECT_YOLOX ? object
                                                          : square;
    m->sizes = m->info->kind == DETECT_YUNET ? 6 : m->info->kind == DETECT_YOLOX ? 4 : 1;
    for (int i = 0; i < m->sizes; i++)
        m->size[i] = (struct size){.width = from[i][0],
                                   .height = from[i][1],
                                   .us_per_pixel = m->info->kind == DETECT_YUNET   ? 0.16f
                                                   : m->info->kind == DETECT_YOLOX ? 0.67f
                                                                                   : 0.47f};
    m->norm = (struct detect_norm){.deviation = {1, 1, 1}, .pad = 114};
    if (m->info->kind == DETECT_NANODET)
        m->norm =
            (struct detect_norm){{103.53f, 116.28f, 123.675f}, {57.375f, 57.12f, 58.395f}, 114};
}

/* Index of the largest size that a duty may use for a picture of this width. */
static int largest(const struct model *m, int picture_width, bool urgent)
{
    int step = picture_width <= 640 ? 1 : picture_width <= 1280 ? 3 : 5;
    if (m->info->kind != DETECT_YUNET)
        step = picture_width <= 640 ? 1 : 2;
    if (!urgent)
        step += m->info->kind == DETECT_YUNET ? 2 : 3;
    return step < m->sizes ? step : m->sizes - 1;
}

/* The smallest input that shows @r about as large as the largest one allowed would. */
static struct size *size_for(struct model *m, int picture_width, const struct detect_region *r,
                             bool urgent)
{
    int top = largest(m, picture_width, urgent), i = 0;
    float wanted = detect_input_scale(r, m->size[top].width, m->size[top].height) * 0.95f;
    while (i < top && detect_input_scale(r, m->size[i].width, m->size[i].height) < wanted)
        i++;
    return &m->size[i];
}

static int64_t size_cost(const struct size *s)
{
    return s->cost_us ? s->cost_us
                      : (int64_t)(s->us_per_pixel * (float)s->width * (float)s->height);
}

static struct detect_region part_region(const struct detect_picture *pic,
                                        const struct detect_part *p)
{
    return detect_region_of(pic, p->x0, p->y0, p->x1, p->y1, LEAST_WIDTH, LEAST_HEIGHT);
}

static bool nets_have(void *user, enum detect_class c)
{
    const struct nets *n = user;
    for (int i = 0; i < DUTIES; i++)
        if (n->duty[i].info && models_tell(n->duty[i].info, c))
            return true;
    return false;
}

static int64_t nets_cost_us(void *user, int width, int height, const struct detect_part *part,
                            bool urgent)
{
    struct nets *n = user;
    const struct detect_picture pic = {.width = width, .height = height};
    struct detect_region r = part_region(&pic, part);
    int64_t sum = 0;
    for (int i = 0; i < DUTIES; i++)
        if (n->duty[i].info)
            sum += size_cost(size_for(&n->duty[i], width, &r, urgent));
    return sum;
}

static int reserve(float **p, size_t *have, size_t want)
{
    if (*have >= want)
        return 0;
    float *more = realloc(*p, want * sizeof(float));
    if (!more)
        return -ENOMEM;
    *p = more;
    *have = want;
    return 0;
}

static int open_size(const struct model *m, struct size *s, struct err *reterr)
{
    const char *const *outputs;
    int count = detect_decode_outputs(m->info->kind, &outputs);
    int r =
        s->net ? 0
               : detect_net_open(m->bytes, (size_t)m->info->bytes, outputs, count, &s->net, reterr);
    return r < 0 ? err_prefix(reterr, "%s: ", m->info->file) : r;
}

/* Run one net over @region; boxes come out in 0..1 of the picture. */
static int run_model(struct nets *n, const struct model *m, struct size *s,
                     const struct detect_picture *pic, const struct detect_region *region,
                     struct detect_box ret[DETECT_BOXES], struct err *reterr)
{
    struct detect_tensor t[DETECT_OUTPUTS] = {{0}};
    int r = reserve(&n->input, &n->input_floats, (size_t)3 * (size_t)s->width * (size_t)s->height);
    if (r >= 0)
        r = reserve(&n->scratch, &n->scratch_floats, (size_t)4 * (size_t)pic->width + 16);
    if (r >= 0)
        r = open_size(m, s, reterr);
    if (r < 0)
        return r;
    float luma =
        detect_input_fill(pic, region, s->width, s->height, &m->norm, n->scratch, n->input);
    r = detect_net_run(s->net, n->input, s->width, s->height, t, reterr);
    if (r < 0)
        return r;
    float threshold = m->info->kind != DETECT_YUNET ? OBJECT_SCORE
                      : luma < DARK_LUMA            ? FACE_SCORE_DARK
                                                    : FACE_SCORE;
    r = detect_decode(m->info->kind, t, s->width, s->height, threshold, ret);
    for (int i = 0; i < r; i++)
        detect_input_map(pic, region, s->width, s->height, &ret[i]);
    return r;
}

static void learn_cost(struct size *s, int64_t took_us)
{
    s->cost_us = s->cost_us ? s->cost_us + (took_us - s->cost_us) / COST_SHARE : took_us;
    if (s->cost_us < 1)
        s->cost_us = 1;
}

static int nets_look(void *user, const struct detect_picture *pic, const struct detect_part *part,
                     bool urgent, struct detect_box ret[DETECT_BOXES])
{
    struct nets *n = user;
    struct detect_region region = part_region(pic, part);
    struct detect_box found[DETECT_BOXES];
    int count = 0;
    for (int i = DUTIES - 1; i >= 0; i--) {
        struct model *m = &n->duty[i];
        if (!m->info)
            continue;
        struct size *s = size_for(m, pic->width, &region, urgent);
        bool first = !s->net;
        int64_t began = thread_cpu_us(NULL);
        int r = run_model(n, m, s, pic, &region, found, NULL);
        if (r < 0)
            return r;
        if (!first) /* the first run also makes the plan */
            learn_cost(s, thread_cpu_us(NULL) - began);
        for (int k = 0; k < r && count < DETECT_BOXES; k++)
            ret[count++] = found[k];
    }
    return count;
}

static void nets_free(void *user)
{
    struct nets *n = user;
    for (int i = 0; i < DUTIES; i++) {
        for (int k = 0; k < n->duty[i].sizes; k++)
            detect_net_close(n->duty[i].size[k].net);
        free(n->duty[i].bytes);
    }
    free(n->input);
    free(n->scratch);
    free(n);
}

/* Two runs over grey: the first makes the plan, the second is the measure. A model that cannot do that is no model. */
static int try_model(struct nets *n, struct model *m, struct err *reterr)
{
    enum { SIDE = 320 };
    uint8_t *grey = malloc((size_t)SIDE * SIDE);
    if (!grey)
        return -ENOMEM;
    memset(grey, 128, (size_t)SIDE * SIDE);
    const struct detect_picture pic = {SIDE, 192, {grey, grey, grey}, {SIDE, SIDE / 2, SIDE / 2}};
    const struct detect_part whole = {0, 0, 1, 1};
    struct detect_region region = part_region(&pic, &whole);
    struct detect_box found[DETECT_BOXES];
    struct size *s = size_for(m, SIDE, &region, true);
    int r = run_model(n, m, s, &pic, &region, found, reterr);
    int64_t began = thread_cpu_us(NULL);
    if (r >= 0)
        r = run_model(n, m, s, &pic, &region, found, reterr);
    if (r >= 0)
        learn_cost(s, thread_cpu_us(NULL) - began);
    free(grey);
    return r;
}

/* The first model of the list that serves this duty and is there. A damaged one is passed over, and told of. */
static int load_duty(struct nets *n, struct model *m, enum detect_class class,
                     const char *const *dirs, struct err *reterr)
{
    int count;
    const struct model_info *list = models_list(&count);
    for (int i = 0; i < count; i++) {
        struct err e = {0};
        if (!models_tell(&list[i], class))
            continue;
        int r = models_read(&list[i], dirs, &m->bytes, &e);
        if (r >= 0) {
            m->info = &list[i];
            set_sizes(m);
            return try_model(n, m, reterr);
        }
        if (r == -ENOMEM)
            return err_set(reterr, r, "%s", e.text);
        if (r != E_NOTFOUND)
            *reterr = e;
    }
    return 0;
}

int detect_nets_open(const char *const *model_dirs, struct detect_engine *ret, struct err *reterr)
{
    struct err e = {0};
    struct nets *n = calloc(1, sizeof(*n));
    if (!n)
        return -ENOMEM;
    int r = load_duty(n, &n->duty[FACES], DETECT_FACE, model_dirs, &e);
    if (r >= 0)
        r = load_duty(n, &n->duty[OBJECTS], DETECT_PERSON, model_dirs, &e);
    if (r >= 0 && !n->duty[FACES].info && !n->duty[OBJECTS].info)
        r = err_set(reterr, E_NOTFOUND,
                    "no detector model: people are found by motion only, so the view is a mosaic "
                    "unless a place was declared empty; lethe models says how to get them%s%s",
                    e.text[0] ? ". " : "", e.text);
    else if (r < 0)
        err_set(reterr, r, "%s", err_str(&e, r));
    if (r < 0) {
        nets_free(n);
        return r;
    }
    *ret = (struct detect_engine){.user = n,
                                  .has = nets_have,
                                  .cost_us = nets_cost_us,
                                  .look = nets_look,
                                  .cpu_us = thread_cpu_us,
                                  .free = nets_free};
    return 0;
}
