/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The two readers of `lethe camera import`: CSV with a header line, and YAML with a list under "cameras:". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/schema.h"
#include "cli/camera_import.h"

/* Where each field of the table stands in the file; -1: nowhere. */
typedef int csv_map[CAMERA_FIELDS];

static int list_columns(char *out, size_t size)
{
    size_t at = 0;
    for (int c = 0; c < CAMERA_FIELDS; c++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", c ? ", " : "", camera_fields[c].name);
    return (int)at;
}

static int csv_header(struct import *im, struct csv_reader *r, struct csv_record *rec, csv_map map,
                      struct err *reterr)
{
    char names[300];
    int got = csv_next(r, rec, reterr);
    if (got < 0)
        return got;
    for (int c = 0; c < CAMERA_FIELDS; c++)
        map[c] = -1;
    for (int i = 0; got && i < rec->count; i++) {
        int c = 0;
        while (camera_fields[c].name && strcmp(camera_fields[c].name, rec->field[i].text) != 0)
            c++;
        if (c == CAMERA_FIELDS && list_columns(names, sizeof(names)))
            return err_set(reterr, E_SYNTAX, "%s:%u:%u: '%.40s' is not a column; there are %s",
                           im->file, rec->line, rec->field[i].column, rec->field[i].text, names);
        if (map[c] >= 0)
            return err_set(reterr, E_SYNTAX, "%s:%u:%u: column '%s' stands twice", im->file,
                           rec->line, rec->field[i].column, camera_fields[c].name);
        map[c] = i;
    }
    bool id = false, main = false;
    for (int c = 0; c < CAMERA_FIELDS; c++) {
        id = id || (map[c] >= 0 && !strcmp(camera_fields[c].name, "id"));
        main = main || (map[c] >= 0 && !strcmp(camera_fields[c].name, "main"));
    }
    return id && main ? 0
                      : err_set(reterr, E_SYNTAX,
                                "%s:1:1: the first line names the columns; id and main must be "
                                "among them",
                                im->file);
}

/* One line of the table: a row, or a problem. */
static void csv_row(struct import *im, const struct csv_record *rec, const csv_map map, int columns)
{
    struct camera_input in = im->defaults;
    struct err e = {0};
    const char *part = "line";
    int r = 0;
    unsigned column = 1;
    if (rec->count != columns) {
        err_set(&e, E_SYNTAX, "%d fields, but the header has %d", rec->count, columns);
        import_problem_at(im, rec->line, 1, part, &e);
        return;
    }
    for (int c = 0; c < CAMERA_FIELDS && r >= 0; c++) {
        part = camera_fields[c].name;
        if (map[c] >= 0)
            r = camera_field_set(&camera_fields[c], rec->field[map[c]].text, &in, &e);
    }
    if (r >= 0)
        r = camera_check(&in, &im->rows[im->count], &part, &e);
    explicit_bzero(in.password, sizeof(in.password));
    if (r >= 0) {
        im->lines[im->count++] = rec->line;
        return;
    }
    for (int c = 0; c < CAMERA_FIELDS; c++)
        if (!strcmp(part, camera_fields[c].name) && map[c] >= 0)
            column = rec->field[map[c]].column;
    import_problem_at(im, rec->line, column, part, &e);
}

int import_csv(struct import *im, const struct buf *file, struct err *reterr)
{
    struct csv_reader r;
    struct csv_record rec;
    csv_map map;
    int got;
    csv_init(&r, im->file, file->data ? (const void *)file->data : "", file->len);
    got = csv_header(im, &r, &rec, map, reterr);
    int columns = rec.count;
    while (got >= 0 && (got = csv_next(&r, &rec, reterr)) > 0) {
        got = import_room(im, reterr);
        if (got >= 0)
            csv_row(im, &rec, map, columns);
    }
    csv_release(&r);
    return got;
}

/* The same table for YAML. */
static void yaml_fields(struct schema_field out[CAMERA_FIELDS + 1])
{
    for (int c = 0; c < CAMERA_FIELDS; c++) {
        const struct camera_field *f = &camera_fields[c];
        out[c] = (struct schema_field){
            .key = f->name, .kind = SCHEMA_TEXT, .offset = f->offset, .size = f->size};
        out[c].required = !strcmp(f->name, "id") || !strcmp(f->name, "main");
        if (f->kind == CAMERA_FLAG)
            out[c].kind = SCHEMA_BOOL;
        if (f->kind == CAMERA_DAYS) {
            out[c].kind = SCHEMA_INT;
            out[c].max = 3650;
        }
        if (f->kind == CAMERA_TRANSPORT) {
            out[c].kind = SCHEMA_ENUM;
            out[c].names = config_transport_names;
        }
    }
    out[CAMERA_FIELDS] = (struct schema_field){0};
}

static void yaml_row(struct import *im, const struct schema_doc *d, int i)
{
    struct camera_input in = im->defaults;
    struct schema_field fields[CAMERA_FIELDS + 1];
    struct schema_place at = {1, 1};
    struct err e = {0};
    const char *part;
    yaml_fields(fields);
    if (schema_bind_item(d, i, fields, &in, &at, &e) < 0) {
        import_problem(im, e.text);
        return;
    }
    if (camera_check(&in, &im->rows[im->count], &part, &e) < 0) {
        at = schema_place_of(d, i, part);
        import_problem_at(im, at.line, at.column, part, &e);
    } else {
        im->lines[im->count++] = at.line;
    }
    explicit_bzero(in.password, sizeof(in.password));
}

int import_yaml(struct import *im, const struct buf *file, struct err *reterr)
{
    struct schema_doc *d;
    int r =
        schema_parse(im->file, file->data ? (const void *)file->data : "", file->len, &d, reterr);
    if (r < 0)
        return r;
    int n = r = schema_list(d, "cameras", reterr);
    for (int i = 0; i < n && r >= 0; i++) {
        r = import_room(im, reterr);
        if (r >= 0)
            yaml_row(im, d, i);
    }
    schema_free(d);
    return r;
}
