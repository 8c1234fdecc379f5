/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe bench mask`: what the masked view lets through, and what it costs. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/mask.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/serve.h"
#include "mask/models.h"

#define MEDIA_MAX 64
#define RUNS_MAX (2 * (MEDIA_MAX + SIM_SCENE_NOISE))
#define SPEEDS_MAX (2 * (MEDIA_MAX + 1))
#define CAMERAS_MAX 64

struct job {
    struct mask_bench bench;
    struct models_paths paths;
    struct truth truth;
    const char *media[MEDIA_MAX];
    int media_count;
    bool scene[SIM_SCENE_NOISE];
    bool models, speed;
    struct mask_run *run;
    int runs;
    struct mask_speed *fast;
    int speeds;
};

static void progress(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

static int take_media(const struct cli_args *a, struct job *j, struct err *reterr)
{
    for (size_t i = 0; cli_nth(a, "media", i) && j->media_count < MEDIA_MAX; i++)
        j->media[j->media_count++] = cli_nth(a, "media", i);
    for (int i = 0; cli_arg(a, i) && j->media_count < MEDIA_MAX; i++)
        j->media[j->media_count++] = cli_arg(a, i);
    if (j->media_count == MEDIA_MAX)
        return err_set(reterr, E_LIMIT, "%d files at a time, no more", MEDIA_MAX - 1);
    return cli_value(a, "truth", NULL) ? truth_read(cli_value(a, "truth", NULL), &j->truth, reterr)
                                       : 0;
}

static int take_scenes(const struct cli_args *a, struct job *j, struct err *reterr)
{
    bool all = !cli_nth(a, "scene", 0) && !j->media_count;
    const char *name;
    for (size_t i = 0; (name = cli_nth(a, "scene", i)); i++) {
        int k = sim_scene_kind_find(name);
        all |= !strcmp(name, "all");
        if (strcmp(name, "all") != 0 && (k < 0 || k >= SIM_SCENE_NOISE))
            return err_set(reterr, E_SYNTAX,
                           "--scene %s: all, street, crowd, seated, dusk, exposure, knock or "
                           "empty-first",
                           name);
        if (k >= 0)
            j->scene[k] = true;
    }
    for (int k = SIM_SCENE_CROWD; all && k < SIM_SCENE_NOISE; k++)
        j->scene[k] = true;
    return 0;
}

static bool any_person_model(const struct job *j)
{
    char path[4096];
    int n;
    const struct model_info *list = models_list(&n);
    for (int i = 0; i < n; i++)
        if (models_tell(&list[i], DETECT_PERSON) &&
            models_look(&list[i], j->paths.dirs, path) == MODEL_PRESENT)
            return true;
    return false;
}

static int take_models(const struct cli_args *a, struct job *j, struct err *reterr)
{
    const char *given = cli_value(a, "models", NULL);
    if (given && !strcmp(given, "none"))
        return 0;
    models_search_path(cli_data_dir(a), given, &j->paths);
    j->models = any_person_model(j);
    if (given && !j->models)
        return err_set(reterr, E_NOTFOUND, "%s holds no model that finds persons; see lethe models",
                       given);
    j->bench.model_dirs = j->models ? j->paths.dirs : NULL;
    return 0;
}

static int read_options(const struct cli_args *a, struct job *j, struct err *reterr)
{
    long seed, percent;
    long long seconds, learn;
    if (cli_int(a, "seed", 1, 1000000, 1, &seed) < 0 ||
        cli_int(a, "detect-budget", 1, 100, 25, &percent) < 0 ||
        cli_duration(a, "learn", 0, &learn) < 0)
        return E_SYNTAX;
    if (cli_value(a, "seconds", NULL) && strspn(cli_value(a, "seconds", NULL), "0123456789") ==
                                             strlen(cli_value(a, "seconds", NULL))) {
        long s;
        if (cli_int(a, "seconds", 10, 7000, 120, &s) < 0)
            return E_SYNTAX;
        seconds = s * SECOND_US;
    } else if (cli_duration(a, "seconds", 120 * SECOND_US, &seconds) < 0) {
        return E_SYNTAX;
    }
    if (seconds < 10 * SECOND_US || seconds > 7000 * SECOND_US)
        return err_set(reterr, E_RANGE, "--seconds: 10 to 7000");
    j->bench = (struct mask_bench){.seconds = (double)seconds / SECOND_US,
                                   .learn_us = learn,
                                   .seed = (uint32_t)seed,
                                   .detect_budget = (double)percent / 100,
                                   .misses = cli_value(a, "misses", NULL),
                                   .progress = progress};
    j->speed = !cli_flag(a, "no-speed");
    int r = take_media(a, j, reterr);
    if (r >= 0)
        r = take_scenes(a, j, reterr);
    if (r >= 0)
        r = take_models(a, j, reterr);
    j->bench.truth = j->truth.count ? &j->truth : NULL;
    if (r >= 0 && j->bench.misses && mkdir(j->bench.misses, 0755) < 0 && access(j->bench.misses, 2))
        r = err_set(reterr, E_NOTFOUND, "--misses %s is no folder to write to", j->bench.misses);
    return r;
}

static void tell(const struct job *j, const char *what, const char *name, bool models)
{
    char line[200];
    snprintf(line, sizeof(line), "%s: %s, %s models", what, name, models ? "with" : "without");
    j->bench.progress(line);
}

/* Scenes and clips, each without models and, if there are any, with. */
static int run_leaks(struct job *j, struct err *reterr)
{
    int r = 0;
    for (int models = 0; models <= (j->models ? 1 : 0) && r >= 0; models++) {
        for (int k = 0; k < SIM_SCENE_NOISE && r >= 0; k++)
            if (j->scene[k]) {
                tell(j, "scene", sim_scene_kind_name((enum sim_scene_kind)k), models);
                r = mask_bench_scene(&j->bench, (enum sim_scene_kind)k, models, &j->run[j->runs++],
                                     reterr);
            }
        for (int i = 0; i < j->media_count && r >= 0; i++) {
            tell(j, "clip", j->media[i], models);
            r = mask_bench_clip(&j->bench, j->media[i], models, &j->run[j->runs++], reterr);
        }
    }
    return r;
}

/* As many cameras as fit beside the detectors' share share the detectors. */
static int cameras_beside(const struct job *j, const struct mask_speed *plain)
{
    double n = plain->cameras_per_core * (1 - j->bench.detect_budget);
    return n < 1 ? 1 : n > CAMERAS_MAX ? CAMERAS_MAX : (int)n;
}

static int run_speed(struct job *j, struct err *reterr)
{
    int r = 0;
    for (int i = -1; i < j->media_count && r >= 0; i++) {
        const char *clip = i < 0 ? NULL : j->media[i];
        struct mask_speed *plain = &j->fast[j->speeds];
        tell(j, "speed", clip ? clip : "empty-first", false);
        r = mask_bench_speed(&j->bench, clip, false, 1, plain, reterr);
        j->speeds++;
        if (r < 0 || !j->models || clip)
            continue;
        tell(j, "speed", "empty-first", true);
        r = mask_bench_speed(&j->bench, NULL, true, cameras_beside(j, plain), &j->fast[j->speeds++],
                             reterr);
    }
    return r;
}

static json_t *times_json(const struct mask_times *t)
{
    double n = t->frames ? (double)t->frames * 1000 : 1;
    return json_pack("{sf sf sf sf sf}", "decode", (double)t->decode_us / n, "plate",
                     (double)t->plate_us / n, "draw", (double)t->draw_us / n, "encode",
                     (double)t->encode_us / n, "detect", (double)t->detect_us / n);
}

static void put(json_t *o, const char *key, double v)
{
    json_object_set_new(o, key, json_real(v));
}

static void put_count(json_t *o, const char *key, uint64_t v)
{
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static json_t *bins_json(const struct mask_tally *t)
{
    static const char *const names[TALLY_BINS] = {"below_32", "32_to_63", "64_to_105", "from_106"};
    json_t *o = json_object();
    for (int i = 0; i < TALLY_BINS; i++)
        json_object_set_new(o, names[i],
                            json_pack("{sI sI}", "person_frames", (json_int_t)t->bin_frames[i],
                                      "missed", (json_int_t)t->bin_missed[i]));
    return o;
}

static json_t *tally_json(const struct mask_tally *t)
{
    json_t *o = json_object();
    put_count(o, "frames", t->frames);
    put_count(o, "shown_frames", t->shown_frames);
    put_count(o, "labelled_frames", t->labelled_frames);
    put_count(o, "person_frames", t->person_frames);
    put_count(o, "missed_frames", t->missed_frames);
    put_count(o, "person_pixels", t->person_pixels);
    put_count(o, "exposed_pixels", t->exposed_pixels);
    put(o, "person_miss_rate", tally_miss_rate(t));
    json_object_set_new(o, "by_height_in_pixels", bins_json(t));
    put_count(o, "tracks", t->tracks);
    put(o, "track_leak_rate", tally_track_leak_rate(t));
    put_count(o, "large_tracks", t->large_tracks);
    put_count(o, "large_leaked_tracks", t->large_leaked_tracks);
    put(o, "exposed_seconds_per_person_hour", tally_exposed_seconds_per_person_hour(t));
    put_count(o, "still_person_frames", t->still_frames);
    put_count(o, "still_person_missed_frames", t->still_missed);
    put(o, "false_mask_area", tally_false_area(t));
    put(o, "covered_area", t->shown_frames ? t->covered_area / (double)t->shown_frames : 0);
    put_count(o, "masked_frames_searched", t->searched_frames);
    put_count(o, "masked_frames_with_faces", t->found_face_frames);
    put_count(o, "masked_frames_with_persons", t->found_person_frames);
    put(o, "exposure_recovery_seconds", t->recovery_s);
    return o;
}

static json_t *run_json(const struct mask_run *r)
{
    json_t *o = tally_json(&r->tally), *states = json_object();
    for (int s = 0; s <= MASK_MOSAIC; s++)
        put_count(states, mask_state_name((enum mask_state)s), r->state_frames[s]);
    json_object_update_new(
        o, json_pack("{ss ss sb so sf ss ss so}", "name", r->name, "kind",
                     r->scene ? "scene" : "clip", "models", r->models, "state_frames", states,
                     "first_shown_seconds", r->first_shown_s, "state", mask_state_name(r->state),
                     "reason", r->reason, "ms_per_frame", times_json(&r->times)));
    return o;
}

static json_t *speed_json(const struct mask_speed *s)
{
    json_t *o = json_pack("{ss sb sI sf sf so}", "name", s->name, "models", s->models, "frames",
                          (json_int_t)s->frames, "ms_per_frame", s->us_per_frame / 1000,
                          "cameras_per_core", s->cameras_per_core, "split", times_json(&s->times));
    if (s->transcode_us_per_frame > 0) {
        put(o, "transcode_ms_per_frame", s->transcode_us_per_frame / 1000);
        put(o, "transcode_ratio", s->us_per_frame / s->transcode_us_per_frame);
    }
    return o;
}

static bool sum_of(const struct job *j, bool models, struct mask_tally *ret)
{
    bool any = false;
    *ret = (struct mask_tally){0};
    for (int i = 0; i < j->runs; i++)
        if (j->run[i].models == models) {
            tally_add(ret, &j->run[i].tally);
            any = true;
        }
    return any;
}

static int print_json(const struct job *j)
{
    struct mask_tally without, with;
    bool both = sum_of(j, true, &with);
    sum_of(j, false, &without);
    const struct mask_tally *best = both ? &with : &without;
    json_t *o = json_object(), *runs = json_array(), *speed = json_array();
    for (int i = 0; i < j->runs; i++)
        json_array_append_new(runs, run_json(&j->run[i]));
    for (int i = 0; i < j->speeds; i++)
        json_array_append_new(speed, speed_json(&j->fast[i]));
    put(o, "person_miss_rate", tally_miss_rate(best));
    put(o, "track_leak_rate", tally_track_leak_rate(best));
    put(o, "exposed_seconds_per_person_hour", tally_exposed_seconds_per_person_hour(best));
    put(o, "false_mask_area", tally_false_area(best));
    json_object_set_new(o, "without_models", tally_json(&without));
    json_object_set_new(o, "with_models", both ? tally_json(&with) : json_null());
    for (int i = j->speeds - 1; i >= 0; i--) { /* the scene comes first, so its figures stay */
        const struct mask_speed *s = &j->fast[i];
        put(o, s->models ? "cameras_per_core_with_detectors" : "cameras_per_core",
            s->cameras_per_core);
        if (s->transcode_us_per_frame > 0)
            put(o, s->models ? "transcode_ratio_with_detectors" : "transcode_ratio",
                s->us_per_frame / s->transcode_us_per_frame);
    }
    json_object_set_new(o, "runs", runs);
    json_object_set_new(o, "speed", speed);
    return cli_json_print(o);
}

static int print_runs(const struct job *j)
{
    static const char *const head[] = {"RUN",    "MODELS", "STATE", "SHOWN", "PERSONS", "MISSED",
                                       "TRACKS", "LEAKED", "STILL", "FALSE", "COVERED", "FACES"};
    struct cli_table t;
    cli_table_init(&t, 12, head);
    for (int i = 0; i < j->runs; i++) {
        const struct mask_run *r = &j->run[i];
        const struct mask_tally *y = &r->tally;
        cli_table_cell(&t, "%s", r->name);
        cli_table_cell(&t, "%s", r->models ? "yes" : "no");
        cli_table_cell(&t, "%s", mask_state_name(r->state));
        cli_table_cell(&t, "%llu/%llu", (unsigned long long)y->shown_frames,
                       (unsigned long long)y->frames);
        cli_table_cell(&t, "%llu", (unsigned long long)y->person_frames);
        cli_table_cell(&t, "%llu", (unsigned long long)y->missed_frames);
        cli_table_cell(&t, "%llu", (unsigned long long)y->tracks);
        cli_table_cell(&t, "%llu", (unsigned long long)y->leaked_tracks);
        cli_table_cell(&t, "%llu/%llu", (unsigned long long)y->still_missed,
                       (unsigned long long)y->still_frames);
        cli_table_cell(&t, y->false_frames ? "%.2f %%" : "-", 100 * tally_false_area(y));
        cli_table_cell(&t, "%.1f %%",
                       y->shown_frames ? 100 * y->covered_area / (double)y->shown_frames : 100.0);
        cli_table_cell(&t, "%llu/%llu", (unsigned long long)y->found_face_frames,
                       (unsigned long long)y->searched_frames);
    }
    return cli_table_show(&t);
}

static void print_sum(const char *what, const struct mask_tally *t)
{
    printf("\n%s: person miss rate %.4f, track leak rate %.4f, exposed seconds per person-hour "
           "%.1f, false mask area %.2f %%\n",
           what, tally_miss_rate(t), tally_track_leak_rate(t),
           tally_exposed_seconds_per_person_hour(t), 100 * tally_false_area(t));
    printf("missed by height in pixels: below 32: %llu of %llu, to 63: %llu of %llu, to 105: %llu "
           "of %llu, more: %llu of %llu\n",
           (unsigned long long)t->bin_missed[0], (unsigned long long)t->bin_frames[0],
           (unsigned long long)t->bin_missed[1], (unsigned long long)t->bin_frames[1],
           (unsigned long long)t->bin_missed[2], (unsigned long long)t->bin_frames[2],
           (unsigned long long)t->bin_missed[3], (unsigned long long)t->bin_frames[3]);
}

static int print_speeds(const struct job *j)
{
    static const char *const head[] = {"SPEED",  "MODELS", "DECODE",      "PLATE",
                                       "DRAW",   "ENCODE", "DETECT",      "ALL",
                                       "FFMPEG", "RATIO",  "CAMERAS/CORE"};
    struct cli_table t;
    cli_table_init(&t, 11, head);
    for (int i = 0; i < j->speeds; i++) {
        const struct mask_speed *s = &j->fast[i];
        const struct mask_times *m = &s->times;
        double n = m->frames ? (double)m->frames * 1000 : 1;
        cli_table_cell(&t, "%s", s->name);
        cli_table_cell(&t, "%s", s->models ? "yes" : "no");
        cli_table_cell(&t, "%.2f", (double)m->decode_us / n);
        cli_table_cell(&t, "%.2f", (double)m->plate_us / n);
        cli_table_cell(&t, "%.2f", (double)m->draw_us / n);
        cli_table_cell(&t, "%.2f", (double)m->encode_us / n);
        cli_table_cell(&t, "%.2f", (double)m->detect_us / n);
        cli_table_cell(&t, "%.2f ms", s->us_per_frame / 1000);
        cli_table_cell(&t, s->transcode_us_per_frame > 0 ? "%.2f ms" : "-",
                       s->transcode_us_per_frame / 1000);
        cli_table_cell(&t, s->transcode_us_per_frame > 0 ? "%.2f" : "-",
                       s->transcode_us_per_frame > 0 ? s->us_per_frame / s->transcode_us_per_frame
                                                     : 0.0);
        cli_table_cell(&t, "%.1f", s->cameras_per_core);
    }
    printf("\nCPU per masked picture at 10 a second, beside FFmpeg (decode, x264 ultrafast "
           "zerolatency):\n");
    return cli_table_show(&t);
}

static int print_text(const struct job *j)
{
    struct mask_tally t;
    int r = print_runs(j);
    if (sum_of(j, false, &t))
        print_sum("without models", &t);
    if (sum_of(j, true, &t))
        print_sum("with models", &t);
    for (int i = 0; i < j->runs; i++)
        if (j->run[i].scene && !strcmp(j->run[i].name, "exposure"))
            printf("after a step of the exposure (%s models): %s%.1f s until less than 5 %% is "
                   "masked for nothing\n",
                   j->run[i].models ? "with" : "without",
                   j->run[i].tally.recovery_s < 0 ? "not even after " : "",
                   j->run[i].tally.recovery_s < 0 ? 20.0 : j->run[i].tally.recovery_s);
    if (r >= 0 && j->speeds)
        r = print_speeds(j);
    return r < 0;
}

static int run(const struct cli_args *a)
{
    struct job j = {0};
    struct err e = {0};
    int r = read_options(a, &j, &e), code;
    if (r >= 0 && (!(j.run = calloc(RUNS_MAX, sizeof(*j.run))) ||
                   !(j.fast = calloc(SPEEDS_MAX, sizeof(*j.fast)))))
        r = -ENOMEM;
    if (r >= 0)
        r = run_leaks(&j, &e);
    if (r >= 0 && j.speed)
        r = run_speed(&j, &e);
    if (r < 0)
        code = e.text[0] || r != E_SYNTAX ? cli_fail(a, &e, r) : 2;
    else
        code = cli_flag(a, "json") ? print_json(&j) : print_text(&j);
    truth_release(&j.truth);
    free(j.run);
    free(j.fast);
    return code;
}

static const struct cli_option options[] = {
    OPTION_DATA,
    {"media", "FILE", "a clip with H.264 or H.265; files may also stand without --media",
     .repeat = true},
    {"truth", "FILE", "who is where in the clips: JSON, or JSON lines as of lethe sim --truth"},
    {"scene", "NAME",
     "a generated scene: all, street, crowd, seated, dusk, exposure, knock or empty-first",
     .repeat = true},
    {"seconds", "S", "people's time in a scene, length of a clip's run (default 120)"},
    {"models", "DIR", "detector models, or none (default: as lethe models finds them)"},
    {"learn", "TIME", "quiet time before an undeclared place is taken for empty (default 120s)"},
    {"detect-budget", "PERCENT", "of a core, for the detectors of a run (default 25)"},
    {"seed", "N", "another street (default 1)"},
    {"misses", "DIR", "keep pictures of what was exposed, source and masked side by side (PPM)"},
    {"no-speed", NULL, "leaks only"},
    {"json", NULL, "print one JSON object"},
    {0},
};

const struct cli_command cli_bench_mask = {
    .name = "bench mask",
    .summary = "measure what the masked view lets through, and what it costs",
    .arguments = "FILE…",
    .details =
        "Runs the masker's own code on generated scenes, whose truth is known to the pixel, and on "
        "clips, whose truth is a file of boxes; each without detector models and, where there are "
        "any, with. The masked output is decoded and judged on its pixels; what the masker says "
        "about itself is not believed.\n\n"
        "Then it measures CPU per masked picture on a street at 640x360 and 10 pictures a second, "
        "and on the clips, beside FFmpeg that decodes and encodes the same access units.\n\n"
        "Let nothing else run on the machine meanwhile if the speed matters.",
    .options = options,
    .examples = "# all generated scenes, no models\n"
                "lethe bench mask --models none\n"
                "# somebody sits for half an hour\n"
                "lethe bench mask --scene seated --seconds 1800 --no-speed\n"
                "# clips with labels, pictures of misses\n"
                "lethe bench mask --media door.mp4 --media yard.mp4 --truth labels.json "
                "--misses /tmp/misses",
    .max_args = MEDIA_MAX,
    .run = run,
};
