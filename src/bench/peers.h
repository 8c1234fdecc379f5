/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H
/* Pieces that Lethe's own measurement and the peers' share. */
#include "bench/ingest.h"
#include <stdio.h>
#include <sys/types.h>

struct ingest_sim {
    pid_t pid;
    int port, out;
    FILE *lines; /* what it says: "ready", and at the end how much it sent */
};
int ingest_sim_start(struct ingest_sim *s, const struct ingest_config *c, int cameras,
                     struct err *reterr);
void ingest_sim_stop(struct ingest_sim *s, struct ingest_result *r);
/* Remove @folder with all that is in it and make it anew. */
void ingest_empty(const char *folder);
/* CPU and memory of the recorder @pid over c->seconds, and the CPU of the simulator, into @r. Blocks for that long. */
void ingest_measure(const struct ingest_config *c, pid_t pid, pid_t sim, struct ingest_result *r);
void ingest_say(void (*progress)(const char *), const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#endif
