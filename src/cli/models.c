/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe models`: which detector models are there, what that means for the masked view, and where to get them. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/models_fetch.h"
#include "cli/output.h"
#include "cli/serve.h"
#include "mask/models.h"

#define MODELS_MAX 16

struct inventory {
    const struct model_info *list;
    int count;
    struct models_paths paths;
    enum model_state state[MODELS_MAX];
    char path[MODELS_MAX][4096];
};

static void look(const struct cli_args *a, struct inventory *v)
{
    v->list = models_list(&v->count);
    models_search_path(cli_data_dir(a), cli_value(a, "models", NULL), &v->paths);
    for (int i = 0; i < v->count && i < MODELS_MAX; i++)
        v->state[i] = models_look(&v->list[i], v->paths.dirs, v->path[i]);
}

/* The model that a detector pool would take for @c; -1: none. */
static int chosen(const struct inventory *v, enum detect_class c)
{
    for (int i = 0; i < v->count; i++)
        if (models_tell(&v->list[i], c) && v->state[i] == MODEL_PRESENT)
            return i;
    return -1;
}

static const char *state_name(enum model_state s)
{
    static const char *const names[] = {"missing", "present", "other bytes", "unreadable"};
    return names[s];
}

static const char *meaning(const struct inventory *v)
{
    bool persons = chosen(v, DETECT_PERSON) >= 0, faces = chosen(v, DETECT_FACE) >= 0;
    if (persons && faces)
        return "Persons, vehicles and faces are detected: the masked view shows the learnt place "
               "with silhouettes (state a, 'detector') while the detectors keep within their CPU "
               "budget.";
    if (persons)
        return "Persons and vehicles are detected, faces are not: state a, 'detector', holds, but "
               "a face close to the camera without a body in sight may be missed.";
    if (faces)
        return "Faces are detected, persons are not: this does not suffice for state a. A place "
               "that was declared empty shows silhouettes (state b), all others a coarse mosaic "
               "(state c).";
    return "Nothing is detected: a place that was declared empty shows silhouettes and learns "
           "only after an hour of quiet (state b), all others a coarse mosaic (state c).";
}

static int print_json(const struct inventory *v)
{
    json_t *models = json_array(), *folders = json_array();
    for (int i = 0; i < v->count; i++) {
        const struct model_info *m = &v->list[i];
        json_array_append_new(
            models, json_pack("{ss ss ss ss sI ss ss ss ss}", "file", m->file, "purpose",
                              m->purpose, "state", state_name(v->state[i]), "path", v->path[i],
                              "bytes", (json_int_t)m->bytes, "licence", m->licence, "origin",
                              m->origin, "sha256", m->sha256, "url", m->url));
    }
    for (int i = 0; v->paths.dirs[i]; i++)
        json_array_append_new(folders, json_string(v->paths.dirs[i]));
    return cli_json_print(json_pack("{so so sb sb sb ss}", "models", models, "folders", folders,
                                    "faces", chosen(v, DETECT_FACE) >= 0, "persons",
                                    chosen(v, DETECT_PERSON) >= 0, "vehicles",
                                    chosen(v, DETECT_VEHICLE) >= 0, "meaning", meaning(v)));
}

static const char *place(const struct inventory *v, int i)
{
    const struct model_info *m = &v->list[i];
    enum detect_class c = models_tell(m, DETECT_FACE) ? DETECT_FACE : DETECT_PERSON;
    if (v->state[i] == MODEL_PRESENT)
        return chosen(v, c) == i ? "used" : "spare";
    return state_name(v->state[i]);
}

static int print_text(const struct inventory *v)
{
    static const char *const head[] = {"MODEL", "FINDS", "STATE", "SIZE", "LICENCE", "WHERE"};
    struct cli_table t;
    char size[32];
    cli_table_init(&t, 6, head);
    for (int i = 0; i < v->count; i++) {
        const struct model_info *m = &v->list[i];
        cli_table_cell(&t, "%s", m->file);
        cli_table_cell(&t, "%s", m->purpose);
        cli_table_cell(&t, "%s", place(v, i));
        cli_table_cell(&t, "%s", cli_bytes((double)m->bytes, size));
        cli_table_cell(&t, "%s", m->licence);
        cli_table_cell(&t, "%s", v->path[i]);
    }
    int r = cli_table_show(&t);
    printf("\n%s\n", meaning(v));
    printf("\nLooked for in:\n");
    for (int i = 0; v->paths.dirs[i]; i++)
        printf("  %s\n", v->paths.dirs[i]);
    for (int i = 0; i < v->count; i++)
        if (v->state[i] == MODEL_STRANGER)
            printf("\n%s is not the model of that name and is not used. lethe models --fetch %s "
                   "gets the one that is known.\n",
                   v->path[i], v->list[i].file);
    if (chosen(v, DETECT_FACE) < 0 || chosen(v, DETECT_PERSON) < 0)
        printf("\nlethe models --fetch gets what is missing; by hand, put these files into one of "
               "the folders:\n");
    for (int i = 0; i < v->count; i++)
        if (v->state[i] != MODEL_PRESENT)
            printf("  %s\n    sha256 %s\n", v->list[i].url, v->list[i].sha256);
    return r < 0;
}

static bool named(const struct cli_args *a, const char *file)
{
    for (int i = 0; cli_arg(a, i); i++)
        if (!strcmp(cli_arg(a, i), file))
            return true;
    return false;
}

/* What is to be fetched: what is named, else the best model for each purpose that has none. */
static int choose(const struct cli_args *a, const struct inventory *v, bool want[MODELS_MAX],
                  struct err *reterr)
{
    int n = 0;
    for (int i = 0; cli_arg(a, i); i++)
        if (!models_find(cli_arg(a, i)))
            return err_set(reterr, E_NOTFOUND,
                           "%s is no model that is known; lethe models lists those that are",
                           cli_arg(a, i));
    for (int i = 0; i < v->count; i++) {
        enum detect_class c = models_tell(&v->list[i], DETECT_FACE) ? DETECT_FACE : DETECT_PERSON;
        bool first = true;
        for (int k = 0; k < i; k++)
            first &= !models_tell(&v->list[k], c);
        want[i] = cli_arg(a, 0) ? named(a, v->list[i].file) && v->state[i] != MODEL_PRESENT
                                : first && chosen(v, c) < 0;
        n += want[i];
    }
    return n;
}

/* 0 to go on, else the exit code. */
static int confirm(const struct cli_args *a, const struct inventory *v, const bool *want,
                   const char *folder)
{
    struct err e = {0};
    char line[16], size[32];
    fprintf(stderr, "To be fetched into %s:\n", folder);
    for (int i = 0; i < v->count; i++)
        if (want[i])
            fprintf(stderr, "  %s (%s, %s, %s)\n    %s\n", v->list[i].file, v->list[i].purpose,
                    cli_bytes((double)v->list[i].bytes, size), v->list[i].licence,
                    cli_value(a, "mirror", v->list[i].url));
    if (cli_flag(a, "yes"))
        return 0;
    if (!isatty(STDIN_FILENO))
        return cli_fail(a, &e,
                        err_set(&e, E_SYNTAX, "nobody is there to ask; give --yes to fetch"));
    fprintf(stderr, "The licence is that of the weights; what they were trained on has its own "
                    "terms. Fetch? [y/N] ");
    if (!fgets(line, sizeof(line), stdin) || (line[0] != 'y' && line[0] != 'Y')) {
        fputs("nothing was fetched\n", stderr);
        return 1;
    }
    return 0;
}

static void progress(const struct model_info *m, int64_t bytes)
{
    static int last = -1;
    int percent = (int)(bytes * 100 / m->bytes);
    if (percent == last || !isatty(STDERR_FILENO))
        return;
    last = percent;
    fprintf(stderr, "\r%s %3d %%%s", m->file, percent, percent == 100 ? "\n" : "");
}

static int fetch(const struct cli_args *a, struct inventory *v)
{
    struct err e = {0};
    bool want[MODELS_MAX] = {false};
    const char *folder = v->paths.dirs[0];
    int n = choose(a, v, want, &e);
    if (n < 0)
        return cli_fail(a, &e, n);
    int code = n ? confirm(a, v, want, folder) : 0;
    if (code)
        return code;
    for (int i = 0; i < v->count; i++) {
        int r = want[i]
                    ? models_fetch(&v->list[i], folder, cli_value(a, "mirror", NULL), progress, &e)
                    : 0;
        if (r < 0)
            return cli_fail(a, &e, r);
    }
    look(a, v);
    return 0;
}

static int run(const struct cli_args *a)
{
    static struct inventory v;
    struct err e = {0};
    if (cli_arg(a, 0) && !cli_flag(a, "fetch"))
        return cli_fail(a, &e, err_set(&e, E_SYNTAX, "names are for --fetch"));
    look(a, &v);
    int code = cli_flag(a, "fetch") ? fetch(a, &v) : 0;
    if (code)
        return code;
    return cli_flag(a, "json") ? print_json(&v) : print_text(&v);
}

static const struct cli_option options[] = {
    OPTION_DATA,
    {"models", "DIR", "look only there, and fetch to there"},
    {"fetch", NULL, "get what is missing, or the models named, after asking"},
    {"mirror", "URL", "fetch from this folder of a web server instead of the public addresses"},
    {"yes", NULL, "do not ask"},
    {"json", NULL, "print {models, folders, faces, persons, vehicles, meaning}"},
    {0},
};

const struct cli_command cli_models = {
    .name = "models",
    .summary = "which detector models are there, and get them",
    .arguments = "MODEL…",
    .details = "Detectors say whether there is a person, a face or a vehicle, and where; nothing "
               "says who. Lethe ships none and works without, with less to see: what may be shown "
               "depends on them.\n\n"
               "Models are looked for in the folder models inside the data directory, beside it, "
               "and in the system's share folder. Only files with a known SHA-256 are used: the "
               "published miss rates are theirs, and no other bytes are run.\n\n"
               "--fetch is the only time that Lethe goes to the internet by itself. It says what "
               "it will get from where and asks first. A node without internet can be given the "
               "files by hand, or with --mirror from a server of your own.",
    .options = options,
    .examples = "# what is there, and what it means\n"
                "lethe models\n"
                "# get the best model for each purpose\n"
                "lethe models --fetch\n"
                "# from a server of your own, without a question\n"
                "lethe models --fetch --yes --mirror http://files.example/lethe yolox_nano.onnx",
    .max_args = MODELS_MAX,
    .run = run,
};
