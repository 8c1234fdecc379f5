/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_CONTROL_REQUEST_H
#define RECORDER_CONTROL_REQUEST_H
/* A line of control.sock taken apart. Strict: every op has its keys, each of one type. Reentrant. */
#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "index/index.h"

/* op, name, whether it changes something */
#define CONTROL_OPS(X)                                                                             \
    X(CAMERA_LIST, "camera.list", false)                                                           \
    X(CAMERA_GET, "camera.get", false)                                                             \
    X(CAMERA_PUT, "camera.put", true)                                                              \
    X(CAMERA_REMOVE, "camera.remove", true)                                                        \
    X(CAMERA_IMPORT, "camera.import", true)                                                        \
    X(PROBE, "probe", false)                                                                       \
    X(MASK_SET, "mask.set", true)                                                                  \
    X(MASK_DECLARE_EMPTY, "mask.declare_empty", true)                                              \
    X(HOLD_LIST, "hold.list", false)                                                               \
    X(HOLD_ADD, "hold.add", true)                                                                  \
    X(HOLD_REMOVE, "hold.remove", true)

enum control_op {
#define X(op, name, changes) CONTROL_##op,
    CONTROL_OPS(X)
#undef X
        CONTROL_OP_COUNT
};

struct control_request {
    enum control_op op;
    bool changes;
    json_t *root; /* owned; everything below belongs to it */
    json_t *camera, *cameras, *zones;
    const char *id, *url, *user, *password, *transport, *pin; /* NULL: not given */
    const char *hold_camera, *from, *to, *until, *reason;
    bool replace, dry_run, empty, tls_insecure;
    int64_t seconds; /* 0: not given */
};

/* Errors: E_SYNTAX, E_RANGE with one sentence. @ret needs control_request_release() after success only. */
int control_parse(const char *line, size_t len, struct control_request *ret, struct err *reterr);
void control_request_release(struct control_request *r);
const char *control_op_name(enum control_op op);
#endif
