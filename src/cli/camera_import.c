/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe camera import`: a thousand cameras from CSV or YAML, all or nothing, every mistake named with its place. */
#include "cli/camera_import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/schema.h"
#include "cli/output.h"

enum { PROBLEMS_SHOWN = 20 };

void import_problem(struct import *im, const char *text)
{
    if (im->problems++ < PROBLEMS_SHOWN)
        fprintf(stderr, "%s\n", text);
    json_array_append_new(im->texts, json_string(text));
}

void import_problem_at(struct import *im, unsigned line, unsigned column, const char *part,
                       const struct err *e)
{
    char text[700];
    snprintf(text, sizeof(text), "%s:%u:%u: %s: %s", im->file, line, column, part, e->text);
    import_problem(im, text);
}

int import_room(struct import *im, struct err *reterr)
{
    if (im->count < im->room)
        return 0;
    if (im->count == CAMERA_MAX)
        return err_set(reterr, E_LIMIT, "%s: more than %d cameras", im->file, CAMERA_MAX);
    size_t room = im->room ? im->room * 2 : 256;
    struct index_camera *rows = reallocarray(im->rows, room, sizeof(*rows));
    if (rows)
        im->rows = rows;
    unsigned *lines = reallocarray(im->lines, room, sizeof(*lines));
    if (lines)
        im->lines = lines;
    if (!rows || !lines)
        return err_set(reterr, -ENOMEM, "%s: not enough memory", im->file);
    im->room = room;
    return 0;
}

struct by_id {
    const struct import *im;
    size_t row;
};

static int compare_id(const void *a, const void *b)
{
    const struct by_id *x = a, *y = b;
    int order = strcmp(x->im->rows[x->row].id, y->im->rows[y->row].id);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* Mistakes among ids; a row that replaces another keeps what an import does not speak of. */
static int match_known(struct import *im, const struct index_camera *known, size_t known_count)
{
    struct by_id *order = calloc(im->count + 1, sizeof(*order));
    struct err e;
    if (!order)
        return -ENOMEM;
    for (size_t i = 0; i < im->count; i++)
        order[i] = (struct by_id){im, i};
    qsort(order, im->count, sizeof(*order), compare_id);
    for (size_t i = 1; i < im->count; i++) {
        const struct index_camera *c = &im->rows[order[i].row];
        if (strcmp(c->id, im->rows[order[i - 1].row].id) != 0)
            continue;
        err_set(&e, E_EXISTS, "'%s' stands in line %u already", c->id, im->lines[order[i - 1].row]);
        import_problem_at(im, im->lines[order[i].row], 1, "id", &e);
    }
    size_t at = 0; /* both are in the order of ids */
    for (size_t i = 0; i < known_count; i++) {
        while (at < im->count && strcmp(im->rows[order[at].row].id, known[i].id) < 0)
            at++;
        if (at == im->count || strcmp(im->rows[order[at].row].id, known[i].id) != 0)
            continue;
        struct index_camera *c = &im->rows[order[at].row];
        if (im->replace) {
            camera_carry(&known[i], *c->zones != 0, c);
            continue;
        }
        err_set(&e, E_EXISTS, "camera '%s' exists already; --replace takes the new row",
                known[i].id);
        import_problem_at(im, im->lines[order[at].row], 1, "id", &e);
    }
    free(order);
    return 0;
}

static int compare_camera(const void *a, const void *b)
{
    const struct index_camera *x = a, *y = b;
    return strcmp(x->id, y->id);
}

/* Hold the rows against the index, and write them when nothing is wrong. */
static int finish(const struct cli_args *a, struct import *im, struct err *reterr)
{
    struct index_camera *known = NULL;
    size_t known_count = 0;
    struct index *ix = NULL;
    int r = camera_index_open(a, false, &ix, reterr);
    if (r >= 0)
        r = camera_all(ix, &known, &known_count, reterr);
    if (r >= 0 && known_count)
        qsort(known, known_count, sizeof(*known), compare_camera);
    if (r >= 0)
        r = match_known(im, known, known_count);
    if (r >= 0 && !im->problems && !cli_flag(a, "dry-run"))
        r = camera_put(ix, im->rows, im->count, im->replace, reterr);
    if (ix)
        ix->ops->close(ix);
    free(known);
    return r;
}

static int report(const struct cli_args *a, struct import *im)
{
    bool written = !im->problems && !cli_flag(a, "dry-run");
    if (im->problems > PROBLEMS_SHOWN)
        fprintf(stderr, "… and %zu more\n", im->problems - PROBLEMS_SHOWN);
    if (cli_flag(a, "json")) {
        int code = cli_json_print(json_pack("{sb sI sI sO}", "ok", !im->problems, "imported",
                                            (json_int_t)(written ? im->count : 0), "read",
                                            (json_int_t)im->count, "problems", im->texts));
        return im->problems ? 2 : code;
    }
    if (im->problems)
        fprintf(stderr, "lethe camera import: nothing was imported: %zu problem%s in %s\n",
                im->problems, im->problems == 1 ? "" : "s", im->file);
    else
        printf("%zu camera%s %s\n", im->count, im->count == 1 ? "" : "s",
               written ? "imported" : "could be imported");
    return im->problems ? 2 : 0;
}

static int is_yaml(const struct cli_args *a, const char *file, bool *ret, struct err *reterr)
{
    const char *format = cli_value(a, "format", NULL), *dot = strrchr(file, '.');
    if (!format)
        format = dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml")) ? "yaml"
                 : dot && !strcmp(dot, ".csv")                          ? "csv"
                                                                        : "";
    *ret = !strcmp(format, "yaml");
    if (!*ret && strcmp(format, "csv") != 0)
        return err_set(reterr, E_SYNTAX, "is '%s' csv or yaml? Say so with --format", file);
    return 0;
}

static int read_input(const char *path, struct buf *out, struct err *reterr)
{
    bool standard = !strcmp(path, "-");
    FILE *f = standard ? stdin : fopen(path, "re");
    int r = 0;
    if (!f)
        return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    for (size_t n = 1; n && r >= 0;) {
        r = buf_reserve(out, 65536);
        n = r < 0 ? 0 : fread(out->data + out->len, 1, 65536, f);
        out->len += n;
    }
    if (r >= 0 && ferror(f))
        r = err_set(reterr, -EIO, "%s: reading failed", path);
    else if (r < 0)
        err_set(reterr, r, "%s: longer than 8 MiB", path);
    if (!standard)
        fclose(f);
    return r;
}

static int run_import(const struct cli_args *a)
{
    struct import im = {
        .file = cli_arg(a, 0), .replace = cli_flag(a, "replace"), .texts = json_array()};
    struct buf file;
    struct err e = {0};
    bool yaml = false;
    buf_init(&file, SCHEMA_FILE_BYTES + 65536);
    int r = im.texts ? is_yaml(a, im.file, &yaml, &e) : -ENOMEM;
    if (r >= 0)
        r = camera_defaults(a, &im.defaults, &e);
    if (r >= 0)
        r = read_input(im.file, &file, &e);
    if (r >= 0)
        r = yaml ? import_yaml(&im, &file, &e) : import_csv(&im, &file, &e);
    if (r >= 0)
        r = finish(a, &im, &e);
    int code = r < 0 ? cli_fail(a, &e, r) : report(a, &im);
    if (file.data)
        explicit_bzero(file.data, file.len);
    buf_release(&file);
    json_decref(im.texts);
    free(im.rows);
    free(im.lines);
    return code;
}

const struct cli_command cli_camera_import = {
    .name = "camera import",
    .summary = "add many cameras from CSV or YAML, all or none",
    .arguments = "FILE",
    .details =
        "CSV: the first line names the columns, in any order: id and main must be there; "
        "name, sub, transport (tcp, "
        "udp, auto), audio, enabled, retention_days, pin, tls_insecure, user, password, group, "
        "zones, and for the public register purpose, owner, contact, place, lat, lon, "
        "px_per_m, sees, review and retention_reason may be. Commas, double quotes where "
        "needed, UTF-8.\n"
        "YAML: a list under the key 'cameras:', with the same names as keys.\n"
        "Every mistake is named with line and column, and as long as there is one, nothing "
        "is imported. FILE - reads "
        "standard input.",
    .options =
        (const struct cli_option[]){
            {"data", "DIR", "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"},
            {"format", "csv|yaml", "when the file's name does not say it"},
            {"replace", NULL, "take the new row for cameras that exist"},
            {"dry-run", NULL, "check everything, change nothing"},
            {"config", "FILE",
             "defaults of transport and audio (default: DATA/lethe.yaml where there is one)"},
            {"json", NULL, "print JSON"},
            {0},
        },
    .examples = "# See what is wrong with a list\nlethe camera import station.csv --dry-run\n"
                "# Bring a list up to date\nlethe camera import station.yaml --replace",
    .min_args = 1,
    .max_args = 1,
    .run = run_import,
};
