/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Recordings on the disk against the lists, the lists against the log. */
#include <stdio.h>
#include <string.h>

#include "audit/private.h"
#include "base/clock.h"
#include "mp4/writer.h"

#define CLOSING_US (10 * MINUTE_US) /* from the last picture to the end of a file's closing */
#define LISTS_DAYS 400              /* how long lists are kept */

/* ---- lists ---- */

static const struct fact_manifest *logged(const struct audit *a, int64_t hour_us)
{
    for (size_t i = 0; i < a->facts.manifests_n; i++)
        if (a->facts.manifests[i].hour_us == hour_us)
            return &a->facts.manifests[i];
    return NULL;
}

/*
 * What ended when must be in a list by now? A node that was stopped, or a copy that was taken between two hours, has not
 * listed its last recordings yet: that is no fault, as long as there is not much more than an hour of them.
 */
static bool listing_pending(const struct audit *a, int64_t end_us)
{
    const struct facts *f = &a->facts;
    int64_t last = f->manifests_n ? f->manifests[f->manifests_n - 1].at_us : f->first_us;
    return end_us > last - CLOSING_US && end_us <= last + AUDIT_GRACE_US;
}

static void check_list(struct audit *a, struct listed_hour *h)
{
    const struct fact_manifest *m = logged(a, h->hour_us);
    if (h->damage) {
        audit_say(a, AUDIT_FRAUD, "manifest-damaged", h->path, "the list cannot be read: %s",
                  h->damage);
    } else if (!m && !listing_pending(a, h->hour_us + HOUR_US)) {
        audit_say(a, AUDIT_FRAUD, "manifest-not-logged", h->path,
                  "the log has no entry for this list");
    } else if (m && (memcmp(m->root, h->root, 32) != 0 || m->recordings != h->recordings)) {
        audit_say(a, AUDIT_FRAUD, "manifest-edited", h->path,
                  "the list is not the one that was logged: it has %llu recordings, the log says "
                  "%llu, and the hash is %s",
                  (unsigned long long)h->recordings, (unsigned long long)m->recordings,
                  memcmp(m->root, h->root, 32) != 0 ? "another" : "the same");
    }
    h->logged = m && memcmp(m->root, h->root, 32) == 0;
}

void audit_check_listed(struct audit *a)
{
    char hour[TIME_TEXT];
    for (size_t i = 0; i < a->listed.hours_n; i++)
        check_list(a, &a->listed.hours[i]);
    for (size_t i = 0; i < a->facts.manifests_n; i++) {
        const struct fact_manifest *m = &a->facts.manifests[i];
        bool there = m->recordings == 0 || m->hour_us < a->o->now_us - LISTS_DAYS * DAY_US;
        for (size_t h = 0; h < a->listed.hours_n && !there; h++)
            there = a->listed.hours[h].hour_us == m->hour_us;
        if (!there)
            audit_say(a, AUDIT_FRAUD, "manifest-missing", time_format(m->hour_us, hour),
                      "the log has a list of %llu recordings for this hour, and the list is gone",
                      (unsigned long long)m->recordings);
    }
}

/* ---- recordings ---- */

/* When the end of its retention is, by what the log promised when it was made. */
static int64_t due_us(const struct audit *a, const char *camera, int64_t start_us, int64_t end_us)
{
    int days = facts_retention_at(&a->facts, camera, start_us);
    return days < 0 ? INT64_MAX : end_us + days * DAY_US;
}

/* The camera must have been told of before anything of it was recorded. */
static void check_camera(struct audit *a, const struct site_recording *x)
{
    const struct fact_camera *c = facts_camera_at(&a->facts, x->camera, x->start_us + MINUTE_US);
    if (!c)
        audit_say(a, AUDIT_FRAUD, "camera-unregistered", x->path,
                  "camera %s was not in the register when this was recorded", x->camera);
    else if (strcmp(c->change, "removed") == 0)
        audit_say(a, AUDIT_FRAUD, "camera-removed", x->path,
                  "camera %s had been removed from the register when this was recorded", x->camera);
    if (strcmp(x->folder, x->camera) != 0)
        audit_say(a, AUDIT_FRAUD, "recording-moved", x->path, "it is a recording of camera %s",
                  x->camera);
}

static void check_promise(struct audit *a, const struct site_recording *x)
{
    int before = facts_retention_at(&a->facts, x->camera, x->start_us - HOUR_US);
    int then = facts_retention_at(&a->facts, x->camera, x->start_us);
    int after = facts_retention_at(&a->facts, x->camera, x->end_us + MINUTE_US);
    if (x->retention_days != then && x->retention_days != before && x->retention_days != after)
        audit_say(a, AUDIT_FRAUD,
                  x->retention_days < then ? "retention-shortened" : "retention-lengthened",
                  x->path, "it was made to be kept for %d days, the log promised %d",
                  x->retention_days, then);
}

