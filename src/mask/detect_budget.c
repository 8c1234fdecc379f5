/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/detect_budget.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

#define WINDOW_US SECOND_US
#define HALF_LIFE_US (4.0 * 1e6)
#define PATIENCE_US SECOND_US /* who has not asked for so long does not wait any more */
#define URGENT_LOOKS 2

void detect_budget_init(struct detect_budget *b, double share)
{
    memset(b, 0, sizeof(*b));
    b->share = share;
}

/* Time goes on; after a jump backwards nothing that was measured before means anything. */
static void advance(struct detect_budget *b, int64_t now_us)
{
    if (now_us < b->now_us - WINDOW_US) {
        b->looks = 0;
        for (int i = 0; i < DETECT_CAMERAS; i++)
            b->turn[i].had_at_us = b->turn[i].asked_us = now_us;
        b->now_us = now_us;
    }
    if (now_us > b->now_us)
        b->now_us = now_us;
    int kept = 0;
    for (int i = 0; i < b->looks; i++)
        if (b->look[i].until_us > b->now_us)
            b->look[kept++] = b->look[i];
    b->looks = kept;
}

int64_t detect_budget_spent(struct detect_budget *b, int64_t now_us)
{
    int64_t sum = 0;
    advance(b, now_us);
    for (int i = 0; i < b->looks; i++)
        sum += b->look[i].cost_us;
    return sum;
}

static struct detect_turn *turn_of(struct detect_budget *b, uint64_t camera)
{
    struct detect_turn *oldest = &b->turn[0];
    for (int i = 0; i < DETECT_CAMERAS; i++) {
        struct detect_turn *t = &b->turn[i];
        if (t->known && t->camera == camera)
            return t;
        if (oldest->known && (!t->known || t->asked_us < oldest->asked_us))
            oldest = t;
    }
    *oldest = (struct detect_turn){.known = true, .camera = camera, .had_at_us = b->now_us};
    return oldest;
}

static double had(const struct detect_budget *b, const struct detect_turn *t)
{
    return t->had_us * exp2(-(double)(b->now_us - t->had_at_us) / HALF_LIFE_US);
}

static double rank(const struct detect_budget *b, const struct detect_turn *t)
{
    return had(b, t) - (t->urgent ? URGENT_LOOKS * (double)t->cost_us : 0);
}

/* What those that wait and go before @me want, in CPU microseconds. */
static int64_t ahead(const struct detect_budget *b, const struct detect_turn *me)
{
    int64_t sum = 0;
    double mine = rank(b, me);
    for (int i = 0; i < DETECT_CAMERAS; i++) {
        const struct detect_turn *t = &b->turn[i];
        if (t == me || !t->waiting || b->now_us - t->asked_us > PATIENCE_US)
            continue;
        double theirs = rank(b, t);
        bool older = !me->waiting || t->waits_us < me->waits_us;
        if (theirs < mine || (!(theirs > mine) && older))
            sum += t->cost_us;
    }
    return sum;
}

bool detect_budget_ask(struct detect_budget *b, uint64_t camera, bool urgent, int64_t cost_us,
                       int64_t now_us)
{
    int64_t window = (int64_t)(b->share * (double)WINDOW_US);
    int64_t spent = detect_budget_spent(b, now_us);
    struct detect_turn *t = turn_of(b, camera);
    t->asked_us = b->now_us;
    t->urgent = urgent;
    t->cost_us = cost_us;
    int64_t first = ahead(b, t);
    bool fits = spent + first + cost_us <= window || (spent == 0 && first == 0);
    if (fits && b->looks < DETECT_LOOKS) {
        t->waiting = false;
        return true;
    }
    if (!t->waiting)
        t->waits_us = b->now_us;
    t->waiting = true;
    return false;
}

void detect_budget_spend(struct detect_budget *b, uint64_t camera, int64_t cost_us, int64_t now_us)
{
    advance(b, now_us);
    struct detect_turn *t = turn_of(b, camera);
    t->had_us = had(b, t) + (double)cost_us;
    t->had_at_us = b->now_us;
    if (b->looks == DETECT_LOOKS || !(b->share > 0))
        return;
    double earn = (double)cost_us / b->share;
    int64_t lasts = earn > (double)WINDOW_US ? (int64_t)earn : WINDOW_US;
    b->look[b->looks].cost_us = cost_us;
    b->look[b->looks++].until_us = b->now_us + lasts;
}
