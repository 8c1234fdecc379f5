/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H
/* Child processes of a benchmark, pinned to one processor, and what they cost. Linux: proc(5). */
#include <stdint.h>
#include <sys/types.h>

struct bench_usage {
    double cpu_seconds; /* user + system of the process and all its descendants */
    int64_t pss_bytes;  /* proportional set size of the same */
    int processes, threads;
};

/*
 * Start @argv with standard output and error in @log (appended), pinned to processor @cpu (-1: free).
 * @ret_stdout: if not NULL, standard output is a pipe whose end to read is put there.
 * Returns the process id, in a process group of its own, or a negated errno.
 */
pid_t bench_spawn(const char *const argv[], int cpu, const char *log, int *ret_stdout);
/* Sum over the tree below and with @pid. A process that is gone counts nothing. */
void bench_measure(pid_t pid, struct bench_usage *ret);
/* CPU seconds only: cheap enough for the edges of a measured window. */
double bench_cpu_seconds(pid_t pid);
/* Send @signal to the process and wait up to @seconds, then SIGKILL to the group. Returns the exit status or -1. */
int bench_stop(pid_t pid, int signal, int seconds);
#endif
