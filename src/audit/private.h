/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef AUDIT_PRIVATE_H
#define AUDIT_PRIVATE_H
/* One audit at work. Each file of checks has one function that is called by audit_run(), in this order. */
#include "audit/audit.h"
#include "audit/facts.h"
#include "audit/listed.h"
#include "audit/site.h"

/* What is younger may not be listed or destroyed yet: an hour, the list's own hour, and a late start. */
#define AUDIT_GRACE_US (3 * INT64_C(3600) * 1000000)

struct audit {
    const struct audit_options *o;
    struct facts facts;
    struct site site;
    struct listed listed;
    struct tlog_checkpoint head;
    void (*finding)(void *user, const struct audit_finding *f);
    void *user;
    struct audit_counts counts;
};

void audit_say(struct audit *a, enum audit_weight weight, const char *code, const char *where,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Errors end the audit; findings do not. */
int audit_check_log(struct audit *a,
                    struct err *reterr);      /* check_log.c: signed, whole, not rolled back */
void audit_check_entries(struct audit *a);    /* check_log.c: what entries say together */
void audit_check_cases(struct audit *a);      /* check_cases.c */
void audit_check_recordings(struct audit *a); /* check_recordings.c */
void audit_check_listed(struct audit *a);     /* check_recordings.c */
void audit_check_shares(struct audit *a);     /* check_shares.c */
int audit_check_register(struct audit *a, struct err *reterr); /* check_register.c */
#endif
