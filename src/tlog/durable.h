/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_DURABLE_H
#define TLOG_DURABLE_H
/* Whole files that are on the disk when a function says so. Blocking. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define DURABLE_DIRS 32

/* Files written and not yet reachable for certain: their directories still have to be synced. */
struct durable {
    bool sync; /* false: nothing is synced, for tests and measurements */
    char *dirs[DURABLE_DIRS];
    size_t dirs_n;
};

/*
 * Temporary file beside it, sync, rename. The directory is made where it is missing, and remembered for
 * durable_flush(). On failure the old file is there, or the new one; never a part.
 */
int durable_write(struct durable *d, const char *path, const void *data, size_t len, mode_t mode,
                  struct err *reterr);
/* Sync the directories. The memory is released, whatever comes of it. */
int durable_flush(struct durable *d, struct err *reterr);
/* Forget the directories. */
void durable_release(struct durable *d);
/* durable_write() and durable_flush(). */
int durable_replace(const char *path, const void *data, size_t len, mode_t mode, bool sync,
                    struct err *reterr);
/* The whole file; @ret has the ceiling. E_NOTFOUND, E_LIMIT. */
int durable_read(const char *path, struct buf *ret, struct err *reterr);
/* Remove the files of a directory that has no directories in it, and the directory. A missing one is fine. */
int durable_remove_dir(const char *path);
#endif
