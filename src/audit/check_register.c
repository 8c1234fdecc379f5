/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The register of cameras and the custodians that the node works with, against what it told the log. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/private.h"
#include "base/clock.h"
#include "index/index.h"
#include "seal/seal.h"

#define WAITING_MAX 100000

static int on_camera(void *user, const struct index_camera *c)
{
    struct audit *a = user;
    uint8_t hash[32];
    const struct fact_camera *f = facts_camera_at(&a->facts, c->id, a->o->now_us);
    if (!f || strcmp(f->change, "removed") == 0) {
        audit_say(a, AUDIT_FRAUD, "camera-unlogged", c->id,
                  "the node has this camera, and the log does not");
        return 0;
    }
    if (f->retention_days != c->retention_days)
        audit_say(a, AUDIT_FRAUD, "camera-changed", c->id,
                  "the node keeps its footage for %d days, the log says %d (0: as the node)",
                  c->retention_days, f->retention_days);
    if (f->has_register && index_register_hash(c, hash) >= 0 && memcmp(hash, f->reg, 32) != 0)
        audit_say(a, AUDIT_FRAUD, "register-changed", c->id,
                  "what the register says of it is not what was logged");
    return 0;
}

/*
 * What the node has still to tell the log counts as told: it will be, at the next hand-over. Kept back for more than a
 * day it was withheld.
 */
static int on_waiting(void *user, const struct index_outbox *o)
{
    struct audit *a = user;
    char at[TIME_TEXT];
    if (a->o->now_us - o->at_us > DAY_US)
        audit_say(a, AUDIT_FRAUD, "entry-withheld", o->kind,
                  "it happened at %s and has not been logged", time_format(o->at_us, at));
    return facts_take(&a->facts, a->head.size + (uint64_t)o->id, o->text, strlen(o->text));
}

struct lookup {
    const char *id;
    bool found;
};

static int on_lookup(void *user, const struct index_camera *c)
{
    struct lookup *l = user;
    l->found = l->found || strcmp(c->id, l->id) == 0;
    return 0;
}

/* Cameras that the log has, and the node no longer. */
static void check_gone(struct audit *a, struct index *ix)
{
    for (size_t i = 0; i < a->facts.cameras_n; i++) {
        const struct fact_camera *f = &a->facts.cameras[i];
        struct lookup l = {f->camera, false};
        if (facts_camera_at(&a->facts, f->camera, a->o->now_us) != f ||
            strcmp(f->change, "removed") == 0)
            continue;
        if (ix->ops->cameras(ix, on_lookup, &l, NULL) >= 0 && !l.found)
            audit_say(a, AUDIT_FRAUD, "camera-hidden", f->camera,
                      "the log has this camera, and the node's register does not");
    }
}

/* The set that the node would use now. */
static void check_custodians(struct audit *a)
{
    static struct seal_policy p;
    uint8_t id[16];
    if (seal_policy_find(a->o->data_dir, "", 2, false, &p, NULL) < 0)
        return; /* named in settings outside of DATA: the keys themselves tell */
    seal_policy_id(&p, id);
    if (a->facts.sets_n && !facts_set(&a->facts, id) && !p.practice)
        audit_say(a, AUDIT_FRAUD, "custodians-unlogged", "custodians.txt",
                  "the node has custodians that the log does not know");
}

int audit_check_register(struct audit *a, struct err *reterr)
{
    char path[PATH_MAX];
    struct index *ix = NULL;
    check_custodians(a);
    snprintf(path, sizeof(path), "%s/lethe.db", a->o->data_dir);
    if (access(path, F_OK) < 0) {
        audit_say(a, AUDIT_NOTE, "index-missing", "lethe.db",
                  "without the index the register of cameras cannot be compared");
        return 0;
    }
    int r = index_sqlite.open(a->o->data_dir, true, &ix, reterr);
    if (r < 0)
        return r;
    if (ix->ops->outbox)
        r = ix->ops->outbox(ix, WAITING_MAX, on_waiting, a, reterr);
    if (r >= 0)
        r = ix->ops->cameras(ix, on_camera, a, reterr);
    if (r >= 0)
        check_gone(a, ix);
    ix->ops->close(ix);
    return r;
}
