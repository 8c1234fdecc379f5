/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H
/*
 * Holds a site, or a copy of its disk, against its public log: nothing is recorded that is not listed, nothing that is
 * listed is missing without a reason, nothing older than promised can be opened, nothing was opened without an order.
 * Reads only. Blocking, thread-bound.
 */
#include "tlog/policy.h"
#include "tlog/reader.h"

struct audit_options {
    const char
        *data_dir; /* the node's directory or a copy of it; NULL: only its log is looked at */
    struct tlog_files log;            /* the log's files */
    const struct tlog_policy *policy; /* whose signatures count, and the quorum */
    const void *since;                /* a checkpoint kept from before; NULL: none */
    size_t since_len;
    int64_t now_us; /* when the copy was taken */
    bool footage; /* also read every recording and hold its fragments against its list of hashes */
};

enum audit_weight {
    AUDIT_FRAUD, /* a promise is broken */
    AUDIT_NOTE   /* something to know that breaks none */
};

struct audit_finding {
    enum audit_weight weight;
    const char *code;  /* "recording-missing", …: docs/guide/auditor.md lists them */
    const char *where; /* camera, file or entry */
    const char *text;  /* one sentence */
};

/* What was looked at. */
struct audit_counts {
    uint64_t entries, manifests, listed, recordings, share_files, cases, frauds, notes;
};

/*
 * @finding is told each finding, in the order of the checks.
 * Returns 0 when all could be looked at, whatever was found.
 * Errors: the log cannot be read or is not signed by the keys (then nothing else was looked at); errno values, -ENOMEM.
 */
int audit_run(const struct audit_options *o,
              void (*finding)(void *user, const struct audit_finding *f), void *user,
              struct audit_counts *ret, struct err *reterr);
#endif
