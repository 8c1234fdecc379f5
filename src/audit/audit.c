/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "audit/audit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/private.h"

void audit_say(struct audit *a, enum audit_weight weight, const char *code, const char *where,
               const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    const struct audit_finding f = {weight, code, where, text};
    *(weight == AUDIT_FRAUD ? &a->counts.frauds : &a->counts.notes) += 1;
    a->finding(a->user, &f);
}

static int check_disk(struct audit *a, struct err *reterr)
{
    int r = site_read(a->o->data_dir, a->o->footage, &a->site, reterr);
    if (r >= 0)
        r = listed_read(a->o->data_dir, &a->listed, reterr);
    if (r < 0)
        return r;
    a->counts.recordings = a->site.recordings_n;
    a->counts.share_files = a->site.shares_n;
    a->counts.listed = a->listed.recordings_n;
    audit_check_listed(a);
    audit_check_recordings(a);
    audit_check_shares(a);
    return audit_check_register(a, reterr);
}

int audit_run(const struct audit_options *o,
              void (*finding)(void *user, const struct audit_finding *f), void *user,
              struct audit_counts *ret, struct err *reterr)
{
    struct audit *a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->o = o;
    a->finding = finding;
    a->user = user;
    int r = audit_check_log(a, reterr);
    if (r >= 0) {
        a->counts.entries = a->facts.entries;
        a->counts.manifests = a->facts.manifests_n;
        a->counts.cases = a->facts.cases_n;
        audit_check_entries(a);
        audit_check_cases(a);
    }
    if (r >= 0 && o->data_dir)
        r = check_disk(a, reterr);
    *ret = a->counts;
    facts_release(&a->facts);
    site_release(&a->site);
    listed_release(&a->listed);
    free(a);
    return r;
}
