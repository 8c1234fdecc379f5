/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SERVE_SANDBOX_H
#define SERVE_SANDBOX_H
/*
 * What a process may still do once it has been set up. Each layer stands alone, so that a kernel without one of them
 * still has the others: no new privileges, no capabilities, no core dumps, no reading by other processes of the same
 * user, files by Landlock, system calls by seccomp. docs/design/processes.md has the table.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

enum sandbox_role {
    SANDBOX_RECORDER,
    SANDBOX_WEB,
    SANDBOX_MASKER,
    SANDBOX_LOGGER,
    SANDBOX_COSIGNER,
    SANDBOX_CLERK
};

/* What is in force afterwards. */
struct sandbox_report {
    int landlock_abi; /* 0: this kernel has no Landlock, or it is switched off; files are then guarded by owner only */
    long files; /* open files allowed */
};

/*
 * Enter the sandbox of @role; there is no way back. Call before the first thread is started.
 * @data_dir   recorder: the only directory it may write to. web: of it, only DATA/run and the index without addresses may be read.
 *             masker: no file at all, only what is open already. logger: DATA/log, DATA/log-key and DATA/run only, no network.
 *             clerk: DATA/cases and DATA/run, reads DATA/keys (ciphertext) and DATA/log, no network.
 *             cosigner: reads DATA/log, writes nowhere, may open connections.
 * @also_read  one more file or directory to read, outside of @data_dir; NULL or "": none
 * Errors:    -ENOENT (no such directory), E_UNSUPPORTED (the kernel has no seccomp); the process must then end.
 * Thread:    main thread only.
 * Source:    seccomp(2), landlock(7), prctl(2).
 */
int sandbox_enter(enum sandbox_role role, const char *data_dir, const char *also_read,
                  struct sandbox_report *ret, struct err *reterr);

/* The layers, for tests and for sandbox_enter(). */
int sandbox_landlock(enum sandbox_role role, const char *data_dir, const char *also_read,
                     int *ret_abi, struct err *reterr);
int sandbox_seccomp(enum sandbox_role role, struct err *reterr);

/*
 * The user to run as when started as root: @wanted, or "lethe" where that user exists.
 * Returns 1 and the ids, 0 if there is nothing to do or nobody to become (not root, or no such user by default),
 * E_NOTFOUND when @wanted does not exist.
 */
int privileges_find(const char *wanted, uid_t *ret_uid, gid_t *ret_gid, struct err *reterr);
/* Become @uid for good, with its group only. */
int privileges_drop(uid_t uid, gid_t gid, struct err *reterr);
/* Soft limits of open files and locked memory up to the hard ones, core dumps off. Returns the limit of open files. */
long privileges_limits(void);
/*
 * Most memory that the process may map and files that it may have open, for good; locked memory none. A sanitiser build, which maps far more than it uses, keeps the memory unlimited.
 */
int privileges_confine(long long memory_bytes, int open_files, struct err *reterr);
/* Give up every capability but writing to files of other owners, which a root without the user "lethe" may need. */
int privileges_capabilities(struct err *reterr);
/*
 * Get @signal when the parent process dies. @parent: process id it must still have, 0 for any.
 * E_CLOSED when the parent is gone already. Call after privileges_drop(), which clears the setting (prctl(2)).
 */
int privileges_follow_parent(pid_t parent, int signal, struct err *reterr);
#endif
