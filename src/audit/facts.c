/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "audit/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "tlog/entry.h"

/* An entry may be logged later than it happened, while the logger or the disk was away; not earlier. */
#define CLOCK_SLACK_US (5 * MINUTE_US)

void *facts_grow(void *array_pointer, size_t *n, size_t size)
{
    void **array = array_pointer;
    if ((*n & (*n - 1)) == 0) { /* 0, 1, 2, 4, 8, … */
        void *more = realloc(*array, (*n ? *n * 2 : 1) * size);
        if (!more)
            return NULL;
        *array = more;
    }
    void *new = (char *)*array + (*n)++ *size;
    memset(new, 0, size);
    return new;
}

void facts_release(struct facts *f)
{
    free(f->policies);
    free(f->sets);
    free(f->cameras);
    free(f->manifests);
    free(f->erasures);
    free(f->holds);
    free(f->shortfalls);
    free(f->cases);
    free(f->masking);
    free(f->starts);
    free(f->rejections);
    *f = (struct facts){0};
}

/* ---- values of one entry ---- */

static void text(const struct tlog_parsed *p, const char *key, char *out, size_t cap)
{
    if (!tlog_parsed_text(p, key, 0, out, cap))
        out[0] = 0;
}

static int64_t number(const struct tlog_parsed *p, const char *key)
{
    int64_t v = 0;
    return tlog_parsed_number(p, key, &v) < 0 ? 0 : v;
}

static int64_t when(const struct tlog_parsed *p, const char *key)
{
    int64_t v = 0;
    return tlog_parsed_time(p, key, &v) < 0 ? 0 : v;
}

static bool hex(const struct tlog_parsed *p, const char *key, unsigned i, uint8_t *out, size_t len)
{
    char value[80];
    size_t n = 0;
    return tlog_parsed_text(p, key, i, value, sizeof(value)) &&
           hex_decode(value, out, len, &n) == 0 && n == len;
}

static bool yes(const struct tlog_parsed *p, const char *key)
{
    char value[8];
    text(p, key, value, sizeof(value));
    return strcmp(value, "yes") == 0;
}

