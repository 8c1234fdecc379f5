/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bench/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 32768

static void become(const char *const argv[], int cpu, const char *log, int out)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu >= 0) {
        CPU_SET((size_t)cpu, &set);
        sched_setaffinity(0, sizeof(set), &set);
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0)
        dup2(fd, STDERR_FILENO);
    dup2(out >= 0 ? out : fd, STDOUT_FILENO);
    char *const *args; /* execvp() promises not to write, its type says otherwise */
    memcpy(&args, &argv, sizeof(args));
    execvp(args[0], args);
    _exit(127);
}

pid_t bench_spawn(const char *const argv[], int cpu, const char *log, int *ret_stdout)
{
    int p[2] = {-1, -1};
    if (ret_stdout && pipe2(p, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        become(argv, cpu, log, p[1]);
    int code = pid < 0 ? -errno : 0;
    if (ret_stdout)
        close(p[1]);
    if (code == 0 && ret_stdout)
        *ret_stdout = p[0];
    else if (ret_stdout)
        close(p[0]);
    return code < 0 ? code : pid;
}

struct process {
    pid_t pid, parent;
    long threads;
    double cpu;
};

/* proc(5): fields of /proc/PID/stat behind the name, which may hold spaces and parentheses. */
static bool read_process(pid_t pid, struct process *ret)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = 0;
    const char *after = strrchr(text, ')');
    int parent;
    unsigned long user, sys;
    long threads;
    if (!after ||
        sscanf(after + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld",
               &parent, &user, &sys, &threads) != 4)
        return false;
    *ret =
        (struct process){pid, parent, threads, (double)(user + sys) / (double)sysconf(_SC_CLK_TCK)};
    return true;
}

static int64_t read_pss(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    FILE *f = fopen(path, "r");
    long kib = 0;
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "Pss: %ld kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return (int64_t)kib * 1024;
}

static int read_all(struct process *all, int cap)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    int n = 0;
    while (d && n < cap && (e = readdir(d))) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        n += pid > 0 && read_process(pid, &all[n]);
    }
    if (d)
        closedir(d);
    return n;
}

static bool below(const struct process *all, int n, pid_t pid, pid_t root)
{
    for (int depth = 0; depth < 16 && pid > 1; depth++) {
        if (pid == root)
            return true;
        pid_t parent = 0;
        for (int i = 0; i < n && !parent; i++)
            if (all[i].pid == pid)
                parent = all[i].parent;
        pid = parent;
    }
    return false;
}

static void measure(pid_t root, struct bench_usage *ret, bool memory)
{
    *ret = (struct bench_usage){0};
    struct process *all = malloc(PROCESSES_MAX * sizeof(*all));
    int n = all ? read_all(all, PROCESSES_MAX) : 0;
    for (int i = 0; i < n; i++) {
        if (!below(all, n, all[i].pid, root))
            continue;
        ret->cpu_seconds += all[i].cpu;
        ret->threads += (int)all[i].threads;
        ret->processes++;
        if (memory)
            ret->pss_bytes += read_pss(all[i].pid);
    }
    free(all);
}

void bench_measure(pid_t pid, struct bench_usage *ret)
{
    measure(pid, ret, true);
}

double bench_cpu_seconds(pid_t pid)
{
    struct bench_usage u;
    measure(pid, &u, false);
    return u.cpu_seconds;
}

int bench_stop(pid_t pid, int signal, int seconds)
{
    if (pid <= 0)
        return -1;
    kill(pid, signal);
    int status = -1;
    for (int i = 0; i < seconds * 20; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        nanosleep(&(struct timespec){0, 50 * 1000 * 1000}, NULL);
    }
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}
