/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe camera export`: what `camera import` reads. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/csv.h"
#include "cli/camera.h"

/* A row as text again; URLs are redacted unless @secrets. */
static void texts_of(const struct index_camera *c, bool secrets, struct camera_input *in)
{
    char url[CAMERA_URL];
    camera_input_of(c, in);
    if (secrets)
        return;
    snprintf(in->main, sizeof(in->main), "%s", camera_redact(c->main_url, url));
    snprintf(in->sub, sizeof(in->sub), "%s", camera_redact(c->sub_url, url));
}

static int put_csv(struct buf *out, const struct index_camera *rows, size_t n, bool secrets)
{
    struct camera_input in;
    char room[24];
    int r = 0;
    for (const struct camera_field *f = camera_fields; f->name && r >= 0; f++)
        r = f->secret ? 0 : csv_put(out, f->name, f == camera_fields);
    if (r >= 0)
        r = buf_append(out, "\n", 1);
    for (size_t i = 0; i < n && r >= 0; i++) {
        texts_of(&rows[i], secrets, &in);
        for (const struct camera_field *f = camera_fields; f->name && r >= 0; f++)
            r = f->secret ? 0 : csv_put(out, camera_field_text(f, &in, room), f == camera_fields);
        if (r >= 0)
            r = buf_append(out, "\n", 1);
    }
    explicit_bzero(&in, sizeof(in));
    return r;
}

/* A double-quoted scalar says everything without guessing (YAML 1.1 §9.1). */
static int put_yaml_text(struct buf *out, const char *text)
{
    int r = buf_append(out, "\"", 1);
    for (; *text && r >= 0; text++) {
        if (*text == '"' || *text == '\\')
            r = buf_append(out, "\\", 1);
        if (r >= 0)
            r = buf_append(out, text, 1);
    }
    return r < 0 ? r : buf_append(out, "\"\n", 2);
}

static int put_yaml_row(struct buf *out, const struct camera_input *in)
{
    char room[24];
    int r = 0;
    for (const struct camera_field *f = camera_fields; f->name && r >= 0; f++) {
        const char *text = camera_field_text(f, in, room);
        if (!*text || f->secret)
            continue;
        r = buf_appendf(out, "%s%s: ", f == camera_fields ? "  - " : "    ", f->name);
        if (r >= 0)
            r = f->kind == CAMERA_TEXT ? put_yaml_text(out, text) : buf_appendf(out, "%s\n", text);
    }
    return r;
}

static int put_yaml(struct buf *out, const struct index_camera *rows, size_t n, bool secrets)
{
    struct camera_input in;
    int r = buf_appendf(out, n ? "cameras:\n" : "cameras: []\n");
    for (size_t i = 0; i < n && r >= 0; i++) {
        texts_of(&rows[i], secrets, &in);
        r = put_yaml_row(out, &in);
        explicit_bzero(&in, sizeof(in));
    }
    return r;
}

static int write_output(const char *path, const struct buf *b, struct err *reterr)
{
    if (!path || !strcmp(path, "-")) {
        fwrite(b->data, 1, b->len, stdout);
        return 0;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    size_t n = fwrite(b->data, 1, b->len, f);
    if (fclose(f) || n != b->len)
        return err_set(reterr, -EIO, "%s: writing failed", path);
    return 0;
}

static int read_format(const struct cli_args *a, bool *yaml, struct err *reterr)
{
    const char *format = cli_value(a, "format", NULL), *path = cli_value(a, "output", "");
    const char *dot = strrchr(path, '.');
    if (!format)
        format = dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml")) ? "yaml" : "csv";
    *yaml = !strcmp(format, "yaml");
    return *yaml || !strcmp(format, "csv")
               ? 0
               : err_set(reterr, E_SYNTAX, "--format '%.20s' is not csv or yaml", format);
}

static int run_export(const struct cli_args *a)
{
    struct index_camera *rows = NULL;
    size_t n = 0;
    struct index *ix = NULL;
    struct err e = {0};
    struct buf out;
    bool yaml, secrets = cli_flag(a, "with-passwords");
    buf_init(&out, 0);
    int r = read_format(a, &yaml, &e);
    if (r >= 0)
        r = camera_index_open(a, true, &ix, &e);
    if (r >= 0)
        r = camera_all(ix, &rows, &n, &e);
    if (ix)
        ix->ops->close(ix);
    if (r >= 0)
        r = yaml ? put_yaml(&out, rows, n, secrets) : put_csv(&out, rows, n, secrets);
    if (r >= 0)
        r = write_output(cli_value(a, "output", NULL), &out, &e);
    if (out.data)
        explicit_bzero(out.data, out.len);
    buf_release(&out);
    free(rows);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

const struct cli_command cli_camera_export = {
    .name = "camera export",
    .summary = "write the cameras as CSV or YAML",
    .details = "What `lethe camera import` reads. Passwords are written as *** unless they are "
               "asked for; the file is "
               "then as secret as the index and is made with mode 0600.",
    .options =
        (const struct cli_option[]){
            {"data", "DIR", "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"},
            {"output", "FILE", "file to write (default: standard output)"},
            {"format", "csv|yaml", "default: by the file's name, else csv"},
            {"with-passwords", NULL, "write the cameras' passwords too"},
            {0},
        },
    .examples =
        "# Move the cameras to another node\nlethe camera export --with-passwords -o cameras.yaml",
    .run = run_export,
};
