/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What storing costs: FILES recordings of BYTES a second for SECONDS through store_file_append(),
 * then a crash (the index is told that every file is open, tails are cut) and the time until all
 * are whole again.
 *
 *     store_bench DIR [files=2000] [bytes=250000] [seconds=30]
 *
 * Prints CPU per camera with and without SHA-256, the latency of syncs, and the time of recovery.
 */
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "store/store.h"

#define RATE 90000
#define FPS 25
#define POOL 600

static struct media_params params;
static struct mp4_fragment *pool[POOL];
static int n_pool;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t returned = PTHREAD_COND_INITIALIZER;
static unsigned long failed;

static double now(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void give(void *user, struct mp4_fragment *f, int code)
{
    (void)user;
    pthread_mutex_lock(&lock);
    failed += code < 0;
    pool[n_pool++] = f;
    pthread_cond_signal(&returned);
    pthread_mutex_unlock(&lock);
}

static struct mp4_fragment *take(void)
{
    pthread_mutex_lock(&lock);
    while (n_pool == 0)
        pthread_cond_wait(&returned, &lock);
    struct mp4_fragment *f = pool[--n_pool];
    pthread_mutex_unlock(&lock);
    return f;
}

static void alarm_line(void *user, const struct index_event *e)
{
    (void)user;
    fprintf(stderr, "%s: %s\n", e->kind, e->text);
}

static void describe(struct mp4_info *info, int i, int64_t start_us)
{
    static const uint8_t sps[] = {0x67, 0x42, 0xc0, 0x0a, 0xdc, 0x42, 0x6c, 0x04, 0x40, 0x00, 0x00,
                                  0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc4, 0x89, 0xe0};
    static const uint8_t pps[] = {0x68, 0xce, 0x0f, 0xc8};
    params.count = 2;
    params.set[0].len = sizeof(sps);
    memcpy(params.set[0].data, sps, sizeof(sps));
    params.set[1].len = sizeof(pps);
    memcpy(params.set[1].data, pps, sizeof(pps));
    memset(info, 0, sizeof(*info));
    snprintf(info->camera, sizeof(info->camera), "cam%04d", i);
    snprintf(info->node, sizeof(info->node), "bench");
    info->epoch_length_us = 10 * MINUTE_US;
    info->epoch_us = start_us - start_us % info->epoch_length_us;
    info->start_us = start_us;
    info->retention_days = 30;
    info->tracks = 1;
    info->track[0] = (struct media_track){
        .codec = MEDIA_H264, .clock_rate = RATE, .width = 64, .height = 64, .params = &params};
}

/* A second of pictures. Filling them is not part of what is measured: it is timed and taken off. */
static double fill(struct mp4_fragment *f, const struct mp4_info *info, unsigned second,
                   size_t bytes)
{
    static uint8_t au[1 << 20];
    double t = now(CLOCK_THREAD_CPUTIME_ID);
    uint32_t size = (uint32_t)(bytes / FPS);
    mp4_fragment_begin(f, info);
    for (unsigned i = 0; i < FPS; i++) {
        wr32(au, size - 4);
        au[4] = i == 0 ? 0x65 : 0x41;
        struct media_au a = {.data = au, .size = size, .key = i == 0};
        int64_t ticks = (int64_t)(second * FPS + i) * (RATE / FPS);
        if (mp4_fragment_append(f, 0, &a, ticks, ticks, NULL) < 0)
            abort();
    }
    return now(CLOCK_THREAD_CPUTIME_ID) - t;
}

static double cpu(void)
{
    return now(CLOCK_PROCESS_CPUTIME_ID);
}

static double sha_seconds(size_t bytes)
{
    static uint8_t data[1 << 18];
    uint8_t hash[32];
    double t = now(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < 200; i++)
        EVP_Digest(data, sizeof(data), hash, NULL, EVP_sha256(), NULL);
    return (now(CLOCK_THREAD_CPUTIME_ID) - t) / 200 / (double)sizeof(data) * (double)bytes;
}

static int make_open(void *user, const struct index_recording *r)
{
    struct index_change **next = user;
    (*next)->kind = INDEX_PUT_RECORDING;
    (*next)->recording = *r;
    (*next)->recording.state = INDEX_OPEN;
    ++*next;
    return 0;
}

static void crash(const char *dir, int files)
{
    struct index *ix;
    struct index_change *all = calloc((size_t)files * 2, sizeof(*all)), *next = all;
    if (!all || index_sqlite.open(dir, false, &ix, NULL) < 0)
        abort();
    index_sqlite.recordings(ix, NULL, -1, INT64_MIN, INT64_MAX, make_open, &next, NULL);
    index_sqlite.apply(ix, all, (size_t)(next - all), NULL);
    for (struct index_change *c = all; c < next; c++) {
        char path[4200];
        snprintf(path, sizeof(path), "%s/%s", dir, c->recording.path);
        if (truncate(path, c->recording.bytes - 100) < 0)
            perror(path);
    }
    index_sqlite.close(ix);
    free(all);
}

static void recover(const struct store_config *cfg)
{
    struct store *s;
    struct store_stats st;
    struct err e = {0};
    double start = now(CLOCK_MONOTONIC), used = cpu();
    if (store_open(cfg, &s, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    double opened = now(CLOCK_MONOTONIC) - start;
    do {
        usleep(20000);
        store_stats(s, &st);
    } while (st.mending);
    printf("after a crash: recording may begin after %.3f s, all files whole after %.2f s (%.2f "
           "CPU seconds)\n",
           opened, now(CLOCK_MONOTONIC) - start, cpu() - used);
    store_close(s);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return fprintf(stderr, "store_bench DIR [files] [bytes] [seconds]\n"), 2;
    int files = (int)arg_number(argc, argv, 2, "files", 2000, 1, 1000000);
    size_t bytes = (size_t)arg_number(argc, argv, 3, "bytes", 250000, 1, 1 << 30);
    unsigned seconds = (unsigned)arg_number(argc, argv, 4, "seconds", 30, 1, 86400);
    struct store_config cfg = {.data_dir = argv[1],
                               .clock = &clock_system,
                               .index_ops = &index_sqlite,
                               .reserve_bytes = 1 << 20,
                               .retention_days = 30,
                               .alarm = alarm_line};
    struct store *s;
    struct store_file **sf = calloc((size_t)files, sizeof(struct store_file *));
    struct err e = {0};
    if (!sf || store_open(&cfg, &s, &e) < 0)
        return fprintf(stderr, "%s\n", e.text), 1;
    for (n_pool = 0; n_pool < POOL; n_pool++)
        if (mp4_fragment_new(&pool[n_pool]) < 0)
            return 1;
    int64_t start_us = clock_wall_us(&clock_system);
    for (int i = 0; i < files; i++) {
        struct mp4_info info;
        describe(&info, i, start_us);
        if (store_file_begin(s, &info, &sf[i], &e) < 0)
            return fprintf(stderr, "%s\n", e.text), 1;
    }
    sleep(1);
    double used = cpu(), begin = now(CLOCK_MONOTONIC), filling = 0;
    unsigned long full = 0;
    for (unsigned t = 0; t < seconds; t++) {
        for (int i = 0; i < files; i++) {
            struct mp4_fragment *f = take();
            filling += fill(f, store_file_info(sf[i]), t, bytes);
            if (store_file_append(sf[i], f, -1, start_us + t * SECOND_US, give, NULL) < 0)
                full++, give(NULL, f, 0);
            double due = begin + t + (double)(i + 1) / files, wait = due - now(CLOCK_MONOTONIC);
            if (wait > 0.001)
                usleep((unsigned)(wait * 1e6));
        }
    }
    double took = now(CLOCK_MONOTONIC) - begin, spent = cpu() - used - filling;
    double sha = sha_seconds(bytes) * files * seconds;
    struct store_stats st;
    store_stats(s, &st);
    printf(
        "%d files, %zu bytes a second each, %u s asked, %.1f s taken; %lu not queued, %lu failed\n",
        files, bytes, seconds, took, full, failed);
    printf("CPU per camera: %.4f %% of a core, of it SHA-256 %.4f %%, the rest %.4f %%\n",
           100 * spent / files / seconds, 100 * sha / files / seconds,
           100 * (spent - sha) / files / seconds);
    printf("longest sync %.3f s, most queued %.0f MB\n", (double)st.longest_sync_us / 1e6,
           (double)st.queue_bytes_max / 1e6);
    double end = now(CLOCK_MONOTONIC);
    used = cpu();
    for (int i = 0; i < files; i++)
        store_file_end(sf[i], "epoch");
    store_close(s);
    printf("ending all: %.2f s, %.2f CPU seconds\n", now(CLOCK_MONOTONIC) - end, cpu() - used);
    crash(argv[1], files);
    recover(&cfg);
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    printf("memory at most %.1f MB\n", (double)ru.ru_maxrss / 1e3);
    free(sf);
    return 0;
}
