/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which camera plays what: files and scenes are loaded once and shared. Scenes are encoded by a thread per core. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/audio.h"
#include "sim/encode.h"
#include "sim/media_file.h"
#include "sim/server.h"

#define PROGRAMS_MAX (SIM_MEDIA_FILES + 3 * SIM_SCENES + 2)
#define THREADS_MAX 16
#define GOLDEN 0.6180339887498949

/* One program that has to be made. */
struct job {
    const char *path; /* a file, or NULL: a scene */
    bool noise, in_band;
    char name[40];
    struct sim_encode_options encode;
    struct sim_program **to;
};

struct work {
    pthread_mutex_t lock;
    struct job job[PROGRAMS_MAX]; /* lock: next, done, failed, err */
    int count, next, done, failed;
    struct err err;
    const struct sim_options *o;
};

static int do_job(struct job *j, const struct sim_options *o, struct err *reterr)
{
    if (!j->path)
        return j->noise ? sim_encode_noise(&j->encode, j->to, reterr)
                        : sim_encode_street(&j->encode, j->to, reterr);
    struct sim_media_options m = {.fallback_fps = o->fps,
                                  .packet_bytes = o->packet_bytes,
                                  .in_band = j->in_band,
                                  .ssrc = j->encode.ssrc};
    return sim_media_file(j->path, &m, j->to, reterr);
}

