/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_LEAVES_H
#define RECORDER_LEAVES_H
/*
 * What the recorder tells the public log. Facts become entries in the index's outbox: that the node
 * started, what it promises, who its custodians are, what was recorded and erased in an hour, holds that
 * ended, a promise that is not kept, masking that fails. A thread of its own writes them and hands the
 * outbox to the logger, in order, as long as there is one; recording never waits for either.
 */
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "seal/seal.h"
#include "store/store.h"

struct leaves_config {
    const char *data_dir; /* borrowed, as all that follows */
    const struct config *config;
    const struct seal_policy *policy;
    const char *version;
    const struct clock *clock;
    struct store *store; /* what is promised and kept; NULL in tests: no shortfalls */
};

struct leaves;
int leaves_start(const struct leaves_config *cfg, struct leaves **ret, struct err *reterr);
/* Ends the thread, after a last round. What others note afterwards is not told. NULL is fine. */
void leaves_stop(struct leaves *l);
/* When nobody can note anything any more. NULL is fine. */
void leaves_free(struct leaves *l);

/* The store deletes before its time. Any thread; told at most once an hour. */
void leaves_note_shortfall(struct leaves *l);
/* Masking of @camera (NULL: of all) stopped or came back. Any thread; E_FULL. */
int leaves_note_masking(struct leaves *l, const char *camera, bool works);

/* One round of the thread: for tests. Returns how many entries the logger took. */
int64_t leaves_round(struct leaves *l, struct err *reterr);
#endif
