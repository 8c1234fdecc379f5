/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_EVIDENCE_SOURCES_H
#define CASE_EVIDENCE_SOURCES_H
#include "case/evidence_private.h"

/* A check under way. */
struct evidence_check {
    int fd;
    uint64_t at, end; /* next fragment; where the fragments end */
    struct evidence_report *report;
    struct signing *signing; /* NULL: not for this codec */
};
/* One entry of the index's `sources`. Problems go into the report; errno values and -ENOMEM are returned. */
int evidence_check_source(struct evidence_check *k, const json_t *json);
#endif
