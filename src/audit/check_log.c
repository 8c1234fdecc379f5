/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The log itself: signed, whole, not forked, not rolled back; and what its entries say together. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "audit/private.h"
#include "base/clock.h"
#include "tlog/durable.h"
#include "tlog/verify.h"

static void on_problem(void *user, const char *sentence)
{
    audit_say(user, AUDIT_FRAUD, "log-damaged", "log", "%s", sentence);
}

static int on_entry(void *user, uint64_t index, const char *text, size_t len, struct err *reterr)
{
    struct audit *a = user;
    return facts_take(&a->facts, index, text, len);
}

static void on_fact(void *user, const char *code, uint64_t index, const char *text)
{
    char where[40];
    snprintf(where, sizeof(where), "entry %llu", (unsigned long long)index);
    /* kinds of a later version are for that version to judge */
    bool known = strcmp(code, "entry-unknown") != 0;
    audit_say(user, known ? AUDIT_FRAUD : AUDIT_NOTE, code, where, "%s", text);
}

/* Is the tree of @old entries, as it was signed, the beginning of the log? */
static bool continues(struct audit *a, const struct tlog_checkpoint *old)
{
    struct tlog_reader *r;
    struct tlog_hash root;
    if (old->size > a->head.size || tlog_reader_open(a->o->log, old->size, &r) < 0)
        return false;
    struct tlog_subtrees s = tlog_reader_subtrees(r);
    int got = tlog_tree_root(&s, old->size, &root, NULL);
    tlog_reader_close(r);
    return got >= 0 && tlog_hash_equal(&root, &old->root);
}

static void check_against(struct audit *a, const void *note, size_t len, const char *where)
{
    struct tlog_checkpoint old;
    struct err e = {0};
    int r =
        tlog_checkpoint_open(note, len, a->o->policy->logs, a->o->policy->logs_n, &old, NULL, &e);
    if (r < 0)
        audit_say(a, AUDIT_NOTE, "checkpoint-foreign", where, "it cannot be compared: %s",
                  err_str(&e, r));
    else if (old.size > a->head.size)
        audit_say(a, AUDIT_FRAUD, "log-rolled-back", where,
                  "the log has signed %llu entries before and shows %llu now",
                  (unsigned long long)old.size, (unsigned long long)a->head.size);
    else if (!continues(a, &old))
        audit_say(a, AUDIT_FRAUD, "log-forked", where,
                  "the log had signed %llu other entries before: it does not continue them",
                  (unsigned long long)old.size);
}

/* What the node itself has signed last, where this is its disk. */
static void check_own_state(struct audit *a)
{
    static const char *const copies[] = {"log-key/state", "log/checkpoint.witnessed"};
    char path[PATH_MAX];
    struct buf b;
    buf_init(&b, TLOG_CHECKPOINT_BYTES);
    for (size_t i = 0; i < sizeof(copies) / sizeof(*copies); i++) {
        snprintf(path, sizeof(path), "%s/%s", a->o->data_dir, copies[i]);
        if (durable_read(path, &b, NULL) >= 0)
            check_against(a, b.data, b.len, copies[i]);
    }
    snprintf(path, sizeof(path), "%s/log-key/refused", a->o->data_dir);
    b.len = 0;
    if (durable_read(path, &b, NULL) >= 0)
        audit_say(a, AUDIT_FRAUD, "log-refused", "log-key/refused", "the logger has stopped: %.*s",
                  (int)strcspn(buf_cstr(&b), "\n"), (const char *)b.data);
    buf_release(&b);
}

int audit_check_log(struct audit *a, struct err *reterr)
{
    struct buf note;
    struct tlog_policy_report report;
    struct err e = {0};
    const struct tlog_verify v = {on_entry, on_problem, a};
    a->facts.problem = on_fact;
    a->facts.user = a;
    buf_init(&note, TLOG_CHECKPOINT_BYTES);
    int r = a->o->log.get(a->o->log.user, "checkpoint", &note, reterr);
    if (r >= 0)
        r = tlog_policy_examine(a->o->policy, note.data, note.len, &a->head, &report, reterr);
    buf_release(&note);
    if (r < 0)
        return r;
    if (!report.quorum)
        audit_say(a, AUDIT_NOTE, "quorum-missing", "log/checkpoint",
                  "%d witnesses have cosigned it, which is not the quorum",
                  __builtin_popcountll(report.witnesses));
    r = tlog_verify(a->o->log, &a->head, &v, &e);
    if (r < 0)
        return err_set(reterr, r, "%s", err_str(&e, r));
    if (a->o->since)
        check_against(a, a->o->since, a->o->since_len, "checkpoint from before");
    if (a->o->data_dir)
        check_own_state(a);
    return 0;
}