static void *worker(void *arg)
{
    struct work *w = arg;
    pthread_mutex_lock(&w->lock);
    while (w->next < w->count && !w->failed) {
        struct job *j = &w->job[w->next++];
        struct err e = {0};
        pthread_mutex_unlock(&w->lock);
        int r = do_job(j, w->o, &e);
        pthread_mutex_lock(&w->lock);
        w->done++;
        if (r < 0) {
            w->failed = r;
            w->err = e;
            if (!e.text[0])
                err_set(&w->err, r, "%s: %s", j->path ? j->path : j->name, err_text(r));
        } else {
            fprintf(stderr, "sim: %d of %d: %s, %.0f kbit/s\n", w->done, w->count, (*j->to)->name,
                    (double)(*j->to)->bytes * 8 * 90 / (double)(*j->to)->loop_ticks);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static int run_jobs(struct work *w, struct err *reterr)
{
    pthread_t thread[THREADS_MAX];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int n = cores > THREADS_MAX ? THREADS_MAX : cores < 1 ? 1 : (int)cores, started = 0;
    if (n > w->count)
        n = w->count;
    while (started < n - 1 && !pthread_create(&thread[started], NULL, worker, w))
        started++;
    worker(w);
    for (int i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    if (w->failed && reterr)
        *reterr = w->err;
    return w->failed;
}

static struct job *add_job(struct work *w, struct sim_server *s, const char *path)
{
    struct job *j = &w->job[w->count];
    *j = (struct job){.path = path, .to = &s->programs[w->count]};
    j->encode.ssrc = s->o->seed * 1000003u + (uint32_t)w->count + 1;
    w->count++;
    s->program_count = (size_t)w->count;
    return j;
}

static void add_scene(struct work *w, struct sim_server *s, int scene, bool sub,
                      enum media_codec other)
{
    const struct sim_options *o = s->o;
    struct job *j = add_job(w, s, NULL);
    snprintf(j->name, sizeof(j->name), "%s-%d%s%s", sim_scene_kind_name(o->scene), scene,
             sub ? " sub" : "", other ? " other size" : "");
    j->noise = o->scene == SIM_SCENE_NOISE && !other;
    j->encode.name = j->name;
    j->encode.codec = other ? other : o->codec;
    j->encode.width = other ? (o->width / 4 * 3) & ~15 : sub ? o->sub_width : o->width;
    j->encode.height = other ? (o->height / 4 * 3) & ~1 : sub ? o->sub_height : o->height;
    j->encode.fps = sub ? o->sub_fps : o->fps;
    j->encode.gop = sub ? (o->gop * o->sub_fps + o->fps - 1) / o->fps : o->gop;
    j->encode.bframes = sub ? 0 : o->bframes;
    j->encode.slices = sub ? 1 : o->slices;
    j->encode.bitrate = sub ? o->sub_bitrate : o->bitrate;
    j->encode.seconds = other && o->scene_seconds > 8 ? 8 : o->scene_seconds;
    j->encode.seed = o->seed + (uint32_t)scene;
    j->encode.scene = other ? SIM_SCENE_STREET : o->scene;
    j->encode.packet_bytes = o->packet_bytes;
}

/* Cameras take programs in turn; phases by the golden ratio lie evenly however many there are. */
static void give_out(struct sim_server *s, int mains, bool subs, struct sim_program *const other[2],
                     struct sim_program *audio)
{
    for (int i = 0; i < s->o->cameras; i++) {
        struct sim_camera *c = &s->cameras[i];
        int m = i % mains;
        c->id = i;
        c->phase = (double)i * GOLDEN - (double)(long)((double)i * GOLDEN);
        if (s->o->scene != SIM_SCENE_STREET && s->o->scene != SIM_SCENE_NOISE && !s->o->media_count)
            c->phase =
                0; /* these begin with an empty street: all at the same time, as on the page */
        c->stream[0].track[0] = s->programs[m];
        c->stream[1].track[0] = s->programs[subs ? mains + m : m];
        for (int k = 0; k < SIM_STREAMS; k++) {
            c->stream[k].track[1] = audio;
            c->stream[k].other = other[c->stream[k].track[0]->codec == MEDIA_H265];
        }
    }
}

static int add_audio(struct sim_server *s, struct sim_program **ret, struct err *reterr)
{
    *ret = NULL;
    if (s->o->audio == MEDIA_NONE)
        return 0;
    int r = sim_audio_tone(s->o->audio, s->o->seed * 1000003u + 999, ret, reterr);
    if (r >= 0)
        s->programs[s->program_count++] = *ret;
    return r;
}

/* What parameter changes switch to: another size, one program for each codec that is played. */
static int add_others(struct work *w, struct sim_server *s, struct sim_program *other[2],
                      struct err *reterr)
{
    static const enum media_codec codecs[2] = {MEDIA_H264, MEDIA_H265};
    size_t played = s->program_count;
    int place[2] = {-1, -1};
    if (!s->faults || !sim_faults_have_event(s->faults, SIM_E_PARAM_CHANGE))
        return 0;
    for (int k = 0; k < 2; k++) {
        bool used = false;
        for (size_t i = 0; i < played; i++)
            used |= s->programs[i]->codec == codecs[k];
        if (!used)
            continue;
        place[k] = w->count;
        add_scene(w, s, SIM_SCENES + k, false, codecs[k]);
    }
    int r = run_jobs(w, reterr);
    for (int k = 0; k < 2 && r >= 0; k++)
        other[k] = place[k] < 0 ? NULL : s->programs[place[k]];
    return r;
}

static void add_jobs(struct work *w, struct sim_server *s, int mains)
{
    const struct sim_options *o = s->o;
    for (int i = 0; i < mains && o->media_count; i++)
        add_job(w, s, o->media[i])->in_band =
            o->in_band || (s->faults && sim_faults_have_event(s->faults, SIM_E_PARAM_CHANGE));
    for (int sub = 0; sub < SIM_STREAMS && !o->media_count; sub++)
        for (int i = 0; i < mains; i++)
            add_scene(w, s, i, sub, MEDIA_NONE);
}

int sim_library_open(struct sim_server *s, struct err *reterr)
{
    const struct sim_options *o = s->o;
    int mains = o->media_count ? o->media_count : o->scenes, r;
    struct sim_program *audio = NULL, *other[2] = {NULL, NULL};
    struct work *w = calloc(1, sizeof(*w));
    s->programs = calloc(PROGRAMS_MAX, sizeof(struct sim_program *));
    s->cameras = calloc((size_t)o->cameras, sizeof(*s->cameras));
    if (!w || !s->programs || !s->cameras) {
        free(w);
        return -ENOMEM;
    }
    if (mains > o->cameras)
        mains = o->cameras;
    w->o = o;
    pthread_mutex_init(&w->lock, NULL);
    add_jobs(w, s, mains);
    r = run_jobs(w, reterr);
    if (r >= 0)
        r = add_others(w, s, other, reterr);
    if (r >= 0)
        r = add_audio(s, &audio, reterr);
    if (r >= 0)
        give_out(s, mains, !o->media_count, other, audio);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return r;
}

void sim_library_close(struct sim_server *s)
{
    for (size_t i = 0; i < s->program_count; i++)
        sim_program_free(s->programs[i]);
    for (int i = 0; s->cameras && i < s->o->cameras; i++)
        for (int k = 0; k < SIM_STREAMS; k++)
            free(s->cameras[i].quirks[k]);
    free(s->programs);
    free(s->cameras);
}
