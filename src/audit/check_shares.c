/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Share files: none past its time, none of a set of custodians that nobody was told of, none missing. */
#include <stdio.h>
#include <string.h>

#include "audit/private.h"
#include "base/clock.h"
#include "mp4/writer.h"

/* Any hold on what these keys open? */
static bool held(const struct audit *a, size_t file)
{
    for (size_t i = 0; i < a->site.keys_n; i++) {
        const struct site_key *k = &a->site.keys[i];
        if (k->file == file &&
            facts_held(&a->facts, k->camera, k->epoch_us, k->epoch_us + HOUR_US, a->o->now_us))
            return true;
    }
    return false;
}

/* Is the class of the file one that was promised to some camera then? */
static bool class_promised(const struct audit *a, const struct site_shares *x)
{
    const struct fact_policy *p = facts_policy_at(&a->facts, x->epoch_us);
    if (p && p->retention_days == x->days)
        return true;
    for (size_t i = 0; i < a->facts.policies_n; i++)
        if (a->facts.policies[i].retention_days == x->days)
            return true;
    for (size_t i = 0; i < a->facts.cameras_n; i++)
        if (a->facts.cameras[i].retention_days == x->days)
            return true;
    return false;
}

static void check_file(struct audit *a, size_t i)
{
    const struct site_shares *x = &a->site.shares[i];
    if (!x->days) {
        audit_say(a, AUDIT_FRAUD, "shares-foreign", x->path,
                  "shares of keys lie where nothing destroys them");
        return;
    }
    int64_t due = x->epoch_us + HOUR_US + x->days * DAY_US;
    if (a->o->now_us > due + AUDIT_GRACE_US && !held(a, i))
        audit_say(a, AUDIT_FRAUD, "shares-kept", x->path,
                  "the shares should have been destroyed %.1f days ago; with them custodians could "
                  "still open what is forgotten",
                  (double)(a->o->now_us - due) / (double)DAY_US);
    if (!class_promised(a, x))
        audit_say(a, AUDIT_FRAUD, "shares-class", x->path,
                  "a retention of %d days was promised to no camera", x->days);
    if (x->damaged)
        audit_say(a, AUDIT_NOTE, "shares-damaged", x->path, "%zu places in it cannot be read",
                  x->damaged);
}

/* Keys are split for sets of custodians that the log has told of. Each set is said once. */
static void check_sets(struct audit *a)
{
    uint8_t said[16][16];
    size_t n = 0;
    for (size_t i = 0; i < a->site.keys_n; i++) {
        const struct site_key *k = &a->site.keys[i];
        bool known = facts_set(&a->facts, k->set) != NULL;
        for (size_t s = 0; s < n && !known; s++)
            known = memcmp(said[s], k->set, 16) == 0;
        if (known || n == 16)
            continue;
        memcpy(said[n++], k->set, 16);
        audit_say(a, AUDIT_FRAUD, "custodians-unlogged", a->site.shares[k->file].path,
                  "keys are split for custodians that the log does not know");
    }
}

/* What is sealed must have shares as long as it is kept. */
static void check_keys(struct audit *a)
{
    for (size_t i = 0; i < a->site.recordings_n; i++) {
        const struct site_recording *x = &a->site.recordings[i];
        if (x->damage || x->view != MP4_SEALED || !x->encrypted)
            continue;
        const struct site_key *k = site_key_find(&a->site, x->kid);
        if (!k)
            audit_say(a, AUDIT_FRAUD, "shares-missing", x->path,
                      "nobody can open it: the shares of its key are gone");
        else if (strcmp(k->camera, x->camera) != 0 || k->epoch_us != x->epoch_us)
            audit_say(a, AUDIT_FRAUD, "key-foreign", x->path,
                      "it is sealed with a key of another camera or time, so an order for that "
                      "would open it");
    }
}

void audit_check_shares(struct audit *a)
{
    for (size_t i = 0; i < a->site.shares_n; i++)
        check_file(a, i);
    check_sets(a);
    check_keys(a);
}
