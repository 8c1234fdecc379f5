/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_WORKER_H
#define MASK_WORKER_H
/*
 * The masker process: many cameras, one thread, one socket to the recorder. docs/design/masking.md says what it may
 * do; it enters its sandbox between mask_worker_connect() and mask_worker_run().
 */
#include <stdbool.h>

#include "base/clock.h"
#include "mask/detect.h"

#define MASK_WORKER_CAMERAS 4096 /* more are answered with E_FULL */

struct mask_worker_options {
    int fd;                          /* connected to the recorder, borrowed */
    int number;                      /* which masker of the node this is, from 0 */
    int heartbeat_fd;                /* one byte a second is written here; -1: none */
    struct detector_pool *detectors; /* borrowed; NULL: none */
    bool person, face, vehicle;      /* what they can tell; the recorder shows it */
    const struct clock *clock;
};

/*
 * Connect to @data_dir/run/masker.sock, waiting up to @wait_us for a recorder that is not there yet; a byte goes to
 * @heartbeat_fd (-1: none) every second meanwhile.
 * Errors: E_TIMEOUT, E_LIMIT (path too long), errno of connect.
 */
int mask_worker_connect(const char *data_dir, int64_t wait_us, int heartbeat_fd, int *ret_fd,
                        struct err *reterr);
/*
 * Mask until the recorder hangs up or SIGTERM comes (0), or until the recorder breaks the protocol (E_PROTOCOL) or
 * memory is out (-ENOMEM). Main thread; sets the handler of SIGTERM and SIGINT.
 */
int mask_worker_run(const struct mask_worker_options *o, struct err *reterr);
#endif