static void check_age(struct audit *a, const struct site_recording *x)
{
    int64_t due = due_us(a, x->camera, x->start_us, x->end_us);
    if (due == INT64_MAX || a->o->now_us < due + AUDIT_GRACE_US)
        return;
    if (facts_held(&a->facts, x->camera, x->start_us, x->end_us, a->o->now_us))
        return;
    audit_say(a, AUDIT_FRAUD, "recording-kept", x->path,
              "it should have been destroyed %.1f days ago",
              (double)(a->o->now_us - due) / (double)DAY_US);
}

/* Was this time listed already when the recording appeared? Then it was put there afterwards. */
static void say_unlisted(struct audit *a, const struct site_recording *x)
{
    for (size_t i = 0; i < a->listed.recordings_n; i++) {
        const struct listed_recording *l = &a->listed.recordings[i];
        if (l->view == x->view && strcmp(l->camera, x->camera) == 0 && l->start_us < x->end_us &&
            l->end_us > x->start_us) {
            audit_say(a, AUDIT_FRAUD, "recording-back-dated", x->path,
                      "it says to be of a time of which %s was listed: it was put there later",
                      l->path);
            return;
        }
    }
    audit_say(a, AUDIT_FRAUD, "recording-unlisted", x->path,
              "it is in no list of what was recorded");
}

static void check_listing(struct audit *a, struct site_recording *x)
{
    struct listed_recording *l = listed_find(&a->listed, x->path);
    if (!l) {
        if (x->closed && !listing_pending(a, x->end_us))
            say_unlisted(a, x);
        return;
    }
    l->found = true;
    x->listed = (size_t)(l - a->listed.recordings) + 1;
    if (!x->closed)
        audit_say(a, AUDIT_FRAUD, "recording-altered", x->path,
                  "it was whole when it was listed, and its end is missing now");
    else if (memcmp(l->digest, x->digest, 32) != 0)
        audit_say(a, AUDIT_FRAUD, "recording-altered", x->path,
                  "its list of hashes is not the one that was listed when it was made");
    else if (l->start_us != x->start_us || strcmp(l->camera, x->camera) != 0 ||
             l->view != x->view || memcmp(l->kid, x->kid, 16) != 0)
        audit_say(a, AUDIT_FRAUD, "recording-altered", x->path,
                  "its head says another camera, time or key than was listed");
}

static void check_recording(struct audit *a, struct site_recording *x)
{
    if (x->damage) {
        struct listed_recording *l = listed_find(&a->listed, x->path);
        if (l)
            l->found = true;
        audit_say(a, l ? AUDIT_FRAUD : AUDIT_NOTE, "recording-damaged", x->path, "%s", x->damage);
        return;
    }
    check_camera(a, x);
    check_promise(a, x);
    check_age(a, x);
    check_listing(a, x);
    if (x->view == MP4_SEALED && !x->encrypted)
        audit_say(a, AUDIT_FRAUD, "recording-unsealed", x->path,
                  "the original pictures are stored unsealed");
    if (x->start_us > a->o->now_us + HOUR_US)
        audit_say(a, AUDIT_FRAUD, "recording-future", x->path, "it says to be of a time to come");
}

/* ---- what is listed and not there ---- */

static bool erased(const struct audit *a, const struct listed_recording *l)
{
    for (size_t i = 0; i < a->facts.erasures_n; i++) {
        const struct fact_erasure *x = &a->facts.erasures[i];
        if (x->first_epoch_us <= l->start_us && l->start_us < x->last_epoch_us + HOUR_US &&
            x->at_us >= l->end_us)
            return true;
    }
    return false;
}

static void check_missing(struct audit *a, const struct listed_recording *l)
{
    int64_t due = due_us(a, l->camera, l->start_us, l->end_us);
    bool past = due != INT64_MAX && a->o->now_us >= due - MINUTE_US;
    if (facts_held(&a->facts, l->camera, l->start_us, l->end_us, a->o->now_us))
        audit_say(a, AUDIT_FRAUD, "held-missing", l->path, "it is held for a case, and it is gone");
    else if (!past && !erased(a, l))
        audit_say(a, AUDIT_FRAUD, "recording-missing", l->path,
                  "it was listed, its retention is not over, no erasure tells of it, and it is "
                  "gone");
    else if (past && a->o->now_us > due + DAY_US && !erased(a, l))
        audit_say(a, AUDIT_FRAUD, "erasure-unlogged", l->path,
                  "it is gone as it should be, but no erasure tells of it");
}

void audit_check_recordings(struct audit *a)
{
    for (size_t i = 0; i < a->site.recordings_n; i++)
        check_recording(a, &a->site.recordings[i]);
    for (size_t i = 0; i < a->listed.recordings_n; i++)
        if (!a->listed.recordings[i].found)
            check_missing(a, &a->listed.recordings[i]);
}
