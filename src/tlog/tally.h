/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_TALLY_H
#define TLOG_TALLY_H
/*
 * What the entries of a log add up to: a pure function of their texts, so that anybody who has the log comes to the same
 * numbers. Entries are added in the order of the log. Thread-bound.
 */
#include "tlog/entry.h"

#define TLOG_TALLY_CODES                                                                           \
    256 /* most different codes of one kind; what is beyond is counted as "other" */
#define TLOG_TALLY_CODE 49

/* How often each code was named, in the order of first mention. */
struct tlog_codes {
    size_t count;
    struct tlog_code_count {
        char code[TLOG_TALLY_CODE];
        uint64_t n;
        int64_t camera_us; /* camera time of the orders that named it */
    } code[TLOG_TALLY_CODES];
};

/* One case, as far as the log tells. Times are 0 for what has not happened. */
struct tlog_case {
    char id[17];
    char purpose[TLOG_TALLY_CODE], basis[TLOG_TALLY_CODE];
    int64_t ordered_us, opened_us, ended_us;
    int64_t camera_us; /* cameras times span */
    unsigned approvals, refusals;
    bool urgent;
};

struct tlog_tally {
    int64_t from_us, to_us;       /* entries of this time only; 0, 0: all */
    uint64_t entries, unreadable; /* unreadable: of kinds that this program does not know */
    uint64_t kinds[32];           /* by position in tlog_kinds[] */
    struct tlog_codes purposes, bases, refusals, holds;
    struct tlog_case *cases; /* sorted by id */
    size_t case_count, case_cap;
    uint64_t recordings_listed, recordings_erased, share_files_erased;
    int64_t first_us, last_us; /* times of the first and the last entry that has one */
};

/* Count entries whose time lies in @from_us..@to_us (not included); 0, 0 counts all. */
void tlog_tally_init(struct tlog_tally *t, int64_t from_us, int64_t to_us);
void tlog_tally_release(struct tlog_tally *t);
/* Add one entry. One that cannot be read is counted as such. -ENOMEM. */
int tlog_tally_add(struct tlog_tally *t, const char *text, size_t len);
/* How many entries of a kind. */
uint64_t tlog_tally_kind(const struct tlog_tally *t, const char *kind);
/* How many cases were opened, and the camera time of those. */
size_t tlog_tally_opened(const struct tlog_tally *t, int64_t *ret_camera_us);
/* Median time from order to opening of the cases that were opened; 0: none was. -ENOMEM. */
int tlog_tally_median_us(const struct tlog_tally *t, int64_t *ret_us);
#endif
