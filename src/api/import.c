/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Many cameras at once, as JSON or CSV. What a row may hold is the recorder's to check. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/csv.h"

#define CAMERAS 10000
#define PATIENCE_US (60 * SECOND_US)

/* A row by the names of the first line; cells that are empty say nothing. All of it is text, which the recorder reads. */
static json_t *row_json(const char (*column)[64], int columns, const struct csv_record *row)
{
    json_t *o = json_object();
    for (int i = 0; i < columns && i < row->count; i++)
        if (row->field[i].text[0])
            json_object_set_new(o, column[i], json_string(row->field[i].text));
    return o;
}

static int read_header(struct csv_reader *in, struct csv_record *row, char (*column)[64],
                       struct err *reterr)
{
    int r = csv_next(in, row, reterr);
    if (r <= 0)
        return r < 0 ? r
                     : err_set(reterr, E_SYNTAX,
                               "The CSV is empty; its first line names the "
                               "columns.");
    for (int i = 0; i < row->count; i++)
        snprintf(column[i], sizeof(column[i]), "%.63s", row->field[i].text);
    return row->count;
}

/* @lines, an array: the line that each camera of the list begins on. */
static int read_csv(const struct buf *body, json_t *lines, json_t **ret, struct err *reterr)
{
    char(*column)[64] = calloc(CSV_FIELDS, sizeof(*column));
    struct csv_record *row = calloc(1, sizeof(*row));
    struct csv_reader in;
    json_t *list = json_array();
    csv_init(&in, "the CSV", body->data ? (const void *)body->data : "", body->len);
    int r = column && row && list ? read_header(&in, row, column, reterr) : -ENOMEM;
    int columns = r;
    while (r > 0 && (r = csv_next(&in, row, reterr)) > 0) {
        if (row->count != columns)
            r = err_set(reterr, E_SYNTAX, "Line %u has %d fields, the first line %d.", row->line,
                        row->count, columns);
        else if (json_array_size(list) == CAMERAS)
            r = err_set(reterr, E_LIMIT, "At most %d cameras at once.", CAMERAS);
        else if (json_array_append_new(list, row_json((const char(*)[64])column, columns, row)) ||
                 json_array_append_new(lines, json_integer(row->line)))
            r = -ENOMEM;
    }
    csv_release(&in);
    free(column);
    free(row);
    if (r < 0) {
        json_decref(list);
        return r;
    }
    *ret = list;
    return 0;
}

static int read_cameras(struct http_request *rq, json_t *lines, json_t **ret, struct err *reterr)
{
    const char *type = http_header(rq, "Content-Type");
    json_t *o = NULL, *list = NULL;
    if (type && strncasecmp(type, "text/csv", 8) == 0)
        return read_csv(&rq->body, lines, ret, reterr);
    int r = http_json_body(rq, &o, reterr);
    if (r >= 0)
        r = http_json_unpack(o, reterr, "{s:o}", "cameras", &list);
    if (r >= 0 && (!json_is_array(list) || json_array_size(list) > CAMERAS))
        r = err_set(reterr, E_SYNTAX, "\"cameras\" is a list of 1 to %d cameras.", CAMERAS);
    if (r >= 0)
        *ret = json_incref(list);
    json_decref(o);
    return r;
}

/* The recorder counts cameras from 1; who wrote a CSV looks for a line. */
static void rows_to_lines(json_t *problems, const json_t *lines)
{
    size_t i;
    json_t *problem;
    json_array_foreach(problems, i, problem)
    {
        json_int_t row = json_integer_value(json_object_get(problem, "row"));
        json_t *line = row > 0 ? json_array_get(lines, (size_t)row - 1) : NULL;
        if (line)
            json_object_set(problem, "row", line);
    }
}

int api_import_cameras(struct http_request *rq, struct http_reply *rp)
{
    bool replace = false, check = false;
    json_t *list = NULL, *answer = NULL, *lines = json_array();
    int r = http_query_bool(rq, "replace", &replace, &rp->err);
    if (r >= 0)
        r = http_query_bool(rq, "check", &check, &rp->err);
    if (r >= 0)
        r = read_cameras(rq, lines, &list, &rp->err);
    if (r >= 0 && !json_array_size(list))
        r = err_set(&rp->err, E_SYNTAX, "There is no camera in the body.");
    if (r < 0) {
        json_decref(list);
        json_decref(lines);
        return r;
    }
    json_int_t count = (json_int_t)json_array_size(list);
    r = api_control(api_of(rq),
                    json_pack("{s:s, s:o, s:b, s:b}", "op", "camera.import", "cameras", list,
                              "replace", replace, "dry_run", check),
                    PATIENCE_US, &answer, &rp->err);
    if (r < 0) {
        json_decref(lines);
        return r;
    }
    api_camera_list_forget(api_of(rq));
    json_t *problems = json_object_get(answer, "problems");
    rows_to_lines(problems, lines);
    json_decref(lines);
    bool changed = json_integer_value(json_object_get(answer, "imported")) > 0;
    r = http_reply_json(rp, json_pack("{s:I, s:b, s:o}", "cameras", count, "changed", changed,
                                      "problems", problems ? json_incref(problems) : json_array()));
    json_decref(answer);
    return r;
}
