/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_VERIFY_H
#define TLOG_VERIFY_H
/* Read all of a log and recompute it. Thread-bound. Blocking. */
#include "tlog/checkpoint.h"
#include "tlog/reader.h"

struct tlog_verify {
    /* Each entry in order; may be NULL. Below 0 ends the reading and is returned. */
    int (*entry)(void *user, uint64_t index, const char *text, size_t len, struct err *reterr);
    /* What is wrong, in one sentence. */
    void (*problem)(void *user, const char *sentence);
    void *user;
};

/*
 * Recompute every tile and the root from the entries, and hold them against the files and @c, which is verified already.
 * Returns how many problems were found, each told to @v->problem; reading ends where entries cannot be read.
 * Errors: those of @v->entry, -ENOMEM.
 */
int tlog_verify(struct tlog_files files, const struct tlog_checkpoint *c,
                const struct tlog_verify *v, struct err *reterr);
#endif
