/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef AUDIT_FACTS_H
#define AUDIT_FACTS_H
/* What the log says, entry by entry, as arrays in the order of the log. Times are UTC microseconds. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FACTS_NAME 64
#define FACTS_CAMERAS 64 /* most cameras of one order */
#define FACTS_ANSWERS 32

struct fact_policy {
    uint64_t index;
    int64_t at_us;
    int retention_days, epoch_minutes;
    char when_full[48];
};
struct fact_set {
    uint64_t index;
    int64_t at_us;
    uint8_t set[16];
    int threshold, of;
    bool practice;
};
struct fact_camera {
    uint64_t index;
    int64_t at_us;
    char camera[FACTS_NAME], change[48];
    int retention_days; /* 0: the node's */
    bool has_register;
    uint8_t reg[32], zones[32];
    bool enabled, audio;
};
struct fact_manifest {
    uint64_t index;
    int64_t at_us, hour_us;
    uint64_t recordings;
    uint8_t root[32];
};
struct fact_erasure {
    uint64_t index;
    int64_t at_us, hour_us, first_epoch_us, last_epoch_us;
    uint64_t recordings, share_files;
    bool disk_full; /* else at the end of retention */
};
struct fact_hold {
    uint64_t index;
    int64_t at_us, from_us, to_us, until_us;
    char hold[FACTS_NAME], change[16], camera[FACTS_NAME], reason[48];
};
struct fact_shortfall {
    uint64_t index;
    int64_t at_us, until_us;
    uint64_t promised_days, actual_hours;
};
struct fact_answer {
    uint64_t index;
    int64_t made_us;
    bool refusal;
    char reason[48]; /* of a refusal */
    int64_t custodian;
    uint8_t set[16], order[32], answer[32];
};
/* One case: everything that has its id. */
struct fact_case {
    char id[FACTS_NAME];
    bool ordered, opened, ended; /* ended: closed, withdrawn or expired */
    uint64_t order_index, opening_index, end_index;
    uint8_t order[32];
    char cameras[FACTS_CAMERAS][FACTS_NAME];
    size_t cameras_n;
    char purpose[48], basis[48], end[16];
    int64_t from_us, to_us, made_us, not_after_us, opened_us, end_us;
    struct fact_answer answers[FACTS_ANSWERS];
    size_t answers_n;
    uint8_t used[FACTS_ANSWERS][32]; /* approvals that the opening names */
    size_t used_n;
    uint64_t openings;
};

struct fact_masking {
    uint64_t index;
    int64_t at_us;
    char camera[FACTS_NAME], change[48]; /* camera "": all */
};

struct facts {
    struct fact_masking *masking;
    struct fact_policy *policies;
    struct fact_set *sets;
    struct fact_camera *cameras;
    struct fact_manifest *manifests;
    struct fact_erasure *erasures;
    struct fact_hold *holds;
    struct fact_shortfall *shortfalls;
    struct fact_case *cases;
    size_t policies_n, sets_n, cameras_n, manifests_n, erasures_n, holds_n, shortfalls_n, cases_n,
        masking_n;
    char node[FACTS_NAME]; /* of the first start; "" none */
    uint64_t entries, destroyed;
    int64_t *starts, *rejections; /* when */
    size_t starts_n, rejections_n;
    int64_t first_us, last_us; /* of the times in entries */
    /* Called with what is wrong with an entry itself. May be NULL. */
    void (*problem)(void *user, const char *code, uint64_t index, const char *text);
    void *user;
};

void facts_release(struct facts *f);
/* Take in entry @index. Entries come in order. Errors: -ENOMEM. */
int facts_take(struct facts *f, uint64_t index, const char *text, size_t len);

/* What held at a time: NULL when nothing was said by then. */
const struct fact_policy *facts_policy_at(const struct facts *f, int64_t at_us);
/* The last entry of a camera by @at_us; also one that says "removed". */
const struct fact_camera *facts_camera_at(const struct facts *f, const char *camera, int64_t at_us);
const struct fact_set *facts_set(const struct facts *f, const uint8_t set[16]);
/* Days promised for what was recorded at @at_us; -1: nothing was promised by then. */
int facts_retention_at(const struct facts *f, const char *camera, int64_t at_us);
/* Is a recording of that span held at @at_us? */
bool facts_held(const struct facts *f, const char *camera, int64_t from_us, int64_t to_us,
                int64_t at_us);
/* One more element in an array; NULL: no memory. */
void *facts_grow(void *array_pointer, size_t *n, size_t size);
#endif
