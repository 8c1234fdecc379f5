/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "serve/sandbox.h"

#include <errno.h>
#include <sys/prctl.h>

/* The leak checker of a sanitiser build attaches to its own process, which needs a dumpable one. */
#if defined(__SANITIZE_ADDRESS__)
#define DUMPABLE 1
#else
#define DUMPABLE 0
#endif

int sandbox_enter(enum sandbox_role role, const char *data_dir, const char *also_read,
                  struct sandbox_report *ret, struct err *reterr)
{
    ret->files = privileges_limits();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, DUMPABLE, 0, 0, 0) < 0)
        return err_set(reterr, -errno, "cannot give up privileges: %s", err_text(-errno));
    int r = sandbox_landlock(role, data_dir, also_read, &ret->landlock_abi, reterr);
    if (r >= 0)
        r = privileges_capabilities(reterr);
    if (r >= 0)
        r = sandbox_seccomp(role, reterr);
    return r;
}
