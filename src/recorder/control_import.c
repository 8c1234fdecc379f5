/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Many cameras at once by way of control.sock, all or none, every mistake named. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "recorder/camera_table.h"
#include "recorder/control_private.h"

#define PROBLEMS 100

struct import {
    const struct control_request *r;
    struct index_camera *known, *rows;
    size_t known_count, count;
    struct found {
        const char *id; /* of a row in rows */
        size_t row;     /* in the request, from 0 */
    } * order;
    json_t *problems;
};

static int compare_found(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static int compare_id(const void *a, const void *b)
{
    const struct index_camera *x = a, *y = b;
    return strcmp(x->id, y->id);
}

static void problem(struct import *im, size_t row, const char *id, const char *part, struct err *e)
{
    if (json_array_size(im->problems) < PROBLEMS)
        json_array_append_new(im->problems,
                              json_pack("{sI ss ss ss}", "row", (json_int_t)row + 1, "id", id,
                                        "part", part, "error", text_clean(e->text)));
}

static void import_row(const struct control *c, struct import *im, size_t i)
{
    struct camera_input in = control_defaults(c);
    struct index_camera key = {0}, *known = NULL;
    struct err e = {0};
    const char *part = "camera";
    json_t *o = json_array_get(im->r->cameras, i);
    const char *id = json_string_value(json_object_get(o, "id"));
    if (id && im->known_count) {
        snprintf(key.id, sizeof(key.id), "%.63s", id);
        known = bsearch(&key, im->known, im->known_count, sizeof(key), compare_id);
    }
    int r = known && !im->r->replace
                ? err_set(&e, E_EXISTS, "camera %.63s exists already", id)
                : control_read_row(o, &in, known, &im->rows[im->count], &part, &e);
    if (r == E_EXISTS)
        part = "id";
    if (r < 0) {
        problem(im, i, id ? id : "", part, &e);
        return;
    }
    im->order[im->count] = (struct found){im->rows[im->count].id, i};
    im->count++;
}

/* Rows that are right, in the order of ids; equal ones in the order of the request. */
static void find_doubles(struct import *im)
{
    struct err e;
    for (size_t i = 1; i < im->count; i++) {
        const struct found *a = &im->order[i - 1], *b = &im->order[i];
        if (strcmp(a->id, b->id) != 0)
            continue;
        err_set(&e, E_EXISTS, "'%s' stands in row %zu already", b->id, a->row + 1);
        problem(im, b->row, b->id, "id", &e);
    }
}

static int import_all(struct control *c, struct index *ix, struct import *im, json_t **ret,
                      struct err *reterr)
{
    size_t n = json_array_size(im->r->cameras);
    int r = camera_all(ix, &im->known, &im->known_count, reterr);
    if (r < 0)
        return r;
    if (im->known_count)
        qsort(im->known, im->known_count, sizeof(*im->known), compare_id);
    for (size_t i = 0; i < n; i++)
        import_row(c, im, i);
    qsort(im->order, im->count, sizeof(*im->order), compare_found);
    find_doubles(im);
    bool write = !im->r->dry_run && im->count && !json_array_size(im->problems);
    r = write ? camera_put(ix, im->rows, im->count, im->r->replace, reterr) : 0;
    if (r < 0)
        return r;
    if (write)
        log_info("control", "%zu cameras imported", im->count);
    *ret = json_pack("{sI sI sO}", "read", (json_int_t)n, "imported",
                     (json_int_t)(write ? im->count : 0), "problems", im->problems);
    return *ret ? 0 : -ENOMEM;
}

int control_camera_import(struct control *c, struct index *ix, const struct control_request *r,
                          json_t **ret, struct err *reterr)
{
    struct import im = {.r = r, .problems = json_array()};
    size_t n = json_array_size(r->cameras);
    if (n > CAMERA_MAX)
        return err_set(reterr, E_LIMIT, "more than %d cameras", CAMERA_MAX);
    im.rows = calloc(n + 1, sizeof(*im.rows));
    im.order = calloc(n + 1, sizeof(*im.order));
    int err = im.rows && im.order && im.problems ? import_all(c, ix, &im, ret, reterr) : -ENOMEM;
    if (im.rows)
        explicit_bzero(im.rows, (n + 1) * sizeof(*im.rows));
    if (im.known)
        explicit_bzero(im.known, im.known_count * sizeof(*im.known));
    free(im.rows);
    free(im.order);
    free(im.known);
    json_decref(im.problems);
    return err;
}