/* ---- entries together ---- */

/* One list for each hour from the first on, none twice, none in the future. */
static void check_hours(struct audit *a)
{
    const struct facts *f = &a->facts;
    char hour[TIME_TEXT];
    int64_t last = 0;
    for (size_t i = 0; i < f->manifests_n; i++) {
        const struct fact_manifest *m = &f->manifests[i];
        time_format(m->hour_us, hour);
        if (m->hour_us > a->o->now_us)
            audit_say(a, AUDIT_FRAUD, "manifest-future", hour, "the list is of an hour to come");
        if (m->hour_us <= last)
            audit_say(a, AUDIT_FRAUD, "manifest-twice", hour,
                      "there are two lists of one hour, or they are out of order");
        last = m->hour_us > last ? m->hour_us : last;
    }
    if (last && a->o->now_us - last > 2 * HOUR_US + AUDIT_GRACE_US)
        audit_say(a, AUDIT_NOTE, "manifest-late", time_format(last, hour),
                  "this is the last list; nothing was listed for %lld hours",
                  (long long)((a->o->now_us - last) / HOUR_US));
}

/* What was destroyed at the end of retention must have been that old. */
static void check_erasures(struct audit *a)
{
    const struct facts *f = &a->facts;
    char where[40];
    for (size_t i = 0; i < f->erasures_n; i++) {
        const struct fact_erasure *x = &f->erasures[i];
        const struct fact_policy *p = facts_policy_at(f, x->last_epoch_us);
        int shortest = p ? p->retention_days : 0;
        for (size_t c = 0; c < f->cameras_n; c++)
            if (f->cameras[c].retention_days && f->cameras[c].retention_days < shortest)
                shortest = f->cameras[c].retention_days;
        snprintf(where, sizeof(where), "entry %llu", (unsigned long long)x->index);
        if (!x->disk_full && x->last_epoch_us > x->at_us - shortest * DAY_US + AUDIT_GRACE_US)
            audit_say(
                a, AUDIT_FRAUD, "erased-early", where,
                "footage was destroyed as past its retention %.1f days after it was made; the "
                "shortest promise then was %d days",
                (double)(x->at_us - x->last_epoch_us) / (double)DAY_US, shortest);
        if (x->disk_full)
            audit_say(a, AUDIT_NOTE, "erased-for-space", where,
                      "%llu recordings were destroyed before their time because the disk was full",
                      (unsigned long long)x->recordings);
    }
}

/* A promise that becomes shorter is no fraud when it is logged; those who read a report want to know. */
static void check_promises(struct audit *a)
{
    const struct facts *f = &a->facts;
    char where[40];
    for (size_t i = 1; i < f->policies_n; i++)
        if (f->policies[i].retention_days != f->policies[i - 1].retention_days) {
            snprintf(where, sizeof(where), "entry %llu", (unsigned long long)f->policies[i].index);
            audit_say(a, AUDIT_NOTE, "retention-changed", where,
                      "the node's retention went from %d to %d days",
                      f->policies[i - 1].retention_days, f->policies[i].retention_days);
        }
    for (size_t i = 0; i < f->sets_n; i++)
        if (f->sets[i].practice) {
            snprintf(where, sizeof(where), "entry %llu", (unsigned long long)f->sets[i].index);
            audit_say(a, AUDIT_NOTE, "practice-custodians", where,
                      "the custodians are those made for practising: whoever has the node's disk "
                      "can open what was recorded under them");
        }
    if (f->entries && !f->policies_n)
        audit_say(a, AUDIT_FRAUD, "promise-missing", "log",
                  "no entry says how long footage is kept");
}

void audit_check_entries(struct audit *a)
{
    check_hours(a);
    check_erasures(a);
    check_promises(a);
}