static int keep_time(int64_t **times, size_t *n, int64_t at_us)
{
    int64_t *x = facts_grow(times, n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    *x = at_us;
    return 0;
}

/* ---- kinds ---- */

static int take_start(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    if (!f->node[0])
        text(p, "node", f->node, sizeof(f->node));
    return keep_time(&f->starts, &f->starts_n, when(p, "at"));
}

static int take_policy(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    struct fact_policy *x = facts_grow(&f->policies, &f->policies_n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    x->index = index;
    x->at_us = when(p, "at");
    x->retention_days = (int)number(p, "retention-days");
    x->epoch_minutes = (int)number(p, "epoch-minutes");
    text(p, "when-full", x->when_full, sizeof(x->when_full));
    return 0;
}

static int take_set(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    struct fact_set *x = facts_grow(&f->sets, &f->sets_n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    x->index = index;
    x->at_us = when(p, "at");
    hex(p, "set", 0, x->set, sizeof(x->set));
    x->threshold = (int)number(p, "threshold");
    x->of = (int)number(p, "of");
    x->practice = yes(p, "practice");
    return 0;
}

static int take_camera(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    struct fact_camera *x = facts_grow(&f->cameras, &f->cameras_n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    x->index = index;
    x->at_us = when(p, "at");
    text(p, "camera", x->camera, sizeof(x->camera));
    text(p, "change", x->change, sizeof(x->change));
    x->retention_days = (int)number(p, "retention-days");
    x->has_register = hex(p, "register", 0, x->reg, sizeof(x->reg));
    hex(p, "zones", 0, x->zones, sizeof(x->zones));
    x->enabled = yes(p, "enabled");
    x->audio = yes(p, "audio");
    return 0;
}

static int take_masking(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    struct fact_masking *x = facts_grow(&f->masking, &f->masking_n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    x->index = index;
    x->at_us = when(p, "at");
    text(p, "camera", x->camera, sizeof(x->camera));
    text(p, "change", x->change, sizeof(x->change));
    return 0;
}

static int take_manifest(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    struct fact_manifest *x = facts_grow(&f->manifests, &f->manifests_n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    x->index = index;
    x->at_us = when(p, "at");
    x->hour_us = when(p, "hour");
    x->recordings = (uint64_t)number(p, "recordings");
    hex(p, "root", 0, x->root, sizeof(x->root));
    return 0;
}

static int take_erasure(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    char reason[48];
    struct fact_erasure *x = facts_grow(&f->erasures, &f->erasures_n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    text(p, "reason", reason, sizeof(reason));
    *x = (struct fact_erasure){.index = index,
                               .at_us = when(p, "at"),
                               .hour_us = when(p, "hour"),
                               .first_epoch_us = when(p, "first-epoch"),
                               .last_epoch_us = when(p, "last-epoch"),
                               .recordings = (uint64_t)number(p, "recordings"),
                               .share_files = (uint64_t)number(p, "share-files"),
                               .disk_full = strcmp(reason, "disk-full") == 0};
    return 0;
}

static int take_hold(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    struct fact_hold *x = facts_grow(&f->holds, &f->holds_n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    x->index = index;
    x->at_us = when(p, "at");
    text(p, "hold", x->hold, sizeof(x->hold));
    text(p, "change", x->change, sizeof(x->change));
    text(p, "camera", x->camera, sizeof(x->camera));
    text(p, "reason", x->reason, sizeof(x->reason));
    x->from_us = when(p, "from");
    x->to_us = when(p, "to");
    x->until_us = when(p, "until");
    return 0;
}

static int take_shortfall(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    struct fact_shortfall *x = facts_grow(&f->shortfalls, &f->shortfalls_n, sizeof(*x));
    if (!x)
        return -ENOMEM;
    *x = (struct fact_shortfall){.index = index,
                                 .at_us = when(p, "at"),
                                 .until_us = when(p, "until"),
                                 .promised_days = (uint64_t)number(p, "promised-days"),
                                 .actual_hours = (uint64_t)number(p, "actual-hours")};
    return 0;
}

/* ---- cases ---- */

static struct fact_case *case_of(struct facts *f, const struct tlog_parsed *p)
{
    char id[FACTS_NAME];
    text(p, "case", id, sizeof(id));
    for (size_t i = f->cases_n; i > 0; i--)
        if (strcmp(f->cases[i - 1].id, id) == 0)
            return &f->cases[i - 1];
    struct fact_case *c = facts_grow(&f->cases, &f->cases_n, sizeof(*c));
    if (c)
        memcpy(c->id, id, sizeof(id));
    return c;
}

static int take_order(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    struct fact_case *c = case_of(f, p);
    if (!c)
        return -ENOMEM;
    if (c->ordered) { /* the first one counts */
        if (f->problem)
            f->problem(f->user, "order-twice", index, "the case has an order already");
        return 0;
    }
    c->ordered = true;
    c->order_index = index;
    hex(p, "order", 0, c->order, sizeof(c->order));
    while (c->cameras_n < FACTS_CAMERAS && tlog_parsed_text(p, "camera", (unsigned)c->cameras_n,
                                                            c->cameras[c->cameras_n], FACTS_NAME))
        c->cameras_n++;
    c->from_us = when(p, "from");
    c->to_us = when(p, "to");
    c->made_us = when(p, "made");
    c->not_after_us = when(p, "not-after");
    text(p, "purpose", c->purpose, sizeof(c->purpose));
    text(p, "basis", c->basis, sizeof(c->basis));
    return 0;
}

static int take_answer(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    struct fact_case *c = case_of(f, p);
    if (!c)
        return -ENOMEM;
    if (c->answers_n == FACTS_ANSWERS)
        return 0;
    struct fact_answer *a = &c->answers[c->answers_n++];
    a->index = index;
    a->refusal = strcmp(p->kind->name, "refusal") == 0;
    a->made_us = when(p, "made");
    text(p, "reason", a->reason, sizeof(a->reason));
    a->custodian = number(p, "custodian");
    hex(p, "set", 0, a->set, sizeof(a->set));
    hex(p, "order", 0, a->order, sizeof(a->order));
    hex(p, "answer", 0, a->answer, sizeof(a->answer));
    return 0;
}

static int take_opening(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    struct fact_case *c = case_of(f, p);
    if (!c)
        return -ENOMEM;
    if (c->openings++ > 0)
        return 0;
    c->opened = true;
    c->opening_index = index;
    c->opened_us = when(p, "at");
    while (c->used_n < FACTS_ANSWERS &&
           hex(p, "approval", (unsigned)c->used_n, c->used[c->used_n], sizeof(c->used[0])))
        c->used_n++;
    return 0;
}

static int take_end(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    struct fact_case *c = case_of(f, p);
    if (!c)
        return -ENOMEM;
    c->ended = true;
    c->end_index = index;
    c->end_us = when(p, "at");
    snprintf(c->end, sizeof(c->end), "%s", p->kind->name);
    return 0;
}

static int take_rejection(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    return keep_time(&f->rejections, &f->rejections_n, when(p, "at"));
}

static int take_destroyed(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    f->destroyed++;
    return 0;
}

static const struct {
    const char *kind;
    int (*take)(struct facts *, uint64_t, const struct tlog_parsed *);
} takers[] = {
    {"node-start", take_start},    {"policy", take_policy},
    {"custodians", take_set},      {"camera", take_camera},
    {"masking", take_masking},     {"manifest", take_manifest},
    {"erasure", take_erasure},     {"shortfall", take_shortfall},
    {"hold", take_hold},           {"order", take_order},
    {"approval", take_answer},     {"refusal", take_answer},
    {"rejection", take_rejection}, {"opening", take_opening},
    {"closing", take_end},         {"withdrawal", take_end},
    {"expiry", take_end},          {"identity-destroyed", take_destroyed},
};

/* The log is in the order of what happened, but for entries that had to wait. */
static void take_time(struct facts *f, uint64_t index, const struct tlog_parsed *p)
{
    int64_t at = when(p, "at");
    if (!at)
        at = when(p, "made");
    if (!at)
        return;
    if (!f->first_us || at < f->first_us)
        f->first_us = at;
    if (f->last_us && at < f->last_us - DAY_US && f->problem)
        f->problem(f->user, "entry-back-dated", index,
                   "its time is more than a day before that of an entry above it");
    f->last_us = at > f->last_us ? at : f->last_us;
}

int facts_take(struct facts *f, uint64_t index, const char *entry, size_t len)
{
    static struct tlog_parsed p; /* 4 KB; the audit is bound to one thread */
    struct err e = {0};
    f->entries++;
    int r = tlog_entry_parse(entry, len, &p, &e);
    if (r == -ENOMEM)
        return r;
    if (r < 0) {
        if (f->problem)
            f->problem(f->user, r == E_UNSUPPORTED ? "entry-unknown" : "entry-malformed", index,
                       e.text);
        return 0;
    }
    take_time(f, index, &p);
    for (size_t i = 0; i < sizeof(takers) / sizeof(*takers); i++)
        if (strcmp(takers[i].kind, p.kind->name) == 0)
            return takers[i].take(f, index, &p);
    return 0;
}

/* ---- what held when ---- */

const struct fact_policy *facts_policy_at(const struct facts *f, int64_t at_us)
{
    const struct fact_policy *last = NULL;
    for (size_t i = 0; i < f->policies_n; i++)
        if (f->policies[i].at_us <= at_us + CLOCK_SLACK_US)
            last = &f->policies[i];
    return last;
}

const struct fact_camera *facts_camera_at(const struct facts *f, const char *camera, int64_t at_us)
{
    const struct fact_camera *last = NULL;
    for (size_t i = 0; i < f->cameras_n; i++)
        if (f->cameras[i].at_us <= at_us + CLOCK_SLACK_US &&
            strcmp(f->cameras[i].camera, camera) == 0)
            last = &f->cameras[i];
    return last;
}

const struct fact_set *facts_set(const struct facts *f, const uint8_t set[16])
{
    for (size_t i = 0; i < f->sets_n; i++)
        if (memcmp(f->sets[i].set, set, 16) == 0)
            return &f->sets[i];
    return NULL;
}

int facts_retention_at(const struct facts *f, const char *camera, int64_t at_us)
{
    const struct fact_camera *c = facts_camera_at(f, camera, at_us);
    const struct fact_policy *p = facts_policy_at(f, at_us);
    if (c && c->retention_days)
        return c->retention_days;
    return p ? p->retention_days : -1;
}

static bool hold_covers(const struct facts *f, const struct fact_hold *h, int64_t at_us)
{
    if (strcmp(h->change, "added") != 0 || h->at_us > at_us + CLOCK_SLACK_US || h->until_us < at_us)
        return false;
    for (size_t i = 0; i < f->holds_n; i++) { /* removed since? */
        const struct fact_hold *o = &f->holds[i];
        if (strcmp(o->hold, h->hold) == 0 && strcmp(o->change, "added") != 0 && o->at_us <= at_us)
            return false;
    }
    return true;
}

bool facts_held(const struct facts *f, const char *camera, int64_t from_us, int64_t to_us,
                int64_t at_us)
{
    for (size_t i = 0; i < f->holds_n; i++) {
        const struct fact_hold *h = &f->holds[i];
        if (strcmp(h->camera, camera) == 0 && h->from_us < to_us && h->to_us > from_us &&
            hold_covers(f, h, at_us))
            return true;
    }
    return false;
}
