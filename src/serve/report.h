/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SERVE_REPORT_H
#define SERVE_REPORT_H
/*
 * What the supervisor tells: the service manager (READY=1, STATUS=) and, in DATA/run/serve.json, whoever wants to know
 * why a process is not there. The file is one JSON object:
 *   pid, started, children[].{name, phase, pid, restarts, since, death, death_at, pause_ms}     times RFC 3339 or null
 */
#include "serve/supervisor.h"

struct report {
    const char *data_dir;
    const char *address; /* of the status page, for people */
    int64_t started_us;
    bool told_ready;
};

/* For supervisor_options.changed with a struct report as user. */
void report_changed(void *report, const struct supervisor_state *states, int count, bool ready,
                    bool stopping);
#endif
