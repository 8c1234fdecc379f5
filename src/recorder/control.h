/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_CONTROL_H
#define RECORDER_CONTROL_H
/*
 * DATA/run/control.sock: what others of the same user ask the recorder to do. One JSON object a
 * line, one answer a line (docs/api/control.md). A thread accepts, each connection has a thread of
 * its own, so that a camera that is slow to answer a probe keeps nobody waiting. The recorder's
 * loops are not involved: changes go into the camera table, which the fleet follows.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

#define CONTROL_CONNECTIONS 16
#define CONTROL_LINE_BYTES ((size_t)8 << 20) /* longest request */

struct control_config {
    const char *data_dir; /* borrowed */
    int transport;        /* of cameras that do not say, enum rtsp_transport */
    bool audio;
    const struct clock *clock; /* borrowed; must be thread-safe */
};

struct control;
/* Errors: E_LIMIT (path too long for a socket), errno values. */
int control_open(const struct control_config *cfg, struct control **ret, struct err *reterr);
/* Refuse new requests, end the connections, wait for them (a probe gives up at once). NULL is fine. */
void control_close(struct control *c);

/*
 * Answer one request without a socket: for the connection threads, and for tests. @ret_answer is one
 * line with its newline, freed by the caller; NULL only when out of memory. Thread-safe.
 */
char *control_answer(struct control *c, const char *line, size_t len);
#endif
