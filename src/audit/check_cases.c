/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Openings: an order first, then enough approvals of the custodians who could, in time; and what lies in DATA/cases. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/private.h"
#include "base/clock.h"
#include "case/folder.h"

/* Different custodians who approved this order before @before. */
static int approvals(const struct fact_case *c, uint64_t before, const struct fact_set **ret_set,
                     const struct facts *f)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < c->answers_n; i++) {
        const struct fact_answer *x = &c->answers[i];
        if (x->refusal || x->index > before || x->custodian < 1 || x->custodian > 63 ||
            memcmp(x->order, c->order, 32) != 0)
            continue;
        const struct fact_set *set = facts_set(f, x->set);
        *ret_set = set ? set : *ret_set;
        if (set && x->custodian <= set->of)
            seen |= UINT64_C(1) << x->custodian;
    }
    return __builtin_popcountll(seen);
}

/* An approval that the opening names must be one that was logged. */
static bool names_unknown(const struct fact_case *c)
{
    for (size_t u = 0; u < c->used_n; u++) {
        bool known = false;
        for (size_t i = 0; i < c->answers_n && !known; i++)
            known = !c->answers[i].refusal && memcmp(c->answers[i].answer, c->used[u], 32) == 0;
        if (!known)
            return true;
    }
    return false;
}

static void check_opening(struct audit *a, const struct fact_case *c)
{
    const struct fact_set *set = NULL;
    int n = approvals(c, c->opening_index, &set, &a->facts);
    if (!c->ordered || c->order_index > c->opening_index) {
        audit_say(a, AUDIT_FRAUD, "opening-unordered", c->id,
                  "it was opened, and its order is not in the log before that");
        return;
    }
    if (!set || n < set->threshold)
        audit_say(a, AUDIT_FRAUD, "opening-unapproved", c->id,
                  "it was opened with %d approvals in the log, %d are needed", n,
                  set ? set->threshold : 2);
    else if (names_unknown(c))
        audit_say(a, AUDIT_FRAUD, "opening-unapproved", c->id,
                  "it was opened with an approval that is not in the log");
    if (c->not_after_us && c->opened_us > c->not_after_us)
        audit_say(a, AUDIT_FRAUD, "opening-late", c->id, "it was opened after its order had ended");
    if (c->ended && c->end_index < c->opening_index)
        audit_say(a, AUDIT_FRAUD, "opening-after-end", c->id,
                  "it was opened after it had been ended (%s)", c->end);
    if (c->to_us > c->made_us + DAY_US)
        audit_say(a, AUDIT_FRAUD, "order-ahead", c->id,
                  "its order is for pictures that were still to be made");
}

static void check_answers(struct audit *a, const struct fact_case *c)
{
    for (size_t i = 0; i < c->answers_n; i++) {
        if (c->ordered && c->answers[i].index > c->order_index)
            continue;
        audit_say(a, AUDIT_FRAUD, "answer-unordered", c->id,
                  "a custodian answered an order that was not in the log");
        return;
    }
}

static const struct fact_case *logged_case(const struct audit *a, const char *id)
{
    for (size_t i = 0; i < a->facts.cases_n; i++)
        if (strcmp(a->facts.cases[i].id, id) == 0)
            return &a->facts.cases[i];
    return NULL;
}

/* A folder that custodians have seen, against the log. */
static void check_folder(struct audit *a, const char *id)
{
    struct case_folder f;
    struct err e = {0};
    const struct fact_case *c = logged_case(a, id);
    int r = case_folder_load(a->o->data_dir, id, false, &f, &e);
    if (r < 0) {
        audit_say(a, AUDIT_FRAUD, "case-damaged", id, "its folder cannot be read: %s",
                  err_str(&e, r));
        return;
    }
    if (f.state != CASE_REQUESTED && (!c || !c->ordered))
        audit_say(a, AUDIT_FRAUD, "opening-unlisted", id,
                  "the case is %s, and its order is not in the log", case_state_name(f.state));
    else if (c && c->ordered && memcmp(c->order, f.hash, 32) != 0)
        audit_say(a, AUDIT_FRAUD, "order-replaced", id,
                  "the order in its folder is not the one in the log");
    else if (f.state == CASE_OPEN && !c->opened)
        audit_say(a, AUDIT_FRAUD, "opening-unlisted", id,
                  "the case was opened, and the log does not say so");
    case_folder_release(&f);
}

static void check_folders(struct audit *a)
{
    char path[PATH_MAX];
    struct dirent **names = NULL;
    snprintf(path, sizeof(path), "%s/cases", a->o->data_dir);
    int n = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.')
            check_folder(a, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

void audit_check_cases(struct audit *a)
{
    for (size_t i = 0; i < a->facts.cases_n; i++) {
        const struct fact_case *c = &a->facts.cases[i];
        check_answers(a, c);
        if (c->opened)
            check_opening(a, c);
    }
    if (a->o->data_dir)
        check_folders(a);
}
