/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H
/* What `lethe serve` and the roles that it starts share. */
#include <limits.h>

#include "base/config.h"
#include "cli/command.h"
#include "serve/sandbox.h"

/* --config, else DATA/lethe.yaml where there is one. @ret_path: which one was read, "" for none. */
int serve_load_config(const struct cli_args *a, const char *data, struct config *ret,
                      char ret_path[PATH_MAX], struct err *reterr);

/* Numbers that `serve` passes to its children; a missing one is @fallback. */
int serve_number(const struct cli_args *a, const char *name, long fallback, long *ret);
/* The way from a fresh process to one that may do its role's work only. */
int serve_enter_role(enum sandbox_role role, long parent, const char *data, const char *also_read,
                     struct err *reterr);
/* Address to listen on: --listen, else the settings', whose loopback address means both families. */
const char *serve_listen(const struct cli_args *a, const struct config *c, char buf[80]);

#define OPTION_DATA                                                                                \
    {                                                                                              \
        .name = "data", .value = "DIR", .help = "data directory"                                   \
    }
#define OPTION_CONFIG                                                                              \
    {                                                                                              \
        .name = "config", .value = "FILE",                                                         \
        .help = "settings (default: DATA/lethe.yaml where there is one)"                           \
    }
#define OPTION_PARENT                                                                              \
    {                                                                                              \
        .name = "parent", .value = "PID", .help = "end when this process is not the parent"        \
    }
#define OPTION_HEARTBEAT                                                                           \
    {                                                                                              \
        .name = "heartbeat-fd", .value = "N", .help = "descriptor for one byte a second"           \
    }
#endif
