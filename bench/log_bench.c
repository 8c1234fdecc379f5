/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The public log at its size for years: opens, proves, appends.
 *
 *     log_bench [entries=10000000] [directory=/tmp]
 *
 * Makes a log of so many entries without syncing, then measures with syncing: opening it, proofs of entries all over it
 * and consistency from sizes all over it (each from a cold reader), and durable batches. About 65 bytes of disk an entry.
 */
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "args.h"
#include "tlog/log.h"

#define BATCH 65536u
#define PROOFS 2000u

static double now_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct tlog_entry entries[BATCH];
static char texts[BATCH][48];

static int append(struct tlog_log *l, size_t n, struct err *e)
{
    uint64_t size = tlog_log_head(l)->size;
    for (size_t i = 0; i < n; i++) {
        int len = snprintf(texts[i], sizeof(texts[i]), "lethe-log/v1 bench\nid b%llu\n",
                           (unsigned long long)(size + i));
        entries[i] = (struct tlog_entry){texts[i], (size_t)len};
    }
    return tlog_log_append(l, entries, n, NULL, e);
}

static int grow(const struct tlog_log_options *o, uint64_t size, struct err *e)
{
    struct tlog_log *l;
    int r = tlog_log_open(o, &l, e);
    if (r < 0)
        return r;
    for (uint64_t have; r >= 0 && (have = tlog_log_head(l)->size) < size;)
        r = append(l, size - have < BATCH ? (size_t)(size - have) : BATCH, e);
    tlog_log_close(l);
    return r;
}

static uint64_t random_below(uint64_t n)
{
    uint64_t r;
    randombytes_buf(&r, sizeof(r));
    return r % n;
}

static int prove(const char *dir, uint64_t size, double *ret_worst, double *ret_mean)
{
    double worst = 0, total = 0;
    for (unsigned i = 0; i < PROOFS; i++) {
        struct tlog_reader *reader;
        struct tlog_path p;
        double began = now_s(CLOCK_PROCESS_CPUTIME_ID), wall = now_s(CLOCK_MONOTONIC);
        int r = tlog_reader_open(tlog_files_dir(dir), size, &reader);
        struct tlog_subtrees s = tlog_reader_subtrees(reader);
        if (r >= 0)
            r = i % 2 ? tlog_tree_inclusion(&s, random_below(size), size, &p, NULL)
                      : tlog_tree_consistency(&s, 1 + random_below(size), size, &p, NULL);
        tlog_reader_close(reader);
        if (r < 0)
            return r;
        double took = now_s(CLOCK_PROCESS_CPUTIME_ID) - began;
        worst = took > worst ? took : worst;
        total += now_s(CLOCK_MONOTONIC) - wall;
    }
    *ret_worst = worst * 1000;
    *ret_mean = total * 1000 / PROOFS;
    return 0;
}

static int measure(const struct tlog_log_options *o, uint64_t size, struct err *e)
{
    static const size_t batches[] = {1, 10, 100, 1000, 10000};
    struct tlog_log *l;
    double began = now_s(CLOCK_MONOTONIC), cpu = now_s(CLOCK_PROCESS_CPUTIME_ID), worst = 0,
           mean = 0;
    int r = tlog_log_open(o, &l, e);
    if (r < 0)
        return r;
    printf("open %.1f ms (%.1f ms of CPU)\n", (now_s(CLOCK_MONOTONIC) - began) * 1000,
           (now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1000);
    r = prove(o->dir, size, &worst, &mean);
    printf("proof, cold reader: mean %.2f ms, worst CPU of %u %.2f ms\n", mean, PROOFS, worst);
    for (size_t b = 0; b < sizeof(batches) / sizeof(*batches) && r >= 0; b++) {
        size_t n = 0;
        began = now_s(CLOCK_MONOTONIC);
        for (int i = 0; i < 10 && r >= 0; i++, n += batches[b])
            r = append(l, batches[b], e);
        printf("durable, batches of %zu: %.0f entries/s\n", batches[b],
               (double)n / (now_s(CLOCK_MONOTONIC) - began));
    }
    tlog_log_close(l);
    return r;
}

int main(int argc, char **argv)
{
    uint64_t size = (uint64_t)arg_number(argc, argv, 1, "entries", 10000000, 1, 1000000000);
    char root[PATH_MAX - 32], dir[PATH_MAX], keys[PATH_MAX], command[PATH_MAX + 16];
    struct err e = {0};
    snprintf(root, sizeof(root), "%s/lethe-log-bench.XXXXXX", argc > 2 ? argv[2] : "/tmp");
    if (sodium_init() < 0 || !mkdtemp(root))
        return 1;
    snprintf(dir, sizeof(dir), "%s/log", root);
    snprintf(keys, sizeof(keys), "%s/log-key", root);
    struct tlog_log_options o = {.dir = dir,
                                 .key_dir = keys,
                                 .origin = "bench.example/log",
                                 .create = true,
                                 .no_sync = true};
    double began = now_s(CLOCK_PROCESS_CPUTIME_ID);
    int r = grow(&o, size, &e);
    printf("%llu entries made in %.1f s of CPU\n", (unsigned long long)size,
           now_s(CLOCK_PROCESS_CPUTIME_ID) - began);
    o.no_sync = false;
    if (r >= 0)
        r = measure(&o, size, &e);
    if (r < 0)
        fprintf(stderr, "log_bench: %s\n", err_str(&e, r));
    snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command) != 0 || r < 0;
}
