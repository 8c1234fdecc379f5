/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SERVE_CHILD_H
#define SERVE_CHILD_H
/* One child of the supervisor: its process, its heartbeat pipe, its clock. Bound to the loop's thread. */
#include <uv.h>

#include "serve/supervisor.h"

struct child_run;

struct child {
    uv_loop_t *loop;
    const char *program;
    const struct supervisor_role *role;
    const struct supervisor_times *times;
    struct supervisor_state state;
    struct child_run *run; /* NULL while no process is there */
    uv_timer_t timer;      /* pause, heartbeat check, or patience before SIGKILL, by phase */
    uint64_t started_ms, beat_ms;
    bool aborted, killed, failed; /* failed: SIGKILL was needed while stopping */
    bool ending;                  /* the node stops: a death is an end, whoever's turn it is */
    int pause_ms;
    void (*changed)(struct child *c); /* after every change of phase */
    void *user;
};

int child_init(struct child *c, uv_loop_t *loop, const char *program,
               const struct supervisor_role *role, const struct supervisor_times *times);
/* Start it; a failure is treated like a death and tried again. */
void child_start(struct child *c);
/* SIGTERM, and SIGKILL after role->stop_ms. Phase DONE follows. */
void child_stop(struct child *c);
/* SIGKILL at once; no restart. */
void child_kill(struct child *c);
/* Phase must be DONE. Run the loop once more afterwards. */
void child_release(struct child *c);
#endif
