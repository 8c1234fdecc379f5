/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The two readers of `lethe camera import`: CSV with a header line, and YAML with a list under "cameras:". */
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/schema.h"
#include "cli/camera_import.h"

static const char *csv_cell(const struct csv_record *rec, const int map[CAM_COLUMNS],
                            enum camera_column c)
{
    return map[c] < 0 ? "" : rec->field[map[c]].text;
}

static int csv_header(struct import *im, struct csv_reader *r, struct csv_record *rec,
                      int map[CAM_COLUMNS], struct err *reterr)
{
    int got = csv_next(r, rec, reterr);
    if (got < 0)
        return got;
    for (int c = 0; c < CAM_COLUMNS; c++)
        map[c] = -1;
    for (int i = 0; got && i < rec->count; i++) {
        int c = 0;
        while (camera_columns[c] && strcmp(camera_columns[c], rec->field[i].text) != 0)
            c++;
        if (c == CAM_COLUMNS)
            return err_set(
                reterr, E_SYNTAX,
                "%s:%u:%u: '%.40s' is not a column; there are id, name, main, sub, "
                "transport, audio, enabled, retention_days, pin, tls_insecure, user, password",
                im->file, rec->line, rec->field[i].column, rec->field[i].text);
        if (map[c] >= 0)
            return err_set(reterr, E_SYNTAX, "%s:%u:%u: column '%s' stands twice", im->file,
                           rec->line, rec->field[i].column, camera_columns[c]);
        map[c] = i;
    }
    if (map[CAM_ID] < 0 || map[CAM_MAIN] < 0)
        return err_set(reterr, E_SYNTAX,
                       "%s:1:1: the first line names the columns; id and main must be among them",
                       im->file);
    return 0;
}

static int cell_text(const struct csv_record *rec, const int map[CAM_COLUMNS], enum camera_column c,
                     char *out, size_t size, struct err *reterr)
{
    const char *text = csv_cell(rec, map, c);
    if (strlen(text) >= size)
        return err_set(reterr, E_LIMIT, "longer than %zu bytes", size - 1);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int cell_bool(const char *text, bool *ret, struct err *reterr)
{
    static const char *const words[] = {"false", "no", "off", "0", "true", "yes", "on", "1"};
    for (size_t i = 0; *text && i < 8; i++) {
        if (!strcasecmp(text, words[i])) {
            *ret = i >= 4;
            return 0;
        }
    }
    return *text ? err_set(reterr, E_SYNTAX, "'%.20s' is not yes or no", text) : 0;
}

static int cell_days(const char *text, int *ret, struct err *reterr)
{
    char *end;
    long v = *text ? strtol(text, &end, 10) : 0;
    if (*text && (*end || *text < '0' || *text > '9' || v > 3650))
        return err_set(reterr, E_RANGE,
                       "'%.20s' is not a number of days from 1 to 3650, or 0 for the node's", text);
    if (*text)
        *ret = (int)v;
    return 0;
}

static int cell_transport(const char *text, int *ret, struct err *reterr)
{
    for (int i = 0; *text && config_transport_names[i]; i++) {
        if (!strcmp(text, config_transport_names[i])) {
            *ret = i;
            return 0;
        }
    }
    return *text ? err_set(reterr, E_SYNTAX, "'%.20s' is not tcp, udp or auto", text) : 0;
}

static int csv_cell_into(const struct csv_record *rec, const int map[CAM_COLUMNS],
                         enum camera_column c, struct camera_input *in, struct err *reterr)
{
    const char *text = csv_cell(rec, map, c);
    switch (c) {
    case CAM_ID:
        return cell_text(rec, map, c, in->id, sizeof(in->id), reterr);
    case CAM_NAME:
        return cell_text(rec, map, c, in->name, sizeof(in->name), reterr);
    case CAM_MAIN:
        return cell_text(rec, map, c, in->main, sizeof(in->main), reterr);
    case CAM_SUB:
        return cell_text(rec, map, c, in->sub, sizeof(in->sub), reterr);
    case CAM_PIN:
        return cell_text(rec, map, c, in->pin, sizeof(in->pin), reterr);
    case CAM_USER:
        return cell_text(rec, map, c, in->user, sizeof(in->user), reterr);
    case CAM_PASSWORD:
        return cell_text(rec, map, c, in->password, sizeof(in->password), reterr);
    case CAM_TRANSPORT:
        return cell_transport(text, &in->transport, reterr);
    case CAM_AUDIO:
        return cell_bool(text, &in->audio, reterr);
    case CAM_ENABLED:
        return cell_bool(text, &in->enabled, reterr);
    case CAM_TLS_INSECURE:
        return cell_bool(text, &in->tls_insecure, reterr);
    case CAM_RETENTION:
        return cell_days(text, &in->retention_days, reterr);
    case CAM_COLUMNS:
        break;
    }
    return 0;
}

/* One line of the table: a row, or a problem. */
static void csv_row(struct import *im, const struct csv_record *rec, const int map[CAM_COLUMNS],
                    int columns)
{
    struct camera_input in = im->defaults;
    struct err e = {0};
    const char *part = "line";
    int r = 0, c = 0;
    unsigned column = 1;
    if (rec->count != columns) {
        err_set(&e, E_SYNTAX, "%d fields, but the header has %d", rec->count, columns);
        import_problem_at(im, rec->line, 1, part, &e);
        return;
    }
    for (; c < CAM_COLUMNS && r >= 0; c++) {
        part = camera_columns[c];
        r = csv_cell_into(rec, map, (enum camera_column)c, &in, &e);
    }
    if (r >= 0)
        r = camera_check(&in, &im->rows[im->count], &part, &e);
    explicit_bzero(in.password, sizeof(in.password));
    if (r >= 0) {
        im->lines[im->count++] = rec->line;
        return;
    }
    for (c = 0; c < CAM_COLUMNS; c++)
        if (!strcmp(part, camera_columns[c]) && map[c] >= 0)
            column = rec->field[map[c]].column;
    import_problem_at(im, rec->line, column, part, &e);
}

int import_csv(struct import *im, const struct buf *file, struct err *reterr)
{
    struct csv_reader r;
    struct csv_record rec;
    int map[CAM_COLUMNS], got;
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

static const struct schema_field yaml_fields[] = {
    {"id", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct camera_input, id), .required = true},
    {"name", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct camera_input, name)},
    {"main", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct camera_input, main), .required = true},
    {"sub", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct camera_input, sub)},
    {"transport", SCHEMA_ENUM, offsetof(struct camera_input, transport),
     .names = config_transport_names},
    {"audio", SCHEMA_BOOL, offsetof(struct camera_input, audio)},
    {"enabled", SCHEMA_BOOL, offsetof(struct camera_input, enabled)},
    {"retention_days", SCHEMA_INT, offsetof(struct camera_input, retention_days), .max = 3650},
    {"pin", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct camera_input, pin)},
    {"tls_insecure", SCHEMA_BOOL, offsetof(struct camera_input, tls_insecure)},
    {"user", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct camera_input, user)},
    {"password", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct camera_input, password)},
    {0},
};

static void yaml_row(struct import *im, const struct schema_doc *d, int i)
{
    struct camera_input in = im->defaults;
    struct schema_place at = {1, 1};
    struct err e = {0};
    const char *part;
    if (schema_bind_item(d, i, yaml_fields, &in, &at, &e) < 0) {
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
