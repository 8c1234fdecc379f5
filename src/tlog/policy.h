/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_POLICY_H
#define TLOG_POLICY_H
/*
 * Whom to believe: which logs, which witnesses, and how many of them must have seen a checkpoint. One text file:
 *
 *   log VKEY [URL]
 *   witness NAME VKEY [URL]
 *   group NAME all|any|K MEMBER…
 *   quorum NAME|none
 *
 * Fields are separated by spaces and tabs; lines that begin with # are comments; names are defined before they are used.
 *
 * Source: C2SP tlog-policy. Reentrant.
 */
#include "tlog/checkpoint.h"

#define TLOG_POLICY_LOGS 64
#define TLOG_POLICY_WITNESSES 64
#define TLOG_POLICY_GROUPS 64
#define TLOG_POLICY_NAME 128
#define TLOG_POLICY_URL 512
#define TLOG_POLICY_BYTES ((size_t)256 * 1024)

struct tlog_policy {
    struct tlog_vkey logs[TLOG_POLICY_LOGS], witnesses[TLOG_POLICY_WITNESSES];
    char log_urls[TLOG_POLICY_LOGS][TLOG_POLICY_URL];
    char witness_urls[TLOG_POLICY_WITNESSES][TLOG_POLICY_URL]; /* "" : none */
    char names[TLOG_POLICY_WITNESSES + TLOG_POLICY_GROUPS]
              [TLOG_POLICY_NAME]; /* witnesses, then groups */
    struct {
        uint64_t witnesses, groups; /* members, by number */
        unsigned threshold;
    } groups[TLOG_POLICY_GROUPS];
    size_t logs_n, witnesses_n, groups_n;
    int quorum; /* index in names; -1: none needed */
};

/* Errors: E_SYNTAX, E_LIMIT with the line in the sentence. @ret is big (250 KB): not on the stack of a thread. */
int tlog_policy_parse(const void *data, size_t len, struct tlog_policy *ret, struct err *reterr);
/* One log, no witnesses. */
void tlog_policy_of_log(const struct tlog_vkey *log, struct tlog_policy *ret);

/* Is the quorum reached by these witnesses (bit i: witnesses[i])? */
bool tlog_policy_quorum(const struct tlog_policy *p, uint64_t witnesses);

/* What a checkpoint has to show for itself. */
struct tlog_policy_report {
    uint64_t logs;                        /* bit i: signed by logs[i] */
    uint64_t witnesses;                   /* bit i: cosigned by witnesses[i] */
    int64_t times[TLOG_POLICY_WITNESSES]; /* seconds; newest cosignature of each */
    bool quorum;
};

/*
 * A checkpoint that one of the logs signed, and what witnesses say of it. The quorum is only reported.
 * Errors: those of tlog_checkpoint_open(); E_CRYPTO also for a wrong cosignature by a known witness.
 */
int tlog_policy_examine(const struct tlog_policy *p, const void *data, size_t len,
                        struct tlog_checkpoint *ret, struct tlog_policy_report *ret_report,
                        struct err *reterr);
/* The same, and E_THRESHOLD when the quorum is not reached. @ret_report may be NULL. */
int tlog_policy_open(const struct tlog_policy *p, const void *data, size_t len,
                     struct tlog_checkpoint *ret, struct tlog_policy_report *ret_report,
                     struct err *reterr);
#endif
