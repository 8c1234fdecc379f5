/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What a timeline costs: an index of CAMERAS over DAYS with both views in epochs of 10 minutes, a break
 * now and then, activity in every hour; then timelines of all cameras and of 50 over the whole time, a
 * day and an hour.
 *
 *     timeline_bench DIR [cameras=500] [days=30] [buckets=300]
 *
 * DIR keeps the index: a second run measures at once. Prints the median and the worst of 21 answers, by
 * the wall and by CPU.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "args.h"
#include "base/clock.h"
#include "index/index.h"

#define T0 (20000 * DAY_US)
#define EPOCH (10 * MINUTE_US)
#define BATCH 4096
#define ROUNDS 21

static struct index *ix;
static struct index_change batch[BATCH];
static size_t n_batch;

static double now(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void flush(void)
{
    struct err e = {0};
    if (n_batch && ix->ops->apply(ix, batch, n_batch, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    n_batch = 0;
}

static struct index_change *next(int kind)
{
    if (n_batch == BATCH)
        flush();
    batch[n_batch] = (struct index_change){.kind = kind};
    return &batch[n_batch++];
}

static void put_epoch(int camera, int64_t at)
{
    for (int view = 0; view < 2; view++) {
        struct index_recording *r = &next(INDEX_CLOSE_RECORDING)->recording;
        *r = (struct index_recording){.view = view,
                                      .start_us = at + 20000,
                                      .end_us = at + EPOCH,
                                      .epoch_us = at,
                                      .bytes = 150000000,
                                      .frames = 15000,
                                      .state = INDEX_CLOSED,
                                      .retention_days = 30};
        snprintf(r->camera, sizeof(r->camera), "camera-%04d", camera);
        snprintf(r->path, sizeof(r->path), "recordings/%s/%lld-%s.mp4", r->camera,
                 (long long)(at / EPOCH), view ? "masked" : "sealed");
        snprintf(r->end_reason, sizeof(r->end_reason), "epoch");
    }
}

static void put_hour(int camera, int64_t at)
{
    for (int m = 0; m < 60; m += 20) {
        struct index_activity *a = &next(INDEX_PUT_ACTIVITY)->activity;
        *a = (struct index_activity){.minute_us = at + m * MINUTE_US,
                                     .motion_max = (uint16_t)(camera % 1000),
                                     .motion_mean = (uint16_t)(m * 7),
                                     .persons_max = (uint8_t)(m / 10)};
        snprintf(a->camera, sizeof(a->camera), "camera-%04d", camera);
    }
}

/* As it grows in life: time by time, all cameras in each. */
static void fill(int cameras, int days)
{
    double began = now(CLOCK_PROCESS_CPUTIME_ID);
    int64_t rows = 0;
    for (int64_t at = T0; at < T0 + days * DAY_US; at += EPOCH) {
        for (int c = 0; c < cameras; c++) {
            if ((at / EPOCH + c * 37) % 500 == 0)
                continue; /* away */
            put_epoch(c, at);
            rows += 2;
            if (at % HOUR_US == 0)
                put_hour(c, at);
        }
    }
    flush();
    printf("%lld recordings written, %.1f us of CPU each\n", (long long)rows,
           (now(CLOCK_PROCESS_CPUTIME_ID) - began) * 1e3 / (double)rows);
}

static size_t answered;
static unsigned long sum;

static int see(void *user, const char *camera, const struct index_bucket *b)
{
    (void)camera;
    answered++;
    for (size_t i = 0; i < *(size_t *)user; i++)
        sum += b[i].covered[0] + b[i].motion_max;
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *what, const char *const *ids, size_t n, int64_t from, int64_t to,
                    size_t buckets)
{
    double wall[ROUNDS], cpu[ROUNDS];
    struct index_timeline t = {ids, n, from, to, to, buckets};
    for (int i = 0; i < ROUNDS; i++) {
        double w = now(CLOCK_MONOTONIC), c = now(CLOCK_PROCESS_CPUTIME_ID);
        answered = 0;
        if (ix->ops->timeline(ix, &t, see, &buckets, NULL) < 0)
            exit(1);
        wall[i] = now(CLOCK_MONOTONIC) - w;
        cpu[i] = now(CLOCK_PROCESS_CPUTIME_ID) - c;
    }
    qsort(wall, ROUNDS, sizeof(double), compare);
    qsort(cpu, ROUNDS, sizeof(double), compare);
    printf("%-28s %4zu cameras x %zu buckets: median %.1f ms, worst %.1f ms (CPU %.1f, %.1f)\n",
           what, answered, buckets, wall[ROUNDS / 2], wall[ROUNDS - 1], cpu[ROUNDS / 2],
           cpu[ROUNDS - 1]);
}

int main(int argc, char **argv)
{
    static char name[4096][24];
    static const char *ids[4096];
    int cameras = (int)arg_number(argc, argv, 2, "cameras", 500, 1, 4096);
    int days = (int)arg_number(argc, argv, 3, "days", 30, 1, 3650);
    size_t buckets = (size_t)arg_number(argc, argv, 4, "buckets", 300, 1, 100000);
    int64_t oldest, newest, end = T0 + days * DAY_US;
    struct err e = {0};
    if (argc < 2 || index_sqlite.open(argv[1], false, &ix, &e) < 0) {
        fprintf(stderr, "timeline_bench DIR [cameras] [days] [buckets]: %s\n", e.text);
        return 2;
    }
    if (ix->ops->span(ix, &oldest, &newest) < 0)
        fill(cameras, days);
    for (int i = 0; i < cameras; i++) {
        snprintf(name[i], sizeof(name[i]), "camera-%04d", i);
        ids[i] = name[i];
    }
    size_t all = (size_t)cameras, few = all < 50 ? all : 50;
    measure("all, the whole time", ids, all, T0, end, buckets);
    measure("all, one day", ids, all, end - DAY_US, end, buckets);
    measure("all, one hour", ids, all, end - HOUR_US, end, buckets);
    measure("a screen, the whole time", ids, few, T0, end, buckets);
    measure("a screen, three days", ids, few, end - 3 * DAY_US, end, buckets);
    measure("a screen, one day", ids, few, end - DAY_US, end, buckets);
    ix->ops->close(ix);
    return sum == 0;
}
