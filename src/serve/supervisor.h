/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SERVE_SUPERVISOR_H
#define SERVE_SUPERVISOR_H
/*
 * Keeps child processes of this program alive: starts them, restarts them with backoff when they die, aborts one whose
 * heartbeat stops, and ends them in order. Knows nothing of what they do. docs/design/processes.md draws the states.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define SUPERVISOR_HEARTBEAT_FD 3 /* in every child: write end of its heartbeat pipe */
#define SUPERVISOR_FIRST_FD 4     /* in every child: the first of supervisor_role.fds */
#define SUPERVISOR_ROLES 72       /* 64 maskers, recorder, web, and some more */
#define SUPERVISOR_FDS 4

/* One kind of child. Borrowed for the run. */
struct supervisor_role {
    const char *name;        /* argv[1] */
    const char *label;       /* the name in logs and reports; NULL: name */
    const char *const *args; /* argv[2…], ends with NULL */
    int fds[SUPERVISOR_FDS]; /* given to the child as 4, 5, … */
    int fd_count;
    bool essential; /* ready only when this one beats; a lost heartbeat is an alarm */
    int stop_ms;    /* time between SIGTERM and SIGKILL */
};

/* Times in milliseconds; 0 takes the value in brackets. */
struct supervisor_times {
    int backoff_min, backoff_max; /* pause before a restart, doubling [200, 10 000] */
    int backoff_reset; /* alive that long: the next pause is the shortest again [60 000] */
    int start;         /* from start to the first heartbeat byte [120 000] */
    int heartbeat;     /* between two heartbeat bytes [15 000] */
    int abort;         /* between SIGABRT and SIGKILL [5 000] */
};

enum supervisor_phase {
    SUPERVISOR_STARTING,
    SUPERVISOR_UP,
    SUPERVISOR_PAUSING,
    SUPERVISOR_STOPPING,
    SUPERVISOR_DONE
};
const char *supervisor_phase_name(enum supervisor_phase p);

/* What there is to know about one child now. */
struct supervisor_state {
    const char *name;
    enum supervisor_phase phase;
    pid_t pid;         /* 0 while there is none */
    unsigned restarts; /* since the supervisor began */
    int64_t since_us;  /* wall clock of the last change of phase */
    int64_t death_us;  /* of the last death; 0: none */
    char death[200];   /* "was killed by SIGSEGV"; "" if none */
    int pause_ms;      /* PAUSING: length of the pause */
};

struct supervisor_options {
    const char *program;                 /* what is executed; NULL: /proc/self/exe */
    const struct supervisor_role *roles; /* in order of start; they stop in the opposite order */
    int role_count;
    struct supervisor_times times;
    /* After every change. @ready turns true once, when all essential roles beat. May be NULL. */
    void (*changed)(void *user, const struct supervisor_state *states, int count, bool ready,
                    bool stopping);
    void *user;
};

/*
 * Run until SIGTERM, SIGINT or SIGHUP (unless that was ignored at entry). A second signal kills what still runs.
 * Sends WATCHDOG=1 to the service manager for as long as its loop turns.
 *
 * Returns 0 when every child ended by itself, E_TIMEOUT when one had to be killed.
 * Errors: libuv's, before any child was started.
 * Thread: main thread; takes over the signals above and SIGCHLD.
 */
int supervisor_run(const struct supervisor_options *o, struct err *reterr);
#endif
