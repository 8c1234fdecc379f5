/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a masked picture costs, beside FFmpeg that decodes and encodes the same access units. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/mask_stream.h"
#include "bench/process.h"

#include "bench/mask.h"

#define MASKED_FPS 10
#define WARM_S 150.0 /* until an undeclared place is learnt */
#define EMPTY_S 60.0 /* a declared one */
#define CAMERAS_MAX 256

struct camera {
    struct mask *mask;
    size_t
        offset; /* access units ahead of the first one, so that not all key pictures come at once */
};

static double thread_cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void ignore(void *user, const struct mask_output *o)
{
    (void)o;
    (*(uint64_t *)user)++;
}

static void add_times(struct mask_times *to, const struct mask_times *t, int sign)
{
    uint64_t *a = &to->frames;
    const uint64_t *b = &t->frames;
    for (size_t i = 0; i < sizeof(*to) / sizeof(*a); i++)
        a[i] += sign > 0 ? b[i] : -b[i];
}

static void read_times(const struct camera *c, int n, struct mask_times *ret)
{
    *ret = (struct mask_times){0};
    for (int i = 0; i < n; i++) {
        struct mask_times t;
        mask_read_times(c[i].mask, &t);
        add_times(ret, &t, 1);
    }
}

/* All cameras through @from..@to of the stream's line of passes; a place that is declared is so during the first minute. */
static void play(struct camera *c, int n, const struct bench_stream *s, size_t from, size_t to,
                 bool declare)
{
    size_t declared = (size_t)((EMPTY_S - 2) * s->fps);
    for (size_t k = from; k < to; k++)
        for (int i = 0; i < n; i++) {
            size_t at = (k + c[i].offset) % s->count;
            int pass = (int)((k + c[i].offset) / s->count);
            struct media_au au = bench_stream_au(s, at, pass);
            if (declare && (k == 0 || k == declared))
                mask_declare_empty(c[i].mask, k == 0);
            (void)mask_feed(c[i].mask, &s->track, &au, bench_stream_time_us(s, at, pass), NULL);
        }
}

static int measure(const struct mask_bench *b, const struct bench_stream *s, bool scene,
                   struct detector_pool *pool, int cameras, struct mask_speed *ret,
                   size_t *ret_from, struct err *reterr)
{
    static struct camera c[CAMERAS_MAX];
    uint64_t outputs = 0;
    const struct mask_config cfg = {.fps = MASKED_FPS, .learn_us = b->learn_us, .detectors = pool};
    int e = 0;
    for (int i = 0; i < cameras && e >= 0; i++) {
        c[i] = (struct camera){.offset = 0};
        e = mask_new(&cfg, ignore, &outputs, &c[i].mask, reterr);
    }
    size_t warm = (size_t)((scene && !pool ? EMPTY_S + 5 : WARM_S + 5) * s->fps);
    size_t end = scene ? s->count : warm + (size_t)(b->seconds * s->fps);
    struct mask_times before, after;
    if (e >= 0) {
        play(c, cameras, s, 0, warm, scene && !pool);
        read_times(c, cameras, &before);
        double began = thread_cpu_us();
        outputs = 0;
        play(c, cameras, s, warm, end, false);
        ret->us_per_frame = (thread_cpu_us() - began) / (double)(outputs ? outputs : 1);
        read_times(c, cameras, &after);
        add_times(&after, &before, -1);
        ret->times = after;
        ret->frames = outputs;
        *ret_from = warm;
    }
    for (int i = 0; i < cameras; i++) {
        mask_free(c[i].mask);
        c[i].mask = NULL;
    }
    return e;
}

/* User and system time of `ffmpeg`, microseconds; < 0: it could not be run. */
static double run_ffmpeg(const char *input, const char *codec, double fps, const char *frames)
{
    char rate[32], filter[96];
    snprintf(rate, sizeof(rate), "%.6f", fps);
    snprintf(filter, sizeof(filter), "fps=%d,scale=w='min(640,iw)':h=-2", MASKED_FPS);
    const char *const argv[] = {
        "ffmpeg", "-nostdin",    "-loglevel", "error", "-threads", "1",       "-f",
        codec,    "-r",          rate,        "-i",    input,      "-an",     "-vf",
        filter,   "-frames:v",   frames,      "-c:v",  "libx264",  "-preset", "ultrafast",
        "-tune",  "zerolatency", "-threads",  "1",     "-g",       "40",      "-f",
        "null",   "-",           NULL};
    struct rusage u;
    int status;
    pid_t pid = bench_spawn(argv, -1, "/dev/null", NULL);
    if (pid < 0 || wait4(pid, &status, 0, &u) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
        return -1;
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* The same access units; what it takes to start FFmpeg and code one picture is taken off. */
static int transcode(const struct bench_stream *s, size_t from, struct mask_speed *ret,
                     struct err *reterr)
{
    char path[] = "/tmp/lethe-bench-mask-XXXXXX", frames[32];
    int fd = mkstemp(path);
    if (fd < 0)
        return err_set(reterr, -errno, "no temporary file in /tmp");
    close(fd);
    const char *codec = s->track.codec == MEDIA_H265 ? "hevc" : "h264";
    while (from > 0 && !s->au[from % s->count].key)
        from--;
    size_t first = from % s->count;
    int e = bench_stream_write(s, first, s->count, path, reterr);
    double out = (double)(s->count - first) / s->fps * MASKED_FPS;
    snprintf(frames, sizeof(frames), "%d", (int)out);
    double all = e < 0 ? -1 : run_ffmpeg(path, codec, s->fps, frames),
           one = e < 0 ? -1 : run_ffmpeg(path, codec, s->fps, "1");
    if (all > 0 && one >= 0 && out > 2)
        ret->transcode_us_per_frame = (all - one) / (out - 1);
    unlink(path);
    return e;
}

int mask_bench_speed(const struct mask_bench *b, const char *clip, bool models, int cameras,
                     struct mask_speed *ret, struct err *reterr)
{
    struct bench_stream s = {0};
    struct detector_pool *pool = NULL;
    size_t from = 0;
    const struct sim_scene_config c = {.kind = SIM_SCENE_EMPTY_FIRST,
                                       .seed = b->seed,
                                       .period_s = (models ? WARM_S : EMPTY_S) + b->seconds,
                                       .empty_s = models ? WARM_S : EMPTY_S};
    *ret = (struct mask_speed){.models = models};
    if (cameras < 1 || cameras > CAMERAS_MAX)
        return err_set(reterr, E_RANGE, "1 to %d cameras", CAMERAS_MAX);
    int e =
        clip ? bench_stream_clip(clip, b->seconds, &s, reterr) : bench_stream_scene(&c, &s, reterr);
    snprintf(ret->name, sizeof(ret->name), "%s", s.name);
    if (e >= 0 && models)
        e = detector_pool_new(b->model_dirs, b->detect_budget, &pool, reterr);
    if (e >= 0)
        e = measure(b, &s, !clip, pool, models ? cameras : 1, ret, &from, reterr);
    if (e >= 0)
        e = transcode(&s, clip ? 0 : from, ret, reterr);
    if (ret->us_per_frame > 0)
        ret->cameras_per_core = 1e6 / (ret->us_per_frame * MASKED_FPS);
    detector_pool_free(pool);
    bench_stream_release(&s);
    return e;
}
