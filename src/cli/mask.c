/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe mask`: the masker's own code on a file, offline. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/output.h"
#include "mask/clip.h"
#include "mask/mask.h"
#include "mask/models.h"
#include "mp4/export.h"

#define CLOCK_RATE 90000
#define EPOCH_US (INT64_C(1700000000) * SECOND_US) /* files have no wall clock; any will do */

struct job {
    struct mask_config cfg;
    struct mask_clip *clip;
    struct mask *mask;
    int fd;
    struct mp4_export *mp4;
    struct media_params params; /* of what has been written */
    FILE *boxes;
    bool writing; /* the last round */
    int64_t shift_ticks, pts_ticks;
    uint64_t frames, covered_frames;
    double covered_area;
    int64_t duration_us;
    enum mask_state state;
    char reason[400];
    int error; /* met while writing */
    struct err err;
};

static int open_mp4(struct job *j, const struct mask_output *o)
{
    struct mp4_info info = {.view = MP4_MASKED, .tracks = 1};
    snprintf(info.camera, sizeof(info.camera), "mask");
    j->params = *o->params;
    info.track[0] = (struct media_track){.codec = MEDIA_H264,
                                         .clock_rate = CLOCK_RATE,
                                         .width = (uint16_t)o->width,
                                         .height = (uint16_t)o->height,
                                         .params = &j->params};
    int r = 0;
    if (!j->mp4) {
        j->shift_ticks = o->pts_ticks;
        r = mp4_export_open(j->fd, &info, &j->mp4, &j->err);
    }
    return r < 0 ? r : mp4_export_source(j->mp4, &info, &j->err);
}

static void write_boxes(struct job *j, const struct mask_output *o)
{
    fprintf(j->boxes,
            "{\"frame\":%llu,\"time\":%.3f,\"state\":\"%s\",\"covered\":%.3f,\"objects\":[",
            (unsigned long long)j->frames, (double)(o->pts_ticks - j->shift_ticks) / CLOCK_RATE,
            mask_state_name(o->state), o->covered_permille / 1000.0);
    for (int i = 0; i < o->object_count; i++) {
        const struct mask_object *b = &o->objects[i];
        fprintf(j->boxes,
                "%s{\"track\":%u,\"class\":\"%s\",\"box\":[%.4f,%.4f,%.4f,%.4f],\"motion\":[%.4f,%."
                "4f]}",
                i ? "," : "", b->track, detect_class_name(b->class), (double)b->x0, (double)b->y0,
                (double)b->x1, (double)b->y1, (double)b->dx, (double)b->dy);
    }
    fputs("]}\n", j->boxes);
}

static void on_output(void *user, const struct mask_output *o)
{
    struct job *j = user;
    j->state = o->state;
    snprintf(j->reason, sizeof(j->reason), "%s", o->reason);
    if (!j->writing || j->error < 0)
        return;
    if (!j->mp4 && !o->key)
        return;
    if (!j->mp4 || (o->key && memcmp(&j->params, o->params, sizeof(j->params)) != 0))
        j->error = open_mp4(j, o);
    int64_t time = o->pts_ticks - j->shift_ticks;
    if (j->frames && time <= j->pts_ticks) /* raw streams with B-frames do not say when */
        time = j->pts_ticks + CLOCK_RATE / 25;
    j->pts_ticks = time;
    struct mp4_sample s = {.dts_ticks = (uint64_t)time,
                           .pts_ticks = time,
                           .duration_ticks = CLOCK_RATE / (unsigned)j->cfg.fps,
                           .key = o->key,
                           .data = o->data,
                           .size = o->size};
    if (j->error >= 0)
        j->error = mp4_export_sample(j->mp4, &s, &j->err);
    if (j->boxes)
        write_boxes(j, o);
    j->frames++;
    j->covered_frames += o->state == MASK_COVERED;
    j->covered_area += o->covered_permille / 1000.0;
}

static void progress(double done)
{
    static int last = -1;
    int percent = (int)(done * 100);
    if (percent == last || !isatty(STDERR_FILENO))
        return;
    last = percent;
    fprintf(stderr, "\rmasking … %3d %%", percent > 100 ? 100 : percent);
    if (percent >= 100)
        fputs("\r\033[K", stderr);
    fflush(stderr);
}

/* One pass over the file. A picture that the decoder refuses is covered and counted, and the pass goes on. */
static int play(struct job *j, long round, long rounds)
{
    struct media_au au;
    int64_t time_us = 0, begin_us = -1;
    int r;
    while ((r = mask_clip_next(j->clip, &au, &time_us, &j->err)) > 0) {
        if (begin_us < 0)
            begin_us = time_us;
        mask_feed(j->mask, mask_clip_track(j->clip), &au, EPOCH_US + time_us, NULL);
        if (j->error < 0)
            return j->error;
        if (j->duration_us > 0)
            progress(((double)round + (double)(time_us - begin_us) / (double)j->duration_us) /
                     (double)rounds);
    }
    if (r >= 0)
        mask_flush(j->mask);
    return r < 0 ? r : j->error;
}

static int mask_file(struct job *j, long rounds)
{
    int r = mask_new(&j->cfg, on_output, j, &j->mask, &j->err);
    j->duration_us = mask_clip_duration_us(j->clip);
    for (long i = 0; i < rounds && r >= 0; i++) {
        j->writing = i == rounds - 1;
        mask_want_key(j->mask);
        r = i ? mask_clip_rewind(j->clip, &j->err) : 0;
        if (r >= 0)
            r = play(j, i, rounds);
    }
    progress(1);
    if (r >= 0 && !j->mp4)
        r = err_set(&j->err, E_NOTFOUND, "no picture of the file could be decoded");
    if (r >= 0) {
        uint64_t bytes;
        r = mp4_export_close(j->mp4, &bytes, &j->err);
        j->mp4 = NULL;
    }
    return r;
}

static int read_zone(json_t *polygon, struct mask_zone *z)
{
    size_t i;
    json_t *corner;
    if (!json_is_array(polygon) || json_array_size(polygon) > MASK_ZONE_POINTS)
        return E_RANGE;
    json_array_foreach(polygon, i, corner)
    {
        double x = json_number_value(json_array_get(corner, 0)),
               y = json_number_value(json_array_get(corner, 1));
        if (json_array_size(corner) != 2 || !(x >= 0 && x <= 1 && y >= 0 && y <= 1))
            return E_RANGE;
        z->x[i] = (float)x, z->y[i] = (float)y;
    }
    z->points = (int)json_array_size(polygon);
    return 0;
}

static int read_zones(const struct cli_args *a, struct job *j)
{
    const char *path = cli_value(a, "zones", NULL);
    json_error_t e;
    if (!path)
        return 0;
    json_t *list = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
    if (!list)
        return err_set(&j->err, E_SYNTAX, "%s, line %d: %s", path, e.line, e.text);
    int r = json_is_array(list) && json_array_size(list) <= MASK_ZONES ? 0 : E_RANGE;
    for (size_t i = 0; r >= 0 && i < json_array_size(list); i++)
        r = read_zone(json_array_get(list, i), &j->cfg.zone[j->cfg.zone_count++]);
    json_decref(list);
    return r < 0
               ? err_set(&j->err, r,
                         "%s: not a list of at most %d polygons of 3 to %d corners [x, y] in 0..1",
                         path, MASK_ZONES, MASK_ZONE_POINTS)
               : 0;
}

/* Offline, detectors may take all the time that the clip lasts. Without models the state is declared or mosaic. */
static int open_detectors(struct job *j, const struct cli_args *a)
{
    const char *given = cli_value(a, "models", NULL);
    struct models_paths paths;
    if (given && !strcmp(given, "none"))
        return 0;
    models_search_path(cli_data_dir(a), given, &paths);
    int r = detector_pool_new(paths.dirs, 1.0, &j->cfg.detectors, &j->err);
    if (r != E_NOTFOUND || given)
        return r;
    fprintf(stderr, "lethe mask: %s\n", err_str(&j->err, r));
    j->err = (struct err){0};
    return 0;
}

static int open_outputs(struct job *j, const char *out, const char *boxes, bool force)
{
    j->fd = open(out, O_RDWR | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0644);
    if (j->fd < 0 && errno == EEXIST)
        return err_set(&j->err, E_EXISTS, "%s exists already; --force replaces it", out);
    if (j->fd < 0)
        return err_set(&j->err, -errno, "writing %s: %s", out, err_text(-errno));
    if (boxes && !(j->boxes = fopen(boxes, "we")))
        return err_set(&j->err, -errno, "writing %s: %s", boxes, err_text(-errno));
    return 0;
}

static int print_json(const struct job *j)
{
    struct mask_times t;
    mask_read_times(j->mask, &t);
    double n = t.frames ? (double)t.frames * 1000 : 1;
    json_t *ms = json_pack("{sf sf sf sf sf}", "decode", (double)t.decode_us / n, "plate",
                           (double)t.plate_us / n, "draw", (double)t.draw_us / n, "encode",
                           (double)t.encode_us / n, "detect", (double)t.detect_us / n);
    return cli_json_print(json_pack("{sI sI sf ss ss so}", "frames", (json_int_t)j->frames,
                                    "covered_frames", (json_int_t)j->covered_frames, "covered_area",
                                    j->frames ? j->covered_area / (double)j->frames : 1.0, "state",
                                    mask_state_name(j->state), "reason", j->reason, "ms_per_frame",
                                    ms));
}

static void print_text(const struct job *j, const char *out)
{
    struct mask_times t;
    mask_read_times(j->mask, &t);
    double n = t.frames ? (double)t.frames * 1000 : 1;
    printf(
        "%s: %llu frames, %llu of them covered whole, on average %.1f %% of the picture covered\n",
        out, (unsigned long long)j->frames, (unsigned long long)j->covered_frames,
        j->frames ? 100 * j->covered_area / (double)j->frames : 100.0);
    printf("state at the end: %s (%s)\n", mask_state_name(j->state), j->reason);
    printf("CPU ms per frame: decode %.2f, plate %.2f, draw %.2f, encode %.2f, detect %.2f\n",
           (double)t.decode_us / n, (double)t.plate_us / n, (double)t.draw_us / n,
           (double)t.encode_us / n, (double)t.detect_us / n);
}

static int read_options(const struct cli_args *a, struct job *j, long *ret_rounds)
{
    long width, fps;
    long long learn;
    if (cli_int(a, "width", 64, 4096, 640, &width) < 0 || cli_int(a, "fps", 1, 60, 10, &fps) < 0 ||
        cli_int(a, "loop", 1, 1000, 1, ret_rounds) < 0 || cli_duration(a, "learn", 0, &learn) < 0)
        return E_RANGE;
    j->cfg.width = (int)width & ~1;
    j->cfg.fps = (int)fps;
    j->cfg.learn_us = learn;
    j->cfg.declared_empty = cli_flag(a, "declared-empty");
    return 0;
}

static void release(struct job *j)
{
    mp4_export_abort(j->mp4);
    mask_free(j->mask);
    detector_pool_free(j->cfg.detectors);
    mask_clip_close(j->clip);
    if (j->boxes)
        fclose(j->boxes);
    if (j->fd >= 0)
        close(j->fd);
}

static int run(const struct cli_args *a)
{
    struct job j = {.fd = -1};
    const char *out = cli_value(a, "output", NULL);
    long rounds;
    if (read_options(a, &j, &rounds) < 0)
        return 2;
    int r = mask_clip_open(cli_arg(a, 0), &j.clip, &j.err);
    if (r >= 0)
        r = read_zones(a, &j);
    if (r >= 0)
        r = open_detectors(&j, a);
    if (r >= 0)
        r = open_outputs(&j, out, cli_value(a, "boxes", NULL), cli_flag(a, "force"));
    if (r >= 0) {
        r = mask_file(&j, rounds);
        if (r < 0)
            unlink(out);
    }
    int code = r < 0 ? cli_fail(a, &j.err, r) : 0;
    if (r >= 0 && cli_flag(a, "json"))
        code = print_json(&j);
    else if (r >= 0)
        print_text(&j, out);
    release(&j);
    return code;
}

static const struct cli_option options[] = {
    {"output", "FILE", "the masked MP4 to write", .required = true},
    {"boxes", "FILE", "write what is covered in each frame, JSON lines"},
    {"models", "DIR",
     "detector models, or none (default: models in and beside the data directory, then the "
     "system's)"},
    {"data", "DIR", "data directory beside which models are looked for"},
    {"zones", "FILE",
     "privacy zones: JSON, a list of polygons, each a list of corners [x, y] in 0..1"},
    {"learn", "TIME",
     "quiet time before a place is taken for empty (default 120s; 1h with --declared-empty)"},
    {"loop", "N", "play the file N times and write the last round (default 1)"},
    {"declared-empty", NULL, "the place is empty of people while the first round plays"},
    {"width", "N", "of the masked picture (default 640, never enlarged)"},
    {"fps", "N", "most frames a second of the masked picture (default 10)"},
    {"force", NULL, "replace the output if it exists"},
    {"json", NULL, "print {frames, covered_frames, covered_area, state, reason, ms_per_frame}"},
    {0},
};

const struct cli_command cli_mask = {
    .name = "mask",
    .summary = "mask a video file as the masked view would",
    .arguments = "FILE",
    .details = "Runs the masker's own code on a file with H.264 or H.265, offline and as fast as "
               "the machine "
               "can. Until the place has been learnt the whole picture is covered; a clip that is "
               "shorter than "
               "that is played several times with --loop.",
    .options = options,
    .examples = "# a clip of 30 seconds: learn in the first rounds, write the last\n"
                "lethe mask clip.mp4 -o masked.mp4 --loop 6\n"
                "# what was covered, and what it cost\n"
                "lethe mask clip.mp4 -o masked.mp4 --boxes boxes.jsonl --json",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
