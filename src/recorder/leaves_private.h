/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_LEAVES_PRIVATE_H
#define RECORDER_LEAVES_PRIVATE_H
/* What the files of leaves share. */
#include <pthread.h>

#include "recorder/leaves.h"
#include "tlog/client.h"
#include "tlog/entry.h"

#define LEAVES_MASKING 256 /* changes that wait to be written */

struct leaves {
    struct leaves_config cfg;
    pthread_t thread;
    bool running;
    struct index *index;
    struct tlog_client *client;
    int64_t client_retry_us; /* monotonic */
    bool started;            /* the entries of the start are written */
    bool told_away;          /* that there is no logger was said */
    int64_t manifests_tidied_us;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool stop, shortfall;
    int64_t shortfall_told_us;
    struct {
        char camera[INDEX_ID];
        bool works;
        int64_t at_us;
    } masking[LEAVES_MASKING];
    int masking_count;
};

/* An entry in the making, with further changes of its transaction. */
struct leaf {
    struct tlog_entry_writer w;
    struct buf text;
    const char *kind;
    int64_t at_us;
};
void leaf_begin(struct leaf *f, const char *kind, const char *id, int64_t at_us);
/* Put it into the outbox together with @more; frees it. */
int leaf_post(struct leaves *l, struct leaf *f, const struct index_change *more, size_t n,
              struct err *reterr);

/* leaves_node.c: start, policy, custodians. */
int leaves_tell_start(struct leaves *l, struct err *reterr);
/* leaves_hourly.c: manifest and erasures of hours that are over, holds that ended. */
int leaves_tell_hours(struct leaves *l, struct err *reterr);
#endif
