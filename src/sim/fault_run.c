/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* When rules of the fault script act, and on whom. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "sim/mangle.h"
#include "sim/server.h"

#define MILLION 1000000
#define AFTER_MAX 100000

static bool lucky(struct sim_server *s, const struct sim_rule *r)
{
    return r->chance >= MILLION || (int64_t)(sim_random(s) % MILLION) < r->chance;
}

static int set_quirk(struct sim_server *s, const struct sim_rule *r, bool on)
{
    for (int i = 0; i < s->o->cameras; i++)
        for (int k = 0; k < SIM_STREAMS; k++) {
            struct sim_quirks **q = &s->cameras[i].quirks[k];
            if (!sim_rule_covers(r, i, k))
                continue;
            if (!*q && !(*q = calloc(1, sizeof(**q))))
                return -ENOMEM;
            int64_t *arg = &(*q)->arg[r->action];
            if (!sim_quirk_is_word((enum sim_quirk_id)r->action))
                *arg = on ? r->arg : 0;
            else
                *arg = on ? *arg | r->arg : *arg & ~r->arg;
        }
    return 0;
}

static void happen(struct sim_server *s, const struct sim_rule *r)
{
    struct sim_session *ss, *tmp;
    list_foreach_safe (ss, tmp, &s->sessions, link) {
        if (ss->playing && sim_rule_covers(r, ss->camera->id, ss->stream))
            sim_mangle_event(ss, r);
    }
}

static int64_t since_start(const struct sim_server *s)
{
    return s->now_us - s->start_us;
}

static void plan(struct sim_faults *f)
{
    f->next_us = INT64_MAX;
    for (size_t i = 0; i < f->count; i++) {
        if (f->rule[i].due_us < f->next_us)
            f->next_us = f->rule[i].due_us;
        if (f->rule[i].end_us < f->next_us)
            f->next_us = f->rule[i].end_us;
    }
    for (size_t i = 0; i < f->after_count; i++)
        if (f->after[i].due_us < f->next_us)
            f->next_us = f->after[i].due_us;
}

static void act(struct sim_server *s, struct sim_rule *r, int64_t now)
{
    bool again = r->when == SIM_EVERY && (!r->times || r->done + 1 < r->times);
    r->done++;
    r->due_us = again ? r->due_us + r->time_us : INT64_MAX;
    if (!lucky(s, r))
        return;
    if (r->kind == SIM_EVENT) {
        happen(s, r);
    } else if (set_quirk(s, r, true) >= 0 && r->last_us) {
        r->end_us = now + r->last_us;
    }
}

static void run_after(struct sim_server *s, int64_t now)
{
    struct sim_faults *f = s->faults;
    for (size_t i = 0; i < f->after_count;) {
        struct sim_after a = f->after[i];
        if (a.due_us > now) {
            i++;
            continue;
        }
        f->after[i] = f->after[--f->after_count];
        struct sim_session *ss, *tmp;
        list_foreach_safe (ss, tmp, &s->sessions, link) {
            if (ss->number == a.session && ss->playing && lucky(s, &f->rule[a.rule]))
                sim_mangle_event(ss, &f->rule[a.rule]);
        }
    }
}

void sim_faults_run(struct sim_server *s)
{
    struct sim_faults *f = s->faults;
    int64_t now = since_start(s);
    if (now < f->next_us)
        return;
    for (size_t i = 0; i < f->count; i++) {
        struct sim_rule *r = &f->rule[i];
        if (r->end_us <= now) {
            set_quirk(s, r, false);
            r->end_us = INT64_MAX;
        }
        if (r->due_us <= now)
            act(s, r, now);
    }
    run_after(s, now);
    plan(f);
}

int sim_faults_start(struct sim_server *s)
{
    struct sim_faults *f = s->faults;
    for (size_t i = 0; i < f->count; i++) {
        struct sim_rule *r = &f->rule[i];
        bool timed = r->when == SIM_AT || r->when == SIM_EVERY;
        r->due_us = timed ? r->time_us : r->when == SIM_ALWAYS ? 0 : INT64_MAX;
        r->end_us = INT64_MAX;
        if (r->when != SIM_ON && r->when != SIM_AFTER)
            continue;
        r->done_on = calloc((size_t)s->o->cameras, sizeof(int));
        if (!r->done_on)
            return -ENOMEM;
    }
    f->next_us = 0;
    sim_faults_run(s);
    return 0;
}

/* Counted per camera; false when the rule has acted often enough there. */
static bool count(struct sim_rule *r, int camera)
{
    if (camera < 0)
        return !r->times;
    return !r->times || r->done_on[camera]++ < r->times;
}

void sim_faults_played(struct sim_session *ss)
{
    struct sim_server *s = ss->server;
    struct sim_faults *f = s->faults;
    for (size_t i = 0; i < f->count; i++) {
        struct sim_rule *r = &f->rule[i];
        if (r->when != SIM_AFTER || !sim_rule_covers(r, ss->camera->id, ss->stream) ||
            !count(r, ss->camera->id))
            continue;
        if (f->after_count == f->after_cap) {
            size_t cap = f->after_cap ? f->after_cap * 2 : 64;
            struct sim_after *a = cap > AFTER_MAX ? NULL : realloc(f->after, cap * sizeof(*a));
            if (!a) {
                log_warn("sim", "too many waiting rules, one of camera %d is left out",
                         ss->camera->id);
                return;
            }
            f->after = a;
            f->after_cap = cap;
        }
        f->after[f->after_count++] = (struct sim_after){i, ss->number, since_start(s) + r->time_us};
    }
    plan(f);
}

const struct sim_rule *sim_faults_reply(struct sim_server *s, int camera, int stream,
                                        enum sim_method m)
{
    for (size_t i = 0; i < s->faults->count; i++) {
        struct sim_rule *r = &s->faults->rule[i];
        if (r->when != SIM_ON || (r->method != m && r->method != SIM_ANY_METHOD))
            continue;
        if (camera >= 0 && sim_rule_covers(r, camera, stream) && lucky(s, r) && count(r, camera))
            return r;
    }
    return NULL;
}
