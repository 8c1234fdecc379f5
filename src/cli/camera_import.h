/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_CAMERA_IMPORT_H
#define CLI_CAMERA_IMPORT_H
/* One import: rows that are right, problems that are not. Used by camera_import.c and its two readers. */
#include "base/buf.h"
#include "cli/camera.h"

struct import {
    const char *file;
    bool replace;
    struct camera_input defaults;
    struct index_camera *rows;
    unsigned *lines; /* of each row */
    size_t count, room;
    size_t problems;
    json_t *texts; /* the problems as JSON strings */
};

/* Tell a problem, as it is or with place and column. */
void import_problem(struct import *im, const char *text);
void import_problem_at(struct import *im, unsigned line, unsigned column, const char *part,
                       const struct err *e);
/* Make room for one more row. E_LIMIT, -ENOMEM. */
int import_room(struct import *im, struct err *reterr);

/* Read the whole file into rows and problems. An error is one that ends the reading. */
int import_csv(struct import *im, const struct buf *file, struct err *reterr);
int import_yaml(struct import *im, const struct buf *file, struct err *reterr);
#endif
