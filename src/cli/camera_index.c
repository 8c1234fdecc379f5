/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The index, beside a recorder that may be writing at this moment. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/camera.h"

enum { TRIES = 50, PAUSE_US = 100000 };

int camera_index_open(const struct cli_args *a, bool read_only, struct index **ret,
                      struct err *reterr)
{
    const char *dir = cli_data_dir(a);
    if (!read_only && mkdir(dir, 0700) && errno != EEXIST)
        return err_set(reterr, -errno, "%s: %s", dir, err_text(-errno));
    int r = E_BUSY;
    for (int i = 0; i < TRIES && r == E_BUSY; i++) {
        if (i)
            usleep(PAUSE_US);
        r = index_sqlite.open(dir, read_only, ret, reterr);
    }
    return r;
}
