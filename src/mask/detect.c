/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/detect.h"

#include <errno.h>
#include <stdlib.h>

#include "mask/detect_budget.h"
#include "mask/detect_engine.h"

struct detector_pool {
    struct detect_engine engine;
    struct detect_budget budget;
    int64_t off_until_us;
    bool off;
};

const char *detect_class_name(enum detect_class c)
{
    static const char *const names[] = {"unknown", "person", "face", "vehicle"};
    return names[c];
}

int detector_pool_make(const struct detect_engine *e, double budget, struct detector_pool **ret,
                       struct err *reterr)
{
    struct detector_pool *p = budget > 0 && budget <= 1 ? calloc(1, sizeof(*p)) : NULL;
    if (!p) {
        e->free(e->user);
        if (budget > 0 && budget <= 1)
            return err_set(reterr, -ENOMEM, "no memory for the detectors");
        return err_set(reterr, E_RANGE,
                       "a budget of %.2f cores for detectors: more than 0, at most 1", budget);
    }
    p->engine = *e;
    detect_budget_init(&p->budget, budget);
    *ret = p;
    return 0;
}

int detector_pool_new(const char *const *model_dirs, double budget, struct detector_pool **ret,
                      struct err *reterr)
{
    struct detect_engine e;
    int r = detect_nets_open(model_dirs, &e, reterr);
    return r < 0 ? r : detector_pool_make(&e, budget, ret, reterr);
}

void detector_pool_free(struct detector_pool *p)
{
    if (!p)
        return;
    p->engine.free(p->engine.user);
    free(p);
}

bool detector_pool_has(const struct detector_pool *p, enum detect_class c)
{
    return p->engine.has(p->engine.user, c);
}

int64_t detector_pool_cost_us(const struct detector_pool *p, int width, int height)
{
    const struct detect_part whole = {0, 0, 1, 1};
    return p->engine.cost_us(p->engine.user, width, height, &whole, true);
}

/* A detector that failed or took far too long rests; its cameras know, and cover. */
static int rest(struct detector_pool *p, int64_t now_us)
{
    p->off = true;
    p->off_until_us = now_us + DETECT_OFF_US;
    return E_TIMEOUT;
}

static bool resting(struct detector_pool *p, int64_t now_us)
{
    int64_t left = p->off_until_us - now_us;
    p->off = p->off && left > 0 && left <= DETECT_OFF_US; /* more: the clock was set back */
    return p->off;
}

int detector_pool_look(struct detector_pool *p, uint64_t camera, const struct detect_picture *pic,
                       float x0, float y0, float x1, float y1, bool urgent, int64_t now_us,
                       struct detect_box ret[DETECT_BOXES])
{
    const struct detect_engine *e = &p->engine;
    const struct detect_part part = {x0, y0, x1, y1};
    if (pic->width < 16 || pic->height < 16)
        return E_RANGE;
    if (resting(p, now_us))
        return E_TIMEOUT;
    int64_t cost = e->cost_us(e->user, pic->width, pic->height, &part, urgent);
    if (!detect_budget_ask(&p->budget, camera, urgent, cost, now_us))
        return E_BUSY;
    int64_t began = e->cpu_us(e->user);
    int n = e->look(e->user, pic, &part, urgent, ret);
    int64_t took = e->cpu_us(e->user) - began;
    detect_budget_spend(&p->budget, camera, took, now_us);
    return n == E_NOTFOUND ? n : n < 0 || took > DETECT_TOO_LONG_US ? rest(p, now_us) : n;
}
