/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SERVE_DATADIR_H
#define SERVE_DATADIR_H
/* The data directory as a whole: made on the first run, held by one instance at a time. Blocking. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Make @data (0700) and @data/run (0700) where they are missing, parents included. Refuses a directory that others
 * may write to or that belongs to somebody else (E_DENIED).
 * @uid, @gid      who will own what is made here, and on the first run the whole of @data; (uid_t)-1: leave it
 * @ret_first_run  true when @data holds no recordings database yet; may be NULL
 */
int datadir_prepare(const char *data, uid_t uid, gid_t gid, bool *ret_first_run,
                    struct err *reterr);

/*
 * Take the lock of @data (flock on run/lock) and write our process id into it. The lock lasts as long as any process
 * holds the descriptor, so a recorder that inherited it keeps the next instance out until its files are closed.
 * @wait_us  how long to wait when the holder's own process is gone and only a child of it still closes files
 * Errors:   E_BUSY with the holder's process id in the sentence.
 */
int datadir_lock(const char *data, long long wait_us, int *ret_fd, struct err *reterr);

/* Write @len bytes to @data/run/@name: temporary file, then rename, so that a reader sees all or nothing. */
int datadir_write_run(const char *data, const char *name, const char *text, size_t len,
                      struct err *reterr);
#endif
